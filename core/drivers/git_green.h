/*
 * The newest commit of a branch that CI calls good.
 *
 * The branch's first-parent line is walked from its tip, or from behind a
 * commit: on a branch that is merged into, that line is what was deployed;
 * the commits of a merged branch were never the state of the service.
 */
#ifndef RBRUN_DRIVERS_GIT_GREEN_H
#define RBRUN_DRIVERS_GIT_GREEN_H

#include "git_signals.h"

#include <git2.h>
#include <stdint.h>

#define GIT_GREEN_SKIPPED 20  /* passed commits that are listed */
#define GIT_GREEN_LINE 200000 /* commits between the tip and `before` */
#define GIT_GREEN_LIMIT 5000  /* commits looked at unless told otherwise */
enum { GIT_GREEN_NONE = 1 };  /* there is no such commit */

/* Where the signals come from. */
struct git_green_ci {
    void *self;
    int (*signals)(void *self, const git_oid *commit, struct git_signals *out,
                   struct error *err);
    int64_t max_asked; /* ask about no more commits than this; 0: no limit */
};

struct git_green_question {
    const char *branch;
    const char *before; /* start strictly behind this revision, or NULL */
    const char *path;   /* only commits that change this, "" is any */
    int tagged;         /* only commits that carry a tag */
    int64_t limit;      /* commits to look at */
};

/*
 * *out becomes {"commit","tag","subject","time" (s since 1970),"behind",
 * "skipped","signals"}. behind counts all commits of the line that were
 * passed, skipped holds the newest candidates among them and their state.
 * When `before` is not on the line itself (a hotfix branch), the walk starts
 * at the newest commit of the line that is an ancestor of it.
 *
 * Returns 0; GIT_GREEN_NONE with err telling how many of which state were
 * seen; RB_NOTFOUND or RB_INVALID (branch or before); a code of git_repo.h,
 * RB_CLOSED when a shallow clone ends before the answer; or what
 * ci->signals returned. A commit whose signals are too many or too large is
 * unknown, and passed.
 */
int git_green_find(git_repository *repo, const struct git_green_question *q,
                   const struct git_green_ci *ci, json_t **out,
                   struct error *err);

#endif
