#define _GNU_SOURCE
#include "migrate_step.h"
#include "migrate_run.h"
#include "migrate_source.h"

#include <stdio.h>
#include <string.h>

#define LOCK_TIMEOUT (5 * 1000)
#define STATEMENT_TIMEOUT (5 * 60 * 1000)
#define SETTLE_TIMEOUT (15 * 1000)
#define TRIES 6
#define FIRST_PAUSE 250 /* ms, doubled after each try */

struct step {
    const struct driver_call *call;
    enum migrate_direction direction;
    struct pg db;
    struct migrate_ledger ledger;
    struct migrate_plan plan;
    json_t *files;
};

static void step_free(struct step *s)
{
    migrate_plan_free(&s->plan);
    migrate_ledger_free(&s->ledger);
    json_decref(s->files);
    pg_close(&s->db);
}

static int check_primary(struct step *s, struct driver_answer *a)
{
    char replica[8];
    if (pg_value(&s->db, "ask whether it is a replica",
                 "SELECT pg_is_in_recovery()", 0, NULL, replica, sizeof replica,
                 a) != 0)
        return 1;
    if (replica[0] != 't')
        return 0;
    answer_fail(a, OUTCOME_REJECTED,
                "%s is a replica (in recovery): it cannot be written; let "
                "`url` name the primary",
                s->db.name);
    return 1;
}

/* Done before, under the same key? Then the old answer is the answer. */
static int seen_before(struct step *s, struct driver_answer *a)
{
    struct migrate_effect effect;
    if (migrate_effects_find(&s->db, &s->ledger, &effect, a) != 0)
        return 1;
    if (effect.done && effect.answer)
        return answer_ok(a, effect.answer), 1;
    json_decref(effect.answer);
    if (!effect.begun)
        return 0;
    answer_fail(a, OUTCOME_UNKNOWN,
                "%s: this very step began outside of a transaction and was "
                "cut off; look at the database (an INVALID index?), then set "
                "the ledger right with its own tool",
                s->db.name);
    return 1;
}

static int check_expected(struct step *s, struct driver_answer *a)
{
    const struct migrate_ledger *l = &s->ledger;
    const char *expect = value_text(s->call->args, "expect", "");
    if (l->tool == TOOL_ALEMBIC)
        return answer_fail(a, OUTCOME_REJECTED,
                           "%s: its migrations are Alembic's, programs in "
                           "Python: rbrun reads that ledger and does not move "
                           "it",
                           s->db.name),
               1;
    if (l->dirty)
        return answer_fail(a, OUTCOME_CONFLICT,
                           "%s: its ledger is dirty: version %s failed "
                           "half-way, and somebody has to look first",
                           s->db.name, l->version),
               1;
    if (migrate_version_compare(expect, l->version) != 0)
        return answer_fail(a, OUTCOME_CONFLICT,
                           "%s: its ledger is at version %s, %s was expected; "
                           "nothing was changed",
                           s->db.name, l->version[0] ? l->version : "(none)",
                           expect[0] ? expect : "(none)"),
               1;
    return 0;
}

static int connect_and_read(struct step *s, struct driver_answer *a)
{
    if (pg_open(&s->db, s->call, a) != 0 || check_primary(s, a) != 0)
        return 1;
    s->db.writing = 1;
    return migrate_ledger_find(&s->db, &s->ledger, a) != 0 ||
           migrate_effects_ready(&s->db, &s->ledger, a) != 0 ||
           seen_before(s, a) != 0 ||
           migrate_ledger_read(&s->db, &s->ledger, a) != 0 ||
           check_expected(s, a) != 0;
}

/* The file comes from the revision that the caller names: a checkout that
   lacks the newest migration would take back the one before it. */
static int plan(struct step *s, struct driver_answer *a)
{
    const char *at = value_text(s->call->args, "at", "");
    struct error err = {0};
    int rc;
    if (migrate_source_at(s->call, at, &s->files, a) != 0)
        return 1;
    rc =
        migrate_plan_choose(s->files, &s->ledger, s->direction, &s->plan, &err);
    if (rc)
        return answer_fail(
                   a, rc == RB_NOTFOUND ? OUTCOME_NOT_FOUND : OUTCOME_REJECTED,
                   "%s: at %s: %s", s->db.name, at, err.message),
               1;
    rc = migrate_plan_read(&s->ledger, &s->plan, &err);
    if (rc)
        return answer_fail(
                   a, rc == RB_NOTFOUND ? OUTCOME_NOT_FOUND : OUTCOME_REJECTED,
                   "%s: %s at %s: %s", s->db.name, s->plan.path, at,
                   err.message),
               1;
    return 0;
}

static int probe_on(struct step *s, struct driver_answer *a)
{
    struct migrate_effect effect;
    int64_t wait = pg_left(&s->db);
    int rc;
    if (wait > SETTLE_TIMEOUT)
        wait = SETTLE_TIMEOUT;
    s->db.writing = 0;
    if (migrate_ledger_find(&s->db, &s->ledger, a) != 0 ||
        pg_begin(&s->db, 0, wait, wait, a) != 0 ||
        migrate_effects_settle(&s->db, &s->ledger, a) != 0)
        return 1;
    rc = migrate_effects_find(&s->db, &s->ledger, &effect, a);
    pg_rollback(&s->db);
    if (rc)
        return 1;
    if (effect.begun)
        return answer_fail(a, OUTCOME_UNKNOWN,
                           "%s: the step began outside of a transaction and "
                           "was cut off; look at the database (an INVALID "
                           "index?) and at the ledger",
                           s->db.name),
               1;
    return answer_ok(a, effect.done ? json_pack("{s:b, s:o*}", "applied", 1,
                                                "value", effect.answer)
                                    : json_pack("{s:b}", "applied", 0));
}

int migrate_step_probe(const struct driver_call *c, struct driver_answer *a)
{
    struct step s = {.call = c};
    char why[1200];
    if (pg_open(&s.db, c, a) != 0 || probe_on(&s, a) != 0) {
        snprintf(why, sizeof why, "%.1100s", a->message);
        answer_fail(a, OUTCOME_UNKNOWN, "%s", why);
    }
    step_free(&s);
    return 0;
}

/* The connection broke. Ask on new ones, as long as there is time. */
static void find_out(struct step *s, struct driver_answer *a)
{
    struct driver_answer probe = {OUTCOME_UNKNOWN, NULL, ""};
    int64_t pause = FIRST_PAUSE, until = s->db.deadline;
    json_t *value;
    driver_progress(s->call, "the connection broke; asking what happened");
    for (;;) {
        migrate_step_probe(s->call, &probe);
        if (probe.outcome == OUTCOME_OK ||
            clock_steady() + pause + SETTLE_TIMEOUT > until)
            break;
        clock_sleep(pause);
        pause *= 2;
    }
    value = json_object_get(probe.value, "value");
    if (probe.outcome != OUTCOME_OK)
        answer_fail(a, OUTCOME_UNKNOWN,
                    "%s: the connection broke before the server had said "
                    "whether %s was committed, and asking again failed: %s",
                    s->db.name, s->plan.path, probe.message);
    else if (value)
        answer_ok(a, json_incref(value));
    else
        answer_fail(a, OUTCOME_RETRYABLE,
                    "%s: the connection broke at the commit of %s, and the "
                    "server has not committed it",
                    s->db.name, s->plan.path);
    json_decref(probe.value);
}

static void run_with_retries(struct step *s, struct driver_answer *a)
{
    const struct driver_call *c = s->call;
    struct migrate_run run = {&s->db, &s->ledger, &s->plan, 0, 0};
    int64_t pause = FIRST_PAUSE, statement = STATEMENT_TIMEOUT;
    run.lock_ms = arg_duration(
        c, "lock_timeout", option_duration(c, "lock_timeout", LOCK_TIMEOUT));
    statement =
        arg_duration(c, "statement_timeout",
                     option_duration(c, "statement_timeout", statement));
    for (int i = 1;; i++) {
        int rc;
        run.statement_ms =
            statement < pg_left(&s->db) ? statement : pg_left(&s->db);
        rc = migrate_run_once(&run, a);
        if (rc == RUN_UNKNOWN)
            find_out(s, a);
        if (rc != RUN_AGAIN || i == TRIES ||
            pg_left(&s->db) < pause + run.lock_ms)
            return;
        driver_progress(c, "a lock is held; try %d of %d in %lld ms", i + 1,
                        TRIES, (long long)pause);
        clock_sleep(pause);
        pause *= 2;
    }
}

static int step(const struct driver_call *c, enum migrate_direction direction,
                struct driver_answer *a)
{
    struct step s = {.call = c, .direction = direction};
    if (connect_and_read(&s, a) == 0 && plan(&s, a) == 0)
        run_with_retries(&s, a);
    step_free(&s);
    return 0;
}

int migrate_step_up(const struct driver_call *c, struct driver_answer *a)
{
    return step(c, MIGRATE_UP, a);
}

int migrate_step_down(const struct driver_call *c, struct driver_answer *a)
{
    return step(c, MIGRATE_DOWN, a);
}
