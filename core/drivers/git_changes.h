/*
 * What lies between two versions: commits, files, migrations.
 */
#ifndef RBRUN_DRIVERS_GIT_CHANGES_H
#define RBRUN_DRIVERS_GIT_CHANGES_H

#include "../wire/error.h"

#include <git2.h>
#include <jansson.h>

#define GIT_CHANGES_COMMITS 100 /* listed; all are counted */
#define GIT_CHANGES_FILES 4096

struct git_changes_question {
    const char *from, *to;
    const char *path;       /* limits files, not commits; "" is everything */
    const char *migrations; /* folder of the migrations, or NULL; path does
                               not limit it */
};

/*
 * *out becomes {"count","commits","files","migrations","ancestor"}. commits
 * are those reachable from `to` and not from `from`, newest first. files is
 * the difference of the two trees.
 *
 * Returns 0; RB_TOOBIG when more files differ than fit one answer;
 * RB_CLOSED in a clone too shallow to tell; RB_NOTFOUND (revision, or a
 * folder that is on neither side); or another code of git_repo.h.
 */
int git_changes_list(git_repository *repo, const struct git_changes_question *q,
                     json_t **out, struct error *err);

#endif
