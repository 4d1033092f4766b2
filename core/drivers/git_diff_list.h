/*
 * The difference of two trees as a list: what git.changes shows, and what
 * git_files.h adds contents to.
 */
#ifndef RBRUN_DRIVERS_GIT_DIFF_LIST_H
#define RBRUN_DRIVERS_GIT_DIFF_LIST_H

#include "../wire/error.h"

#include <git2.h>
#include <jansson.h>

/* Called for each difference, in no promised order. entry is
   {"path","change","old_path"}, borrowed. Not 0 ends the walk. */
typedef int git_diff_list_each(const git_diff_delta *delta, json_t *entry,
                               void *payload, struct error *err);

/*
 * Compare the trees of two commits below folder ("" is everything; already
 * through git_repo_folder). Renames are found where at least half of the
 * contents is the same. each may be NULL. *out is a new list ordered by path.
 * RB_NOTFOUND when the folder is in neither tree; RB_TOOBIG when more than
 * max files differ; codes of git_repo.h.
 */
int git_diff_list(git_repository *repo, const git_oid *from, const git_oid *to,
                  const char *folder, size_t max, git_diff_list_each *each,
                  void *payload, json_t **out, struct error *err);

/* Whether the tree has this folder: 1, 0, or negative with err set. */
int git_diff_list_has(git_repository *repo, const git_oid *commit,
                      const char *folder, struct error *err);

/* Order a list of objects by their "path". RB_NOMEM. */
int git_diff_list_sort(json_t *list, struct error *err);

#endif
