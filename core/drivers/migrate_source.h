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

#endif
