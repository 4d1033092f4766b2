/*
 * Parse a statement, look at what the server says, and go back to a
 * savepoint: that gives up the locks which the parsing took.
 */
#define _GNU_SOURCE
#include "pg_statements.h"
#include "pg_statements_text.h"

#include <string.h>

#define SHOWN_BROKEN 50
#define SHOWN_TEXT 200
#define LOCK_TIMEOUT 2000
#define STATEMENT_TIMEOUT 5000
#define NAME "rbrun_witness"

struct test {
    struct pg *db;
    json_t *broken, *codes;
    json_int_t tested, passed, failed, untestable, skipped, not_reached;
};

static int is_one_of(const char *state, const char *const *list)
{
    while (*list && strcmp(*list, state) != 0)
        list++;
    return *list != NULL;
}

/*
 * What the server's refusal may have another cause for than the schema. A
 * text of pg_stat_statements has $1 where a constant was: that loses the type
 * ("$1 + $2": 42725; an operator of two texts: 42883), and "interval $1" is
 * no SQL (42601). 42P18, 42P02: of a parameter; 55P03, 57014: a lock or the
 * time; 55000: a standby takes no writer's lock; 0A000: of this way to ask;
 * 54001: too deep. A function that is missing (42883 at a name) is missing
 * whatever its arguments are: $1 would go with any.
 */
static int says_nothing(const char *state, const char *query,
                        const char *object)
{
    static const char *const always[] = {"42601", "42P18", "42P02",
                                         "55P03", "57014", "55000",
                                         "0A000", "54001", NULL};
    static const char *const of_constants[] = {"42725", "42804", "42846", NULL};
    int constants = strchr(query, '$') != NULL;
    return is_one_of(state, always) ||
           (constants && is_one_of(state, of_constants)) ||
           (constants && strcmp(state, "42883") == 0 && !object[0]);
}

static int lost_for_now(const char *state)
{
    return strcmp(state, "55P03") == 0 || strcmp(state, "57014") == 0 ||
           strcmp(state, "42601") == 0;
}

static void count_untestable(struct test *t, const char *state)
{
    const json_t *before = json_object_get(t->codes, state);
    t->untestable++;
    json_object_set_new(t->codes, state,
                        json_integer(json_integer_value(before) + 1));
}

static void add_broken(struct test *t, const json_t *entry, const PGresult *r,
                       const char *state, const char *object)
{
    const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    char line[SHOWN_TEXT];
    t->failed++;
    if (json_array_size(t->broken) >= SHOWN_BROKEN)
        return;
    pg_statements_excerpt(value_text(entry, "query", ""), line, sizeof line);
    json_array_append_new(
        t->broken, json_pack("{s:s, s:s, s:s*, s:s, s:I}", "statement", line,
                             "code", state, "object", object[0] ? object : NULL,
                             "text", text ? text : "", "calls",
                             (json_int_t)value_int(entry, "calls", 0)));
}

static void judge(struct test *t, json_t *entry, const PGresult *r)
{
    const char *query = value_text(entry, "query", "");
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    char object[300];
    state = state ? state : "XX000";
    pg_statements_name(query, PQresultErrorField(r, PG_DIAG_STATEMENT_POSITION),
                       object, sizeof object);
    if (lost_for_now(state) || (!value_bool(entry, "prepared", 0) &&
                                says_nothing(state, query, object)))
        count_untestable(t, state);
    else
        add_broken(t, entry, r, state, object);
}

/* Of the older schema itself: what it takes, and why it does not. */
static void note(struct test *t, json_t *entry, const PGresult *r, int passed)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    state = state ? state : "XX000";
    if (passed) {
        json_object_set_new(entry, "prepared", json_true());
        return;
    }
    json_object_set_new(entry, "state", json_string(state));
    count_untestable(t, state);
}

static int go_back(struct pg *db, int prepared, struct driver_answer *a)
{
    static const char sql[] = "ROLLBACK TO SAVEPOINT statement";
    return (prepared && pg_do(db, "forget a statement", "DEALLOCATE " NAME, 0,
                              NULL, a) != 0) ||
           pg_do(db, "give a statement's locks back", sql, 0, NULL, a) != 0;
}

static int ask(struct test *t, json_t *entry, int mark, struct driver_answer *a)
{
    PGresult *r =
        PQprepare(t->db->conn, NAME, value_text(entry, "query", ""), 0, NULL);
    int passed = PQresultStatus(r) == PGRES_COMMAND_OK, rc = 0;
    t->tested++;
    t->passed += passed;
    if (pg_lost(t->db))
        rc = pg_fail(t->db, "parse the older code's statements", r, a);
    else if (mark)
        note(t, entry, r, passed);
    else if (!passed)
        judge(t, entry, r);
    PQclear(r);
    return rc ? rc : go_back(t->db, passed, a);
}

static int one(struct test *t, json_t *entry, int mark, int64_t until,
               struct driver_answer *a)
{
    const char *known = value_text(entry, "state", NULL);
    if (!pg_statements_planned(value_text(entry, "query", "")))
        t->skipped++;
    else if (known && !mark)
        count_untestable(t, known);
    else if (clock_steady() >= until)
        t->not_reached++;
    else
        return ask(t, entry, mark, a);
    return 0;
}

static int test_all(struct test *t, json_t *list, int mark, int64_t until,
                    struct driver_answer *a)
{
    json_t *entry;
    size_t i;
    if (pg_begin(t->db, 1, LOCK_TIMEOUT, STATEMENT_TIMEOUT, a) != 0 ||
        pg_do(t->db, "parse statements", "SAVEPOINT statement", 0, NULL, a) !=
            0)
        return 1;
    json_array_foreach(list, i, entry)
    {
        if (one(t, entry, mark, until, a) != 0)
            return 1;
    }
    return 0;
}

int pg_statements_test(struct pg *db, json_t *list, int mark, int64_t limit_ms,
                       json_t **out, struct driver_answer *a)
{
    struct test t = {.db = db, .broken = json_array(), .codes = json_object()};
    int rc = test_all(&t, list, mark, clock_steady() + limit_ms, a);
    pg_rollback(db);
    if (!rc)
        *out = json_pack("{s:I, s:I, s:O, s:I, s:I, s:O, s:I, s:I}", "tested",
                         t.tested, "passed", t.passed, "broken", t.broken,
                         "broken_count", t.failed, "untestable", t.untestable,
                         "untestable_codes", t.codes, "skipped", t.skipped,
                         "not_reached", t.not_reached);
    json_decref(t.broken);
    json_decref(t.codes);
    return rc;
}
