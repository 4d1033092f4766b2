#define _GNU_SOURCE
#include "git_green.h"
#include "git_line.h"
#include "git_repo.h"
#include "git_revision.h"
#include "git_text.h"

#include <stdio.h>
#include <string.h>

struct walk {
    git_repository *repo;
    const struct git_green_question *q;
    const struct git_green_ci *ci;
    struct git_tags tags;
    struct git_signals signals; /* of the commit looked at last */
    json_t *skipped;
    int64_t seen;  /* commits passed */
    int64_t asked; /* of those, whose signals were asked for */
    int64_t red, pending, unknown;
    int limited; /* the walk ended at a limit, not at the first commit */
};

/* The object a path names in a commit's tree; zero when there is none. */
static int path_id(git_repository *repo, const git_oid *commit,
                   const char *path, git_oid *out, struct error *err)
{
    git_tree *tree = NULL;
    git_tree_entry *entry = NULL;
    int rc = git_repo_tree(repo, commit, &tree, err);
    memset(out, 0, sizeof *out);
    if (rc)
        return rc;
    rc = git_tree_entry_bypath(&entry, tree, path);
    if (rc == 0)
        *out = *git_tree_entry_id(entry);
    else if (rc != GIT_ENOTFOUND)
        rc = git_repo_damaged(repo, rc, git_tree_id(tree), err);
    git_tree_entry_free(entry);
    git_tree_free(tree);
    return rc == GIT_ENOTFOUND ? 0 : rc;
}

/* Whether the commit changes the path, against its first parent. */
static int touches(struct walk *w, git_commit *commit, struct error *err)
{
    git_oid here, before = {{0}};
    int rc;
    if (!w->q->path[0])
        return 1;
    rc = path_id(w->repo, git_commit_id(commit), w->q->path, &here, err);
    if (!rc && git_commit_parentcount(commit))
        rc = path_id(w->repo, git_commit_parent_id(commit, 0), w->q->path,
                     &before, err);
    return rc ? rc : !git_oid_equal(&here, &before);
}

static int is_candidate(struct walk *w, git_commit *commit, struct error *err)
{
    if (w->q->tagged && !git_tags_at(&w->tags, git_commit_id(commit)))
        return 0;
    return touches(w, commit, err);
}

static int note_skipped(struct walk *w, const git_oid *id, const char *state)
{
    if (strcmp(state, "red") == 0)
        w->red++;
    else if (strcmp(state, "pending") == 0)
        w->pending++;
    else
        w->unknown++;
    if (json_array_size(w->skipped) == GIT_GREEN_SKIPPED)
        return 0;
    return json_array_append_new(
        w->skipped,
        json_pack("{s:s, s:s}", "commit", git_oid_tostr_s(id), "state", state));
}

/* 1 green, 0 not, negative with err set. */
static int is_green(struct walk *w, const git_oid *id, struct error *err)
{
    const char *state;
    int rc;
    git_signals_free(&w->signals);
    rc = w->ci->signals(w->ci->self, id, &w->signals, err);
    if (rc == RB_TOOBIG)
        state = "unknown";
    else if (rc)
        return rc;
    else
        state = git_signals_state(&w->signals);
    w->asked++;
    if (strcmp(state, "green") == 0)
        return 1;
    if (note_skipped(w, id, state) != 0)
        return error_set(err, RB_NOMEM, "no memory for the passed commits");
    return 0;
}

static int look_at(struct walk *w, git_commit *commit, struct error *err)
{
    int rc = is_candidate(w, commit, err);
    return rc > 0 ? is_green(w, git_commit_id(commit), err) : rc;
}

static int at_limit(struct walk *w)
{
    w->limited = w->seen == w->q->limit ||
                 (w->ci->max_asked && w->asked == w->ci->max_asked);
    return w->limited;
}

/* Walk the line from *id on. 1: *found is green. 0: the line or the limit
   ended. */
static int walk_line(struct walk *w, const git_oid *start, git_commit **found,
                     struct error *err)
{
    git_oid id = *start;
    int rc = 0, more = 1;
    while (!rc && more && !at_limit(w)) {
        git_commit *commit = NULL;
        rc = git_repo_commit(w->repo, &id, &commit, err);
        if (rc)
            break;
        rc = look_at(w, commit, err);
        if (rc == 1) {
            *found = commit;
            break;
        }
        w->seen++;
        more = git_commit_parentcount(commit) > 0;
        if (more)
            id = *git_commit_parent_id(commit, 0);
        git_commit_free(commit);
    }
    return rc;
}

static json_t *describe(struct walk *w, git_commit *commit)
{
    const char *subject = git_commit_summary(commit);
    const char *tag = git_tags_at(&w->tags, git_commit_id(commit));
    if (!subject)
        subject = "";
    return json_pack(
        "{s:s, s:o, s:I, s:I, s:O, s:O, s:o*}", "commit",
        git_oid_tostr_s(git_commit_id(commit)), "subject",
        git_text_json(subject, strlen(subject), 300), "time",
        (json_int_t)git_commit_time(commit), "behind", (json_int_t)w->seen,
        "skipped", w->skipped, "signals", w->signals.list, "tag",
        tag ? git_text_json(tag, strlen(tag), GIT_TAGS_NAME) : NULL);
}

static int none_green(struct walk *w, struct error *err)
{
    const struct git_green_question *q = w->q;
    char behind[120] = "";
    if (q->before)
        snprintf(behind, sizeof behind, " behind %.100s", q->before);
    error_set(err, GIT_GREEN_NONE,
              "repository %s: no green commit on %s%s among %lld commits, of "
              "which %lld were candidates (%lld red, %lld pending, %lld "
              "unknown, that is, without a CI result that is understood)",
              git_repo_name(w->repo), q->branch, behind, (long long)w->seen,
              (long long)w->asked, (long long)w->red, (long long)w->pending,
              (long long)w->unknown);
    if (w->limited && w->seen == q->limit)
        error_next(err, "raise \"limit\" to look further back");
    else if (w->limited)
        error_next(err, "name the version yourself: CI was asked about the "
                        "most commits that one call may ask about");
    else if (w->asked == w->unknown)
        error_next(err, "check that the CI results of this branch are where "
                        "the git binding says");
    return GIT_GREEN_NONE;
}

static int answer(struct walk *w, const git_oid *start, json_t **out,
                  struct error *err)
{
    git_commit *found = NULL;
    int rc = walk_line(w, start, &found, err);
    if (rc == 1) {
        *out = describe(w, found);
        rc = *out ? 0 : error_set(err, RB_NOMEM, "no memory for the answer");
    } else if (rc == 0) {
        rc = none_green(w, err);
    }
    git_commit_free(found);
    return rc;
}

int git_green_find(git_repository *repo, const struct git_green_question *q,
                   const struct git_green_ci *ci, json_t **out,
                   struct error *err)
{
    struct walk w = {.repo = repo, .q = q, .ci = ci};
    struct git_revision before;
    git_oid start;
    int rc = git_revision_branch(repo, q->branch, &start, err);
    if (!rc && q->before) {
        rc = git_revision_find(repo, q->before, &before, err);
        if (!rc)
            rc = git_line_behind(repo, &start, &before.commit, GIT_GREEN_LINE,
                                 &start, err);
    }
    if (rc == GIT_LINE_NOTHING)
        return none_green(&w, err);
    if (!rc)
        rc = git_tags_load(repo, &w.tags, err);
    if (!rc) {
        w.skipped = json_array();
        rc = answer(&w, &start, out, err);
    }
    git_tags_free(&w.tags);
    git_signals_free(&w.signals);
    json_decref(w.skipped);
    return rc;
}
