/*
 * Release directories and the symbolic links that make one of them live:
 * reading them, and finding the directory that a version means. What is done
 * with it is deploy_symlink.c's.
 *
 * A release is a directory below `releases` with a file REVISION, whose first
 * line is the commit it was made from; the file is written last, so it also
 * says that the release is complete.
 */
#ifndef RBRUN_DRIVERS_DEPLOY_SYMLINK_H
#define RBRUN_DRIVERS_DEPLOY_SYMLINK_H

#include "driver.h"

#include <limits.h>

#define SYMLINK_INSTANCES 64
#define SYMLINK_NAME 256

struct symlink_release {
    char name[SYMLINK_NAME];
    char commit[SYMLINK_NAME]; /* "" when REVISION is missing or empty */
    char path[PATH_MAX];
};

struct symlink_instance {
    const char *name, *health, *version; /* borrowed from the binding */
    const json_t *restart;               /* argv, or NULL */
    char link[PATH_MAX];
    struct symlink_release live; /* name is "" when the link leads nowhere */
    char running[SYMLINK_NAME];  /* what its version address says, or "" */
    int healthy;                 /* 1, 0, or -1 when it has no address */
    int64_t since;               /* when the link was made, s since 1970 */
    char why[400];               /* what is wrong with it, or "" */
};

struct symlink_target {
    const struct driver_call *c;
    char releases[PATH_MAX]; /* no link in it */
    struct symlink_instance instances[SYMLINK_INSTANCES];
    size_t count;
    int64_t deadline; /* ms, clock_steady */
};

/* Take the binding apart. Returns 0, or -1 with the answer filled. */
int symlink_open(struct symlink_target *t, const struct driver_call *c,
                 struct driver_answer *a);

/* Read where the link leads; fills live, since, why. */
void symlink_look(const struct symlink_target *t, struct symlink_instance *i);

/* Ask the instance itself; fills running, healthy, why. Reads the answers of
   at most 64 KiB that its own address gives. */
void symlink_ask(const struct symlink_target *t, struct symlink_instance *i);

/*
 * Find the complete release that asked means: a name, a name without its
 * leading v, or a commit. Returns 0, or -1 with the answer filled: rejected
 * (no name, or incomplete) or not_found (none or several; it lists near ones).
 */
int symlink_find(const struct symlink_target *t, const char *asked,
                 struct symlink_release *out, struct driver_answer *a);

/* Whether the instance is known to run the release its link leads to. */
int symlink_runs(const struct symlink_instance *i);

/* Each instance and what it runs, for a message. */
void symlink_tell(const struct symlink_target *t, char *out, size_t size);

#endif
