/*
 * The git driver: git.resolve, git.last_green and git.changes on a local
 * repository. It never fetches: what is in the repository when the call is
 * made is what there is.
 */
#define _GNU_SOURCE
#include "driver.h"
#include "git_changes.h"
#include "git_github_ci.h"
#include "git_green.h"
#include "git_notes.h"
#include "git_repo.h"
#include "git_revision.h"
#include "git_text.h"

#include <stdio.h>
#include <string.h>

/* Room for the rest of the RESULT frame. */
#define ANSWER_MAX (VALUE_MAX_BYTES - 4096)

extern const struct driver git_libgit2;

static enum outcome outcome_of(int code)
{
    switch (code) {
    case GIT_GREEN_NONE:
        return OUTCOME_NO_DATA;
    case RB_NOTFOUND:
        return OUTCOME_NOT_FOUND;
    case RB_DENIED:
        return OUTCOME_AUTH;
    case RB_INVALID:
        return OUTCOME_REJECTED;
    case RB_TOOBIG:
    case RB_CLOSED:
        return OUTCOME_PARTIAL;
    default:
        return OUTCOME_UNAVAILABLE;
    }
}

static int fail_as(struct driver_answer *a, enum outcome outcome,
                   const struct error *err)
{
    return answer_fail(a, outcome, "%s%s%s", err->message,
                       err->next[0] ? "; next: " : "", err->next);
}

static int fail(struct driver_answer *a, int code, const struct error *err)
{
    return fail_as(a, outcome_of(code), err);
}

static int open_bound(const struct driver_call *c, git_repository **out,
                      struct error *err)
{
    char path[4096];
    int rc = option_path(c, "path", path, sizeof path);
    if (rc == RB_TOOBIG)
        return error_set(err, RB_INVALID,
                         "path of the git binding is longer "
                         "than %zu bytes",
                         sizeof path - 1);
    if (rc)
        return error_set(err, RB_INVALID, "the git binding %s has no path",
                         c->system);
    return git_repo_open(path, out, err);
}

/* ---- git.resolve ---- */

/* The tag that was named, or one that points at the commit. */
static int find_tag(git_repository *repo, struct git_revision *r,
                    struct error *err)
{
    struct git_tags tags;
    const char *name;
    int rc;
    if (r->tag[0])
        return 0;
    rc = git_tags_load(repo, &tags, err);
    name = rc ? NULL : git_tags_at(&tags, &r->commit);
    if (name)
        snprintf(r->tag, sizeof r->tag, "%s", name);
    git_tags_free(&tags);
    return rc;
}

static json_t *describe(git_commit *commit, const char *tag)
{
    const git_signature *author = git_commit_author(commit);
    const char *name = author && author->name ? author->name : "";
    const char *subject = git_commit_summary(commit);
    if (!subject)
        subject = "";
    return json_pack("{s:s, s:o, s:o, s:I, s:o*}", "commit",
                     git_oid_tostr_s(git_commit_id(commit)), "subject",
                     git_text_json(subject, strlen(subject), 300), "author",
                     git_text_json(name, strlen(name), 200), "time",
                     (json_int_t)git_commit_time(commit), "tag",
                     tag[0] ? git_text_json(tag, strlen(tag), GIT_TAGS_NAME)
                            : NULL);
}

static int resolve(const struct driver_call *c, struct driver_answer *a)
{
    git_repository *repo = NULL;
    git_commit *commit = NULL;
    struct git_revision found;
    struct error err = {0};
    int rc = open_bound(c, &repo, &err);
    if (!rc)
        rc = git_revision_find(repo, value_text(c->args, "ref", ""), &found,
                               &err);
    if (!rc)
        rc = git_repo_commit(repo, &found.commit, &commit, &err);
    if (!rc)
        rc = find_tag(repo, &found, &err);
    if (rc)
        fail(a, rc, &err);
    else
        answer_ok(a, describe(commit, found.tag));
    git_commit_free(commit);
    git_repository_free(repo);
    return 0;
}

/* ---- git.last_green ---- */

static int signals_of_notes(void *self, const git_oid *commit,
                            struct git_signals *out, struct error *err)
{
    return git_notes_signals(self, commit, out, err);
}

static void green_by_notes(const struct driver_call *c, git_repository *repo,
                           const struct git_green_question *q,
                           struct driver_answer *a)
{
    struct git_green_ci ci = {NULL, signals_of_notes, 0};
    struct git_notes *notes = NULL;
    struct error err = {0};
    json_t *value = NULL;
    int rc = git_notes_open(repo, option_text(c, "notes_ref", "refs/notes/ci"),
                            &notes, &err);
    ci.self = notes;
    if (!rc)
        rc = git_green_find(repo, q, &ci, &value, &err);
    if (rc)
        fail(a, rc, &err);
    else
        answer_ok(a, value);
    git_notes_close(notes);
}

static void green_by_github(const struct driver_call *c, git_repository *repo,
                            const struct git_green_question *q,
                            struct driver_answer *a)
{
    struct git_github_ci github;
    struct git_green_ci ci = {&github, git_github_ci_signals,
                              GIT_GITHUB_CI_MAX};
    struct error err = {0};
    json_t *value = NULL;
    int rc;
    git_github_ci_init(&github, c);
    rc = git_green_find(repo, q, &ci, &value, &err);
    if (!rc)
        answer_ok(a, value);
    else if (rc < 0 && github.outcome != OUTCOME_OK)
        fail_as(a, github.outcome, &err);
    else
        fail(a, rc, &err);
}

static int last_green(const struct driver_call *c, struct driver_answer *a)
{
    const char *ci = option_text(c, "ci", "notes");
    struct git_green_question q = {
        .branch = value_text(c->args, "branch", ""),
        .before = value_text(c->args, "before", NULL),
        .tagged = value_bool(c->args, "tagged", 0),
        .limit = value_int(c->args, "limit", GIT_GREEN_LIMIT)};
    char path[4096];
    git_repository *repo = NULL;
    struct error err = {0};
    int rc = git_repo_folder(value_text(c->args, "path", ""), path, sizeof path,
                             &err);
    q.path = path;
    if (!rc && q.limit < 1)
        rc = error_set(&err, RB_INVALID,
                       "git.last_green: limit must be at "
                       "least 1");
    if (!rc)
        rc = open_bound(c, &repo, &err);
    if (rc)
        fail(a, rc, &err);
    else if (strcmp(ci, "notes") == 0)
        green_by_notes(c, repo, &q, a);
    else if (strcmp(ci, "github") == 0)
        green_by_github(c, repo, &q, a);
    else
        answer_fail(a, OUTCOME_REJECTED,
                    "the git binding %s has ci = \"%s\": nothing says which "
                    "commits are green; next: set ci to notes or github",
                    c->system, ci);
    git_repository_free(repo);
    return 0;
}

/* ---- git.changes ---- */

static int fits(json_t *value, struct error *err)
{
    struct buf text = BUF_INIT(ANSWER_MAX);
    int rc = value_encode(value, &text);
    buf_free(&text);
    if (!rc)
        return 0;
    error_set(err, RB_TOOBIG,
              "the list of files is larger than the %u bytes "
              "of an answer",
              ANSWER_MAX);
    error_next(err, "give \"path\" to look at a part of the tree");
    return RB_TOOBIG;
}

static int changes(const struct driver_call *c, struct driver_answer *a)
{
    struct git_changes_question q = {
        value_text(c->args, "from", ""), value_text(c->args, "to", ""),
        value_text(c->args, "path", ""), option_text(c, "migrations", NULL)};
    git_repository *repo = NULL;
    struct error err = {0};
    json_t *value = NULL;
    int rc = open_bound(c, &repo, &err);
    if (!rc)
        rc = git_changes_list(repo, &q, &value, &err);
    if (!rc)
        rc = fits(value, &err);
    if (rc) {
        json_decref(value);
        fail(a, rc, &err);
    } else {
        answer_ok(a, value);
    }
    git_repository_free(repo);
    return 0;
}

/* ---- the table ---- */

static int check(const json_t *binding, struct error *err)
{
    const char *ci = value_text(binding, "ci", "notes");
    char folder[4096];
    if (strcmp(ci, "notes") != 0 && strcmp(ci, "github") != 0 &&
        strcmp(ci, "none") != 0)
        return error_set(err, RB_INVALID,
                         "ci = \"%s\" is none of notes, github, none", ci);
    if (strncmp(value_text(binding, "notes_ref", "refs/notes/ci"), "refs/",
                5) != 0)
        return error_set(err, RB_INVALID, "notes_ref must begin with refs/");
    if (strcmp(ci, "github") == 0 && git_github_ci_check(binding, err) != 0)
        return RB_INVALID;
    return git_repo_folder(value_text(binding, "migrations", ""), folder,
                           sizeof folder, err);
}

static const struct driver_option options[] = {
    {"path", "path", 1,
     "the repository: bare, or the top of a working tree; never fetched"},
    {"ci", "text", 0, "where CI results are: notes (default), github or none"},
    {"notes_ref", "text", 0, "the notes (default refs/notes/ci)"},
    {"github_repo", "text", 0, "owner/name, for ci = \"github\""},
    {"github_url", "url", 0, "the API (default https://api.github.com)"},
    {"github_token", "text", 0, "a secret; reads checks and statuses"},
    {"migrations", "text", 0,
     "folder of the migrations, from the repository's root"},
    {NULL, NULL, 0, NULL}};

static const struct driver_verb verbs[] = {
    {"git.resolve", SETTLE_PURE, resolve, NULL},
    {"git.last_green", SETTLE_PURE, last_green, NULL},
    {"git.changes", SETTLE_PURE, changes, NULL},
    {NULL, SETTLE_PURE, NULL, NULL}};

const struct driver git_libgit2 = {
    .family = "git",
    .name = "libgit2",
    .text = "a local git repository; CI results from notes or GitHub",
    .options = options,
    .verbs = verbs,
    .check = check,
    .quick = 0,
};
