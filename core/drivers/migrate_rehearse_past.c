/* The schema as it was before a release, as snapshot.catalog has kept it. */
#define _GNU_SOURCE
#include "catalog_store.h"
#include "migrate_rehearse.h"
#include "migrate_source.h"

#include <stdio.h>
#include <string.h>

static int read_one(const struct driver_call *c, const json_t *record,
                    json_t **document, struct error *err)
{
    struct buf text = BUF_INIT(CATALOG_STORE_MAX);
    json_error_t where;
    int rc = catalog_store_read(c, record, "catalog", &text, err);
    if (!rc) {
        *document = json_loadb(buf_text(&text), text.size, 0, &where);
        if (!*document)
            rc = error_set(err, RB_CORRUPT, "%s: %s",
                           value_text(record, "path", "?"), where.text);
    }
    buf_free(&text);
    return rc;
}

/* One environment may keep catalogs of several databases. */
static int of_database(const json_t *document, const char *database)
{
    return strcmp(value_text(document, "database", database), database) == 0;
}

static int search(const struct driver_call *c, const char *commit,
                  const char *database, json_t **document, struct error *err)
{
    json_t *records = NULL, *broken = NULL, *record;
    size_t i;
    int rc = catalog_store_find(c, commit, &records, &broken, err);
    json_array_foreach(records, i, record)
    {
        if (rc || *document)
            break;
        rc = read_one(c, record, document, err);
        if (!rc && !of_database(*document, database)) {
            json_decref(*document);
            *document = NULL;
        }
    }
    json_decref(records);
    json_decref(broken);
    if (!rc && !*document)
        rc = error_set(err, RB_NOTFOUND,
                       "no catalog of %.12s was kept (snapshot.catalog)",
                       commit);
    return rc;
}

int migrate_rehearse_past(const struct driver_call *c, const char *database,
                          json_t **document, char *label, size_t size,
                          struct error *err)
{
    const char *from = value_text(c->args, "from", "");
    struct driver_answer a = {OUTCOME_UNKNOWN, NULL, ""};
    char commit[72];
    int rc;
    *document = NULL;
    if (migrate_source_commit(c, from, commit, sizeof commit, &a) != 0)
        return error_set(err, RB_NOTFOUND, "%s", a.message);
    rc = search(c, commit, database, document, err);
    if (!rc)
        snprintf(label, size, "the catalog kept of %.100s", from);
    return rc;
}
