#define _GNU_SOURCE
#include "migrate_step.h"
#include "migrate_run.h"
#include "migrate_guard.h"
#include "migrate_tool.h"

#include <stdio.h>
#include <string.h>

#define LOCK_TIMEOUT (5 * 1000)
#define STATEMENT_TIMEOUT (5 * 60 * 1000)
#define SETTLE_TIMEOUT (15 * 1000)
#define TRIES 6
#define FIRST_PAUSE 250 /* ms, doubled after each try */

/* A tool began it: the ledger says whether it was done. answer: what the
   call is to answer then; stolen. */
static int tool_began(struct migrate_prepared *p, json_t *answer,
                      struct driver_answer *a)
{
    const char *to = value_text(answer, "version", "");
    const char *from = value_text(answer, "before", "");
    if (migrate_ledger_read(&p->db, &p->ledger, a) != 0) {
        json_decref(answer);
        return 1;
    }
    if (migrate_version_compare(p->ledger.version, to) == 0)
        return answer_ok(a, answer), 1;
    json_decref(answer);
    if (migrate_version_compare(p->ledger.version, from) == 0)
        return 0;
    answer_fail(a, OUTCOME_UNKNOWN,
                "%s: the tool was cut off, and the ledger is at %s: neither "
                "at %s, where it began, nor one step from it",
                p->db.name, p->ledger.version[0] ? p->ledger.version : "(none)",
                from[0] ? from : "(none)");
    return 1;
}

/* A statement that cannot share a transaction with its mark was under way;
   or golang-migrate's ledger is dirty, and a person has to look anyway. */
static int in_doubt(struct migrate_prepared *p,
                    const struct migrate_effect *effect,
                    struct driver_answer *a)
{
    char which[80] = "";
    if (!effect->doubt && p->ledger.tool != TOOL_GOLANG_MIGRATE)
        return 0;
    if (effect->doubt)
        snprintf(which, sizeof which, ", statement %d under way",
                 effect->doubt);
    answer_fail(a, OUTCOME_UNKNOWN,
                "%s: this very step began outside of a transaction and was "
                "cut off with %d of its statements done%s; look at the "
                "database (an INVALID index?), then set the ledger right with "
                "its own tool",
                p->db.name, effect->statements, which);
    return 1;
}

/* Done before, under the same key? Then the old answer is the answer. */
static int seen_before(struct migrate_prepared *p, struct driver_answer *a)
{
    struct migrate_effect effect;
    if (migrate_effects_find(&p->db, &p->ledger, &effect, a) != 0)
        return 1;
    if (effect.done && effect.answer)
        return answer_ok(a, effect.answer), 1;
    if (effect.begun && effect.answer)
        return tool_began(p, effect.answer, a);
    json_decref(effect.answer);
    if (effect.begun && in_doubt(p, &effect, a))
        return 1;
    p->statements_done = effect.statements;
    p->begun = effect.begun;
    return 0;
}

static int connect_and_read(struct migrate_prepared *p, struct driver_answer *a)
{
    if (pg_open(&p->db, p->call, a) != 0 || migrate_prepare_primary(p, a) != 0)
        return 1;
    p->db.writing = 1;
    return migrate_ledger_find(&p->db, &p->ledger, a) != 0 ||
           migrate_effects_ready(&p->db, &p->ledger, a) != 0 ||
           seen_before(p, a) != 0 || migrate_prepare_ledger(p, a) != 0;
}

/* The tool may still be at work somewhere: its own transaction holds the
   ledger, which is waited for. */
static int probe_tool(struct migrate_prepared *p, json_t *answer,
                      struct driver_answer *a)
{
    int rc = migrate_ledger_hold(&p->db, &p->ledger, a);
    if (rc)
        json_decref(answer);
    else
        rc = tool_began(p, answer, a);
    pg_rollback(&p->db);
    if (rc && a->outcome != OUTCOME_OK)
        return 1;
    if (rc)
        return answer_ok(
            a, json_pack("{s:b, s:o}", "applied", 1, "value", a->value));
    return answer_ok(a, json_pack("{s:b}", "applied", 0));
}

static int probe_on(struct migrate_prepared *p, struct driver_answer *a)
{
    struct migrate_effect effect;
    int64_t wait = pg_left(&p->db);
    int rc;
    if (wait > SETTLE_TIMEOUT)
        wait = SETTLE_TIMEOUT;
    p->db.writing = 0;
    if (migrate_ledger_find(&p->db, &p->ledger, a) != 0 ||
        pg_begin(&p->db, 0, wait, wait, a) != 0 ||
        migrate_effects_settle(&p->db, &p->ledger, a) != 0)
        return 1;
    rc = migrate_effects_find(&p->db, &p->ledger, &effect, a);
    if (!rc && effect.begun && effect.answer)
        return probe_tool(p, effect.answer, a);
    pg_rollback(&p->db);
    if (rc)
        return 1;
    if (effect.begun && in_doubt(p, &effect, a))
        return 1;
    if (effect.begun)
        return answer_ok(a,
                         json_pack("{s:b, s:o}", "applied", 0, "partly",
                                   json_sprintf("%d of its statements are done",
                                                effect.statements)));
    return answer_ok(a, effect.done ? json_pack("{s:b, s:o*}", "applied", 1,
                                                "value", effect.answer)
                                    : json_pack("{s:b}", "applied", 0));
}

int migrate_step_probe(const struct driver_call *c, struct driver_answer *a)
{
    struct migrate_prepared p = {.call = c};
    char why[1200];
    if (pg_open(&p.db, c, a) != 0 || probe_on(&p, a) != 0) {
        snprintf(why, sizeof why, "%.1100s", a->message);
        answer_fail(a, OUTCOME_UNKNOWN, "%s", why);
    }
    migrate_prepared_free(&p);
    return 0;
}

/* The connection broke. Ask on new ones, as long as there is time. */
static void find_out(struct migrate_prepared *p, struct driver_answer *a)
{
    struct driver_answer probe = {OUTCOME_UNKNOWN, NULL, ""};
    int64_t pause = FIRST_PAUSE, until = p->db.deadline;
    json_t *value;
    driver_progress(p->call, "the connection broke; asking what happened");
    for (;;) {
        migrate_step_probe(p->call, &probe);
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
                    p->db.name, p->plan.path, probe.message);
    else if (value)
        answer_ok(a, json_incref(value));
    else
        answer_fail(a, OUTCOME_RETRYABLE,
                    "%s: the connection broke at the commit of %s, and the "
                    "server has not committed it",
                    p->db.name, p->plan.path);
    json_decref(probe.value);
}

static void run_with_retries(struct migrate_prepared *p,
                             struct driver_answer *a)
{
    const struct driver_call *c = p->call;
    struct migrate_run run = {.db = &p->db,
                              .ledger = &p->ledger,
                              .plan = &p->plan,
                              .done = p->statements_done,
                              .marked = p->begun};
    int64_t pause = FIRST_PAUSE, statement = STATEMENT_TIMEOUT;
    run.lock_ms = arg_duration(
        c, "lock_timeout", option_duration(c, "lock_timeout", LOCK_TIMEOUT));
    statement =
        arg_duration(c, "statement_timeout",
                     option_duration(c, "statement_timeout", statement));
    for (int i = 1;; i++) {
        int rc;
        run.statement_ms =
            statement < pg_left(&p->db) ? statement : pg_left(&p->db);
        rc = migrate_run_once(&run, a);
        if (rc == RUN_UNKNOWN)
            find_out(p, a);
        if (rc != RUN_AGAIN || i == TRIES ||
            pg_left(&p->db) < pause + run.lock_ms) {
            if (rc == RUN_AGAIN && run.marked)
                migrate_run_refused(&run, a);
            return;
        }
        driver_progress(c, "a lock is held; try %d of %d in %lld ms", i + 1,
                        TRIES, (long long)pause);
        clock_sleep(pause);
        pause *= 2;
    }
}

static int step(const struct driver_call *c, enum migrate_direction direction,
                struct driver_answer *a)
{
    struct migrate_prepared p = {.call = c, .direction = direction};
    if (connect_and_read(&p, a) == 0 && migrate_prepare_plan(&p, a) == 0 &&
        (p.begun || migrate_guard(&p, a) == 0)) {
        if (migrate_tool_configured(c, direction))
            migrate_tool_step(&p, a);
        else
            run_with_retries(&p, a);
    }
    migrate_prepared_free(&p);
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
