#define _GNU_SOURCE
#include "migrate_run.h"

#include <stdio.h>
#include <string.h>

static int same_state(const struct migrate_ledger *a,
                      const struct migrate_ledger *b)
{
    return a->dirty == b->dirty && json_equal(a->applied, b->applied);
}

int migrate_run_ledger(struct pg *db, const struct migrate_ledger *known,
                       struct migrate_ledger *now, struct driver_answer *a)
{
    memset(now, 0, sizeof *now);
    now->tool = known->tool;
    now->row = known->row;
    memcpy(now->schema, known->schema, sizeof now->schema);
    memcpy(now->table, known->table, sizeof now->table);
    memcpy(now->quoted, known->quoted, sizeof now->quoted);
    return migrate_ledger_read(db, now, a);
}

/* Keep others off the ledger, and see that it is as it was when the plan was
   made. */
static int hold_ledger(struct migrate_run *run, struct driver_answer *a)
{
    struct migrate_ledger now = {0};
    int rc;
    rc = migrate_ledger_hold(run->db, run->ledger, a);
    if (!rc)
        rc = migrate_run_ledger(run->db, run->ledger, &now, a);
    if (!rc && !same_state(&now, run->ledger)) {
        answer_fail(a, OUTCOME_CONFLICT,
                    "%s: the ledger moved from version %s to %s while the "
                    "step was prepared; nothing was changed",
                    run->db->name, run->ledger->version, now.version);
        rc = 1;
    }
    migrate_ledger_free(&now);
    return rc;
}

/* One statement as the simple protocol sends it: one that cannot run in a
   transaction block must not share its message with another. */
static int statement(struct migrate_run *run, const json_t *s,
                     struct driver_answer *a)
{
    char what[600];
    PGresult *r = PQexec(run->db->conn, value_text(s, "sql", ""));
    ExecStatusType status = PQresultStatus(r);
    int rc = 0;
    snprintf(what, sizeof what, "run line %lld of %s",
             (long long)value_int(s, "line", 0), run->plan->path);
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT) {
        answer_fail(a, OUTCOME_REJECTED,
                    "%s: cannot %s: COPY from or to the client has no client "
                    "here",
                    run->db->name, what);
        rc = 1;
    } else if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
               status != PGRES_EMPTY_QUERY) {
        rc = pg_fail(run->db, what, r, a);
    }
    PQclear(r);
    return rc;
}

static int all_statements(struct migrate_run *run, struct driver_answer *a)
{
    json_t *s;
    size_t i, count = json_array_size(run->plan->statements);
    json_array_foreach(run->plan->statements, i, s)
    {
        driver_progress(run->db->call, "%s: statement %zu of %zu",
                        run->plan->file.name, i + 1, count);
        if (statement(run, s, a) != 0)
            return 1;
        if (PQtransactionStatus(run->db->conn) == PQTRANS_INTRANS)
            continue;
        answer_fail(a, OUTCOME_REJECTED,
                    "%s: line %lld of %s left the transaction", run->db->name,
                    (long long)value_int(s, "line", 0), run->plan->path);
        return 1;
    }
    return 0;
}

static int move(struct migrate_run *run, int64_t begun, int dirty,
                struct driver_answer *a)
{
    const struct migrate_plan *plan = run->plan;
    struct migrate_step step = {plan->direction, &plan->file,
                                plan->content,   plan->content_size,
                                plan->previous,  clock_steady() - begun};
    return migrate_ledger_move(run->db, run->ledger, &step, dirty, a);
}

/* What the call answers, read back from the ledger itself. */
static json_t *result(struct migrate_run *run, struct driver_answer *a)
{
    const struct migrate_plan *plan = run->plan;
    struct migrate_ledger now = {0};
    json_t *value = NULL;
    if (migrate_run_ledger(run->db, run->ledger, &now, a) == 0)
        value =
            json_pack("{s:s*, s:s, s:s, s:I, s:b}", "version",
                      now.version[0] ? now.version : NULL, "before",
                      run->ledger->version, "file", plan->path, "statements",
                      (json_int_t)json_array_size(plan->statements),
                      "transaction", plan->transaction);
    migrate_ledger_free(&now);
    return value;
}

/* Write the ledger and the key, and fill the answer. */
static int record(struct migrate_run *run, int64_t begun,
                  struct driver_answer *a)
{
    json_t *value;
    if (move(run, begun, 0, a) != 0 || (value = result(run, a)) == NULL)
        return 1;
    if (migrate_effects_done(run->db, run->ledger, value, a) != 0) {
        json_decref(value);
        return 1;
    }
    return answer_ok(a, value);
}

/* COMMIT answers ROLLBACK, without an error, where the transaction had
   already failed. */
static int commit(struct migrate_run *run, struct driver_answer *a)
{
    PGresult *r = PQexec(run->db->conn, "COMMIT");
    int rc = RUN_DONE;
    if (pg_lost(run->db)) {
        answer_fail(a, OUTCOME_UNKNOWN, "%s: the connection broke at COMMIT",
                    run->db->name);
        rc = RUN_UNKNOWN;
    } else if (PQresultStatus(r) != PGRES_COMMAND_OK) {
        pg_fail(run->db, "commit", r, a);
        rc = RUN_FAILED;
    } else if (strcmp(PQcmdStatus(r), "COMMIT") != 0) {
        answer_fail(a, OUTCOME_REJECTED,
                    "%s: the transaction of %s did not commit", run->db->name,
                    run->plan->path);
        rc = RUN_FAILED;
    }
    PQclear(r);
    return rc;
}

/* Before COMMIT was sent nothing can have happened. */
static int undone(struct migrate_run *run)
{
    int again = strcmp(run->db->state, "55P03") == 0 ||
                strncmp(run->db->state, "40", 2) == 0;
    pg_rollback(run->db);
    return again && !pg_lost(run->db) ? RUN_AGAIN : RUN_FAILED;
}

static int in_transaction(struct migrate_run *run, struct driver_answer *a)
{
    int64_t begun = clock_steady();
    if (pg_begin(run->db, 0, run->lock_ms, run->statement_ms, a) != 0 ||
        hold_ledger(run, a) != 0 ||
        migrate_effects_begin(run->db, run->ledger, a) != 0 ||
        all_statements(run, a) != 0 ||
        (run->watch && run->watch(run->self, run->db, a) != 0) ||
        record(run, begun, a) != 0)
        return undone(run);
    return commit(run, a);
}

/* The mark that a step outside of a transaction has begun, durable before
   the statement: KEY:begun, and golang-migrate's own dirty flag. */
static int mark(struct migrate_run *run, struct driver_answer *a)
{
    if (pg_begin(run->db, 0, run->lock_ms, run->statement_ms, a) != 0 ||
        hold_ledger(run, a) != 0 ||
        migrate_effects_begin(run->db, run->ledger, a) != 0 ||
        (run->ledger->tool == TOOL_GOLANG_MIGRATE && move(run, 0, 1, a) != 0))
        return undone(run);
    return commit(run, a);
}

static int session_limits(struct migrate_run *run, struct driver_answer *a)
{
    char lock[32], statement_limit[32];
    const char *values[2] = {lock, statement_limit};
    snprintf(lock, sizeof lock, "%lld", (long long)run->lock_ms);
    snprintf(statement_limit, sizeof statement_limit, "%lld",
             (long long)run->statement_ms);
    return pg_do(run->db, "set the time limits",
                 "SELECT set_config('lock_timeout', $1, false), "
                 "set_config('statement_timeout', $2, false)",
                 2, values, a);
}

/* The server said no. golang-migrate's ledger stays dirty, as its own tool
   would leave it; the others do not know such a state. */
int migrate_run_refused(struct migrate_run *run, struct driver_answer *a)
{
    struct driver_answer ignored = {OUTCOME_UNKNOWN, NULL, ""};
    int dirty = run->ledger->tool == TOOL_GOLANG_MIGRATE;
    char why[1024];
    snprintf(why, sizeof why, "%.1000s", a->message);
    if (!dirty)
        migrate_effects_forget(run->db, run->ledger, &ignored);
    json_decref(ignored.value);
    answer_fail(a, OUTCOME_REJECTED,
                "%s. It ran outside of a transaction: %d of %zu statements are "
                "done and stay, and an INVALID index may be left behind%s",
                why, run->done, json_array_size(run->plan->statements),
                dirty ? ", and the ledger is dirty until somebody has looked "
                        "(golang-migrate force)"
                      : "");
    return RUN_FAILED;
}

/* With its mark in one transaction: there is no doubt about it. */
static int one_marked(struct migrate_run *run, const json_t *s,
                      struct driver_answer *a)
{
    int rc;
    if (pg_begin(run->db, 0, run->lock_ms, run->statement_ms, a) != 0 ||
        statement(run, s, a) != 0 ||
        migrate_effects_statement(run->db, run->ledger, run->done + 1, 1, a) !=
            0) {
        pg_rollback(run->db);
        return pg_lost(run->db)                       ? RUN_UNKNOWN
               : strcmp(run->db->state, "55P03") == 0 ? RUN_AGAIN
                                                      : RUN_FAILED;
    }
    rc = commit(run, a);
    if (rc == RUN_DONE)
        run->done++;
    return rc;
}

static int one_alone(struct migrate_run *run, const json_t *s,
                     struct driver_answer *a)
{
    int number = run->done + 1;
    if (session_limits(run, a) != 0 ||
        migrate_effects_statement(run->db, run->ledger, number, 0, a) != 0 ||
        statement(run, s, a) != 0)
        return pg_lost(run->db) ? RUN_UNKNOWN : RUN_FAILED;
    if (migrate_effects_statement(run->db, run->ledger, number, 1, a) != 0)
        return RUN_UNKNOWN;
    run->done++;
    return RUN_DONE;
}

static int one_by_one(struct migrate_run *run, struct driver_answer *a)
{
    size_t count = json_array_size(run->plan->statements);
    while ((size_t)run->done < count) {
        const json_t *s =
            json_array_get(run->plan->statements, (size_t)run->done);
        int rc;
        driver_progress(run->db->call, "%s: statement %d of %zu, by itself",
                        run->plan->file.name, run->done + 1, count);
        rc = value_bool(s, "transaction", 0) ? one_marked(run, s, a)
                                             : one_alone(run, s, a);
        if (rc != RUN_DONE)
            return rc;
    }
    return RUN_DONE;
}

/* Each statement is a step of its own, and the ledger moves behind the
   last. */
static int outside(struct migrate_run *run, struct driver_answer *a)
{
    int64_t begun = clock_steady();
    int rc = run->marked ? RUN_DONE : mark(run, a);
    if (rc != RUN_DONE)
        return rc;
    run->marked = 1;
    rc = one_by_one(run, a);
    if (rc == RUN_FAILED)
        return migrate_run_refused(run, a);
    if (rc != RUN_DONE)
        return rc;
    if (pg_begin(run->db, 0, run->lock_ms, run->statement_ms, a) != 0 ||
        record(run, begun, a) != 0) {
        pg_rollback(run->db);
        return RUN_UNKNOWN;
    }
    return commit(run, a);
}

int migrate_run_once(struct migrate_run *run, struct driver_answer *a)
{
    return run->plan->transaction ? in_transaction(run, a) : outside(run, a);
}
