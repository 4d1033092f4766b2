/* Read a ledger that was found, and show it. */
#define _GNU_SOURCE
#include "migrate_ledger.h"
#include "migrate_ledger_tools.h"
#include "../wire/utf8.h"

#include <stdio.h>
#include <string.h>

static int is_utf8(const char *text)
{
    size_t left = strlen(text), n = 1;
    for (; left && n; text += n, left -= n)
        n = utf8_length(text, left);
    return n > 0;
}

int migrate_ledger_foreign_row(const PGresult *r)
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
    int rows = PQntuples(r), row = migrate_ledger_foreign_row(r);
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
                           "%s: %s.%s holds %d rows, more than %d: if it is "
                           "no ledger, say in the environment which table is "
                           "(`table`)",
                           db->name, l->schema, l->table, rows,
                           LEDGER_MAX_ROWS),
               1;
    return 0;
}

static const char *field(const PGresult *r, int row, int column)
{
    return PQgetisnull(r, row, column) ? NULL : PQgetvalue(r, row, column);
}

static void take_rows(struct migrate_ledger *l, const PGresult *r)
{
    const char *fields[6];
    for (int row = 0; row < PQntuples(r); row++) {
        for (int i = 0; i < 6; i++)
            fields[i] = field(r, row, i);
        migrate_ledger_take(l, fields);
    }
}

/* Who may not read it is told what would let him. */
static void add_grant(const struct pg *db, const struct migrate_ledger *l,
                      struct driver_answer *a)
{
    size_t n = strlen(a->message);
    if (strcmp(db->state, "42501") == 0)
        snprintf(a->message + n, sizeof a->message - n,
                 "; nothing was changed; let the role read it: GRANT USAGE ON "
                 "SCHEMA \"%s\", GRANT SELECT ON %s",
                 l->schema, l->quoted);
}

/* The table's lock beside it; a role that may not read it, or a tool of
   another version without one, leaves it unknown. */
static int read_lock(struct pg *db, struct migrate_ledger *l,
                     struct driver_answer *a)
{
    static const char there[] =
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1"
        " AND c.relname = $2 AND has_table_privilege(c.oid, 'SELECT')";
    char name[300], quoted[600], sql[900];
    const char *values[2] = {l->schema, name};
    PGresult *r = NULL;
    if (!l->row->lock)
        return 0;
    snprintf(name, sizeof name, l->row->lock_table, l->table);
    if (pg_value(db, "look for its lock", there, 2, values, quoted,
                 sizeof quoted, a) != 0)
        return 1;
    if (!quoted[0])
        return 0;
    snprintf(sql, sizeof sql, l->row->lock, quoted);
    if (pg_query(db, "read its lock", sql, 0, NULL, &r, a) != 0)
        return 1;
    if (PQntuples(r) > 0)
        l->lock = json_pack("{s:s, s:b, s:s*, s:s*}", "table", quoted, "held",
                            strcmp(PQgetvalue(r, 0, 0), "t") == 0, "by",
                            field(r, 0, 1), "since", field(r, 0, 2));
    PQclear(r);
    return 0;
}

int migrate_ledger_read(struct pg *db, struct migrate_ledger *l,
                        struct driver_answer *a)
{
    char sql[2400], what[700], beside[600] = "";
    PGresult *r = NULL;
    int rc;
    if (l->row->beside &&
        pg_quote(db, l->schema, l->row->beside, beside, sizeof beside) != 0)
        return answer_fail(a, OUTCOME_REJECTED,
                           "%s: the ledger's name is too long", db->name),
               1;
    snprintf(sql, sizeof sql, l->row->read, l->quoted, beside);
    snprintf(what, sizeof what, "read the ledger %s.%s", l->schema, l->table);
    migrate_ledger_begin(l);
    rc = pg_query(db, what, sql, 0, NULL, &r, a);
    if (rc)
        add_grant(db, l, a);
    if (!rc)
        rc = check_rows(db, l, r, a);
    if (!rc) {
        take_rows(l, r);
        migrate_ledger_end(l);
    }
    PQclear(r);
    return rc ? rc : read_lock(db, l, a);
}

/* The last of a list; the order stays. */
static json_t *newest(const json_t *list)
{
    size_t count = json_array_size(list);
    size_t from = count > LEDGER_SHOWN ? count - LEDGER_SHOWN : 0;
    json_t *out = json_array();
    for (size_t i = from; i < count; i++)
        json_array_append(out, json_array_get(list, i));
    return out;
}

json_t *migrate_ledger_describe(const struct migrate_ledger *l)
{
    json_t *out = json_pack(
        "{s:s, s:s++, s:b, s:o, s:I, s:o, s:O, s:s*, s:s*, s:O*}", "tool",
        migrate_tool_name(l->tool), "table", l->schema, ".", l->table, "dirty",
        l->dirty, "applied", newest(l->applied), "count",
        (json_int_t)json_array_size(l->applied), "heads", newest(l->heads),
        "failed", l->failed, "version", l->version[0] ? l->version : NULL,
        "batch", l->batch[0] ? l->batch : NULL, "lock", l->lock);
    if (json_array_size(l->also) > 0)
        json_object_set(out, "also", l->also);
    return out;
}
