/*
 * The third witness on the scratch database: the older code's statements
 * from a file, parsed against the schema before the judged migrations and
 * against the one after them; never run.
 */
#ifndef RBRUN_DRIVERS_SHADOW_STATEMENTS_H
#define RBRUN_DRIVERS_SHADOW_STATEMENTS_H

#include "pg_client.h"

/* Read the file: *list as pg_statements.h says. RB_NOTFOUND, RB_DENIED,
   RB_INVALID (err names the line), RB_TOOBIG. */
int shadow_statements_load(const char *path, json_t **list, struct error *err);

/* Which of them the older schema takes: marks them. Nonzero with the answer
   filled when the connection is lost. */
int shadow_statements_mark(struct pg *db, json_t *list,
                           struct driver_answer *a);

/* What the newer schema says: a witness and reasons are put into entry (the
   net change, or a history's newest migration). */
int shadow_statements_test(struct pg *db, json_t *list, json_t *entry,
                           struct driver_answer *a);

#endif
