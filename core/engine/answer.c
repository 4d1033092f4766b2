/*
 * Who answers a call. Live: a driver, after the intent is durable where
 * something may change. Plan: a driver for what can be known, a prediction
 * for the rest (plan.c). Replay: nobody, the tape has been asked before.
 */
#define _GNU_SOURCE
#include "run.h"
#include "run_parts.h"
#include "../store/io.h"

#include <stdio.h>
#include <string.h>

#define RESULT_ROOM (64 << 10) /* a write's result takes no more */

int verb_changes_production(const struct verb *v)
{
    return v->effect == EFFECT_WRITE && strncmp(v->name, "snapshot.", 9) != 0;
}

static int make_durable(struct run *r, struct call *c, struct error *err)
{
    off_t room = RESULT_ROOM;
    int rc;
    if (!r->journal || c->verb->effect == EFFECT_READ)
        return 0;
    for (const struct call *o = r->calls; o; o = o->next)
        room += o != c && run_is_open(r, o) ? RESULT_ROOM : 0;
    rc = record_resumed(r, err);
    if (!rc && c->verb->effect != EFFECT_WAIT)
        rc = journal_reserve(r->journal, room, err);
    if (!rc)
        rc = journal_flush(r->journal, err);
    if (!rc)
        io->moment("durable");
    return rc;
}

static int hold(struct run *r, struct call *c, struct error *err)
{
    struct error why = {0};
    int rc = record_note(
        r, "held", json_pack("{s:I}", "call", (json_int_t)c->sequence), err);
    if (rc)
        return rc;
    error_set(&why, RB_DENIED,
              "call %u, %s, is a write that the approved plan did not "
              "foresee: the situation has changed since",
              c->sequence, c->verb->name);
    if (r->writes) {
        error_next(&why, "rbrun resume %s   (on a terminal: it asks)", r->id);
        run_park(r, EXIT_WAITING, &why);
    } else {
        error_next(&why, "%s%s, then run it again",
                   r->again ? r->again : "rbrun plan ",
                   r->again ? "" : program_shown(r->program));
        run_park(r, EXIT_BUSY, &why);
    }
    return 1;
}

/* 0: go on, 1: the run is over or the call was answered. */
static int ask_again(struct run *r, struct call *c, struct error *err)
{
    json_t *approval;
    int said, rc;
    if (!r->foreseen || c->verb->effect != EFFECT_WRITE ||
        plan_foresaw(r->foreseen, c->verb, c->system, call_args(c)) ||
        value_bool(c->request, "undoing", 0))
        return 0;
    said =
        r->observer->ask ? r->observer->ask(r->observer->data, c->request) : -1;
    if (said < 0)
        return hold(r, c, err);
    if (said == 0) {
        call_answer(c, OUTCOME_REJECTED, NULL, "a person declined this write");
        return 1;
    }
    approval = json_pack("{s:I, s:s, s:s}", "call", (json_int_t)c->sequence,
                         "how", "asked again", "verb", c->verb->name);
    rc = record_append(r, RECORD_APPROVAL, approval, err);
    json_decref(approval);
    return rc;
}

/* An undo step must not overtake a write that is still on its way, or of
   which it is not known yet whether it has happened; and no write may
   overtake one that the runbook gave up (a guard fired) but that goes on. */
static int must_queue(const struct run *r, const struct call *c)
{
    int undoing = value_bool(c->request, "undoing", 0);
    if (!undoing && c->verb->effect != EFFECT_WRITE)
        return 0;
    for (const struct call *o = r->calls; o; o = o->next) {
        if (o->sequence < c->sequence && o->verb->effect == EFFECT_WRITE &&
            (undoing || o->dropped) &&
            (o->state == CALL_RUNNING || o->state == CALL_READY ||
             o->state == CALL_DOUBT))
            return 1;
    }
    return 0;
}

/* The record answers no more: perhaps the run was ended here. */
static int no_answer(struct run *r, struct error *err)
{
    run_take_recorded_end(r);
    return r->over ? 0 : record_unanswered(r, err);
}

int answer_begin(struct run *r, struct call *c, struct error *err)
{
    int rc;
    if (r->mode == MODE_PLAN)
        return plan_answer(r, c, err);
    if (r->mode == MODE_REPLAY)
        return no_answer(r, err);
    if (must_queue(r, c))
        return 0;
    rc = ask_again(r, c, err);
    if (rc)
        return rc < 0 ? rc : 0;
    rc = make_durable(r, c, err);
    if (rc)
        return rc;
    return call_start(c, &r->context, 0);
}

static int in_doubt(struct run *r, struct call *c, struct error *err)
{
    struct error why = {0};
    struct buf args = BUF_INIT(400);
    int rc = record_note(r, "in doubt",
                         json_pack("{s:I, s:s, s:s}", "call",
                                   (json_int_t)c->sequence, "verb",
                                   c->verb->name, "message", c->message),
                         err);
    if (rc)
        return rc;
    c->state = CALL_DOUBT;
    if (value_encode(call_args(c), &args) != 0)
        buf_adds(&args, "{...}");
    error_set(&why, RB_IO,
              "call %u, %s %s, may or may not have taken effect%s%s%s",
              c->sequence, c->verb->name, buf_text(&args),
              c->message[0] ? ": " : "", c->message, c->lost);
    error_next(&why,
               "look at the target, then: rbrun resolve %s %u "
               "applied|not-applied --because \"...\"",
               r->id, c->sequence);
    buf_free(&args);
    run_park(r, EXIT_IN_DOUBT, &why);
    return 1;
}

/* 1: may be delivered; 0: works on, or the run is parked. */
static int settle_probe(struct run *r, struct call *c, struct error *err)
{
    const json_t *applied = json_object_get(c->value, "applied");
    char partly[1024], none[400];
    json_t *value;
    int again = c->probing == 2 && !r->stops && !c->dropped && !r->over;
    if (c->outcome != OUTCOME_OK || !json_is_boolean(applied)) {
        int rc = in_doubt(r, c, err);
        return rc < 0 ? rc : 0;
    }
    c->probing = 0;
    if (json_is_true(applied)) {
        value = json_incref(json_object_get(c->value, "value"));
        if (!json_is_object(value)) {
            json_decref(value);
            value = plan_predict(c->verb, call_args(c));
        }
        call_answer(c, OUTCOME_OK, value, NULL);
        return 1;
    }
    if (again) { /* resumed: it is due, and certainly has not happened */
        int rc = make_durable(r, c, err);
        return rc ? rc : call_start(c, &r->context, 0);
    }
    snprintf(partly, sizeof partly, "it was cut off half-way: %.900s",
             value_text(c->value, "partly", ""));
    snprintf(none, sizeof none,
             "it got no answer, and the target shows no effect%s", c->lost);
    if (value_text(c->value, "partly", NULL))
        call_answer(c, OUTCOME_NOT_REACHED, NULL, partly);
    else
        call_answer(c, OUTCOME_RETRYABLE, NULL, none);
    return 1;
}

json_t *answer_instead(const struct call *c)
{
    json_t *value = NULL;
    if (c->verb->effect != EFFECT_READ && c->outcome == OUTCOME_OK) {
        /* It has happened; only its words are lost. */
        value = plan_predict(c->verb, call_args(c));
        return json_pack("{s:o}", "ok", value ? value : json_object());
    }
    return json_pack("{s:{s:s, s:s, s:s}}", "err", "outcome", "partial",
                     "message", "the answer is too large to keep", "verb",
                     c->verb->name);
}

int answer_settle(struct run *r, struct call *c, struct error *err)
{
    int rc;
    if (c->probing)
        return settle_probe(r, c, err);
    if (c->outcome != OUTCOME_UNKNOWN || r->mode != MODE_LIVE ||
        c->verb->effect == EFFECT_READ)
        return 1;
    switch (call_settle(c)) {
    case SETTLE_PROBED:
        call_start(c, &r->context, 1);
        return c->state == CALL_READY ? answer_settle(r, c, err) : 0;
    case SETTLE_KEYED:
        if (!c->resent && !c->interrupted) {
            c->resent = 1;
            rc = make_durable(r, c, err);
            if (rc)
                return rc;
            call_start(c, &r->context, 0);
            return c->state == CALL_READY ? answer_settle(r, c, err) : 0;
        }
        break;
    default:
        break;
    }
    if (c->verb->effect == EFFECT_NOTIFY || c->verb->effect == EFFECT_CLEANUP)
        return 1;
    rc = in_doubt(r, c, err);
    return rc < 0 ? rc : 0;
}

/* A write that no plan foresaw leaves only behind a person's approval: was
   there none yet, then it has certainly not left. */
static int never_approved(const struct run *r, const struct call *c)
{
    struct error ignored;
    if (!r->foreseen || c->verb->effect != EFFECT_WRITE ||
        value_bool(c->request, "undoing", 0) ||
        plan_foresaw(r->foreseen, c->verb, c->system, call_args(c)))
        return 0;
    for (size_t i = 0; r->tape && i < r->tape->count; i++) {
        struct record *rec = &r->tape->records[i];
        if (rec->kind == RECORD_APPROVAL &&
            value_int(record_value(rec, &ignored), "call", 0) == c->sequence)
            return 0;
    }
    return 1;
}

/* Given up, stopped or ending: it is not sent for the first time now. */
static int answer_unapproved(struct run *r, struct call *c, struct error *err)
{
    if (!r->stops && !c->dropped && !r->over)
        return answer_begin(r, c, err);
    call_answer(c, OUTCOME_RETRYABLE, NULL,
                "it was given up before it was sent");
    return 0;
}

int answer_unsettled(struct run *r, struct call *c, struct error *err)
{
    int rc;
    if (c->verb->effect == EFFECT_READ || c->verb->effect == EFFECT_WAIT)
        return answer_begin(r, c, err);
    if (never_approved(r, c))
        return answer_unapproved(r, c, err);
    switch (call_settle(c)) {
    case SETTLE_PROBED:
        return call_start(c, &r->context, 2);
    case SETTLE_KEYED:
        rc = make_durable(r, c, err);
        return rc ? rc : call_start(c, &r->context, 0);
    default:
        break;
    }
    if (c->verb->effect != EFFECT_WRITE) {
        call_answer(c, OUTCOME_UNKNOWN, NULL,
                    "the engine ended while it was being sent");
        return 0;
    }
    snprintf(c->message, sizeof c->message,
             "the engine ended while it was under way");
    rc = in_doubt(r, c, err);
    return rc < 0 ? rc : 0;
}
