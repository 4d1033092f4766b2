#define _GNU_SOURCE
#include "git_revision.h"
#include "git_repo.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 512

/* A longer name is not shown: the commit is what counts. */
static void set_tag(struct git_revision *out, const char *name)
{
    size_t n = strlen(name);
    if (n < sizeof out->tag)
        memcpy(out->tag, name, n + 1);
}

/* ---- references ---- */

/* 1 found, 0 no such reference, negative with err set. */
static int reference(git_repository *repo, const char *name, git_oid *out,
                     struct error *err)
{
    git_reference *ref = NULL;
    git_object *object = NULL;
    int rc = git_reference_lookup(&ref, repo, name);
    if (rc == GIT_ENOTFOUND || rc == GIT_EINVALIDSPEC)
        return 0;
    if (rc < 0)
        return error_set(err, RB_CORRUPT, "repository %s: %s cannot be read",
                         git_repo_name(repo), name);
    rc = git_reference_peel(&object, ref, GIT_OBJECT_COMMIT);
    if (rc == 0) {
        *out = *git_object_id(object);
        rc = 1;
    } else if (rc == GIT_EPEEL || rc == GIT_EINVALIDSPEC) {
        rc = error_set(err, RB_INVALID, "%s of repository %s is not a commit",
                       name, git_repo_name(repo));
    } else if (git_reference_target(ref)) {
        rc = git_repo_damaged(repo, rc, git_reference_target(ref), err);
    } else if (rc == GIT_ENOTFOUND) {
        rc = 0; /* a HEAD whose branch has no commit yet */
    } else {
        rc = error_set(err, RB_CORRUPT, "repository %s: %s cannot be read",
                       git_repo_name(repo), name);
    }
    git_object_free(object);
    git_reference_free(ref);
    return rc;
}

static int reference_below(git_repository *repo, const char *prefix,
                           const char *name, git_oid *out, struct error *err)
{
    char full[NAME_MAX_BYTES + 32];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    return reference(repo, full, out, err);
}

/* 1, 0 or negative as above. */
static int branch(git_repository *repo, const char *name, git_oid *out,
                  struct error *err)
{
    int rc = reference_below(repo, "refs/heads/", name, out, err);
    if (rc == 0)
        rc = reference_below(repo, "refs/remotes/origin/", name, out, err);
    return rc;
}

static int tag_or_branch(git_repository *repo, const char *name,
                         struct git_revision *out, struct error *err)
{
    git_oid tip;
    int tag = reference_below(repo, "refs/tags/", name, &out->commit, err);
    int head = tag < 0 ? 0 : branch(repo, name, &tip, err);
    if (tag < 0 || head < 0)
        return tag < 0 ? tag : head;
    if (tag && head && !git_oid_equal(&tip, &out->commit)) {
        error_set(err, RB_INVALID,
                  "\"%s\" is ambiguous in repository %s: a tag (%.12s) and a "
                  "branch",
                  name, git_repo_name(repo), git_oid_tostr_s(&out->commit));
        error_next(err, "write refs/tags/%s or refs/heads/%s", name, name);
        return RB_INVALID;
    }
    if (tag)
        set_tag(out, name);
    else if (head)
        out->commit = tip;
    return tag || head;
}

static int named(git_repository *repo, const char *name,
                 struct git_revision *out, struct error *err)
{
    int rc;
    if (strcmp(name, "HEAD") == 0)
        return reference(repo, name, &out->commit, err);
    if (strncmp(name, "refs/", 5) == 0) {
        rc = reference(repo, name, &out->commit, err);
        if (rc == 1 && strncmp(name, "refs/tags/", 10) == 0)
            set_tag(out, name + 10);
        return rc;
    }
    rc = tag_or_branch(repo, name, out, err);
    return rc ? rc
              : reference_below(repo, "refs/remotes/", name, &out->commit, err);
}

/* ---- hashes ---- */

struct candidates {
    git_repository *repo;
    git_odb *odb;
    git_oid prefix;
    size_t digits;
    git_oid found[8]; /* the first ones, for the message */
    size_t count;
};

/* Only commits, and tags of commits, can be meant. An object that lies in
   two packs is seen twice. */
static int add_candidate(const git_oid *id, void *payload)
{
    struct candidates *c = payload;
    git_object *object = NULL, *commit = NULL;
    git_object_t type;
    size_t size;
    if (git_oid_ncmp(id, &c->prefix, c->digits) != 0 ||
        git_odb_read_header(&size, &type, c->odb, id) < 0 ||
        (type != GIT_OBJECT_COMMIT && type != GIT_OBJECT_TAG))
        return 0;
    if (git_object_lookup(&object, c->repo, id, type) == 0 &&
        git_object_peel(&commit, object, GIT_OBJECT_COMMIT) == 0) {
        size_t i = 0;
        while (i < c->count && i < 8 &&
               !git_oid_equal(&c->found[i], git_object_id(commit)))
            i++;
        if (i == c->count && i < 8)
            c->found[c->count++] = *git_object_id(commit);
    }
    git_object_free(commit);
    git_object_free(object);
    return 0;
}

static int ambiguous(const struct candidates *c, const char *text,
                     struct error *err)
{
    char list[8 * 16] = "";
    for (size_t i = 0; i < c->count; i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%.12s", i ? ", " : "",
                 git_oid_tostr_s(&c->found[i]));
    }
    error_set(err, RB_INVALID,
              "\"%s\" is ambiguous in repository %s: it "
              "begins the commits %s",
              text, git_repo_name(c->repo), list);
    error_next(err, "write more digits");
    return RB_INVALID;
}

/* Several objects begin with these digits: is one of them a commit? */
static int among_several(git_repository *repo, const char *text,
                         const git_oid *prefix, git_oid *out, struct error *err)
{
    struct candidates c = {.repo = repo, .prefix = *prefix};
    int rc = 0;
    c.digits = strlen(text);
    if (git_repository_odb(&c.odb, repo) < 0 ||
        git_odb_foreach(c.odb, add_candidate, &c) < 0)
        rc = error_set(err, RB_IO, "repository %s: its objects cannot be read",
                       git_repo_name(repo));
    else if (c.count > 1)
        rc = ambiguous(&c, text, err);
    else if (c.count == 1) {
        *out = c.found[0];
        rc = 1;
    }
    git_odb_free(c.odb);
    return rc;
}

/* 1 found, 0 none, negative with err set. */
static int hash(git_repository *repo, const char *text, git_oid *out,
                struct error *err)
{
    size_t digits = strspn(text, "0123456789abcdefABCDEF");
    git_object *object = NULL, *commit = NULL;
    git_oid id;
    int rc;
    if (text[digits] || digits < 4 || digits > GIT_OID_HEXSZ ||
        git_oid_fromstrn(&id, text, digits) < 0)
        return 0;
    rc = git_object_lookup_prefix(&object, repo, &id, digits, GIT_OBJECT_ANY);
    if (rc == GIT_EAMBIGUOUS)
        return among_several(repo, text, &id, out, err);
    if (rc == GIT_ENOTFOUND)
        return 0;
    if (rc < 0)
        return git_repo_damaged(repo, rc, &id, err);
    rc = git_object_peel(&commit, object, GIT_OBJECT_COMMIT);
    if (rc == 0) {
        *out = *git_object_id(commit);
        rc = 1;
    } else if (rc != GIT_EPEEL && rc != GIT_EINVALIDSPEC) {
        rc = git_repo_damaged(repo, rc, git_object_id(object), err);
    } else {
        rc = error_set(err, RB_INVALID,
                       "%s in repository %s is a %s, not a "
                       "commit",
                       text, git_repo_name(repo),
                       git_object_type2string(git_object_type(object)));
    }
    git_object_free(commit);
    git_object_free(object);
    return rc;
}

/* ---- the whole ---- */

static int by_version(git_repository *repo, const char *range,
                      struct git_revision *out, struct error *err)
{
    const struct git_tags_entry *entry = NULL;
    struct git_tags tags;
    int rc = git_tags_load(repo, &tags, err);
    if (!rc)
        rc = git_tags_highest(&tags, range, &entry, err);
    if (!rc) {
        out->commit = entry->commit;
        set_tag(out, entry->name);
    } else if (rc == RB_NOTFOUND) {
        error_prefix(err, "repository %s: ", git_repo_name(repo));
    }
    git_tags_free(&tags);
    return rc;
}

static int unknown(git_repository *repo, const char *name, struct error *err)
{
    struct buf near = BUF_INIT(2048);
    struct git_tags tags;
    int rc = git_tags_load(repo, &tags, err);
    if (!rc) {
        git_tags_near(&tags, name, &near);
        rc = error_set(err, RB_NOTFOUND,
                       "repository %s has no tag, branch or commit \"%s\"%s%s",
                       git_repo_name(repo), name,
                       near.size ? "; near it: " : "; it has no tags",
                       buf_text(&near));
        error_next(err, "if it is new: git -C %s fetch %s--tags",
                   git_repo_name(repo),
                   git_repository_is_shallow(repo) == 1 ? "--unshallow " : "");
    }
    buf_free(&near);
    git_tags_free(&tags);
    return rc;
}

/* Cut "~3" or "^" off the end: how many first parents back, 0 when there is
   no such end, -1 when it is malformed. */
static int cut_suffix(char *name)
{
    size_t n = strlen(name), digits = 0;
    int back;
    if (n > 1 && name[n - 1] == '^') {
        name[n - 1] = '\0';
        return 1;
    }
    while (digits < n && name[n - 1 - digits] >= '0' &&
           name[n - 1 - digits] <= '9')
        digits++;
    if (digits >= n || name[n - 1 - digits] != '~' || digits + 1 == n)
        return 0;
    if (digits > 6)
        return -1;
    back = digits ? 0 : 1;
    for (size_t i = n - digits; i < n; i++)
        back = back * 10 + (name[i] - '0');
    name[n - 1 - digits] = '\0';
    return back ? back : -1;
}

static int step_back(git_repository *repo, int back, git_oid *id,
                     struct error *err)
{
    int rc = 0;
    for (int i = 0; !rc && i < back; i++) {
        git_commit *commit = NULL;
        rc = git_repo_commit(repo, id, &commit, err);
        if (!rc && git_commit_parentcount(commit) == 0)
            rc = error_set(err, RB_NOTFOUND,
                           "repository %s: %.12s is the first commit, %d more "
                           "were to be gone back",
                           git_repo_name(repo), git_oid_tostr_s(id), back - i);
        if (!rc)
            *id = *git_commit_parent_id(commit, 0);
        git_commit_free(commit);
    }
    return rc;
}

static int find_base(git_repository *repo, const char *name,
                     struct git_revision *out, struct error *err)
{
    int rc = 0;
    if (strlen(name) == GIT_OID_HEXSZ)
        rc = hash(repo, name, &out->commit, err);
    if (rc == 0)
        rc = named(repo, name, out, err);
    if (rc == 0)
        rc = hash(repo, name, &out->commit, err);
    if (rc == 0)
        return unknown(repo, name, err);
    return rc < 0 ? rc : 0;
}

static int not_understood(const char *text, struct error *err)
{
    error_set(err, RB_INVALID, "revision \"%s\" is not understood", text);
    error_next(err, "write a branch, a tag, 4 or more digits of a hash, "
                    "semver:RANGE, or one of these with ~N");
    return RB_INVALID;
}

int git_revision_find(git_repository *repo, const char *text,
                      struct git_revision *out, struct error *err)
{
    char name[NAME_MAX_BYTES];
    int total = 0, rc;
    memset(out, 0, sizeof *out);
    if (strncmp(text, "semver:", 7) == 0)
        return by_version(repo, text + 7, out, err);
    if (snprintf(name, sizeof name, "%s", text) >= (int)sizeof name)
        return error_set(err, RB_INVALID,
                         "revision \"%.60s...\" is longer "
                         "than %d bytes",
                         text, NAME_MAX_BYTES - 1);
    for (int back; (back = cut_suffix(name)) != 0; total += back) {
        if (back < 0 || total > 1000000)
            return not_understood(text, err);
    }
    if (!name[0] || name[0] == '-' || strpbrk(name, "^~:?*[\\ ") ||
        strstr(name, "@{") || strcmp(name, "@") == 0)
        return not_understood(text, err);
    rc = find_base(repo, name, out, err);
    if (!rc && total) {
        out->tag[0] = '\0';
        rc = step_back(repo, total, &out->commit, err);
    }
    return rc;
}

static int no_branch(git_repository *repo, const char *name, struct error *err)
{
    git_branch_iterator *all = NULL;
    git_reference *ref;
    git_branch_t type;
    char list[400] = "";
    if (git_branch_iterator_new(&all, repo, GIT_BRANCH_ALL) == 0) {
        while (git_branch_next(&ref, &type, all) == 0) {
            size_t used = strlen(list);
            snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "",
                     git_reference_shorthand(ref));
            git_reference_free(ref);
        }
        git_branch_iterator_free(all);
    }
    return error_set(err, RB_NOTFOUND,
                     "repository %s has no branch \"%s\" (there are: %s)",
                     git_repo_name(repo), name, list[0] ? list : "none");
}

int git_revision_branch(git_repository *repo, const char *name, git_oid *out,
                        struct error *err)
{
    int rc = strlen(name) < NAME_MAX_BYTES ? branch(repo, name, out, err) : 0;
    if (rc == 0)
        return no_branch(repo, name, err);
    return rc < 0 ? rc : 0;
}
