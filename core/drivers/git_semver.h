/*
 * Semantic versions 2.0.0 (https://semver.org) and ranges over them. Knows
 * nothing of git; allocates nothing.
 *
 * A range is one or more of these, separated by blanks, all of which must
 * hold: "2", "2.x", "2.4.*" (any 2..., any 2.4...), "2.4.1" or "=2.4.1",
 * ">2.3", ">=2.3", "<3", "<=2.4", "~2.4.1" (2.4.1 up to the next 2.5.0),
 * "^2.4.1" (up to the next 3.0.0; below 1.0.0 the leftmost number that is
 * not zero stays), and "*" or "latest". Alternatives are separated by "||".
 * A version may be written with a leading "v".
 *
 * A prerelease such as 2.5.0-rc.1 is in a range only when the range names a
 * prerelease of the same major.minor.patch ("~2.5.0-rc.0"): nobody goes back
 * to a release candidate by accident.
 */
#ifndef RBRUN_DRIVERS_GIT_SEMVER_H
#define RBRUN_DRIVERS_GIT_SEMVER_H

#include "../wire/error.h"

#include <stddef.h>
#include <stdint.h>

struct git_semver {
    uint64_t number[3];   /* major, minor, patch; each below 2^53 */
    char prerelease[128]; /* "" for a release; without the "-" */
};

/* Whether text is one whole version, after an optional "v". Build metadata
   is checked and dropped: it has no precedence. Returns 0 or RB_INVALID. */
int git_semver_parse(const char *text, struct git_semver *out);

/* Precedence, section 11 of the specification: <0, 0, >0. */
int git_semver_compare(const struct git_semver *a, const struct git_semver *b);

#define GIT_SEMVER_MAX 16 /* comparators in one range */

struct git_semver_range {
    size_t count;
    struct {
        int alternative; /* number of the "||" part it belongs to */
        char op;         /* '<', 'L' (<=), '>', 'G' (>=), '=' */
        int named;       /* written by a person, not derived from "x" */
        struct git_semver version;
    } part[GIT_SEMVER_MAX];
};

/* Read a range. RB_INVALID with the part that is not understood. */
int git_semver_range(const char *text, struct git_semver_range *out,
                     struct error *err);

int git_semver_in(const struct git_semver *v,
                  const struct git_semver_range *range);

#endif
