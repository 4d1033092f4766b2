/*
 * Opening a local repository with libgit2, and saying what went wrong with
 * one. Reads only: nothing here writes to a repository, runs a hook or
 * talks to a remote.
 *
 * Codes: RB_NOTFOUND (the path, or the named thing), RB_DENIED (no
 * permission), RB_INVALID (a repository of a kind that is not understood),
 * RB_CORRUPT (an object that must be there is missing or damaged),
 * RB_CLOSED (the history ends because the clone is shallow), RB_IO.
 */
#ifndef RBRUN_DRIVERS_GIT_REPO_H
#define RBRUN_DRIVERS_GIT_REPO_H

#include "../wire/error.h"

#include <git2.h>

/*
 * Open the repository at path: bare, or the top of a working tree. Parent
 * directories are not searched, so that a mistyped path is not silently
 * answered by the repository around it. Free with git_repository_free.
 *
 * The owner of the files is not checked (git's safe.directory). That check
 * protects from programs named in a hostile repository's configuration;
 * libgit2 runs none for what is read here, the configuration of the user
 * and of the system is not consulted, and the path was named by the
 * environment's author. Repositories kept by a service account are the
 * normal case.
 */
int git_repo_open(const char *path, git_repository **out, struct error *err);

/* The path as shown in messages. */
const char *git_repo_name(git_repository *repo);

/*
 * libgit2 returned rc where the object was expected to exist because
 * another object refers to it: explain, with the way out.
 */
int git_repo_damaged(git_repository *repo, int rc, const git_oid *object,
                     struct error *err);

/* Look up a commit that something refers to. */
int git_repo_commit(git_repository *repo, const git_oid *id, git_commit **out,
                    struct error *err);

/* The tree of a commit. */
int git_repo_tree(git_repository *repo, const git_oid *commit, git_tree **out,
                  struct error *err);

/*
 * A folder as people write it ("./db/migrate/") to one as git knows it
 * ("db/migrate"); "" is the root. RB_INVALID for absolute paths and "..".
 */
int git_repo_folder(const char *path, char *out, size_t size,
                    struct error *err);

#endif
