/*
 * How a run ends: its exit status, its last record, its seal. The status
 * says in what state production is (docs/architecture.md section 7).
 */
#define _GNU_SOURCE
#include "run_parts.h"
#include "../store/io.h"
#include "diverge.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    int status;
    const char *meaning;
} meanings[] = {
    {EXIT_GOAL, "goal reached, or nothing to do"},
    {EXIT_FAILED_UNDONE, "failed; production is as before"},
    {EXIT_REFUSED, "refused; production is untouched"},
    {EXIT_DECLINED, "declined by a person; production is untouched"},
    {EXIT_WAITING, "waiting for a person; rbrun resume continues"},
    {EXIT_GATE, "a gate said no, or was inconclusive; production is "
                "untouched"},
    {EXIT_BUSY, "lock held, or changed since the plan; production is "
                "untouched"},
    {EXIT_PARTIAL, "failed part-way: a person is needed"},
    {EXIT_IN_DOUBT, "the outcome of a write is unknown"},
    {EXIT_ESCALATED, "escalated as an incident"},
    {EXIT_BUG, "a bug in rbrun"},
    {EXIT_INTERRUPTED, "interrupted"},
    {EXIT_TERMINATED, "terminated"},
};

const char *exit_meaning(int status)
{
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        if (meanings[i].status == status)
            return meanings[i].meaning;
    }
    return "unknown";
}

static int status_of_result(const char *as)
{
    static const struct {
        const char *as;
        int status;
    } table[] = {
        {"recovered", EXIT_GOAL},      {"nothing", EXIT_GOAL},
        {"gate", EXIT_GATE},           {"inconclusive", EXIT_GATE},
        {"escalated", EXIT_ESCALATED}, {"declined", EXIT_DECLINED},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].as, as) == 0)
            return table[i].status;
    }
    return EXIT_GOAL;
}

static int mixed(const struct run *r, const json_t *done)
{
    return r->writes && (r->uncovered || value_int(done, "undo_failed", 0) > 0);
}

static int status_of(const struct run *r, const json_t *done)
{
    const char *ended = value_text(done, "ended", "failed");
    int status = status_of_result(
        value_text(json_object_get(done, "result"), "as", "recovered"));
    /* These two say that production is untouched. */
    if ((status == EXIT_GATE || status == EXIT_DECLINED) && r->writes)
        status = EXIT_PARTIAL;
    if (strcmp(ended, "finished") == 0)
        return status;
    if (mixed(r, done))
        return EXIT_PARTIAL;
    if (strcmp(ended, "stopped") == 0)
        return r->signal == SIGTERM ? EXIT_TERMINATED : EXIT_INTERRUPTED;
    return EXIT_FAILED_UNDONE;
}

static void take_failure(struct run *r, const json_t *done)
{
    const json_t *e = json_object_get(done, "error");
    const char *excerpt = value_text(e, "excerpt", "");
    const json_t *last = json_object_get(e, "last_err");
    if (!json_is_object(e))
        return;
    error_set(&r->error, RB_INVALID, "%s:%lld: %s%s%s%s%s",
              value_text(e, "file", r->program->name),
              (long long)value_int(e, "line", 0),
              value_text(e, "message", "failed"), excerpt[0] ? "\n    " : "",
              excerpt,
              json_is_object(last) ? "\n    the last call that "
                                     "failed: "
                                   : "",
              json_is_object(last) ? value_text(last, "message", "") : "");
}

json_t *run_undo_errors(const struct run *r, const json_t *done)
{
    const json_t *list = json_object_get(done, "undo_errors"), *one;
    json_t *out = NULL;
    size_t i;
    json_array_foreach(list, i, one)
    {
        const json_t *e = json_object_get(one, "error");
        int64_t id = value_int(one, "id", 0);
        int tells = id > 0 && id <= (int64_t)r->undo_count &&
                    r->undos[id - 1].covers == UINT32_MAX;
        struct buf text = BUF_INIT(16384);
        if (value_text(e, "file", NULL))
            buf_addf(&text, "%s:%lld: ", value_text(e, "file", ""),
                     (long long)value_int(e, "line", 0));
        buf_adds(&text, value_text(e, "message", "failed"));
        if (!out)
            out = json_array();
        json_array_append_new(out, json_pack("{s:O, s:O, s:s, s:o*}", "id",
                                             json_object_get(one, "id"), "what",
                                             json_object_get(one, "what"),
                                             "error", buf_text(&text), "tells",
                                             tells ? json_true() : NULL));
        buf_free(&text);
    }
    return out;
}

static json_t *ended_record(const struct run *r, const json_t *done)
{
    json_t *rec = json_pack(
        "{s:i, s:s, s:O*, s:I, s:I, s:O*}", "exit", r->status, "ended",
        value_text(done, "ended", "failed"), "result",
        json_object_get(done, "result"), "writes", (json_int_t)r->writes,
        "uncovered", (json_int_t)r->uncovered, "untold", r->untold);
    if (r->refused)
        json_object_set_new(rec, "refused", json_integer(r->refused));
    json_object_set(rec, "undone", json_object_get(done, "undone"));
    json_object_set(rec, "undo_failed", json_object_get(done, "undo_failed"));
    json_object_set_new(rec, "undo_errors", run_undo_errors(r, done));
    if (r->error.code)
        json_object_set_new(rec, "error", json_string(r->error.message));
    if (done == r->done) /* its last word; otherwise it is anybody's guess */
        json_object_set_new(
            rec, "instructions",
            json_integer((json_int_t)(r->worker.instructions & INT64_MAX)));
    return rec;
}

static int seal(struct run *r, const json_t *done, struct error *err)
{
    json_t *rec = ended_record(r, done);
    int rc = record_append(r, RECORD_ENDED, rec, err);
    json_decref(rec);
    if (!rc)
        rc = journal_flush(r->journal, err);
    if (!rc)
        /* Lost with the power, it only could not tell of a later loss. */
        rc = place_put(r->directory, "sealed", r->journal->last,
                       strlen(r->journal->last), err);
    r->sealed = rc == 0;
    return rc;
}

/* The number is the worker's own claim, and of use only while it comes from
   the same rbrun with the same Lua. */
static int compare_counts(struct run *r, const json_t *was, const json_t *now)
{
    const char *engine, *lua;
    int64_t before = value_int(was, "instructions", -1);
    int64_t is = value_int(now, "instructions", -1);
    record_made_by(r, &engine, &lua);
    if (before < 0 || is < 0 || before == is ||
        strcmp(engine, RBRUN_VERSION) != 0 || strcmp(lua, lua_build) != 0)
        return 0;
    return diverge_count(r, before, is, &r->error);
}

/* The worker crashed behind its last word, or the like: that was the
   machine's doing, and says nothing about the runbook. */
static int ended_badly(const json_t *was)
{
    return strcmp(value_text(was, "ended", ""), "finished") == 0 &&
           json_object_get(was, "error");
}

/* A replay must end as the run did. */
static void compare_ending(struct run *r, const json_t *done)
{
    const struct tape *t = r->tape;
    struct error err = {0};
    json_t *was, *now, *counted;
    if (!t->count || !t->sealed || record_limit(r))
        return;
    was = record_payload(record_value(&t->records[t->count - 1], &err));
    now = ended_record(r, done);
    counted = json_copy(was);
    json_object_set(was, "instructions", json_object_get(now, "instructions"));
    if (!ended_badly(was) && !json_equal(was, now))
        diverge_end(r, was, now, &r->error);
    else
        compare_counts(r, counted, now);
    if (r->error.code == RB_DIVERGED)
        r->status = EXIT_BUG;
    json_decref(was);
    json_decref(now);
    json_decref(counted);
}

static void finish_done(struct run *r)
{
    struct error err = {0};
    int meant;
    r->status = status_of(r, r->done);
    if (strcmp(value_text(r->done, "ended", ""), "finished") != 0)
        take_failure(r, r->done);
    if (r->mode == MODE_REPLAY)
        compare_ending(r, r->done);
    meant = r->status;
    if (r->journal && seal(r, r->done, &err) != 0) {
        r->error = err;
        error_prefix(&r->error,
                     "the run came to its end (exit %d: %s), but: ", meant,
                     exit_meaning(meant));
        error_next(&r->error, "mend the disk, then: rbrun resume %s", r->id);
        r->status = EXIT_PARTIAL;
    }
}

static void finish_parked(struct run *r)
{
    struct error err = {0};
    r->status = r->parked;
    if (!r->journal || r->journal->broken)
        return;
    if (r->status != EXIT_IN_DOUBT && r->status != EXIT_WAITING &&
        record_exhausted(r))
        record_note(r, "left", json_pack("{s:i}", "exit", r->status), &err);
    if (journal_flush(r->journal, &err) != 0)
        r->error = err;
}

/* What the journal cannot tell is not sealed: resume may find out. Nor is a
   run of which this process has done nothing. */
static int may_seal(struct run *r)
{
    return r->journal && !r->journal->broken && !r->resumed &&
           r->status != EXIT_IN_DOUBT && r->error.code != RB_DIVERGED &&
           r->error.code != RB_CORRUPT && r->error.code != RB_IO &&
           record_exhausted(r);
}

/* Nothing was done now; what was done before decides the state. */
void run_stands(struct run *r, struct error *err, int *status)
{
    struct error was = *err;
    char stand[80] = "", doubt[80] = "";
    unsigned made, open;
    record_writes(r, &made, &open);
    if (!made && !open)
        return;
    *status = open ? EXIT_IN_DOUBT : EXIT_PARTIAL;
    if (made)
        snprintf(stand, sizeof stand, "%u write%s to production stand%s%s",
                 made, made == 1 ? "" : "s", made == 1 ? "s" : "",
                 open ? ", and " : "");
    if (open)
        snprintf(doubt, sizeof doubt,
                 "the outcome of %u write%s to production is not known", open,
                 open == 1 ? "" : "s");
    error_set(err, was.code,
              "%.1300s\n    nothing was done now; of the run, %s%s",
              was.message, stand, doubt);
    if (was.next[0])
        error_next(err, "%s", was.next);
}

static int status_of_break(struct run *r)
{
    int status = r->writes ? EXIT_PARTIAL : EXIT_REFUSED;
    if (r->error.code == RB_DIVERGED || r->error.code == RB_CORRUPT) {
        if (r->mode == MODE_REPLAY)
            return EXIT_BUG;
        status = EXIT_REFUSED;
        run_stands(r, &r->error, &status);
        return status;
    }
    if (r->mode == MODE_LIVE && r->resumed) {
        status = EXIT_REFUSED;
        run_stands(r, &r->error, &status);
        return status;
    }
    for (const struct call *c = r->calls; c; c = c->next) {
        if (r->mode == MODE_LIVE &&
            (c->state == CALL_DOUBT || run_is_open(r, c)) &&
            c->verb->effect == EFFECT_WRITE)
            status = EXIT_IN_DOUBT;
    }
    return status;
}

/* A resumed run takes its limits from its journal, or from --environment; one
   that is sealed goes on with none. */
static void advise(struct run *r, int sealed)
{
    if (r->mode == MODE_LIVE && r->tape && r->worker.hit.reached)
        limit_advise(&r->worker.hit, sealed ? NULL : r->worker.file, r->id,
                     &r->error);
}

static void finish_broken(struct run *r)
{
    struct error err = {0};
    json_t *done = json_pack("{s:s, s:i, s:i}", "ended", "broken", "undone", 0,
                             "undo_failed", (int)r->undo_count);
    r->status = status_of_break(r);
    if (r->mode == MODE_REPLAY && r->status != EXIT_BUG)
        compare_ending(r, done);
    advise(r, may_seal(r));
    if (may_seal(r)) {
        if (seal(r, done, &err) != 0)
            r->error = err;
    } else {
        if (r->journal && !r->journal->broken &&
            journal_flush(r->journal, &err) != 0)
            r->error = err;
        if (r->journal && r->mode == MODE_LIVE && !r->error.next[0])
            error_next(&r->error, "mend that, then: rbrun resume %s", r->id);
    }
    json_decref(done);
}

/* Behind DONE its process has to end as it should: its word is not enough. */
static int ended_well(struct run *r)
{
    struct error why = {0};
    enum worker_verdict verdict = worker_end(&r->worker, 0, &why);
    if (verdict == VERDICT_FINE)
        return 1;
    run_tell_end(r, verdict, &why);
    r->error = why;
    return 0;
}

void run_finish(struct run *r)
{
    r->over = 1;
    if (r->parked)
        finish_parked(r);
    else if (r->broken || !ended_well(r))
        finish_broken(r);
    else
        finish_done(r);
}

void run_park(struct run *r, int status, const struct error *why)
{
    struct error err = {0};
    if (r->over == 1 || r->parked)
        return;
    r->over = 2;
    r->parked = status;
    r->error = *why;
    worker_end(&r->worker, 1, &err);
}

void run_leave(struct run *r, int status, const struct error *why)
{
    struct error err = {0};
    r->over = 1;
    r->parked = status;
    r->error = *why;
    worker_end(&r->worker, 1, &err);
    finish_parked(r);
}

/*
 * The worker or something of ours failed: no undo step can run any more,
 * since only the worker knows how. Writes on their way are let finish, and
 * what stands is said, not guessed.
 */
void run_broke(struct run *r, const struct error *why)
{
    struct error err = {0};
    if (r->over == 1 || r->broken)
        return;
    r->over = 2;
    r->broken = 1;
    r->parked = 0;
    r->error = *why;
    worker_end(&r->worker, 1, &err);
    /* A resume that is refused leaves everything as it was. */
    if (r->mode != MODE_LIVE || !record_exhausted(r) ||
        (r->resumed && r->refused)) {
        for (struct call *c = r->calls; r->mode == MODE_REPLAY && c;
             c = c->next)
            run_drop(r, c); /* it learns what became of them */
        run_finish(r);
        return;
    }
    for (struct call *c = r->calls; why->code != RB_IO && c; c = c->next)
        run_drop(r, c);
}

void run_free(struct run *r)
{
    struct error ignored;
    worker_end(&r->worker, 1, &ignored);
    while (r->calls) {
        struct call *next = r->calls->next;
        call_free(r->calls);
        r->calls = next;
    }
    for (size_t i = 0; i < r->undo_count; i++)
        free(r->undos[i].what);
    free(r->undos);
    json_decref(r->header);
    json_decref(r->input);
    json_decref(r->jail);
    json_decref(r->globals);
    json_decref(r->done);
    json_decref(r->made);
    json_decref(r->untold);
    json_decref(r->resumed);
}
