/*
 * The catalog of a live database: its schemas, relations with their columns,
 * constraints, indexes, triggers, policies and privileges, its types,
 * functions, extensions, casts and operators, as one JSON document that
 * stdlib/migration/catalog.lua reads.
 *
 * The document, by example. What is absent is "no" or the default; ids are
 * OIDs, and columns have their attribute numbers, so that a rename is told
 * from a removal:
 *
 *   {"format":1, "server_version":150018, "database":"shop",
 *    "search_path":["app","public"], "taken_at":ms, "replica":true,
 *    "incomplete":["policies: permission denied for table pg_policy"],
 *    "schemas":[{"id","name","owner","acl"}],
 *    "relations":[{"id","schema","name","kind","persistence","owner","acl",
 *       "columns":[..],"constraints":[..],"indexes":[..],"triggers":[..],
 *       "policies":[..],"rules":[..],"depends":[..],"inherits":[..],..}],
 *    "types":[..],"functions":[..],"extensions":[..],"casts":[..],
 *    "operators":[..]}
 *
 * Every name inside a text (a type, an expression, a definition) carries its
 * schema unless that is pg_catalog, whatever the role's search_path: two
 * documents of one schema are equal whoever took them. "search_path" is the
 * role's own. Left out: system schemas, temporary ones, and what belongs to
 * an extension. System columns of the catalogs that the server's version
 * (10 or newer) does not have yet are read as their default.
 */
#ifndef RBRUN_DRIVERS_PG_CATALOG_H
#define RBRUN_DRIVERS_PG_CATALOG_H

#include "pg_client.h"

/* What a document may hold at most, in bytes. */
#define PG_CATALOG_MAX (256u << 20)

/*
 * Append the document's text to out, read over an open connection in one
 * read-only transaction of its own (REPEATABLE READ; none may be open). A
 * catalog table that the role may not read is named in "incomplete", and its
 * part is missing. lock_ms, statement_ms: time limits of each query.
 * Returns nonzero with the answer filled: auth (pg_class itself is closed to
 * the role), retryable (somebody holds a lock on a table of a view; the
 * catalog changed under the reader three times), rejected (older than 10).
 */
int pg_catalog_text(struct pg *db, int64_t lock_ms, int64_t statement_ms,
                    struct buf *out, struct driver_answer *a);

/* The same as a value; *document is a new reference. 5 s for a lock, 60 s
   for a query. */
int pg_catalog_read(struct pg *db, json_t **document, struct driver_answer *a);

#endif
