#define _GNU_SOURCE
#include "migrate_loss.h"
#include "migrate_loss_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCK_TIMEOUT (2 * 1000)
#define COUNT_TIMEOUT (10 * 1000)

enum counted { COUNTED, ESTIMATED, NOT_COUNTED };

/* The planner's idea of a table's rows; -1 where it has none. None of a table
   that takes too long to count: it has been filled since. */
static int64_t estimate(struct pg *db, const char *table)
{
    struct driver_answer ignored = {OUTCOME_UNKNOWN, NULL, ""};
    const char *values[1] = {table};
    char rows[40] = "";
    if (!table)
        return -1;
    if (pg_begin(db, 1, LOCK_TIMEOUT, COUNT_TIMEOUT, &ignored) != 0 ||
        pg_value(db, "estimate rows",
                 "SELECT c.reltuples::bigint FROM pg_class c JOIN pg_namespace "
                 "n ON n.oid = c.relnamespace WHERE n.nspname || '.' || "
                 "c.relname = $1 AND c.reltuples > 0",
                 1, values, rows, sizeof rows, &ignored) != 0)
        rows[0] = '\0';
    pg_rollback(db);
    return rows[0] ? atoll(rows) : -1;
}

/* Names without a schema in an expression of the catalog are PostgreSQL's
   own, whatever the role's search_path holds. Rows that a policy hides from
   the role go all the same: it is an error to count without them. */
static enum counted count(struct pg *db, const char *sql, int64_t limit,
                          int64_t *rows, struct driver_answer *a)
{
    char text[40];
    int rc;
    if (pg_begin(db, 1, LOCK_TIMEOUT, limit, a) != 0 ||
        pg_do(db, "set the search path",
              "SELECT set_config('search_path', '', true), "
              "set_config('row_security', 'off', true)",
              0, NULL, a) != 0)
        return NOT_COUNTED;
    rc = pg_value(db, "count what would be lost", sql, 0, NULL, text,
                  sizeof text, a);
    pg_rollback(db);
    if (rc)
        return strcmp(db->state, "57014") == 0 ? ESTIMATED : NOT_COUNTED;
    *rows = atoll(text);
    return COUNTED;
}

static int refuses(enum migrate_loss_kind kind, const json_t *question)
{
    return kind >= LOSS_NULL ||
           (kind == LOSS_TYPE && !value_bool(question, "most", 0));
}

/* A step that changes rows itself may set right what would refuse it. */
static int changes_rows(const json_t *questions)
{
    json_t *q;
    size_t i;
    json_array_foreach(questions, i, q)
    {
        if (value_int(q, "kind", -1) == LOSS_CHANGED)
            return 1;
    }
    return 0;
}

static void add_item(struct migrate_loss *out, const json_t *q, int64_t rows,
                     int exact, int helped, const char *why)
{
    enum migrate_loss_kind kind =
        (enum migrate_loss_kind)value_int(q, "kind", 0);
    int refusing = refuses(kind, q), fails = refusing && rows > 0 && !helped;
    char text[900];
    json_t *item;
    snprintf(text, sizeof text, "%.300s%s%s%.400s", value_text(q, "text", ""),
             refusing && rows != 0 && helped
                 ? " unless the step's own statements set them right"
                 : "",
             why[0] ? "; not counted: " : "", why);
    item =
        json_pack("{s:s, s:s, s:b, s:b, s:o}", "kind", migrate_loss_name(kind),
                  "object", value_text(q, "object", ""), "exact", exact,
                  "fails", fails, "text", loss_text(text));
    if (rows >= 0)
        json_object_set_new(item, "rows", json_integer(rows));
    else
        out->unknown++;
    if (fails)
        out->fails++;
    else if (rows > 0 && kind < LOSS_NULL)
        out->rows += rows;
    json_array_append_new(out->items, item);
}

/* What has no rows is told only of what goes as a whole. */
static int worth_telling(const json_t *q, int64_t rows)
{
    int64_t kind = value_int(q, "kind", 0);
    return rows != 0 || kind == LOSS_TABLE || kind == LOSS_COLUMN;
}

static int ask(struct pg *db, const json_t *q, int64_t limit, int helped,
               struct migrate_loss *out, struct driver_answer *a)
{
    const char *sql = value_text(q, "sql", NULL), *why = "";
    struct driver_answer failed = {OUTCOME_UNKNOWN, NULL, ""};
    int64_t rows = -1;
    enum counted how =
        sql ? count(db, sql, limit, &rows, &failed) : NOT_COUNTED;
    if (pg_lost(db))
        return answer_fail(a, failed.outcome, "%s", failed.message), 1;
    if (how == ESTIMATED)
        rows = estimate(db, value_text(q, "table", NULL));
    if (how == ESTIMATED && rows >= 0)
        why = "it took too long; this is the planner's estimate of the table";
    else if (how != COUNTED && sql)
        why = failed.message;
    if (worth_telling(q, rows))
        add_item(out, q, rows, how == COUNTED && !value_bool(q, "most", 0),
                 helped, why);
    return 0;
}

int migrate_loss_ask(struct pg *db, const json_t *questions,
                     struct migrate_loss *out, struct driver_answer *a)
{
    int64_t limit = option_duration(db->call, "count_timeout", COUNT_TIMEOUT);
    int helped = changes_rows(questions);
    json_t *q;
    size_t i, all = json_array_size(questions);
    memset(out, 0, sizeof *out);
    out->items = json_array();
    json_array_foreach(questions, i, q)
    {
        driver_progress(db->call, "counting what would be lost: %zu of %zu",
                        i + 1, all);
        if (ask(db, q, limit, helped, out, a) != 0)
            return 1;
    }
    return 0;
}

void migrate_loss_free(struct migrate_loss *loss)
{
    json_decref(loss->items);
    loss->items = NULL;
}

int migrate_loss(struct migrate_prepared *p, const struct migrate_rehearsal *r,
                 struct migrate_loss *out, struct driver_answer *a)
{
    json_t *without = migrate_rehearse_without(&p->ledger);
    json_t *questions =
        migrate_loss_find(r->before, r->after, &p->plan, without);
    int writing = p->db.writing, rc;
    p->db.writing = 0;
    rc = migrate_loss_ask(&p->db, questions, out, a);
    p->db.writing = writing;
    json_decref(questions);
    json_decref(without);
    return rc;
}

static json_t *texts_of_fails(const json_t *items)
{
    json_t *list = json_array(), *item;
    size_t i;
    json_array_foreach(items, i, item)
    {
        if (value_bool(item, "fails", 0))
            json_array_append_new(
                list, json_sprintf("%s: %lld rows: %s",
                                   value_text(item, "object", ""),
                                   (long long)value_int(item, "rows", 0),
                                   value_text(item, "text", "")));
    }
    return list;
}

static int did_not_apply(const struct migrate_prepared *p,
                         const struct migrate_rehearsal *r,
                         struct driver_answer *a)
{
    return answer_fail(a, OUTCOME_CONFLICT,
                       "%s: what %s would lose cannot be told: it does not "
                       "apply to a copy of the schema: %.900s",
                       p->db.name, p->plan.path, r->error);
}

int migrate_loss_verb(const struct driver_call *c, struct driver_answer *a)
{
    struct migrate_prepared p = {.call = c,
                                 .direction = migrate_direction_of(c)};
    struct migrate_rehearsal r = {0};
    struct migrate_loss loss = {0};
    if (migrate_prepare(&p, a) != 0 || migrate_rehearse(&p, &r, a) != 0)
        goto out;
    if (!r.applies)
        did_not_apply(&p, &r, a);
    else if (migrate_loss(&p, &r, &loss, a) == 0)
        answer_ok(a, json_pack("{s:O, s:I, s:i, s:o, s:s, s:s}", "items",
                               loss.items, "rows", (json_int_t)loss.rows,
                               "unknown", loss.unknown, "fails",
                               texts_of_fails(loss.items), "version",
                               p.plan.file.version, "file", p.plan.path));
out:
    migrate_loss_free(&loss);
    migrate_rehearsal_free(&r);
    migrate_prepared_free(&p);
    return 0;
}
