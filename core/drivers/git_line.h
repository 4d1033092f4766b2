/*
 * A place on a branch's first-parent line.
 */
#ifndef RBRUN_DRIVERS_GIT_LINE_H
#define RBRUN_DRIVERS_GIT_LINE_H

#include "../wire/error.h"

#include <git2.h>
#include <stddef.h>

enum { GIT_LINE_NOTHING = 1 };

/*
 * The newest commit on the first-parent line from tip that is an ancestor
 * of `before`, and not `before` itself. The line is followed for at most max
 * commits.
 *
 * Returns 0; GIT_LINE_NOTHING (`before` is where the line begins);
 * RB_INVALID when the two have no history in common; a code of git_repo.h.
 */
int git_line_behind(git_repository *repo, const git_oid *tip,
                    const git_oid *before, size_t max, git_oid *out,
                    struct error *err);

#endif
