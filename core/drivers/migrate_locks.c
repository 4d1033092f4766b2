#define _GNU_SOURCE
#include "migrate_locks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT (10 * 1000)
#define HOLDERS 20

/* Weakest first: PostgreSQL's documentation, "Table-Level Locks". */
static const char *const modes[] = {"AccessShareLock",
                                    "RowShareLock",
                                    "RowExclusiveLock",
                                    "ShareUpdateExclusiveLock",
                                    "ShareLock",
                                    "ShareRowExclusiveLock",
                                    "ExclusiveLock",
                                    "AccessExclusiveLock",
                                    NULL};

/* Which modes a mode has to wait for, by the same table: bit i is modes[i]. */
static const unsigned conflicts[] = {0x80, 0xc0, 0xf0, 0xf8,
                                     0xec, 0xfc, 0xfe, 0xff};

static int rank(const char *mode)
{
    for (int i = 0; modes[i]; i++) {
        if (strcmp(modes[i], mode) == 0)
            return i;
    }
    return -1;
}

static int as_json(struct pg *db, const char *what, const char *sql,
                   json_t **out, struct driver_answer *a)
{
    PGresult *r = NULL;
    if (pg_query(db, what, sql, 0, NULL, &r, a) != 0)
        return 1;
    *out = json_loads(PQgetvalue(r, 0, 0), 0, NULL);
    PQclear(r);
    if (*out)
        return 0;
    return answer_fail(a, OUTCOME_REJECTED, "%s: cannot %s", db->name, what), 1;
}

int migrate_locks_held(struct pg *db, json_t **held, struct driver_answer *a)
{
    static const char sql[] =
        "SELECT coalesce(json_agg(json_build_object('id', c.oid::int8, "
        "'relation',"
        " n.nspname || '.' || c.relname, 'mode', l.mode)"
        " ORDER BY n.nspname, c.relname), '[]')"
        " FROM pg_locks l JOIN pg_class c ON c.oid = l.relation"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE l.pid = pg_backend_pid() AND l.granted"
        " AND l.database = (SELECT oid FROM pg_database"
        "   WHERE datname = current_database())"
        " AND c.relkind IN ('r', 'p', 'm', 'f', 'v', 'S')"
        " AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";
    return as_json(db, "read its locks", sql, held, a);
}

int migrate_locks_files(struct pg *db, json_t **files, struct driver_answer *a)
{
    static const char sql[] =
        "SELECT coalesce(json_object_agg(oid, relfilenode), '{}')"
        " FROM pg_class WHERE relkind IN ('r', 'm') AND relnamespace"
        " NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_'"
        "   OR nspname = 'information_schema')";
    return as_json(db, "read the files of tables", sql, files, a);
}

static const json_t *by_id(const json_t *list, json_int_t id)
{
    json_t *one;
    size_t i;
    json_array_foreach(list, i, one)
    {
        if (value_int(one, "id", -1) == id)
            return one;
    }
    return NULL;
}

static int was_rewritten(const json_t *files, const json_t *moved,
                         json_int_t id)
{
    char key[24];
    const json_t *old, *new;
    snprintf(key, sizeof key, "%lld", (long long)id);
    old = json_object_get(files, key);
    new = json_object_get(moved, key);
    return old && new && !json_equal(old, new);
}

static int has_new(const json_t *old, const json_t *new, const char *list)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(new, list), i, one)
    {
        if (!by_id(json_object_get(old, list), value_int(one, "id", -1)))
            return 1;
    }
    return 0;
}

/* A constraint that is validated, or NOT NULL, has all rows read. */
static int has_scan(const json_t *old, const json_t *new)
{
    json_t *one, *was;
    size_t i, k;
    json_array_foreach(json_object_get(new, "constraints"), i, one)
    {
        const json_t *before = by_id(json_object_get(old, "constraints"),
                                     value_int(one, "id", -1));
        const char *type = value_text(one, "type", "");
        if ((*type == 'c' || *type == 'f') && value_bool(one, "validated", 0) &&
            !(before && value_bool(before, "validated", 0)))
            return 1;
    }
    json_array_foreach(json_object_get(new, "columns"), i, one)
    {
        json_array_foreach(json_object_get(old, "columns"), k, was)
        {
            if (value_int(was, "attnum", 0) == value_int(one, "attnum", -1) &&
                value_bool(one, "not_null", 0) &&
                !value_bool(was, "not_null", 0))
                return 1;
        }
    }
    return 0;
}

static const char *work_of(const json_t *old, const json_t *new,
                           const json_t *files, const json_t *moved)
{
    if (!new)
        return "none";
    if (was_rewritten(files, moved, value_int(old, "id", -1)))
        return "rewrite";
    if (has_new(old, new, "indexes"))
        return "index";
    return has_scan(old, new) ? "scan" : "none";
}

static const char *strongest(const json_t *held, json_int_t id)
{
    json_t *one;
    size_t i;
    int best = -1;
    json_array_foreach(held, i, one)
    {
        int r = rank(value_text(one, "mode", ""));
        if (value_int(one, "id", -1) == id && r > best)
            best = r;
    }
    return best < 0 ? NULL : modes[best];
}

static int holds(const json_t *list, const json_t *text)
{
    json_t *one;
    size_t i;
    json_array_foreach(list, i, one)
    {
        if (json_equal(one, text))
            return 1;
    }
    return 0;
}

json_t *migrate_locks_measured(const json_t *before, const json_t *after,
                               const json_t *held, const json_t *files,
                               const json_t *moved, const json_t *without)
{
    json_t *out = json_array(), *r;
    size_t i;
    json_array_foreach(json_object_get(before, "relations"), i, r)
    {
        json_int_t id = value_int(r, "id", -1);
        const json_t *new = by_id(json_object_get(after, "relations"), id);
        const char *mode = strongest(held, id);
        const char *work = work_of(r, new, files, moved);
        json_t *name;
        if ((!mode || strcmp(mode, modes[0]) == 0) && *work == 'n')
            continue;
        name = json_sprintf("%s.%s", value_text(r, "schema", ""),
                            value_text(r, "name", ""));
        if (!holds(without, name))
            json_array_append_new(
                out, json_pack("{s:O, s:s, s:s}", "relation", name, "mode",
                               mode ? mode : "unknown", "work", work));
        json_decref(name);
    }
    return out;
}

/* Values in a query are people's data: texts and numbers are left out. */
static json_t *without_values(const char *query)
{
    struct buf out = BUF_INIT(240);
    json_t *text;
    const char *p = query;
    while (*p && out.size < 200) {
        if (*p == '\'') {
            do
                p++;
            while (*p && *p != '\'');
            p += *p != '\0';
            buf_adds(&out, "'?'");
        } else if (*p >= '0' && *p <= '9' &&
                   (p == query || strchr(" (,=<>+-*/\n\t", p[-1]))) {
            p += strspn(p, "0123456789.");
            buf_addc(&out, '?');
        } else {
            buf_addc(&out, *p == '\n' || *p == '\t' ? ' ' : *p);
            p++;
        }
    }
    text = json_string(buf_text(&out));
    buf_free(&out);
    return text ? text : json_string("(not UTF-8)");
}

static int waits_for(const char *mine, const char *theirs)
{
    int m = rank(mine), t = rank(theirs);
    return m < 0 || t < 0 || (conflicts[m] >> t & 1u);
}

static void add_holders(json_t *lock, const PGresult *r)
{
    json_t *list = json_array();
    for (int i = 0; i < PQntuples(r) && json_array_size(list) < HOLDERS; i++) {
        if (!waits_for(value_text(lock, "mode", ""), PQgetvalue(r, i, 5)))
            continue;
        json_array_append_new(
            list,
            json_pack("{s:I, s:s, s:s, s:s, s:f, s:s, s:o}", "pid",
                      (json_int_t)atoll(PQgetvalue(r, i, 0)), "user",
                      PQgetvalue(r, i, 1), "application", PQgetvalue(r, i, 2),
                      "state", PQgetvalue(r, i, 3), "seconds",
                      atof(PQgetvalue(r, i, 4)), "mode", PQgetvalue(r, i, 5),
                      "query", without_values(PQgetvalue(r, i, 6))));
    }
    json_object_set_new(lock, "held_by", list);
}

static int add_live(struct pg *db, json_t *lock, struct driver_answer *a)
{
    static const char size_sql[] =
        "SELECT c.reltuples::bigint, pg_total_relation_size(c.oid)"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname || '.' || c.relname = $1";
    static const char held_sql[] =
        "SELECT l.pid, coalesce(s.usename, ''), coalesce(s.application_name,"
        " ''), coalesce(s.state, ''), coalesce(extract(epoch FROM now() -"
        " coalesce(s.xact_start, s.query_start)), 0), l.mode,"
        " coalesce(s.query, '')"
        " FROM pg_locks l JOIN pg_class c ON c.oid = l.relation"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " LEFT JOIN pg_stat_activity s ON s.pid = l.pid"
        " WHERE l.granted AND l.pid <> pg_backend_pid() AND l.database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND n.nspname || '.' || c.relname = $1"
        " ORDER BY 5 DESC, 1 LIMIT 200";
    const char *values[1] = {value_text(lock, "relation", "")};
    PGresult *size = NULL, *held = NULL;
    int rc =
        pg_query(db, "ask for sizes", size_sql, 1, values, &size, a) != 0 ||
        pg_query(db, "ask who holds locks", held_sql, 1, values, &held, a) != 0;
    if (!rc && PQntuples(size) == 1) {
        long long rows = atoll(PQgetvalue(size, 0, 0));
        if (rows >= 0) /* -1: never counted by VACUUM or ANALYZE */
            json_object_set_new(lock, "rows", json_integer(rows));
        json_object_set_new(
            lock, "bytes",
            json_integer((json_int_t)atoll(PQgetvalue(size, 0, 1))));
    }
    if (!rc)
        add_holders(lock, held);
    PQclear(size);
    PQclear(held);
    return rc;
}

int migrate_locks_live(struct pg *db, json_t *locks, struct driver_answer *a)
{
    json_t *lock;
    size_t i;
    int rc = 0;
    if (json_array_size(locks) == 0)
        return 0;
    rc = pg_begin(db, 1, LIMIT, LIMIT, a);
    json_array_foreach(locks, i, lock)
    {
        if (!rc)
            rc = add_live(db, lock, a);
    }
    pg_rollback(db);
    return rc;
}

/* One that is being built is invalid, too, until it is done; its builder
   holds a lock on its table that nobody else takes without waiting. */
int migrate_locks_invalid(struct pg *db, json_t **list, struct driver_answer *a)
{
    static const char sql[] =
        "SELECT coalesce(json_agg(n.nspname || '.' || c.relname || ' on ' ||"
        " i.indrelid::regclass ORDER BY c.relname), '[]') FROM pg_index i"
        " JOIN pg_class c ON c.oid = i.indexrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE NOT i.indisvalid AND c.relkind = 'i' AND NOT EXISTS"
        " (SELECT 1 FROM pg_locks l WHERE l.relation = i.indrelid AND l.granted"
        "  AND l.mode = 'ShareUpdateExclusiveLock')";
    return as_json(db, "look for invalid indexes", sql, list, a);
}
