#define _GNU_SOURCE
#include "migrate_ledger.h"
#include "../wire/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How a ledger is told: its columns, each with a type in " name:type ". */
struct shape {
    enum migrate_tool tool;
    const char *columns[4];
    const char *without; /* a column that another tool's table has */
};

static const struct shape shapes[] = {
    {TOOL_GOLANG_MIGRATE, {" version:bigint ", " dirty:boolean "}, NULL},
    {TOOL_RAILS, {" version:character varying"}, " dirty:"},
    {TOOL_ALEMBIC, {" version_num:character varying"}, NULL},
    {TOOL_FLYWAY,
     {" installed_rank:integer ", " version:character varying",
      " type:character varying", " success:boolean "},
     NULL},
    {TOOL_GOOSE, {" version_id:bigint ", " is_applied:boolean "}, NULL},
};

/* The names that tools give their ledgers. Those without a tool are told,
   so that "no ledger" is never said of a database that has one. */
struct known {
    const char *table;
    const char *tool; /* NULL: read by shape */
};
static const struct known known_tables[] = {
    {"schema_migrations", NULL},
    {"alembic_version", NULL},
    {"flyway_schema_history", NULL},
    {"schema_version", NULL},
    {"goose_db_version", NULL},
    {"django_migrations", "Django"},
    {"databasechangelog", "Liquibase"},
    {"_sqlx_migrations", "sqlx"},
    {"_prisma_migrations", "Prisma"},
    {"knex_migrations", "Knex"},
    {"SequelizeMeta", "Sequelize"},
    {"pgmigrations", "node-pg-migrate"},
    {"__drizzle_migrations", "Drizzle"},
    {"atlas_schema_revisions", "Atlas"},
    {"__diesel_schema_migrations", "diesel"},
    {"schema_migration", "Ory pop"},
    {"gorp_migrations", "sql-migrate"},
    {"refinery_schema_history", "refinery"},
    {"__EFMigrationsHistory", "EF Core"},
    {NULL, NULL},
};

static const char find_sql[] =
    "SELECT n.nspname, c.relname,"
    " ' ' || string_agg(a.attname || ':' || format_type(a.atttypid, NULL),"
    "   ' ' ORDER BY a.attnum) || ' ',"
    " EXISTS (SELECT 1 FROM pg_class m WHERE m.relnamespace = n.oid"
    "   AND m.relname = 'ar_internal_metadata')"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
    "   AND NOT a.attisdropped"
    " WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_'"
    "   AND n.nspname <> 'information_schema'"
    "   AND c.relname = ANY ($1::text[])"
    "   AND ($2::text IS NULL OR n.nspname = $2)"
    " GROUP BY n.oid, n.nspname, c.relname ORDER BY 1, 2 LIMIT 100";

static int shape_of(const char *columns, int rails_metadata,
                    enum migrate_tool *out)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const struct shape *s = &shapes[i];
        int fits = !(s->without && strstr(columns, s->without));
        for (size_t k = 0; k < 4 && s->columns[k]; k++)
            fits = fits && strstr(columns, s->columns[k]);
        if (!fits || (s->tool == TOOL_RAILS && strstr(columns, "type:")))
            continue;
        *out = s->tool;
        if (*out == TOOL_RAILS && !rails_metadata)
            *out = TOOL_DBMATE;
        return 0;
    }
    return RB_NOTFOUND;
}

/* dbmate's table is Rails' without Rails beside it: a Rails before 5 looks
   like it, so the environment's word decides between these two. */
static int tool_agrees(const char *wanted, enum migrate_tool *tool)
{
    if (!wanted)
        return 1;
    if (*tool == TOOL_DBMATE && strcmp(wanted, "rails") == 0)
        *tool = TOOL_RAILS;
    else if (*tool == TOOL_RAILS && strcmp(wanted, "dbmate") == 0)
        *tool = TOOL_DBMATE;
    return strcmp(wanted, migrate_tool_name(*tool)) == 0;
}

static const char *stranger(const char *table)
{
    const struct known *k = known_tables;
    while (k->table && strcmp(k->table, table) != 0)
        k++;
    return k->table ? k->tool : NULL;
}

struct search {
    int found;
    char ledgers[600];   /* "public.schema_migrations (rails), ..." */
    char strangers[400]; /* tables of tools that are not read */
};

static void note(char *list, size_t size, const char *schema, const char *table,
                 const char *tool)
{
    size_t used = strlen(list);
    snprintf(list + used, size - used, "%s%s.%s (%s)", used ? ", " : "", schema,
             table, tool);
}

/* A table with another tool's name is that tool's, whatever its columns
   look like; one that the environment names is judged by its columns. */
static void consider(const PGresult *r, int row, const struct driver_call *c,
                     struct migrate_ledger *l, struct search *s)
{
    const char *schema = PQgetvalue(r, row, 0), *table = PQgetvalue(r, row, 1);
    int named = option_text(c, "table", NULL) != NULL;
    const char *other = named ? NULL : stranger(table);
    enum migrate_tool tool;
    if (other || shape_of(PQgetvalue(r, row, 2),
                          PQgetvalue(r, row, 3)[0] == 't', &tool) != 0) {
        note(s->strangers, sizeof s->strangers, schema, table,
             other ? other : "its columns are of no tool that rbrun reads");
        return;
    }
    if (!tool_agrees(option_text(c, "tool", NULL), &tool))
        return;
    note(s->ledgers, sizeof s->ledgers, schema, table, migrate_tool_name(tool));
    s->found++;
    l->tool = tool;
    snprintf(l->schema, sizeof l->schema, "%s", schema);
    snprintf(l->table, sizeof l->table, "%s", table);
}

static int not_one(struct pg *db, const struct search *s,
                   struct driver_answer *a)
{
    if (s->found > 1)
        answer_fail(a, OUTCOME_REJECTED,
                    "%s has %d ledgers: %s; say in the environment which one "
                    "(`schema`, `table` or `tool`)",
                    db->name, s->found, s->ledgers);
    else if (s->strangers[0])
        answer_fail(a, OUTCOME_NOT_FOUND,
                    "%s has no ledger that rbrun reads; it has %s", db->name,
                    s->strangers);
    else
        answer_fail(a, OUTCOME_NOT_FOUND,
                    "%s has no ledger of golang-migrate, rails, dbmate, "
                    "alembic, flyway or goose%s; if it has another name, say "
                    "so in the environment (`table`, `schema`)",
                    db->name,
                    option_text(db->call, "tool", NULL) ? " that fits `tool`"
                                                        : "");
    return 1;
}

/* A text[] literal of the tables to look for. */
static int wanted_tables(struct pg *db, char *out, size_t size,
                         struct driver_answer *a)
{
    const char *table = option_text(db->call, "table", NULL);
    size_t n = 0;
    if (table) {
        if (strpbrk(table, "\"\\{},") ||
            (size_t)snprintf(out, size, "{\"%s\"}", table) >= size)
            return answer_fail(a, OUTCOME_REJECTED,
                               "%s: `table` is not a table's name", db->name),
                   1;
        return 0;
    }
    out[n++] = '{';
    for (const struct known *k = known_tables; k->table; k++)
        n += (size_t)snprintf(out + n, size - n, "%s\"%s\"", n > 1 ? "," : "",
                              k->table);
    snprintf(out + n, size - n, "}");
    return 0;
}

int migrate_ledger_find(struct pg *db, struct migrate_ledger *l,
                        struct driver_answer *a)
{
    char tables[1024];
    const char *values[2] = {tables, option_text(db->call, "schema", NULL)};
    struct search s = {0, "", ""};
    PGresult *r = NULL;
    memset(l, 0, sizeof *l);
    if (wanted_tables(db, tables, sizeof tables, a) != 0 ||
        pg_query(db, "look for its ledger", find_sql, 2, values, &r, a) != 0)
        return 1;
    for (int row = 0; row < PQntuples(r); row++)
        consider(r, row, db->call, l, &s);
    PQclear(r);
    if (s.found != 1)
        return not_one(db, &s, a);
    if (pg_quote(db, l->schema, l->table, l->quoted, sizeof l->quoted) != 0)
        return answer_fail(a, OUTCOME_REJECTED,
                           "%s: the ledger's name is too "
                           "long",
                           db->name),
               1;
    return 0;
}

/* How each tool's ledger is read: $1.. none; columns version, flag, what. */
static const char *const read_sql[TOOLS] = {
    [TOOL_GOLANG_MIGRATE] = "SELECT version, dirty, '' FROM %s",
    [TOOL_RAILS] = "SELECT version, true, '' FROM %s",
    [TOOL_DBMATE] = "SELECT version, true, '' FROM %s",
    [TOOL_ALEMBIC] = "SELECT version_num, true, '' FROM %s ORDER BY 1",
    [TOOL_FLYWAY] = "SELECT version, success, type, script FROM %s"
                    " ORDER BY installed_rank",
    [TOOL_GOOSE] = "SELECT version_id, is_applied, '' FROM %s"
                   " ORDER BY id DESC",
};

static int listed(const json_t *list, const char *text, size_t *where)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *one = json_string_value(json_array_get(list, i));
        if (migrate_version_compare(one, text) == 0) {
            if (where)
                *where = i;
            return 1;
        }
    }
    return 0;
}

/* An undone or deleted version stops counting; a later row brings it back.
   (Flyway, MigrationInfoServiceImpl) */
static void take_flyway(struct migrate_ledger *l, const PGresult *r, int row)
{
    const char *version = PQgetvalue(r, row, 0), *type = PQgetvalue(r, row, 2);
    size_t at;
    if (PQgetvalue(r, row, 1)[0] != 't') {
        l->dirty = 1;
    } else if (PQgetisnull(r, row, 0)) {
        json_array_append_new(l->scripts, json_string(PQgetvalue(r, row, 3)));
    } else if (strncmp(type, "UNDO", 4) == 0 || strcmp(type, "DELETE") == 0) {
        if (listed(l->applied, version, &at))
            json_array_remove(l->applied, at);
    } else if (!listed(l->applied, version, NULL)) {
        json_array_append_new(l->applied, json_string(version));
    }
}

/* Newest row first: the first one seen of a version decides. (goose,
   GetDBVersion) */
static void take_goose(struct migrate_ledger *l, json_t *seen,
                       const PGresult *r, int row)
{
    const char *version = PQgetvalue(r, row, 0);
    if (strcmp(version, "0") == 0 || json_object_get(seen, version))
        return;
    json_object_set_new(seen, version, json_true());
    if (PQgetvalue(r, row, 1)[0] != 't')
        return;
    if (!l->last[0])
        snprintf(l->last, sizeof l->last, "%s", version);
    json_array_append_new(l->applied, json_string(version));
}

static void take_rows(struct migrate_ledger *l, const PGresult *r)
{
    json_t *seen = json_object();
    for (int row = 0; row < PQntuples(r); row++) {
        if (l->tool == TOOL_FLYWAY) {
            take_flyway(l, r, row);
        } else if (l->tool == TOOL_GOOSE) {
            take_goose(l, seen, r, row);
        } else if (l->tool == TOOL_GOLANG_MIGRATE) {
            l->dirty = PQgetvalue(r, row, 1)[0] == 't';
            /* -1 is "nothing applied", kept only while it is dirty. */
            if (strcmp(PQgetvalue(r, row, 0), "-1") != 0)
                json_array_append_new(l->applied,
                                      json_string(PQgetvalue(r, row, 0)));
        } else {
            json_array_append_new(l->applied,
                                  json_string(PQgetvalue(r, row, 0)));
        }
    }
    json_decref(seen);
}

static int compare_items(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    return migrate_version_compare(json_string_value(x), json_string_value(y));
}

/* Oldest first, whatever order the rows came in. */
static int sort_versions(json_t *list)
{
    size_t count = json_array_size(list);
    json_t **items = calloc(count + 1, sizeof *items);
    if (!items)
        return RB_NOMEM;
    for (size_t i = 0; i < count; i++)
        items[i] = json_incref(json_array_get(list, i));
    qsort(items, count, sizeof *items, compare_items);
    json_array_clear(list);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, items[i]);
    free(items);
    return 0;
}

/* The current version is the greatest one; Alembic's revisions have no
   order, and with several heads there is no current one. */
static void set_current(struct migrate_ledger *l)
{
    size_t count = json_array_size(l->applied);
    const char *version =
        json_string_value(json_array_get(l->applied, count - 1));
    if (l->tool == TOOL_ALEMBIC) {
        json_array_extend(l->heads, l->applied);
        if (count > 1)
            return;
    } else if (version) {
        json_array_append_new(l->heads, json_string(version));
    }
    if (version)
        snprintf(l->version, sizeof l->version, "%s", version);
}

static int is_utf8(const char *text)
{
    size_t left = strlen(text), n = 1;
    for (; left && n; text += n, left -= n)
        n = utf8_length(text, left);
    return n > 0;
}

/* In a database that is not in UTF-8, a version may be no text to us; left
   out, it would count as not applied. */
static int row_in_other_encoding(const PGresult *r)
{
    for (int row = 0; row < PQntuples(r); row++) {
        for (int field = 0; field < PQnfields(r); field++) {
            if (!is_utf8(PQgetvalue(r, row, field)))
                return row + 1;
        }
    }
    return 0;
}

static int check_rows(struct pg *db, const struct migrate_ledger *l,
                      const PGresult *r, struct driver_answer *a)
{
    int rows = PQntuples(r), row = row_in_other_encoding(r);
    if (row)
        return answer_fail(a, OUTCOME_REJECTED,
                           "%s: row %d of %s.%s is not in UTF-8: add "
                           "client_encoding=UTF8 to the binding's `url`",
                           db->name, row, l->schema, l->table),
               1;
    if (l->tool == TOOL_GOLANG_MIGRATE && rows > 1)
        return answer_fail(a, OUTCOME_REJECTED,
                           "%s: %s.%s holds %d rows; golang-migrate keeps one",
                           db->name, l->schema, l->table, rows),
               1;
    if (rows > LEDGER_MAX_ROWS)
        return answer_fail(a, OUTCOME_REJECTED,
                           "%s: %s.%s holds more than %d rows", db->name,
                           l->schema, l->table, LEDGER_MAX_ROWS),
               1;
    return 0;
}

int migrate_ledger_read(struct pg *db, struct migrate_ledger *l,
                        struct driver_answer *a)
{
    char sql[900], what[700];
    PGresult *r = NULL;
    int rc;
    snprintf(sql, sizeof sql, read_sql[l->tool], l->quoted);
    snprintf(what, sizeof what, "read the ledger %s.%s", l->schema, l->table);
    migrate_ledger_free(l);
    l->applied = json_array();
    l->heads = json_array();
    l->scripts = json_array();
    l->version[0] = l->last[0] = '\0';
    l->dirty = 0;
    rc = pg_query(db, what, sql, 0, NULL, &r, a);
    if (!rc)
        rc = check_rows(db, l, r, a);
    if (!rc) {
        take_rows(l, r);
        if (l->tool != TOOL_ALEMBIC)
            sort_versions(l->applied);
        set_current(l);
    }
    PQclear(r);
    return rc;
}

void migrate_ledger_free(struct migrate_ledger *l)
{
    json_decref(l->applied);
    json_decref(l->heads);
    json_decref(l->scripts);
    l->applied = l->heads = l->scripts = NULL;
}

static int script_ran(const struct migrate_ledger *l, const char *name)
{
    for (size_t i = 0; i < json_array_size(l->scripts); i++) {
        const char *path = json_string_value(json_array_get(l->scripts, i));
        const char *slash = strrchr(path, '/');
        if (strcmp(slash ? slash + 1 : path, name) == 0)
            return 1;
    }
    return 0;
}

int migrate_ledger_holds(const struct migrate_ledger *l,
                         const struct migrate_file *f)
{
    if (f->direction == MIGRATE_REPEATABLE)
        return script_ran(l, f->name);
    if (l->tool != TOOL_GOLANG_MIGRATE)
        return listed(l->applied, f->version, NULL);
    if (l->dirty && !l->version[0])
        return 1; /* half-way below the first: nothing can be ruled out */
    return l->version[0] &&
           migrate_version_compare(f->version, l->version) <= 0;
}
