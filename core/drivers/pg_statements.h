/*
 * The older code's own statements as a witness: each is parsed against the
 * live schema (the protocol's Parse message, as PREPARE does it) and thrown
 * away, never executed. What the server says is missing is missing for the
 * code that sends it.
 *
 * It sees names and types. It does not see what refuses a write (NOT NULL,
 * CHECK, UNIQUE, a foreign key): that is the catalog's half.
 */
#ifndef RBRUN_DRIVERS_PG_STATEMENTS_H
#define RBRUN_DRIVERS_PG_STATEMENTS_H

#include "pg_client.h"

#define PG_STATEMENTS_MAX 10000
#define PG_STATEMENTS_MAX_TEXT (32u << 20) /* bytes of all of them */

/*
 * The statements that pg_stat_statements holds of this database, most calls
 * first, in a transaction that is open. *out is a new object:
 *   {"heard":true, "list":[{"query","calls"}], "since":text of the last reset,
 *    "skipped":n utility statements and those of pg_dump and psql, "hidden":n
 * that the role may not see, "limited":true when there are more} or
 * {"heard":false, "because":text} where the extension is not there or not
 * loaded. Constants are $1, $2 there, so nothing secret is in a text; utility
 * statements, which keep theirs (CREATE ROLE .. PASSWORD), are only counted.
 * Returns nonzero with the answer filled when the connection is lost.
 */
int pg_statements_collect(struct pg *db, json_t **out, struct driver_answer *a);

/*
 * Statements of a file: a JSON object with "query" a line (and "calls"), or
 * plain SQL. *list is a new list of {"query","calls"} of at most
 * PG_STATEMENTS_MAX. Returns 0, RB_INVALID (err names the line), RB_TOOBIG,
 * or a code of reader.h.
 */
int pg_statements_load(const char *text, size_t size, json_t **list,
                       struct error *err);

/*
 * Parse each of the list's statements over the open connection, in a
 * read-only transaction of its own (none may be open), until limit_ms are
 * over. An entry with "state" (an SQLSTATE) was refused by the older schema
 * already and is not asked again; mark says whether to write "state" into
 * entries instead of judging them: for the older schema itself. An entry
 * with "prepared" true was taken by the older schema, so whatever refuses it
 * now is news. *out is a new object:
 *   {"tested":n, "passed":n, "broken":[{"statement","code","object","text",
 *    "calls"}] (at most 50), "broken_count":n, "untestable":n,
 *    "untestable_codes":{SQLSTATE:n}, "skipped":n, "not_reached":n}
 * Returns nonzero with the answer filled when the connection is lost.
 */
int pg_statements_test(struct pg *db, json_t *list, int mark, int64_t limit_ms,
                       json_t **out, struct driver_answer *a);

#endif
