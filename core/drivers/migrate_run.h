/*
 * The database's side of one step: the statements of a plan, the ledger and
 * the key, in one transaction where the statements allow it.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_RUN_H
#define RBRUN_DRIVERS_MIGRATE_RUN_H

#include "migrate_effects.h"
#include "migrate_plan.h"

struct migrate_run {
    struct pg *db;
    struct migrate_ledger *ledger; /* as read when the plan was made */
    const struct migrate_plan *plan;
    int64_t lock_ms, statement_ms;
    int done;   /* statements done by an earlier try, one by one */
    int marked; /* KEY:begun is written */
    /* NULL, or called in the transaction when all statements have run: a
       rehearsal looks at its locks. Nonzero with the answer filled ends it. */
    int (*watch)(void *self, struct pg *db, struct driver_answer *a);
    void *self;
};

enum { RUN_DONE, RUN_FAILED, RUN_AGAIN, RUN_UNKNOWN };

/* Read the same ledger again, into another; free it in every case. */
int migrate_run_ledger(struct pg *db, const struct migrate_ledger *known,
                       struct migrate_ledger *now, struct driver_answer *a);

/*
 * Do it once. RUN_DONE: the answer is filled with what was done. RUN_FAILED:
 * filled, and certainly nothing happened, or it says what did. RUN_AGAIN: the
 * same, but a lock was the reason and another try may work. RUN_UNKNOWN: the
 * connection broke where nobody knows what the server did.
 */
int migrate_run_once(struct migrate_run *run, struct driver_answer *a);

/* Say what is left of statements that ran one by one and do not go on; for a
   caller that gives up on RUN_AGAIN. Returns RUN_FAILED. */
int migrate_run_refused(struct migrate_run *run, struct driver_answer *a);

#endif
