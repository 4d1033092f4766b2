#define _GNU_SOURCE
#include "migrate_ledger.h"
#include "migrate_ledger_tools.h"

#include <stdio.h>
#include <string.h>

/*
 * Tables with a tool's own name, and tables with a column that only ledgers
 * have: who gave his ledger another name left the columns as they are.
 */
static const char find_sql[] =
    "SELECT n.nspname, c.relname,"
    " '|' || string_agg(a.attname || ':' || format_type(a.atttypid, NULL),"
    "   '|' ORDER BY a.attnum) || '|',"
    " EXISTS (SELECT FROM pg_class m WHERE m.relnamespace = n.oid"
    "   AND m.relname = 'ar_internal_metadata')"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
    "   AND NOT a.attisdropped"
    " WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_'"
    "   AND n.nspname <> 'information_schema'"
    "   AND (c.relname = ANY ($1::text[]) OR $3::text IS NULL"
    "     AND c.relnatts <= 20 AND EXISTS (SELECT FROM pg_attribute s"
    "       WHERE s.attrelid = c.oid AND s.attname IN ('dirty',"
    "       'version_num', 'installed_rank', 'version_id', 'exectype',"
    "       'migration_name', 'migration_time', 'MigrationId',"
    "       'version_self', 'operator_version', 'execution_time',"
    "       'inserted_at', 'run_on')))"
    "   AND ($2::text IS NULL OR n.nspname = $2)"
    " GROUP BY n.oid, n.nspname, c.relname ORDER BY 1, 2 LIMIT 20000";

struct search {
    const char *tool;  /* of the binding, or NULL */
    const char *table; /* of the binding, or NULL */
    int found, alike;
    char ledgers[600];   /* "public.schema_migrations (rails), ..." */
    char alikes[600];    /* tables of other names that look like ledgers */
    char strangers[400]; /* names of tools, columns of none */
    struct migrate_ledger like; /* the first of alikes */
};

static void note(char *list, size_t size, const char *schema, const char *table,
                 const char *tool)
{
    size_t used = strlen(list);
    snprintf(list + used, size - used, "%s%s.%s (%s)", used ? ", " : "", schema,
             table, tool);
}

/* dbmate's table is Rails' without Rails beside it: a Rails before 5 looks
   like it, so the environment's word decides between these two. */
static int is_wanted(const struct ledger_tool *row, const char *wanted,
                     int rails_metadata)
{
    if (wanted)
        return strcmp(wanted, migrate_tool_name(row->tool)) == 0;
    if (row->tool == TOOL_RAILS)
        return rails_metadata;
    return row->tool != TOOL_DBMATE || !rails_metadata;
}

static int is_named(const struct ledger_tool *row, const char *table)
{
    return strcmp(row->table, table) == 0 ||
           (row->former && strcmp(row->former, table) == 0);
}

/* The row that a table is of, by its columns. named: under the tool's own
   name, or under the one that the environment gives. */
static const struct ledger_tool *row_of(const struct search *s,
                                        const char *table, const char *columns,
                                        int rails_metadata, int named)
{
    size_t count;
    const struct ledger_tool *rows = ledger_tools(&count);
    for (size_t i = 0; i < count; i++) {
        int own = is_named(&rows[i], table);
        if (named && !own && !s->table)
            continue;
        if (is_wanted(&rows[i], s->tool, rails_metadata) &&
            ledger_tool_fits(&rows[i], columns, !named))
            return &rows[i];
    }
    return NULL;
}

static int bears_a_name(const char *table)
{
    size_t count;
    const struct ledger_tool *rows = ledger_tools(&count);
    for (size_t i = 0; i < count; i++) {
        if (is_named(&rows[i], table))
            return rows[i].tool != TOOL_SQITCH; /* "changes" is anybody's */
    }
    return 0;
}

static void set(struct migrate_ledger *l, const struct ledger_tool *row,
                const char *schema, const char *table)
{
    l->row = row;
    l->tool = row->tool;
    snprintf(l->schema, sizeof l->schema, "%s", schema);
    snprintf(l->table, sizeof l->table, "%s", table);
}

/* A table of another name has to have all columns and no others, and a tool
   that tells its own from one column does not do. */
static int look_alike(struct search *s, const char *schema, const char *table,
                      const char *columns)
{
    const struct ledger_tool *row = row_of(s, table, columns, 0, 0);
    if (!row || (row->alone && row->tool != TOOL_ALEMBIC))
        return 0;
    note(s->alikes, sizeof s->alikes, schema, table,
         migrate_tool_name(row->tool));
    if (s->alike++ == 0)
        set(&s->like, row, schema, table);
    return 1;
}

static void consider(const PGresult *r, int i, struct migrate_ledger *l,
                     struct search *s)
{
    const char *schema = PQgetvalue(r, i, 0), *table = PQgetvalue(r, i, 1);
    const char *columns = PQgetvalue(r, i, 2);
    const struct ledger_tool *row =
        row_of(s, table, columns, PQgetvalue(r, i, 3)[0] == 't', 1);
    if (row) {
        note(s->ledgers, sizeof s->ledgers, schema, table,
             migrate_tool_name(row->tool));
        if (s->found++ == 0)
            set(l, row, schema, table);
    } else if (!look_alike(s, schema, table, columns) &&
               (s->table || bears_a_name(table))) {
        note(s->strangers, sizeof s->strangers, schema, table,
             s->tool ? "its columns are not those of `tool`"
                     : "its columns are of no tool that rbrun reads");
    }
}

static int several(struct pg *db, int count, const char *list,
                   struct driver_answer *a)
{
    answer_fail(a, OUTCOME_REJECTED,
                "%s has %d ledgers: %s; nothing was changed; say in the "
                "environment which one (`schema`, `table` or `tool`)",
                db->name, count, list);
    return 1;
}

static int none(struct pg *db, const struct search *s, struct driver_answer *a)
{
    if (s->strangers[0])
        answer_fail(a, OUTCOME_NOT_FOUND,
                    "%s has no ledger that rbrun reads%s; it has %s; nothing "
                    "was changed; if its ledger has another name, say so in "
                    "the environment (`table`, `schema`)",
                    db->name, s->tool ? " and that fits `tool`" : "",
                    s->strangers);
    else
        answer_fail(a, OUTCOME_NOT_FOUND,
                    "%s has no ledger of %s%s; nothing was changed; if it has "
                    "another name, say so in the environment (`table`, "
                    "`schema`)",
                    db->name, migrate_tool_names(),
                    s->tool ? " that fits `tool`" : "");
    return 1;
}

/* One of a tool's own name, else one that looks like one. */
static int settle(struct pg *db, struct migrate_ledger *l,
                  const struct search *s, struct driver_answer *a)
{
    if (s->found > 1)
        return several(db, s->found, s->ledgers, a);
    if (s->found == 0 && s->alike > 1)
        return several(db, s->alike, s->alikes, a);
    if (s->found == 0 && s->alike == 0)
        return none(db, s, a);
    if (s->found == 0)
        set(l, s->like.row, s->like.schema, s->like.table);
    else if (s->alikes[0])
        json_array_append_new(l->also, json_string(s->alikes));
    return 0;
}

/* A text[] literal of the tables to look for. */
static int wanted_tables(struct pg *db, const char *table, char *out,
                         size_t size, struct driver_answer *a)
{
    size_t n = 0, count;
    const struct ledger_tool *rows = ledger_tools(&count);
    if (table) {
        if (strpbrk(table, "\"\\{},") ||
            (size_t)snprintf(out, size, "{\"%s\"}", table) >= size)
            return answer_fail(a, OUTCOME_REJECTED,
                               "%s: `table` is not a table's name", db->name),
                   1;
        return 0;
    }
    for (size_t i = 0; i < count; i++)
        n += (size_t)snprintf(out + n, size - n, "%c\"%s\"", i ? ',' : '{',
                              rows[i].table);
    snprintf(out + n, size - n, ",\"schema_version\"}");
    return 0;
}

int migrate_ledger_find(struct pg *db, struct migrate_ledger *l,
                        struct driver_answer *a)
{
    char tables[1600];
    struct search s;
    const char *values[3] = {tables, option_text(db->call, "schema", NULL),
                             option_text(db->call, "table", NULL)};
    PGresult *r = NULL;
    memset(&s, 0, sizeof s);
    s.tool = option_text(db->call, "tool", NULL);
    s.table = values[2];
    memset(l, 0, sizeof *l);
    l->also = json_array();
    if (wanted_tables(db, s.table, tables, sizeof tables, a) != 0 ||
        pg_query(db, "look for its ledger", find_sql, 3, values, &r, a) != 0)
        return 1;
    if (migrate_ledger_foreign_row(r)) {
        PQclear(r);
        return answer_fail(a, OUTCOME_REJECTED,
                           "%s: names of its tables are not in UTF-8: add "
                           "client_encoding=UTF8 to the binding's `url`",
                           db->name),
               1;
    }
    for (int i = 0; i < PQntuples(r); i++)
        consider(r, i, l, &s);
    PQclear(r);
    if (settle(db, l, &s, a) != 0)
        return 1;
    if (pg_quote(db, l->schema, l->table, l->quoted, sizeof l->quoted) != 0)
        return answer_fail(a, OUTCOME_REJECTED,
                           "%s: the ledger's name is too long", db->name),
               1;
    return 0;
}
