/*
 * Fifteen queries in one snapshot of the database. The parts of a relation
 * come sorted by it, so that one pass over all of them writes the document;
 * nothing of it is parsed here.
 */
#define _GNU_SOURCE
#include "pg_catalog.h"
#include "pg_catalog_sql.h"
#include "pg_catalog_write.h"
#include "../wire/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCK_TIMEOUT (5 * 1000)
#define STATEMENT_TIMEOUT (60 * 1000)
#define OLDEST 100000
#define PARTS 24
#define QUERY_MAX 16384
#define TRIES 3
#define COLUMNS 1 /* their index in pg_catalog_parts */

struct reading {
    struct pg *db;
    PGresult *rows[PARTS]; /* by the index of the part; NULL: may not */
    char *relations;       /* "{16384,16390}": what the parts are of */
    json_t *incomplete;
    char path[4096]; /* the role's search_path, as JSON */
};

/* Names inside a text carry their schema, and constants look the same for
   every role; pg_dump sets the same things for the same reason. */
static const char settings[] =
    "SELECT to_json(current_schemas(false)), set_config('search_path', '', "
    "true), set_config('lock_timeout', $1, true), "
    "set_config('statement_timeout', $2, true), "
    "set_config('idle_in_transaction_session_timeout', '0', true), "
    "set_config('datestyle', 'ISO, YMD', true), "
    "set_config('intervalstyle', 'postgres', true), "
    "set_config('extra_float_digits', '3', true), "
    "set_config('bytea_output', 'hex', true), "
    "set_config('quote_all_identifiers', 'off', true), "
    "set_config('timezone', 'UTC', true)";

/* Compiling these queries costs several times what running them does. */
static const char no_jit[] = "SELECT set_config('jit', 'off', true)";

static int begin(struct reading *in, int64_t lock_ms, int64_t statement_ms,
                 struct driver_answer *a)
{
    char lock[32], statement[32];
    const char *values[2] = {lock, statement};
    snprintf(lock, sizeof lock, "%lld", (long long)lock_ms);
    snprintf(statement, sizeof statement, "%lld", (long long)statement_ms);
    if (pg_do(in->db, "begin",
              "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 0, NULL,
              a) != 0 ||
        pg_value(in->db, "set the time limits", settings, 2, values, in->path,
                 sizeof in->path, a) != 0)
        return 1;
    if (PQserverVersion(in->db->conn) < 110000)
        return 0;
    return pg_do(in->db, "switch jit off", no_jit, 0, NULL, a);
}

static const struct pg_catalog_word *word_at(const char *text, size_t *size)
{
    const struct pg_catalog_word *w = pg_catalog_words;
    for (; w->word; w++) {
        *size = strlen(w->word);
        if (strncmp(text, w->word, *size) == 0 && text[*size] == '@')
            return w;
    }
    return NULL;
}

/* The query as this server's version understands it. */
static void spell(const char *query, int version, struct buf *out)
{
    while (*query) {
        size_t size = strcspn(query, "@");
        const struct pg_catalog_word *w;
        buf_add(out, query, size);
        query += size;
        if (!*query)
            break;
        w = word_at(query + 1, &size);
        if (w)
            buf_adds(out, version >= w->since ? w->new : w->old);
        else
            buf_addc(out, '@');
        query += w ? size + 2 : 1;
    }
}

/* What the role may not read is told, and the rest goes on. */
static int refused(struct reading *in, const char *name,
                   struct driver_answer *a)
{
    char text[1800];
    const char *why = strstr(a->message, ": cannot ");
    const char *cause = why ? strstr(why + 1, ": ") : NULL;
    if (strcmp(in->db->state, "42501") != 0 || strcmp(name, "relations") == 0)
        return 1;
    snprintf(text, sizeof text, "%s: %s", name, cause ? cause + 2 : a->message);
    json_array_append_new(in->incomplete, json_string(text));
    return pg_do(in->db, "go on without", "ROLLBACK TO SAVEPOINT part", 0, NULL,
                 a);
}

static int read_part(struct reading *in, size_t index, struct driver_answer *a)
{
    const struct pg_catalog_part *part = &pg_catalog_parts[index];
    const char *values[1] = {in->relations};
    struct buf query = BUF_INIT(QUERY_MAX);
    char what[80];
    int rc;
    snprintf(what, sizeof what, "read the catalog's %s", part->name);
    spell(part->query, PQserverVersion(in->db->conn), &query);
    rc = pg_do(in->db, what, "SAVEPOINT part", 0, NULL, a);
    if (!rc && pg_query(in->db, what, buf_text(&query), part->of_relation,
                        values, &in->rows[index], a) != 0)
        rc = refused(in, part->name, a);
    buf_free(&query);
    return rc;
}

/* The relations that have parts: a sequence has none. */
static void list_relations(struct reading *in)
{
    struct buf list = BUF_INIT(PG_CATALOG_MAX);
    const PGresult *r = in->rows[0];
    int kind = PQfnumber(r, "kind");
    const char *before = "{";
    for (int i = 0; i < PQntuples(r); i++) {
        if (strcmp(PQgetvalue(r, i, kind), "sequence") == 0)
            continue;
        buf_addf(&list, "%s%s", before, PQgetvalue(r, i, 0));
        before = ",";
    }
    buf_adds(&list, list.size ? "}" : "{}");
    in->relations = list.data;
}

static int read_all(struct reading *in, struct driver_answer *a)
{
    for (size_t i = 0; pg_catalog_parts[i].name; i++) {
        if (read_part(in, i, a) != 0)
            return 1;
        if (i == 0)
            list_relations(in);
    }
    return 0;
}

static void forget(struct reading *in)
{
    for (size_t i = 0; i < PARTS; i++) {
        PQclear(in->rows[i]);
        in->rows[i] = NULL;
    }
    free(in->relations);
    in->relations = NULL;
    json_decref(in->incomplete);
    in->incomplete = NULL;
}

/* Functions such as pg_get_viewdef look at the catalog as it is now, not as
   it was when the transaction began, so they may miss what a migration has
   dropped meanwhile: XX000, "cache lookup failed". */
static int changed_meanwhile(const struct pg *db)
{
    return strcmp(db->state, "XX000") == 0 || strcmp(db->state, "42P01") == 0 ||
           strcmp(db->state, "40001") == 0;
}

static int read_rows(struct reading *in, int64_t lock_ms, int64_t statement_ms,
                     struct driver_answer *a)
{
    for (int left = TRIES;; left--) {
        int rc;
        in->incomplete = json_array();
        rc = begin(in, lock_ms, statement_ms, a) != 0 || read_all(in, a) != 0;
        pg_rollback(in->db);
        if (!rc)
            return 0;
        if (!changed_meanwhile(in->db) || left == 1)
            return 1;
        forget(in);
    }
}

static void write_list(struct pg_catalog_writer *w, const char *name,
                       const PGresult *rows)
{
    pg_catalog_put(w, ",\"");
    pg_catalog_put(w, name);
    pg_catalog_put(w, "\":[");
    for (int i = 0; i < PQntuples(rows); i++) {
        pg_catalog_put(w, i ? ",\n" : "\n");
        pg_catalog_row(w, rows, i);
    }
    pg_catalog_put(w, "]");
}

/* The rows of a part that are of this relation; *at is the next row. */
static void write_part(struct pg_catalog_writer *w, const char *name,
                       const PGresult *rows, int *at, const char *id)
{
    int first = *at;
    while (*at < PQntuples(rows) && strcmp(PQgetvalue(rows, *at, 0), id) == 0) {
        pg_catalog_put(w, *at == first ? ",\"" : ",\n  ");
        if (*at == first) {
            pg_catalog_put(w, name);
            pg_catalog_put(w, "\":[\n  ");
        }
        pg_catalog_row(w, rows, (*at)++);
    }
    if (*at > first)
        pg_catalog_put(w, "]");
}

static void write_relations(struct pg_catalog_writer *w,
                            const struct reading *in)
{
    int at[PARTS] = {0};
    pg_catalog_put(w, ",\"relations\":[");
    for (int i = 0; i < PQntuples(in->rows[0]); i++) {
        const char *id = PQgetvalue(in->rows[0], i, 0);
        pg_catalog_put(w, i ? ",\n" : "\n");
        pg_catalog_row(w, in->rows[0], i);
        w->out->size--; /* its brace: the parts are members, too */
        for (size_t p = 1; pg_catalog_parts[p].name; p++) {
            if (pg_catalog_parts[p].of_relation)
                write_part(w, pg_catalog_parts[p].name, in->rows[p], &at[p],
                           id);
        }
        pg_catalog_put(w, "}");
    }
    pg_catalog_put(w, "]");
}

static void write_head(struct pg_catalog_writer *w, const struct reading *in)
{
    const char *base = PQdb(in->db->conn);
    char text[120];
    snprintf(text, sizeof text, "{\"format\":1,\"server_version\":%d,",
             PQserverVersion(in->db->conn));
    pg_catalog_put(w, text);
    pg_catalog_put(w, "\"database\":");
    pg_catalog_string(w, base, strlen(base));
    snprintf(text, sizeof text,
             ",\"taken_at\":%lld,\"search_path\":", (long long)clock_wall());
    pg_catalog_put(w, text);
    pg_catalog_put(w, in->path[0] ? in->path : "[]");
}

static void write_incomplete(struct pg_catalog_writer *w,
                             const struct reading *in)
{
    char *text;
    if (w->repaired)
        json_array_append_new(
            in->incomplete,
            json_sprintf("%d texts are not UTF-8: what they say cannot be "
                         "compared",
                         w->repaired));
    text = json_dumps(in->incomplete, JSON_COMPACT);
    pg_catalog_put(w, ",\"incomplete\":");
    pg_catalog_put(w, text);
    free(text);
}

static int write_document(struct reading *in, struct buf *out,
                          struct driver_answer *a)
{
    struct pg_catalog_writer w = {out, in->rows[COLUMNS], 0, 0, 0};
    write_head(&w, in);
    write_relations(&w, in);
    for (size_t p = 1; pg_catalog_parts[p].name; p++) {
        if (!pg_catalog_parts[p].of_relation)
            write_list(&w, pg_catalog_parts[p].name, in->rows[p]);
    }
    write_incomplete(&w, in);
    pg_catalog_put(&w, "}\n");
    if (!w.full)
        return 0;
    answer_fail(a, OUTCOME_PARTIAL,
                "%s: its catalog is larger than %u MiB as a document",
                in->db->name, PG_CATALOG_MAX >> 20);
    return 1;
}

int pg_catalog_text(struct pg *db, int64_t lock_ms, int64_t statement_ms,
                    struct buf *out, struct driver_answer *a)
{
    struct reading in = {.db = db};
    int rc;
    if (PQserverVersion(db->conn) < OLDEST)
        return answer_fail(a, OUTCOME_REJECTED,
                           "%s: its server has version %d.%d; the catalog is "
                           "read from PostgreSQL 10 on",
                           db->name, PQserverVersion(db->conn) / 10000,
                           PQserverVersion(db->conn) / 100 % 100),
               1;
    rc = read_rows(&in, lock_ms, statement_ms, a) != 0 ||
         write_document(&in, out, a) != 0;
    forget(&in);
    return rc;
}

int pg_catalog_read(struct pg *db, json_t **document, struct driver_answer *a)
{
    struct buf text = BUF_INIT(PG_CATALOG_MAX);
    json_error_t error;
    int rc = pg_catalog_text(db, LOCK_TIMEOUT, STATEMENT_TIMEOUT, &text, a);
    if (!rc) {
        *document = json_loadb(text.data, text.size, 0, &error);
        if (!*document)
            rc = answer_fail(a, OUTCOME_REJECTED,
                             "%s: its catalog came out malformed: %s", db->name,
                             error.text) +
                 1;
    }
    buf_free(&text);
    return rc;
}
