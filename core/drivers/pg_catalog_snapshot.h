/*
 * snapshot.catalog: keep what the schema of a commit is, and the statements
 * that its code sends, before another release changes either. Found through
 * driver_symbol("rbrun-pg.so", ..) by the driver that answers the verb, and
 * by migrate.assess.
 */
#ifndef RBRUN_DRIVERS_PG_CATALOG_SNAPSHOT_H
#define RBRUN_DRIVERS_PG_CATALOG_SNAPSHOT_H

#include "driver.h"

/*
 * Answer the verb: arguments "commit" (its full name) and, of the binding,
 * "url". Made again by the same call it gives what it gave (settle class
 * keyed). Returns 0.
 */
int pg_catalog_snapshot(const struct driver_call *c, struct driver_answer *a);

#endif
