#include "git_line.h"
#include "git_repo.h"

#include <stdlib.h>

struct line {
    git_oid *id;
    size_t count, room;
};

static int push(struct line *l, const git_oid *id)
{
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 256;
        git_oid *more = realloc(l->id, room * sizeof *more);
        if (!more)
            return RB_NOMEM;
        l->id = more;
        l->room = room;
    }
    l->id[l->count++] = *id;
    return 0;
}

/* Step to the first parent. GIT_LINE_NOTHING where there is none. */
static int step(git_repository *repo, git_oid *id, struct error *err)
{
    git_commit *commit = NULL;
    int rc = git_repo_commit(repo, id, &commit, err);
    if (!rc && git_commit_parentcount(commit) == 0)
        rc = GIT_LINE_NOTHING;
    if (!rc)
        *id = *git_commit_parent_id(commit, 0);
    git_commit_free(commit);
    return rc;
}

static int compare_ids(const void *a, const void *b)
{
    return git_oid_cmp(a, b);
}

/* Ancestors of `before`, children first: the first that lies on the line is
   the newest, for all others on the line are its ancestors. */
static int first_shared(git_repository *repo, const git_oid *before,
                        const struct line *sorted, git_oid *out)
{
    git_revwalk *walk = NULL;
    int rc = git_revwalk_new(&walk, repo);
    if (rc == 0)
        rc = git_revwalk_sorting(walk, GIT_SORT_TOPOLOGICAL);
    if (rc == 0)
        rc = git_revwalk_push(walk, before);
    while (rc == 0 && (rc = git_revwalk_next(out, walk)) == 0) {
        if (bsearch(out, sorted->id, sorted->count, sizeof *out, compare_ids))
            break;
    }
    git_revwalk_free(walk);
    return rc;
}

static int from_beside(git_repository *repo, const git_oid *before,
                       struct line *line, git_oid *out, struct error *err)
{
    int rc;
    qsort(line->id, line->count, sizeof *line->id, compare_ids);
    rc = first_shared(repo, before, line, out);
    if (rc == GIT_ITEROVER)
        return error_set(err, RB_INVALID,
                         "repository %s: %.12s and the branch have no history "
                         "in common",
                         git_repo_name(repo), git_oid_tostr_s(before));
    return rc < 0 ? git_repo_damaged(repo, rc, before, err) : 0;
}

int git_line_behind(git_repository *repo, const git_oid *tip,
                    const git_oid *before, size_t max, git_oid *out,
                    struct error *err)
{
    struct line line = {NULL, 0, 0};
    git_oid id = *tip;
    int rc = 0;
    while (!rc && line.count < max && !git_oid_equal(&id, before)) {
        rc = push(&line, &id);
        if (!rc)
            rc = step(repo, &id, err);
        else
            error_set(err, rc, "no memory for %zu commits", line.count);
    }
    if (!rc && git_oid_equal(&id, before)) {
        rc = step(repo, &id, err);
        *out = id;
    } else if (rc == GIT_LINE_NOTHING || !rc) {
        rc = from_beside(repo, before, &line, out, err);
    }
    free(line.id);
    return rc;
}
