/*
 * Grants: which runbook may make which calls on which systems. They are the
 * part `grants` of an environment's table: runbook -> list of "verb name".
 * What is not granted is denied; nothing here gives a default.
 */
#ifndef RBRUN_ENGINE_GRANTS_H
#define RBRUN_ENGINE_GRANTS_H

#include "../wire/error.h"
#include "../wire/value.h"

/* Does pattern, "deploy.*" or "deploy.release", cover the name? */
int pattern_covers(const char *pattern, const char *name);

/* Is every grant "verb name" with a verb that exists? 0 or RB_INVALID. */
int grants_check(const json_t *grants, struct error *err);

/*
 * Does every grant name a binding of this environment's table? One that does
 * not would never grant anything, most often because a letter is wrong. A
 * name with "*" may cover what is not there yet. 0 or RB_INVALID. Not asked of
 * the table in a journal: what once was taken stays readable.
 */
int grants_bound(const char *file, const json_t *table, struct error *err);

/*
 * Do the table's grants cover this verb on this system ("" for none)? The
 * runbook is its path below the runbooks folder; entries for that path, for
 * its base name and for "*" count together.
 */
int grants_allow(const json_t *table, const char *runbook, const char *verb,
                 const char *system);

/* Set err's next step: the line of the file, and what to add there. list is
   what is missing, such as "\"deploy.release api\", \"clock.now\"". */
void grants_way_out(const char *file, const json_t *table, const char *runbook,
                    const char *list, struct error *err);

#endif
