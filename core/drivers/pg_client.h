/*
 * One connection to PostgreSQL for one call. Every function that can fail
 * fills the driver's answer where it fails and returns nonzero, so a caller
 * says `if (pg_open(..)) return 0;`. A message names host and database and
 * never the connection string. Knows libpq; knows nothing of migrations.
 */
#ifndef RBRUN_DRIVERS_PG_CLIENT_H
#define RBRUN_DRIVERS_PG_CLIENT_H

#include "driver.h"

#include <libpq-fe.h>

/* Every statement of pg_query begins with it, so that people find them in
   pg_stat_activity and in a log, and so that pg_stat_statements does not give
   them for an application's. */
#define PG_MARK "/* rbrun */ "

struct pg {
    const struct driver_call *call; /* borrowed */
    PGconn *conn;                   /* NULL: closed */
    char name[400];                 /* "database api (shop at /run/pg)" */
    int64_t deadline;               /* ms of the steady clock: give up before */
    int writing;                    /* an error now certainly undoes a write */
    char state[6];                  /* SQLSTATE of the last failure, or "" */
};

/*
 * Connect as the binding's "url" says (conninfo or URI), within its
 * "connect_timeout" (default 10s). Answers: auth (28xxx), not_found (no such
 * database), retryable (too many connections), unavailable (the rest).
 */
int pg_open(struct pg *db, const struct driver_call *c,
            struct driver_answer *a);
void pg_close(struct pg *db); /* takes a closed one */

/*
 * BEGIN, with lock_timeout and statement_timeout (ms) that end with the
 * transaction; a pooled connection is left as it was found.
 */
int pg_begin(struct pg *db, int read_only, int64_t lock_ms,
             int64_t statement_ms, struct driver_answer *a);

/* ROLLBACK; a failure does not matter, closing the connection does it too. */
void pg_rollback(struct pg *db);

/*
 * Run one statement with text parameters ($1..). *out is a result to
 * PQclear, or the function returns nonzero. what: "read the ledger".
 */
int pg_query(struct pg *db, const char *what, const char *sql, int count,
             const char *const *values, PGresult **out,
             struct driver_answer *a);

/* The same where the rows do not matter. */
int pg_do(struct pg *db, const char *what, const char *sql, int count,
          const char *const *values, struct driver_answer *a);

/* One value as text into out; "" when there is no row or it is NULL. */
int pg_value(struct pg *db, const char *what, const char *sql, int count,
             const char *const *values, char *out, size_t size,
             struct driver_answer *a);

/* Fill the answer from a failed result (NULL: the connection's error). */
int pg_fail(struct pg *db, const char *what, const PGresult *result,
            struct driver_answer *a);

/* Whether the connection is gone, so that nobody knows what the server did
   with the last statement. */
int pg_lost(const struct pg *db);

/* Milliseconds until the deadline, never below 1. */
int64_t pg_left(const struct pg *db);

/* "schema"."name", quoted as the server wants it. RB_TOOBIG or 0. */
int pg_quote(struct pg *db, const char *schema, const char *name, char *out,
             size_t size);

#endif
