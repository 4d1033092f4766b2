/*
 * SQL as the jailed reader understands it: statements, and whether the older
 * code can live with them. The text never meets a parser in this process,
 * which holds the database's password.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_SQL_H
#define RBRUN_DRIVERS_MIGRATE_SQL_H

#include "../wire/error.h"
#include "../wire/value.h"

#include <stddef.h>

struct migrate_sql {
    const char *name; /* of the file, for messages */
    const char *text; /* borrowed */
    size_t size;
    int down; /* it undoes */
};

/*
 * Judge the texts as one net change, in their order. *reply is a new
 * reference: {"verdict", "files":[{"name","verdict","reasons","cautions",
 * "parsed","error","statements":[{"line","text","kind","transaction",
 * "verdict","reasons","cautions"}]}]}. want_text: statements carry their
 * exact text as "sql". timeout: ms.
 * Returns 0 or a code of reader.h.
 */
int migrate_sql_read(const struct migrate_sql *files, size_t count,
                     int want_text, int64_t timeout, json_t **reply,
                     struct error *err);

#endif
