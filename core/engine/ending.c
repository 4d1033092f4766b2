/*
 * How a run ends: its exit status, its last record, its seal. The status
 * says in what state production is (docs/architecture.md section 7).
 */
#define _GNU_SOURCE
#include "run_parts.h"
#include "../store/io.h"

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
    if (strcmp(ended, "finished") == 0)
        return status_of_result(
            value_text(json_object_get(done, "result"), "as", "recovered"));
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

static json_t *ended_record(const struct run *r, const json_t *done)
{
    json_t *rec = json_pack(
        "{s:i, s:s, s:O*, s:I, s:I, s:O*}", "exit", r->status, "ended",
        value_text(done, "ended", "failed"), "result",
        json_object_get(done, "result"), "writes", (json_int_t)r->writes,
        "uncovered", (json_int_t)r->uncovered, "untold", r->untold);
    json_object_set(rec, "undone", json_object_get(done, "undone"));
    json_object_set(rec, "undo_failed", json_object_get(done, "undo_failed"));
    if (r->error.code)
        json_object_set_new(rec, "error", json_string(r->error.message));
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
    return rc;
}

static void compare_ending(struct run *r, const json_t *done)
{
    const struct record *rec;
    const json_t *was;
    struct error err = {0};
    if (!r->tape->count || !r->tape->sealed)
        return;
    rec = &r->tape->records[r->tape->count - 1];
    was = record_value((struct record *)rec, &err);
    if (value_int(was, "exit", -1) == r->status ||
        strcmp(value_text(was, "ended", ""), value_text(done, "ended", "")) ==
            0)
        return;
    error_set(&r->error, RB_DIVERGED,
              "the run ended with %lld, the replay with %d",
              (long long)value_int(was, "exit", -1), r->status);
    r->status = EXIT_BUG;
}

static void finish_done(struct run *r)
{
    struct error err = {0};
    enum worker_verdict verdict = worker_end(&r->worker, 0, &err);
    int meant;
    r->status = status_of(r, r->done);
    if (strcmp(value_text(r->done, "ended", ""), "finished") != 0)
        take_failure(r, r->done);
    if (verdict != VERDICT_FINE) {
        r->error = err;
        r->status = r->writes ? EXIT_PARTIAL : EXIT_REFUSED;
    }
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

/* What the journal cannot tell is not sealed: resume may find out. */
static int may_seal(struct run *r)
{
    return r->journal && !r->journal->broken && r->status != EXIT_IN_DOUBT &&
           r->error.code != RB_DIVERGED && r->error.code != RB_CORRUPT &&
           r->error.code != RB_IO && record_exhausted(r);
}

/* Exit 2 says "untouched", which is only said of this resume. */
static void what_stands(struct run *r)
{
    struct error was = r->error;
    error_set(
        &r->error, was.code,
        "%s\n    nothing was done now; %u earlier writes of the run stand",
        was.message, r->writes);
    if (was.next[0])
        error_next(&r->error, "%s", was.next);
}

static void finish_broken(struct run *r)
{
    struct error err = {0};
    json_t *done;
    r->status = r->writes ? EXIT_PARTIAL : EXIT_REFUSED;
    for (const struct call *c = r->calls; c; c = c->next) {
        if (r->mode == MODE_LIVE &&
            (c->state == CALL_DOUBT || run_is_open(r, c)) &&
            c->verb->effect == EFFECT_WRITE)
            r->status = EXIT_IN_DOUBT;
    }
    if (r->error.code == RB_DIVERGED || r->error.code == RB_CORRUPT)
        r->status = r->mode == MODE_REPLAY ? EXIT_BUG : EXIT_REFUSED;
    if (r->mode == MODE_LIVE && r->error.code == RB_DIVERGED && r->writes)
        what_stands(r);
    if (!may_seal(r)) {
        if (r->journal && !r->journal->broken &&
            journal_flush(r->journal, &err) != 0)
            r->error = err;
        if (r->journal && r->mode == MODE_LIVE && !r->error.next[0])
            error_next(&r->error, "mend that, then: rbrun resume %s", r->id);
        return;
    }
    done = json_pack("{s:s, s:i, s:i}", "ended", "broken", "undone", 0,
                     "undo_failed", (int)r->undo_count);
    if (seal(r, done, &err) != 0)
        r->error = err;
    json_decref(done);
}

void run_finish(struct run *r)
{
    r->over = 1;
    if (r->parked)
        finish_parked(r);
    else if (r->broken)
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
    if (r->mode != MODE_LIVE || !record_exhausted(r)) {
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
    json_decref(r->untold);
    json_decref(r->resumed);
}
