/*
 * Migrations and catalogs as the jailed reader understands them: statements,
 * and whether the older code can live with what they make of the schema. The
 * text never meets a parser in this process, which holds the database's
 * password. The rules are stdlib/migration/; docs/migrations.md says them.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_SQL_H
#define RBRUN_DRIVERS_MIGRATE_SQL_H

#include "../wire/buf.h"
#include "../wire/error.h"
#include "../wire/value.h"

#include <stddef.h>

struct migrate_sql {
    const char *name; /* of the file, for messages */
    const char *text; /* borrowed */
    size_t size;
    int down;           /* it undoes */
    const char *format; /* "auto", "goose", "alembic", ..; NULL: "plain" */
    int context;        /* it is applied before, and not judged */
    size_t of; /* a down in a history: its up's place in the list, from 1 */
    const char *below; /* the directory that the name is below, or NULL: the
                          application of a Django migration may be in it */
};

enum migrate_mode {
    MIGRATE_RELEASE, /* all files are one net change */
    MIGRATE_HISTORY, /* each file in the context of those before it */
    MIGRATE_COMPARE, /* the catalog before against the one after; no files */
    MIGRATE_SPLIT    /* statements only, no verdicts */
};

struct migrate_question {
    enum migrate_mode mode;
    const struct migrate_sql *files;
    size_t count;
    const json_t *before, *after; /* catalogs (pg_catalog.h), or NULL */
    const struct buf *before_text, *after_text; /* the same as texts */
    int closed;    /* without a catalog before: the database was empty, not
                      unknown */
    int want_text; /* statements carry their exact text as "sql" */
    const json_t *ledger;      /* ["schema.table", ..] left out, or NULL */
    const json_t *search_path; /* ["app", "public"], or NULL */
};

/*
 * Ask. *reply is a new reference:
 *  {"verdict": "compatible|caution|incompatible|unknown|none",
 *   "caution_kinds", "reasons":[R], "cautions":[R], "notes":[R], "statements",
 *   "files":[{"name","verdict","caution_kinds","reasons","cautions","notes",
 *     "locks":[{"relation","mode","work"}],"data":[{"line","table","what"}],
 *     "parsed","error","transaction","format",
 *     "statements":[{"line","at","bytes","kind","transaction","text","sql"}],
 *     "down"}]}
 * R = {"level","code","object","detail","kind","file","line","statement",
 * "text","safe","steps" (where there is a common way in several releases:
 * [{"release": "now|next|later", "what", "sql":[texts]}])}. A file with `of`
 * has no entry of its own: it is "down" of its up's: {"present","parses",
 * "empty","refuses" (it raises),"fails" (why it cannot work),"loses":[{"code",
 * "object"}],"needs":[..] (what the rows may refuse),"restores":
 * "yes|no|unknown","differs":[names],"data","locks"}. The verdict of a context
 * file is "none". timeout: ms. Returns 0 or a code of reader.h.
 */
int migrate_sql_ask(const struct migrate_question *q, int64_t timeout,
                    json_t **reply, struct error *err);

/*
 * Judge the texts as one net change, in their order: MIGRATE_RELEASE without
 * catalogs.
 */
int migrate_sql_read(const struct migrate_sql *files, size_t count,
                     int want_text, int64_t timeout, json_t **reply,
                     struct error *err);

#endif
