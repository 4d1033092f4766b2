/*
 * What a driver without libpq needs to know of a connection string; found
 * through driver_symbol("rbrun-pg.so", ..).
 */
#ifndef RBRUN_DRIVERS_PG_FACTS_H
#define RBRUN_DRIVERS_PG_FACTS_H

#include "driver.h"

/*
 * The variables (PGHOST, PGPASSWORD, ...) that make a libpq program connect
 * as the binding's "url" says, so that nothing of it stands in an argument
 * vector, which every user of the machine can read. *out is a new object,
 * name -> text. Nonzero with the answer filled.
 */
int pg_environment(const struct driver_call *c, json_t **out,
                   struct driver_answer *a);

/*
 * Connect and ask: {"database", "host", "server_version", "bytes"
 * (pg_database_size), "replica", "system" (the cluster's identifier, where
 * the user may see it)}. *out is a new object. Nonzero with the answer filled.
 */
int pg_facts(const struct driver_call *c, json_t **out,
             struct driver_answer *a);

#endif
