/*
 * Where migration files come from: the binding's repository ("repo") and
 * folder in it ("migrations"), through the git module.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_SOURCE_H
#define RBRUN_DRIVERS_MIGRATE_SOURCE_H

#include "driver.h"

/*
 * Files of the folder that changed from one revision to another, or all of
 * them at one; new lists as git_files.h says. Nonzero with the answer
 * filled: not_found (repository, revision, folder), rejected.
 */
int migrate_source_between(const struct driver_call *c, const char *from,
                           const char *to, json_t **files,
                           struct driver_answer *a);
int migrate_source_at(const struct driver_call *c, const char *revision,
                      json_t **files, struct driver_answer *a);

/* The commit that a revision names, into out (65 bytes). As above. */
int migrate_source_commit(const struct driver_call *c, const char *revision,
                          char *out, size_t size, struct driver_answer *a);

/* Where they are: the repository's path and the folder in it (borrowed from
   the binding). Nonzero with the answer filled. */
int migrate_source_place(const struct driver_call *c, char *repo, size_t size,
                         const char **folder, struct driver_answer *a);

#endif
