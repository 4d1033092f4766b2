/*
 * Where catalogs of the past are kept: files below the state directory, so
 * that a later run finds what an earlier one has seen.
 *
 *   catalogs/ENVIRONMENT/COMMIT.TAKEN_AT.json   a record: what, of which
 *                                               database, the files' hashes
 *   catalogs/ENVIRONMENT/SHA256.catalog         a document (pg_catalog.h)
 *   catalogs/ENVIRONMENT/SHA256.statements      texts (pg_statements.h)
 *
 * The files are durable before the record is, and the record comes whole or
 * not at all: a record that is there can be believed as far as its hashes
 * hold, and those are checked at each reading. Knows files and hashes; knows
 * no database and not what is in a document.
 *
 * A record, as far as this module fills it: {"format":1, "environment",
 * "commit", "taken_at":ms, "key":the call's, "catalog":{"sha256","bytes"},
 * "statements":{"sha256","bytes",..}}. The rest is the caller's.
 */
#ifndef RBRUN_DRIVERS_CATALOG_STORE_H
#define RBRUN_DRIVERS_CATALOG_STORE_H

#include "driver.h"

#define CATALOG_STORE_MAX (256u << 20) /* bytes of one file */

/* Whether text is a commit's full name: 40 or 64 lower-case hex digits. */
int catalog_store_is_commit(const char *text);

/*
 * Keep document and statements (NULL: there are none) of a commit. record
 * is filled and written; it has the caller's fields already, and an object
 * "statements" where there are statements. path is where the record lies.
 * Returns 0, RB_NOTFOUND (no state directory), RB_TOOBIG or RB_IO.
 */
int catalog_store_put(const struct driver_call *c, const char *commit,
                      json_t *record, const struct buf *document,
                      const struct buf *statements, char *path, size_t size,
                      struct error *err);

/*
 * The records of a commit in the call's environment, newest first, as a new
 * list, each with the "path" where it lies; empty when there are none. One that
 * cannot be read is left out and told in *broken (a new list of texts). Returns
 * 0, RB_NOTFOUND, RB_IO.
 */
int catalog_store_find(const struct driver_call *c, const char *commit,
                       json_t **records, json_t **broken, struct error *err);

/*
 * The file that a record names as part ("catalog" or "statements"), appended
 * to out. Returns 0, RB_NOTFOUND (the record has no such part, or the file is
 * gone), RB_CORRUPT (it is not what was written), RB_TOOBIG, RB_IO.
 */
int catalog_store_read(const struct driver_call *c, const json_t *record,
                       const char *part, struct buf *out, struct error *err);

#endif
