/*
 * Files of a repository at a revision, and between two, with their contents:
 * what the migrate drivers read. They live in another module and come here
 * through driver_symbol("rbrun-git.so", "git_files_between").
 *
 * Revisions are those of git_revision.h. Contents are text or nothing: a
 * file that is not UTF-8, holds a NUL byte, or is a symbolic link or a
 * submodule has "binary":true and no content.
 */
#ifndef RBRUN_DRIVERS_GIT_FILES_H
#define RBRUN_DRIVERS_GIT_FILES_H

#include "../wire/error.h"

#include <jansson.h>

#define GIT_FILES_MAX 4096
#define GIT_FILES_MAX_FILE (10u << 20) /* bytes of one file */
#define GIT_FILES_MAX_ALL (64u << 20)  /* bytes of all contents together */

/*
 * What changed below folder `path` ("" is the root) from revision `from` to
 * revision `to`, as the difference of the two trees, not of the history:
 * *files becomes a new list, ordered by path, of {"path",
 * "change":"added|modified|removed|renamed", "old_path" (renamed only),
 * "content" (of the new side; not for removed), "old_content" (of the old
 * side; not for added), "binary":true (either side is not text)}.
 *
 * Returns 0; RB_NOTFOUND (repository, revision, or the folder is on neither
 * side); RB_INVALID (revision ambiguous or malformed); RB_TOOBIG names the
 * file; or another code of git_repo.h.
 */
int git_files_between(const char *repository, const char *from, const char *to,
                      const char *path, json_t **files, struct error *err);

/*
 * All files below folder `path` at `revision`, ordered by path:
 * {"path", "content", "binary":true}. Codes as above.
 */
int git_files_at(const char *repository, const char *revision, const char *path,
                 json_t **files, struct error *err);

/* The commit that a revision names, as hex digits into out. Codes as above. */
int git_files_commit(const char *repository, const char *revision, char *out,
                     size_t size, struct error *err);

#endif
