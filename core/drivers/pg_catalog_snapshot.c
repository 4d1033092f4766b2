/*
 * snapshot.catalog. The catalog, the migration tool's ledger and the texts of
 * pg_stat_statements are read one after the other over one connection, and
 * kept as one record (catalog_store.h). The ledger says later whether the
 * schema was still the commit's own when this was taken.
 */
#define _GNU_SOURCE
#include "pg_catalog_snapshot.h"
#include "catalog_store.h"
#include "migrate_ledger.h"
#include "pg_catalog.h"
#include "pg_statements.h"

#include <stdio.h>
#include <string.h>

#define LOCK_TIMEOUT (5 * 1000)
#define STATEMENT_TIMEOUT (60 * 1000)
#define MARK_TIMEOUT (20 * 1000)
#define STATEMENTS_MAX (64u << 20)

struct taking {
    const struct driver_call *call;
    struct pg db;
    json_t *record;        /* catalog_store.h; owned */
    struct buf document;   /* pg_catalog.h */
    struct buf statements; /* one {"query","calls",..} a line */
    int has_statements;
};

/* What the catalog is of. Not everybody may ask for the cluster's number. */
static int describe(struct taking *t, struct driver_answer *a)
{
    static const char about[] = "SELECT current_database(), "
                                "pg_is_in_recovery(), (SELECT count(*) FROM "
                                "pg_class WHERE relkind IN ('r','p','v','m'))";
    struct driver_answer ignored = {OUTCOME_UNKNOWN, NULL, ""};
    char cluster[40] = "";
    PGresult *r = NULL;
    if (pg_query(&t->db, "ask what it is", about, 0, NULL, &r, a) != 0)
        return 1;
    if (pg_value(&t->db, "ask which cluster it is",
                 "SELECT system_identifier FROM pg_control_system()", 0, NULL,
                 cluster, sizeof cluster, &ignored) != 0)
        cluster[0] = '\0';
    t->record = json_pack(
        "{s:I, s:s, s:s, s:s, s:s*, s:b, s:i}", "taken_at",
        (json_int_t)clock_wall(), "database", PQgetvalue(r, 0, 0), "host",
        PQhost(t->db.conn), "of", t->call->system, "cluster",
        cluster[0] ? cluster : NULL, "replica", PQgetvalue(r, 0, 1)[0] == 't',
        "server_version", PQserverVersion(t->db.conn));
    PQclear(r);
    return 0;
}

/* A database without a ledger, or with one that nobody knows, has a catalog
   all the same. */
static void add_ledger(struct taking *t)
{
    struct driver_answer ignored = {OUTCOME_UNKNOWN, NULL, ""};
    struct migrate_ledger ledger = {0};
    if (pg_begin(&t->db, 1, LOCK_TIMEOUT, STATEMENT_TIMEOUT, &ignored) == 0 &&
        migrate_ledger_find(&t->db, &ledger, &ignored) == 0 &&
        migrate_ledger_read(&t->db, &ledger, &ignored) == 0)
        json_object_set_new(
            t->record, "ledger",
            json_pack("{s:s, s:s, s:O}", "tool", migrate_tool_name(ledger.tool),
                      "version", ledger.version, "applied", ledger.applied));
    migrate_ledger_free(&ledger);
    pg_rollback(&t->db);
}

static int write_lines(struct taking *t, const json_t *list,
                       struct driver_answer *a)
{
    json_t *entry;
    size_t i;
    json_array_foreach(list, i, entry)
    {
        if (value_encode(entry, &t->statements) == 0 &&
            buf_addc(&t->statements, '\n') == 0)
            continue;
        return answer_fail(a, OUTCOME_PARTIAL,
                           "%s: its statements are larger than %u MiB",
                           t->db.name, STATEMENTS_MAX >> 20),
               1;
    }
    t->has_statements = json_array_size(list) > 0;
    return 0;
}

/* Each is tried on the schema it was written for: what fails now tells
   nothing when it fails later. */
static int add_statements(struct taking *t, struct driver_answer *a)
{
    json_t *found = NULL, *tested = NULL, *list;
    int rc = pg_begin(&t->db, 1, LOCK_TIMEOUT, STATEMENT_TIMEOUT, a) != 0 ||
             pg_statements_collect(&t->db, &found, a) != 0;
    pg_rollback(&t->db);
    list = json_object_get(found, "list");
    if (!rc && list) {
        rc = pg_statements_test(&t->db, list, 1, MARK_TIMEOUT, &tested, a) ||
             write_lines(t, list, a) != 0;
        json_object_set_new(found, "count",
                            json_integer((json_int_t)json_array_size(list)));
        json_object_set(found, "untestable",
                        json_object_get(tested, "untestable"));
        json_object_del(found, "list");
    }
    json_object_set(t->record, "statements", found);
    json_decref(found);
    json_decref(tested);
    return rc;
}

/* "incomplete" is the last field of a document (pg_catalog.c): it alone is
   parsed here. */
static void add_incomplete(struct taking *t)
{
    static const char key[] = ",\"incomplete\":";
    const char *text = buf_text(&t->document), *at = NULL;
    json_t *list = NULL;
    for (const char *p = strstr(text, key); p; p = strstr(p + 1, key))
        at = p;
    if (at)
        list = json_loads(at + sizeof key - 1, JSON_DISABLE_EOF_CHECK, NULL);
    json_object_set_new(t->record, "incomplete", list ? list : json_array());
}

static int take(struct taking *t, struct driver_answer *a)
{
    int rc = pg_open(&t->db, t->call, a) != 0 || describe(t, a) != 0;
    if (rc)
        return rc;
    driver_progress(t->call, "reading the catalog of %s",
                    value_text(t->record, "database", "?"));
    rc = pg_catalog_text(&t->db, LOCK_TIMEOUT, STATEMENT_TIMEOUT, &t->document,
                         a);
    if (!rc) {
        add_incomplete(t);
        add_ledger(t);
        rc = add_statements(t, a);
    }
    return rc;
}

static int show(const json_t *record, const char *path, struct driver_answer *a)
{
    const json_t *catalog = json_object_get(record, "catalog");
    const json_t *texts = json_object_get(record, "statements");
    return answer_ok(
        a,
        json_pack(
            "{s:s, s:O, s:O, s:O, s:O, s:I, s:s*, s:s*, s:O, s:s*}", "id",
            value_text(catalog, "sha256", ""), "commit",
            json_object_get(record, "commit"), "database",
            json_object_get(record, "database"), "taken_at",
            json_object_get(record, "taken_at"), "bytes",
            json_object_get(catalog, "bytes"), "statements",
            (json_int_t)value_int(texts, "count", 0), "no_statements",
            value_text(texts, "because", NULL), "version",
            value_text(json_object_get(record, "ledger"), "version", NULL),
            "incomplete", json_object_get(record, "incomplete"), "path", path));
}

static int store_failed(const struct driver_call *c, int code,
                        const struct error *err, struct driver_answer *a)
{
    return answer_fail(
        a, code == RB_TOOBIG ? OUTCOME_REJECTED : OUTCOME_RETRYABLE,
        "snapshot %s: its catalog is not kept: %s", c->system, err->message);
}

/* The same call, made again after a crash, has written its record already. */
static json_t *find_own(const struct driver_call *c, const char *commit)
{
    json_t *records = NULL, *broken = NULL, *record, *own = NULL;
    size_t i;
    if (catalog_store_find(c, commit, &records, &broken, NULL) != 0)
        return NULL;
    json_array_foreach(records, i, record)
    {
        if (!own && strcmp(value_text(record, "key", ""), c->key) == 0)
            own = json_incref(record);
    }
    json_decref(records);
    json_decref(broken);
    return own;
}

static int keep(struct taking *t, const char *commit, struct driver_answer *a)
{
    char path[4400];
    struct error err = {0};
    int rc = catalog_store_put(t->call, commit, t->record, &t->document,
                               t->has_statements ? &t->statements : NULL, path,
                               sizeof path, &err);
    return rc ? store_failed(t->call, rc, &err, a) : show(t->record, path, a);
}

int pg_catalog_snapshot(const struct driver_call *c, struct driver_answer *a)
{
    const char *commit = value_text(c->args, "commit", "");
    struct taking t = {.call = c,
                       .document = BUF_INIT(PG_CATALOG_MAX),
                       .statements = BUF_INIT(STATEMENTS_MAX)};
    json_t *own;
    if (!catalog_store_is_commit(commit))
        return answer_fail(a, OUTCOME_REJECTED,
                           "snapshot %s: commit = \"%s\" is not the full name "
                           "of a commit (40 hexadecimal digits); take "
                           "`commit` of deploy.current or git.resolve",
                           c->system, commit);
    own = find_own(c, commit);
    if (own) {
        show(own, value_text(own, "path", NULL), a);
        json_decref(own);
        return 0;
    }
    if (take(&t, a) == 0)
        keep(&t, commit, a);
    pg_close(&t.db);
    json_decref(t.record);
    buf_free(&t.document);
    buf_free(&t.statements);
    return 0;
}
