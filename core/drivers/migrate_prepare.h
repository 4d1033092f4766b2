/*
 * What every look at the next step starts with: the database, its ledger at
 * the expected version, and the file of the one step from the revision that
 * the caller names. Nothing is changed here.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_PREPARE_H
#define RBRUN_DRIVERS_MIGRATE_PREPARE_H

#include "migrate_plan.h"

struct migrate_prepared {
    const struct driver_call *call; /* borrowed */
    enum migrate_direction direction;
    struct pg db;
    struct migrate_ledger ledger;
    struct migrate_plan plan;
    json_t *files;       /* of the revision `at`; owned */
    int begun;           /* an earlier try of this very call has begun */
    int statements_done; /* so many of them by then, one by one */
};

/* The call's argument "direction": "up", or else down. */
enum migrate_direction migrate_direction_of(const struct driver_call *c);

/* Nonzero with the answer filled (rejected): a replica cannot be written. */
int migrate_prepare_primary(struct migrate_prepared *p,
                            struct driver_answer *a);

/*
 * The ledger, found already, is read; conflict where it is dirty or at
 * another version than the argument "expect".
 */
int migrate_prepare_ledger(struct migrate_prepared *p, struct driver_answer *a);

/*
 * Choose and read the file of the step, at the argument "at". not_found,
 * rejected.
 */
int migrate_prepare_plan(struct migrate_prepared *p, struct driver_answer *a);

/* All of it, for a call that only reads; p->call and p->direction are set.
   Nonzero with the answer filled. Free in every case. */
int migrate_prepare(struct migrate_prepared *p, struct driver_answer *a);
void migrate_prepared_free(struct migrate_prepared *p);

#endif
