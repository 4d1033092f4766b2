/*
 * One migration applied to the scratch database, as its tool would: its
 * statements in one transaction, or one by one where it asks for that or a
 * statement cannot be in one. Knows libpq and the pieces of SQL; nothing of
 * verdicts.
 */
#ifndef RBRUN_DRIVERS_SHADOW_APPLY_H
#define RBRUN_DRIVERS_SHADOW_APPLY_H

#include "pg_client.h"

#define SHADOW_ROLES 64 /* roles made for one database */

/* How it went. */
struct shadow_applied {
    int failed;
    int64_t line;        /* of the statement that failed, or 0 */
    char text[900];      /* the server's words */
    char statement[200]; /* its beginning */
};

/*
 * Apply. file: the reader's entry of mode split, whose statements carry
 * "sql"; transaction: all of it in one. A role that it names and the scratch
 * cluster lacks is made. A failure is rolled back, is told in *out, and is
 * none of the function: it returns nonzero, with the answer filled, only
 * when the scratch database itself is gone.
 */
int shadow_apply(struct pg *db, const json_t *file, int transaction,
                 struct shadow_applied *out, struct driver_answer *a);

#endif
