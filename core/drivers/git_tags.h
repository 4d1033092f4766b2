/*
 * All tags of a repository and the commits they name. Annotated tags are
 * followed; tags of trees and files are left out.
 */
#ifndef RBRUN_DRIVERS_GIT_TAGS_H
#define RBRUN_DRIVERS_GIT_TAGS_H

#include "git_semver.h"

#include "../wire/buf.h"

#include <git2.h>

#define GIT_TAGS_MAX 200000
#define GIT_TAGS_NAME 256 /* bytes of a tag's name with its NUL */

struct git_tags {
    struct git_tags_entry {
        char *name; /* without refs/tags/ */
        git_oid commit;
        int is_version;
        struct git_semver version;
    } * entry; /* ordered by commit, the preferred tag of a commit first */
    size_t count, room;
};

/* Read them. RB_TOOBIG, RB_IO, RB_NOMEM. Free in every case. */
int git_tags_load(git_repository *repo, struct git_tags *out,
                  struct error *err);
void git_tags_free(struct git_tags *tags);

/* The name of a tag on this commit, or NULL: the highest version where
   there are several, else the last in the alphabet. */
const char *git_tags_at(const struct git_tags *tags, const git_oid *commit);

/*
 * The tag with the highest version in the range. RB_NOTFOUND says how many
 * versions there are and the highest; RB_INVALID when two tags of the same
 * precedence name different commits.
 */
int git_tags_highest(const struct git_tags *tags, const char *range,
                     const struct git_tags_entry **out, struct error *err);

/* Append `"v2.4.0", "v2.4.1"`: up to three names like this one, or the
   highest versions; appends nothing when there are no tags. */
void git_tags_near(const struct git_tags *tags, const char *name,
                   struct buf *out);

#endif
