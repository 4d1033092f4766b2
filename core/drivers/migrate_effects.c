#define _GNU_SOURCE
#include "migrate_effects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE "rbrun_effects"
#define BEGUN ":begun"

static int name_of(struct pg *db, const struct migrate_ledger *l, char *out,
                   size_t size, struct driver_answer *a)
{
    if (pg_quote(db, l->schema, TABLE, out, size) == 0)
        return 0;
    answer_fail(a, OUTCOME_REJECTED, "%s: the schema's name is too long",
                db->name);
    return 1;
}

/* 1 when it is there, 0 when not, negative with the answer filled. */
static int exists(struct pg *db, const char *name, struct driver_answer *a)
{
    const char *values[1] = {name};
    char found[8];
    if (pg_value(db, "look for " TABLE, "SELECT to_regclass($1) IS NOT NULL", 1,
                 values, found, sizeof found, a) != 0)
        return -1;
    return found[0] == 't';
}

/* CREATE TABLE IF NOT EXISTS asks for the right to create even where the
   table is there, so it is only said where it is not. */
int migrate_effects_ready(struct pg *db, const struct migrate_ledger *l,
                          struct driver_answer *a)
{
    char name[600], sql[900];
    int there;
    if (name_of(db, l, name, sizeof name, a) != 0)
        return 1;
    there = exists(db, name, a);
    if (there)
        return there < 0;
    snprintf(sql, sizeof sql,
             "CREATE TABLE IF NOT EXISTS %s (key text PRIMARY KEY, run text, "
             "call int, at timestamptz NOT NULL DEFAULT now(), answer text)",
             name);
    if (pg_do(db, "make the table " TABLE, sql, 0, NULL, a) == 0)
        return 0;
    /* Two first calls at once: the other one has made it. */
    there = exists(db, name, a);
    return there == 1 ? 0 : 1;
}

/* KEY:3 with "begun" or "done". */
static void take_statement(int number, const char *text,
                           struct migrate_effect *out)
{
    if (strcmp(text, "done") != 0)
        out->doubt = number;
    else if (number > out->statements)
        out->statements = number;
}

static void take(const PGresult *r, size_t key_size, struct migrate_effect *out)
{
    for (int row = 0; row < PQntuples(r); row++) {
        const char *text = PQgetvalue(r, row, 1);
        const char *rest = PQgetvalue(r, row, 0) + key_size;
        if (rest[0] && strcmp(rest, BEGUN) != 0) {
            take_statement(atoi(rest + 1), text, out);
            continue;
        }
        out->done |= !rest[0];
        out->begun |= rest[0] != 0;
        if (rest[0] && out->answer)
            continue;
        json_decref(out->answer);
        out->answer = NULL;
        value_decode(text, strlen(text), &out->answer, NULL);
    }
    if (out->done)
        out->begun = out->doubt = 0;
}

int migrate_effects_find(struct pg *db, const struct migrate_ledger *l,
                         struct migrate_effect *out, struct driver_answer *a)
{
    const char *values[1] = {db->call->key};
    char name[600], sql[900];
    PGresult *r = NULL;
    int there;
    memset(out, 0, sizeof *out);
    if (name_of(db, l, name, sizeof name, a) != 0)
        return 1;
    there = exists(db, name, a);
    if (there <= 0)
        return there < 0;
    snprintf(sql, sizeof sql,
             "SELECT key, coalesce(answer, '') FROM %s"
             " WHERE key = $1 OR starts_with(key, $1 || ':')",
             name);
    if (pg_query(db, "read " TABLE, sql, 1, values, &r, a) != 0)
        return 1;
    take(r, strlen(db->call->key), out);
    PQclear(r);
    return 0;
}

int migrate_effects_settle(struct pg *db, const struct migrate_ledger *l,
                           struct driver_answer *a)
{
    char name[600], sql[900];
    int there;
    if (name_of(db, l, name, sizeof name, a) != 0)
        return 1;
    there = exists(db, name, a);
    if (there <= 0)
        return there < 0;
    /* SHARE waits for every transaction that has written a row. */
    snprintf(sql, sizeof sql, "LOCK TABLE %s IN SHARE MODE", name);
    return pg_do(db, "wait for the step that is under way", sql, 0, NULL, a);
}

static int write_row(struct pg *db, const struct migrate_ledger *l,
                     const char *suffix, const char *answer,
                     struct driver_answer *a)
{
    char name[600], sql[900], key[128], call[16];
    const char *values[4] = {key, db->call->run, call, answer};
    if (name_of(db, l, name, sizeof name, a) != 0)
        return 1;
    snprintf(key, sizeof key, "%s%s", db->call->key, suffix);
    snprintf(call, sizeof call, "%u", db->call->sequence);
    snprintf(sql, sizeof sql,
             "INSERT INTO %s (key, run, call, answer) VALUES ($1, $2, $3, $4) "
             "ON CONFLICT (key) DO UPDATE SET answer = excluded.answer",
             name);
    return pg_do(db, "write " TABLE, sql, 4, values, a);
}

int migrate_effects_begin(struct pg *db, const struct migrate_ledger *l,
                          struct driver_answer *a)
{
    return write_row(db, l, BEGUN, NULL, a);
}

static int write_answer(struct pg *db, const struct migrate_ledger *l,
                        const char *suffix, const json_t *answer,
                        struct driver_answer *a)
{
    struct buf text = BUF_INIT(64u << 10);
    int rc = value_encode(answer, &text) != 0;
    if (rc)
        answer_fail(a, OUTCOME_REJECTED, "%s: the answer is too large",
                    db->name);
    if (!rc)
        rc = write_row(db, l, suffix, buf_text(&text), a);
    buf_free(&text);
    return rc;
}

int migrate_effects_plan(struct pg *db, const struct migrate_ledger *l,
                         const json_t *answer, struct driver_answer *a)
{
    return write_answer(db, l, BEGUN, answer, a);
}

static int erase(struct pg *db, const struct migrate_ledger *l,
                 const char *where, struct driver_answer *a)
{
    const char *values[1] = {db->call->key};
    char name[600], sql[900];
    if (name_of(db, l, name, sizeof name, a) != 0)
        return 1;
    snprintf(sql, sizeof sql,
             "DELETE FROM %s WHERE starts_with(key, $1 || ':')%s", name, where);
    return pg_do(db, "write " TABLE, sql, 1, values, a);
}

int migrate_effects_done(struct pg *db, const struct migrate_ledger *l,
                         const json_t *answer, struct driver_answer *a)
{
    int rc = write_answer(db, l, "", answer, a);
    return rc ? rc : erase(db, l, "", a);
}

int migrate_effects_statement(struct pg *db, const struct migrate_ledger *l,
                              int number, int done, struct driver_answer *a)
{
    char suffix[24];
    snprintf(suffix, sizeof suffix, ":%d", number);
    return write_row(db, l, suffix, done ? "done" : "begun", a);
}

int migrate_effects_forget(struct pg *db, const struct migrate_ledger *l,
                           struct driver_answer *a)
{
    return erase(db, l, " AND answer IS DISTINCT FROM 'done'", a);
}
