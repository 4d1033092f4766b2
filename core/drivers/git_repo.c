#define _GNU_SOURCE
#include "git_repo.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char *last_text(void)
{
    const git_error *e = git_error_last();
    return e && e->message ? e->message : "libgit2 gave no reason";
}

/* Once a process: its answers must not depend on the operator's own
   configuration, and trees of notes (25 KB each) are worth keeping. */
static int prepare(struct error *err)
{
    static const int levels[] = {GIT_CONFIG_LEVEL_PROGRAMDATA,
                                 GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG,
                                 GIT_CONFIG_LEVEL_GLOBAL};
    static int ready;
    if (ready)
        return 0;
    if (git_libgit2_init() < 0)
        return error_set(err, RB_IO, "cannot start libgit2: %s", last_text());
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    /* As git itself: what zlib and the formats check is enough for reading,
       hashing every object again takes an eighth of a walk's time. */
    git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
    git_libgit2_opts(GIT_OPT_SET_CACHE_OBJECT_LIMIT, GIT_OBJECT_TREE,
                     (size_t)1 << 18);
    ready = 1;
    return 0;
}

static int cannot_open(const char *path, int rc, struct error *err)
{
    if (access(path, F_OK) < 0 && errno == ENOENT) {
        error_set(err, RB_NOTFOUND, "repository %s does not exist", path);
        error_next(err, "correct \"path\" of the git binding");
        return RB_NOTFOUND;
    }
    if (access(path, R_OK | X_OK) < 0)
        return error_set_errno(err, RB_DENIED, "repository %s", path);
    if (rc == GIT_ENOTFOUND) {
        error_set(err, RB_NOTFOUND, "%s is not a git repository", path);
        error_next(err, "give the top of a working tree, or a bare "
                        "repository, as \"path\" of the git binding");
        return RB_NOTFOUND;
    }
    if (strstr(last_text(), "unsupported")) {
        error_set(err, RB_INVALID,
                  "repository %s is of a kind that libgit2 "
                  "cannot read: %s",
                  path, last_text());
        error_next(err, "clone it once more, with SHA-1 objects");
        return RB_INVALID;
    }
    error_set(err, RB_CORRUPT, "repository %s: %s", path, last_text());
    error_next(err, "look with: git -C %s fsck", path);
    return RB_CORRUPT;
}

int git_repo_open(const char *path, git_repository **out, struct error *err)
{
    int rc = prepare(err);
    if (rc)
        return rc;
    rc =
        git_repository_open_ext(out, path, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);
    return rc < 0 ? cannot_open(path, rc, err) : 0;
}

const char *git_repo_name(git_repository *repo)
{
    const char *worktree = git_repository_workdir(repo);
    return worktree ? worktree : git_repository_path(repo);
}

int git_repo_damaged(git_repository *repo, int rc, const git_oid *object,
                     struct error *err)
{
    char id[GIT_OID_HEXSZ + 1];
    const char *name = git_repo_name(repo);
    git_oid_tostr(id, sizeof id, object);
    if (rc == GIT_ENOTFOUND && git_repository_is_shallow(repo)) {
        error_set(err, RB_CLOSED,
                  "repository %s is a shallow clone: its history ends "
                  "before %.12s",
                  name, id);
        error_next(err, "git -C %s fetch --unshallow", name);
        return RB_CLOSED;
    }
    if (rc == GIT_ENOTFOUND)
        error_set(err, RB_CORRUPT, "repository %s lacks object %s", name, id);
    else
        error_set(err, RB_CORRUPT, "repository %s: object %s: %s", name, id,
                  last_text());
    error_next(err,
               "a partial clone cannot be used; otherwise look with: "
               "git -C %s fsck",
               name);
    return RB_CORRUPT;
}

int git_repo_commit(git_repository *repo, const git_oid *id, git_commit **out,
                    struct error *err)
{
    int rc = git_commit_lookup(out, repo, id);
    return rc < 0 ? git_repo_damaged(repo, rc, id, err) : 0;
}

int git_repo_tree(git_repository *repo, const git_oid *commit, git_tree **out,
                  struct error *err)
{
    git_commit *c = NULL;
    int rc = git_repo_commit(repo, commit, &c, err);
    if (rc)
        return rc;
    rc = git_commit_tree(out, c);
    if (rc < 0)
        rc = git_repo_damaged(repo, rc, git_commit_tree_id(c), err);
    git_commit_free(c);
    return rc;
}

int git_repo_folder(const char *path, char *out, size_t size, struct error *err)
{
    size_t n = 0;
    const char *p = path;
    if (*p == '/')
        return error_set(err, RB_INVALID,
                         "folder \"%s\" must be relative to the "
                         "repository's root",
                         path);
    while (*p) {
        size_t part = strcspn(p, "/");
        if (part == 2 && memcmp(p, "..", 2) == 0)
            return error_set(err, RB_INVALID, "folder \"%s\" contains \"..\"",
                             path);
        if (n + part + 2 > size)
            return error_set(err, RB_INVALID,
                             "folder \"%.100s...\" is longer "
                             "than %zu bytes",
                             path, size - 2);
        if (part && !(part == 1 && *p == '.')) {
            if (n)
                out[n++] = '/';
            memcpy(out + n, p, part);
            n += part;
        }
        p += part + (p[part] == '/');
    }
    out[n] = '\0';
    return 0;
}
