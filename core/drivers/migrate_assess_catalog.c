/*
 * The first witness: what the schema was when the older release was live,
 * against what it is now. Only a catalog that was taken before the newer
 * migrations ran can be heard; the ledger in its record tells.
 */
#define _GNU_SOURCE
#include "catalog_store.h"
#include "migrate_assess_parts.h"
#include "pg_catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCK_TIMEOUT (5 * 1000)
#define STATEMENT_TIMEOUT (60 * 1000)

static void unheard(struct assessing *x, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void unheard(struct assessing *x, const char *format, ...)
{
    char text[1700];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_decref(x->catalog);
    x->catalog = json_pack("{s:b, s:s}", "heard", 0, "because", text);
}

/* The same database: by name, and by the cluster where both say it, else by
   the name of the binding or the host. */
static int is_of_database(const struct assessing *x, const json_t *record,
                          const char *cluster)
{
    const char *then = value_text(record, "cluster", "");
    if (strcmp(value_text(record, "database", ""), PQdb(x->db.conn)) != 0)
        return 0;
    if (then[0] && cluster[0])
        return strcmp(then, cluster) == 0;
    return strcmp(value_text(record, "of", ""), x->call->system) == 0 ||
           strcmp(value_text(record, "host", ""), PQhost(x->db.conn)) == 0;
}

static int holds(const json_t *ledger, const char *version)
{
    const json_t *one;
    size_t i;
    if (strcmp(value_text(ledger, "tool", ""), "golang-migrate") == 0)
        return migrate_version_compare(version,
                                       value_text(ledger, "version", "")) <= 0;
    json_array_foreach(json_object_get(ledger, "applied"), i, one)
    {
        if (strcmp(json_string_value(one), version) == 0 ||
            migrate_version_compare(json_string_value(one), version) == 0)
            return 1;
    }
    return 0;
}

/* A version that the newer code brought, and that had run when the catalog
   was taken; NULL: none. */
static const char *too_late(const struct assessing *x, const json_t *record)
{
    const json_t *ledger = json_object_get(record, "ledger"), *item;
    size_t i;
    json_array_foreach(x->migrations, i, item)
    {
        const char *version = value_text(item, "version", "");
        if (ledger && version[0] && !json_object_get(item, "before") &&
            holds(ledger, version))
            return version;
    }
    return NULL;
}

/* Newest first. */
static void choose(struct assessing *x, const json_t *records,
                   const char *cluster)
{
    const char *late = NULL, *one;
    json_t *record;
    size_t i, others = 0;
    json_array_foreach(records, i, record)
    {
        if (!is_of_database(x, record, cluster)) {
            others++;
        } else if ((one = too_late(x, record)) != NULL) {
            late = late ? late : one;
        } else {
            x->record = json_incref(record);
            return;
        }
    }
    if (late)
        unheard(x,
                "the catalog kept of %.12s was taken when migration %s had "
                "run already: it is not the older release's",
                x->commit, late);
    else if (others)
        unheard(x, "the catalogs kept of %.12s are of other databases",
                x->commit);
    else
        unheard(x,
                "no catalog of %.12s was kept here: call snapshot.catalog "
                "before a deploy",
                x->commit);
}

static void find(struct assessing *x)
{
    struct driver_answer ignored = {OUTCOME_UNKNOWN, NULL, ""};
    json_t *records = NULL, *broken = NULL;
    struct error err = {0};
    char cluster[40] = "";
    if (pg_value(&x->db, "ask which cluster it is",
                 "SELECT system_identifier FROM pg_control_system()", 0, NULL,
                 cluster, sizeof cluster, &ignored) != 0)
        cluster[0] = '\0';
    if (!x->commit[0])
        unheard(x, "it is not known which commit the older release is");
    else if (catalog_store_find(x->call, x->commit, &records, &broken, &err))
        unheard(x, "%s", err.message);
    else
        choose(x, records, cluster);
    if (!x->record && json_array_size(broken))
        unheard(x, "%s", json_string_value(json_array_get(broken, 0)));
    json_decref(records);
    json_decref(broken);
}

static json_t *ledger_names(const struct assessing *x)
{
    const struct migrate_ledger *l = &x->ledger;
    return json_pack("[o, o]", json_sprintf("%s.%s", l->schema, l->table),
                     json_sprintf("%s.rbrun_effects", l->schema));
}

/* Both documents as they are, to the jailed reader. */
static int compare(struct assessing *x, const struct buf *now,
                   struct error *err)
{
    json_t *names = ledger_names(x);
    struct migrate_question q = {.mode = MIGRATE_COMPARE,
                                 .before_text = &x->then,
                                 .after_text = now,
                                 .ledger = names};
    int rc = migrate_sql_ask(&q, ASSESS_TIMEOUT, &x->catalog_answer, err);
    json_decref(names);
    return rc;
}

static void say(struct assessing *x)
{
    json_decref(x->catalog);
    x->catalog = json_pack(
        "{s:b, s:s, s:s, s:O, s:O}", "heard", 1, "verdict",
        value_text(x->catalog_answer, "verdict", "unknown"), "because",
        "the catalog kept for the older release against the live one",
        "taken_at", json_object_get(x->record, "taken_at"), "id",
        json_object_get(json_object_get(x->record, "catalog"), "sha256"));
}

int assessing_catalog(struct assessing *x, struct driver_answer *a)
{
    struct buf now = BUF_INIT(PG_CATALOG_MAX);
    struct error err = {0};
    int rc = 0;
    find(x);
    if (!x->record)
        return 0;
    if (catalog_store_read(x->call, x->record, "catalog", &x->then, &err)) {
        unheard(x, "the catalog kept for it cannot be read: %s", err.message);
    } else {
        rc = pg_catalog_text(
            &x->db, option_duration(x->call, "lock_timeout", LOCK_TIMEOUT),
            STATEMENT_TIMEOUT, &now, a);
        if (rc && !pg_lost(&x->db)) {
            unheard(x, "the live catalog cannot be read: %s", a->message);
            rc = 0;
        } else if (!rc && compare(x, &now, &err) != 0) {
            unheard(x, "the catalogs cannot be compared: %s", err.message);
        } else if (!rc) {
            say(x);
        }
    }
    buf_free(&now);
    return rc;
}
