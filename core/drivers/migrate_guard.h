/*
 * What has to be known before a step is made: that it applies to a copy of
 * the schema, that the rows that are there let it through, and, on the way
 * down, that what it loses was agreed to and lies in a snapshot that can be
 * read. A guard that cannot say is a guard that says no; the environment's
 * `without` is where its owner does without one.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_GUARD_H
#define RBRUN_DRIVERS_MIGRATE_GUARD_H

#include "migrate_prepare.h"

/* Names of guards that `without` may hold, for messages. */
#define MIGRATE_GUARDS "rehearsal, loss, snapshot, dry_run"

/* 1 when the environment does without this guard. */
int migrate_guard_waived(const struct driver_call *c, const char *guard);

/* RB_INVALID: `without` names something that is no guard. */
int migrate_guard_check(const json_t *binding, struct error *err);

/*
 * Ask all guards of this direction. p: prepared, without a transaction.
 * Nonzero with the answer filled: conflict (the step would fail, or lose
 * more than was accepted; a snapshot is missing, or of another database);
 * another outcome where a guard could not be asked. Nothing was changed.
 */
int migrate_guard(struct migrate_prepared *p, struct driver_answer *a);

#endif
