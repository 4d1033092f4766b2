#include "git_changes.h"
#include "git_diff_list.h"
#include "git_repo.h"
#include "git_revision.h"
#include "git_text.h"

#include <string.h>

static json_t *commit_json(git_commit *commit)
{
    const char *subject = git_commit_summary(commit);
    const git_signature *author = git_commit_author(commit);
    const char *name = author && author->name ? author->name : "";
    if (!subject)
        subject = "";
    return json_pack("{s:s, s:o, s:o, s:I}", "commit",
                     git_oid_tostr_s(git_commit_id(commit)), "subject",
                     git_text_json(subject, strlen(subject), 300), "author",
                     git_text_json(name, strlen(name), 200), "time",
                     (json_int_t)git_commit_time(commit));
}

static int add_commit(git_repository *repo, const git_oid *id, json_t *list,
                      struct error *err)
{
    git_commit *commit = NULL;
    int rc;
    if (json_array_size(list) == GIT_CHANGES_COMMITS)
        return 0;
    rc = git_repo_commit(repo, id, &commit, err);
    if (!rc && json_array_append_new(list, commit_json(commit)) != 0)
        rc = error_set(err, RB_NOMEM, "no memory for a list of commits");
    git_commit_free(commit);
    return rc;
}

static int walk(git_repository *repo, const git_oid *from, const git_oid *to,
                json_t *list, json_int_t *count, struct error *err)
{
    git_revwalk *w = NULL;
    git_oid id = *to;
    int rc = git_revwalk_new(&w, repo), failed = 0;
    if (rc == 0)
        rc = git_revwalk_sorting(w, GIT_SORT_TOPOLOGICAL | GIT_SORT_TIME);
    if (rc == 0)
        rc = git_revwalk_push(w, to);
    if (rc == 0)
        rc = git_revwalk_hide(w, from);
    while (rc == 0 && !failed && (rc = git_revwalk_next(&id, w)) == 0) {
        ++*count;
        failed = add_commit(repo, &id, list, err);
    }
    git_revwalk_free(w);
    if (failed)
        return failed;
    return rc == GIT_ITEROVER ? 0 : git_repo_damaged(repo, rc, &id, err);
}

/* 1, 0, or negative with err set. */
static int is_ancestor(git_repository *repo, const git_oid *from,
                       const git_oid *to, struct error *err)
{
    int rc =
        git_oid_equal(from, to) ? 1 : git_graph_descendant_of(repo, to, from);
    return rc < 0 ? git_repo_damaged(repo, rc, from, err) : rc;
}

static int migrations(git_repository *repo, const git_oid *from,
                      const git_oid *to, const char *folder, json_t **out,
                      struct error *err)
{
    char clean[4096];
    int rc;
    if (!folder) {
        *out = json_array();
        return 0;
    }
    rc = git_repo_folder(folder, clean, sizeof clean, err);
    return rc ? rc
              : git_diff_list(repo, from, to, clean, GIT_CHANGES_FILES, NULL,
                              NULL, out, err);
}

static int fill(git_repository *repo, const git_oid *from, const git_oid *to,
                const struct git_changes_question *q, json_t *answer,
                struct error *err)
{
    json_t *commits = json_array(), *files = NULL, *moved = NULL;
    json_int_t count = 0;
    char folder[4096];
    int rc = git_repo_folder(q->path, folder, sizeof folder, err);
    int ancestor = rc ? rc : is_ancestor(repo, from, to, err);
    json_object_set_new(answer, "commits", commits);
    if (ancestor < 0)
        return ancestor;
    rc = walk(repo, from, to, commits, &count, err);
    if (!rc)
        rc = git_diff_list(repo, from, to, folder, GIT_CHANGES_FILES, NULL,
                           NULL, &files, err);
    if (!rc)
        json_object_set_new(answer, "files", files);
    if (!rc)
        rc = migrations(repo, from, to, q->migrations, &moved, err);
    if (!rc)
        json_object_set_new(answer, "migrations", moved);
    json_object_set_new(answer, "count", json_integer(count));
    json_object_set_new(answer, "ancestor", json_boolean(ancestor));
    return rc;
}

int git_changes_list(git_repository *repo, const struct git_changes_question *q,
                     json_t **out, struct error *err)
{
    struct git_revision from, to;
    json_t *answer = json_object();
    int rc = git_revision_find(repo, q->from, &from, err);
    if (!rc)
        rc = git_revision_find(repo, q->to, &to, err);
    if (!rc)
        rc = fill(repo, &from.commit, &to.commit, q, answer, err);
    if (rc == RB_TOOBIG)
        error_next(err, "give \"path\" to look at a part of the tree");
    if (rc)
        json_decref(answer);
    else
        *out = answer;
    return rc;
}
