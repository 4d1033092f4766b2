/*
 * What rbrun itself has done to a database: the table rbrun_effects beside
 * the ledger, one row a step, written in the transaction of the step. A row
 * is the proof that the step took effect, and its absence, seen while no
 * writer is under way, the proof that it did not.
 *
 *     rbrun_effects(key text primary key, run text, call int,
 *                   at timestamptz, answer text)
 *
 * A step that cannot run in a transaction leaves KEY:begun first, and puts
 * KEY in its place when it is done.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_EFFECTS_H
#define RBRUN_DRIVERS_MIGRATE_EFFECTS_H

#include "migrate_ledger.h"

struct migrate_effect {
    int done;       /* the key is there */
    int begun;      /* only KEY:begun is there */
    json_t *answer; /* what the call answered, when done; owned */
};

/* Make the table where it is missing, in a transaction of its own. */
int migrate_effects_ready(struct pg *db, const struct migrate_ledger *ledger,
                          struct driver_answer *a);

/* Look the call's key up. A missing table is an effect that is not there. */
int migrate_effects_find(struct pg *db, const struct migrate_ledger *ledger,
                         struct migrate_effect *out, struct driver_answer *a);

/* Wait until no writer of the table is under way (at most lock_timeout of
   the transaction), so that what find says next is final. */
int migrate_effects_settle(struct pg *db, const struct migrate_ledger *ledger,
                           struct driver_answer *a);

/* Write KEY:begun, or KEY with its answer, in the caller's transaction. */
int migrate_effects_begin(struct pg *db, const struct migrate_ledger *ledger,
                          struct driver_answer *a);
int migrate_effects_done(struct pg *db, const struct migrate_ledger *ledger,
                         const json_t *answer, struct driver_answer *a);

/* Forget KEY:begun: the step failed, and the server said so. */
int migrate_effects_forget(struct pg *db, const struct migrate_ledger *ledger,
                           struct driver_answer *a);

#endif
