/*
 * The ledgers of migration tools: the rows that a database answers with when
 * it is asked for its ledger, and those of the ledger. What is found is one
 * of the rows; no row of a version is passed over without a word.
 * Input: tool, table and schema of the binding; rows of tables (schema,
 * table, columns, t or f) up to an empty line; rows of the ledger (version,
 * state, name, checksum, batch, why). Fields end at a tab, rows at a line's
 * end; \N is NULL.
 */
#include "fuzz.h"
#include "../../core/drivers/migrate_ledger.h"
#include "../../core/drivers/migrate_ledger_tools.h"

#define FIELDS 6

static char *tables, *rows; /* what the next two questions are answered with */

static void set_field(PGresult *r, int row, int field, const char *text,
                      size_t size)
{
    if (size == 2 && memcmp(text, "\\N", 2) == 0)
        CHECK(PQsetvalue(r, row, field, NULL, -1));
    else
        CHECK(PQsetvalue(r, row, field, (char *)text, (int)size));
}

static PGresult *result_of(const char *text)
{
    static PGresAttDesc fields[FIELDS] = {{.name = "a"}, {.name = "b"},
                                          {.name = "c"}, {.name = "d"},
                                          {.name = "e"}, {.name = "f"}};
    PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    CHECK(r && PQsetResultAttrs(r, FIELDS, fields));
    for (int row = 0; *text; row++) {
        for (int field = 0; field < FIELDS; field++) {
            size_t n = strcspn(text, "\t\n");
            set_field(r, row, field, text, n);
            text += n + (text[n] == '\t');
        }
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return r;
}

int pg_query(struct pg *db, const char *what, const char *sql, int count,
             const char *const *values, PGresult **out, struct driver_answer *a)
{
    (void)db, (void)what, (void)values, (void)a;
    CHECK(sql[0]);
    *out = result_of(count ? tables : rows);
    return 0;
}

int pg_value(struct pg *db, const char *what, const char *sql, int count,
             const char *const *values, char *out, size_t size,
             struct driver_answer *a)
{
    (void)db, (void)what, (void)sql, (void)values, (void)a;
    CHECK(count == 2 && size > 1);
    snprintf(out, size, "%s", rows[0] == 'l' ? "lock" : "");
    return 0;
}

int pg_quote(struct pg *db, const char *schema, const char *name, char *out,
             size_t size)
{
    int used = snprintf(out, size, "\"%s\".\"%s\"", schema, name);
    (void)db;
    return (size_t)used >= size ? RB_TOOBIG : 0;
}

static void is_one_of_the_rows(const struct migrate_ledger *l,
                               const struct driver_call *c)
{
    PGresult *r = result_of(tables);
    const char *tool = option_text(c, "tool", NULL);
    int there = 0;
    for (int i = 0; i < PQntuples(r); i++)
        there |=
            strncmp(PQgetvalue(r, i, 0), l->schema, sizeof l->schema - 1) ==
                0 &&
            strncmp(PQgetvalue(r, i, 1), l->table, sizeof l->table - 1) == 0;
    CHECK(there);
    CHECK(l->tool < TOOLS);
    CHECK(!tool || strcmp(tool, migrate_tool_name(l->tool)) == 0);
    PQclear(r);
}

static void in_order(const struct migrate_ledger *l)
{
    const json_t *last = NULL, *one;
    size_t i;
    json_array_foreach(l->applied, i, one)
    {
        CHECK(json_is_string(one));
        if (last && l->row->current == CURRENT_GREATEST)
            CHECK(migrate_tool_compare(l->tool, json_string_value(last),
                                       json_string_value(one)) <= 0);
        last = one;
    }
    if (l->version[0])
        CHECK(strncmp(l->version, json_string_value(last),
                      sizeof l->version - 1) == 0);
}

/* What a row calls applied is, unless a row behind it says otherwise. */
static void no_row_is_lost(const struct migrate_ledger *l)
{
    PGresult *r = result_of(rows);
    size_t applied = 0;
    int undone = 0;
    for (int i = 0; i < PQntuples(r); i++)
        undone |= strcmp(PQgetvalue(r, i, 1), "undone") == 0;
    for (int i = 0; i < PQntuples(r); i++) {
        const char *version = PQgetvalue(r, i, 0);
        if (strcmp(PQgetvalue(r, i, 1), "applied") != 0 || undone ||
            (l->tool == TOOL_GOLANG_MIGRATE && strcmp(version, "-1") == 0))
            continue;
        CHECK(l->tool == TOOL_GOLANG_MIGRATE || migrate_ledger_has(l, version));
        applied = 1;
    }
    CHECK(!applied || json_array_size(l->applied) > 0);
    CHECK(json_array_size(l->applied) <= (size_t)PQntuples(r));
    CHECK(json_array_size(l->applied) == json_array_size(l->rows));
    CHECK(l->dirty == (json_array_size(l->failed) > 0));
    PQclear(r);
}

static void is_shown(const struct migrate_ledger *l)
{
    json_t *shown = migrate_ledger_describe(l);
    CHECK(json_is_object(shown) && value_text(shown, "tool", NULL));
    json_decref(shown);
}

static void ask(const struct driver_call *c)
{
    struct pg db = {.call = c, .name = "database api"};
    struct migrate_ledger l = {0};
    struct driver_answer a = {0};
    if (migrate_ledger_find(&db, &l, &a) != 0) {
        CHECK(a.outcome != OUTCOME_OK && a.message[0]);
        migrate_ledger_free(&l);
        return;
    }
    is_one_of_the_rows(&l, c);
    if (migrate_ledger_read(&db, &l, &a) == 0) {
        in_order(&l);
        no_row_is_lost(&l);
        is_shown(&l);
    } else {
        CHECK(a.outcome != OUTCOME_OK && a.message[0]);
    }
    migrate_ledger_free(&l);
}

static void option(json_t *binding, const char *key, struct input *in, char end)
{
    char *text = input_text(in, end);
    if (text[0])
        json_object_set_new(binding, key, json_string(text));
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct driver_call c = {0};
    json_t *binding = json_object();
    char *end;
    c.binding = binding;
    option(binding, "tool", &in, '\t');
    option(binding, "table", &in, '\t');
    option(binding, "schema", &in, '\n');
    tables = input_bytes(&in, in.left);
    end = strstr(tables, "\n\n");
    rows = strdup(end ? end + 2 : "");
    if (end)
        end[1] = '\0';
    ask(&c);
    json_decref(binding);
    free(tables);
    free(rows);
    return 0;
}
