/*
 * Rows of a query as JSON text: one object a row, the columns' names as its
 * keys. Knows the result of a query; knows nothing of what it means.
 */
#ifndef RBRUN_DRIVERS_PG_CATALOG_WRITE_H
#define RBRUN_DRIVERS_PG_CATALOG_WRITE_H

#include "../wire/buf.h"

#include <libpq-fe.h>

struct pg_catalog_writer {
    struct buf *out;         /* borrowed */
    const PGresult *columns; /* borrowed: of the relations, sorted by _of and
                                attnum, the name in the third place; or NULL */
    int full;                /* out has reached its maximum */
    int repaired;            /* texts that were not UTF-8, and have U+FFFD
                                there now */
    int members;             /* of the object that is being written */
};

void pg_catalog_put(struct pg_catalog_writer *w, const char *text);

/* A JSON string. */
void pg_catalog_string(struct pg_catalog_writer *w, const char *text,
                       size_t size);

/*
 * One row. By the column's type: bool, int2, int4, int8 and oid are written
 * as they are, json too, int2[] as the names of the columns with these
 * numbers, anything else as a string. NULL and false are left out. A name
 * "a.b" is the member b of a member a (of columns that stand together).
 * Columns whose names begin with "_" hold relations, and are not written: an
 * int2[] is of the last one before it. A column "_value" is written alone,
 * not as a member of an object.
 */
void pg_catalog_row(struct pg_catalog_writer *w, const PGresult *r, int row);

#endif
