/*
 * What a step locks and for how long it may have to: locks and rewrites as a
 * rehearsal measured them, on which live tables of what size, and who holds
 * those now. And indexes that an interrupted CREATE INDEX CONCURRENTLY left.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_LOCKS_H
#define RBRUN_DRIVERS_MIGRATE_LOCKS_H

#include "pg_client.h"

/*
 * In the transaction that is open: the strongest lock it holds on each
 * relation, [{"id","relation","mode"}]. And the files that relations lie in,
 * {"id": number}: another number is a table written anew. New references;
 * nonzero with the answer filled.
 */
int migrate_locks_held(struct pg *db, json_t **held, struct driver_answer *a);
int migrate_locks_files(struct pg *db, json_t **files, struct driver_answer *a);

/*
 * Both, for the relations that were there before: a new list
 * [{"relation","mode","work"}]. before, after: catalogs; held: NULL where
 * there was no transaction to look into (then only those with work are
 * told). without: ["schema.table"] that do not count. work: "rewrite" (all rows
 * are written anew), "index" (one is built), "scan" (all rows are read),
 * "none".
 */
json_t *migrate_locks_measured(const json_t *before, const json_t *after,
                               const json_t *held, const json_t *files,
                               const json_t *moved, const json_t *without);

/*
 * Add to each of those, from the live database: "rows" (an estimate, -1
 * unknown), "bytes", and "held_by", the sessions that a lock of this mode
 * would wait for: [{"pid","user","application","state","seconds","mode",
 * "query"}]. Their queries are shown without their values. locks may be NULL.
 */
int migrate_locks_live(struct pg *db, json_t *locks, struct driver_answer *a);

/* INVALID indexes that nobody is building: a new list of texts
   "schema.index on schema.table". */
int migrate_locks_invalid(struct pg *db, json_t **list,
                          struct driver_answer *a);

#endif
