/*
 * What rbrun itself has done to a database: the table rbrun_effects beside
 * the ledger, one row a step, written in the transaction of the step. A row
 * is the proof that the step took effect, and its absence, seen while no
 * writer is under way, the proof that it did not.
 *
 *     rbrun_effects(key text primary key, run text, call int,
 *                   at timestamptz, answer text)
 *
 * A step that cannot run in a transaction leaves KEY:begun first, KEY:1,
 * KEY:2, .. for its statements ("begun" where one cannot share a transaction
 * with its mark, then "done"), and puts KEY in their place at the end.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_EFFECTS_H
#define RBRUN_DRIVERS_MIGRATE_EFFECTS_H

#include "migrate_ledger.h"

struct migrate_effect {
    int done;       /* the key is there */
    int begun;      /* only KEY:begun is there */
    int statements; /* so many of its statements are done, one by one */
    int doubt;      /* the number of one that was under way, or 0 */
    json_t *answer; /* what the call answered, when done; what it is to
                       answer, when a tool has begun it; owned */
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

/* Write KEY:begun with what the call is to answer: a tool begins it. */
int migrate_effects_plan(struct pg *db, const struct migrate_ledger *ledger,
                         const json_t *answer, struct driver_answer *a);

/* Write KEY:begun, or KEY with its answer, in the caller's transaction. */
int migrate_effects_begin(struct pg *db, const struct migrate_ledger *ledger,
                          struct driver_answer *a);
int migrate_effects_done(struct pg *db, const struct migrate_ledger *ledger,
                         const json_t *answer, struct driver_answer *a);

/* Write KEY:number, from 1; done: 0 before the statement. */
int migrate_effects_statement(struct pg *db,
                              const struct migrate_ledger *ledger, int number,
                              int done, struct driver_answer *a);

/* Forget that anything is under way: the step failed, and the server said
   so. What is done of it stays. */
int migrate_effects_forget(struct pg *db, const struct migrate_ledger *ledger,
                           struct driver_answer *a);

#endif
