/*
 * What the worker is told: one answer at a time, recorded before it is
 * delivered, in the order of the journal where there is one to follow.
 */
#define _GNU_SOURCE
#include "diverge.h"
#include "run_parts.h"

#include <stdlib.h>
#include <string.h>

#define AHEAD_MAX 64
#define AHEAD_BYTES (32u << 10)

struct call *run_find_call(struct run *r, uint32_t sequence)
{
    struct call *c = r->calls;
    while (c && c->sequence != sequence)
        c = c->next;
    return c;
}

/* A completed write counts against "as before" unless an undo step stands
   for it: the newest one registered before it that stands for no other. */
static void count_write(struct run *r, const struct call *c)
{
    int undoing = value_bool(c->request, "undoing", 0);
    if (!verb_changes_production(c->verb) || c->outcome != OUTCOME_OK)
        return;
    if (!r->made)
        r->made = json_array();
    json_array_append_new(r->made,
                          json_pack("{s:I, s:s, s:s*, s:O, s:b}", "call",
                                    (json_int_t)c->sequence, "verb",
                                    c->verb->name, "system", c->system, "args",
                                    call_args(c), "undoing", undoing));
    if (undoing)
        return;
    r->writes++;
    for (size_t i = r->undo_count; i-- > 0;) {
        if (!r->undos[i].covers) {
            r->undos[i].covers = c->sequence;
            return;
        }
    }
    r->uncovered++;
}

static void learn(struct run *r, struct call *c, const json_t *answer,
                  int64_t at)
{
    const json_t *err = json_object_get(answer, "err");
    c->outcome = json_object_get(answer, "ok") ? OUTCOME_OK : OUTCOME_REJECTED;
    count_write(r, c);
    if (c->outcome == OUTCOME_OK && verb_changes_production(c->verb))
        r->context.changed_at = at;
    if (err && (c->verb->effect == EFFECT_NOTIFY ||
                c->verb->effect == EFFECT_CLEANUP)) {
        if (!r->untold)
            r->untold = json_array();
        json_array_append_new(
            r->untold,
            json_pack("{s:I, s:s, s:s*, s:s}", "call", (json_int_t)c->sequence,
                      "verb", c->verb->name, "system", c->system, "message",
                      value_text(err, "message", "")));
    }
}

/* A write that has not left is never sent; one that has, or may have before
   a crash, is followed to its end. */
void run_drop(struct run *r, struct call *c)
{
    const json_t *answer;
    int64_t at;
    if (c->state == CALL_DONE || c->state == CALL_DOUBT)
        return;
    c->dropped = 1;
    if (record_find_result(r, c->sequence, &answer, &at)) {
        learn(r, c, answer, at);
        c->state = CALL_DONE;
    } else if (c->verb->effect == EFFECT_READ ||
               c->verb->effect == EFFECT_WAIT) {
        c->interrupted = 1;
        call_stop(c);
        if (c->state != CALL_RUNNING)
            c->state = CALL_DONE;
    } else if (c->state == CALL_NEW && !(c->recorded && c->offered)) {
        call_answer(c, OUTCOME_RETRYABLE, NULL,
                    "it was given up before it was sent");
        c->state = CALL_SETTLED;
    }
}

/*
 * Recorded answers go to the worker some at a time: it takes the next one
 * out of the socket as soon as it has blocked, and neither side sleeps and
 * wakes for each. Its calls are checked all the same, in their order, before
 * anything else happens. A batch is small enough for the socket's buffer, so
 * that we never wait for a worker that waits for us.
 */
static int queue_ahead(struct run *r, struct error *err)
{
    size_t at = r->cursor;
    const json_t *answer;
    uint32_t call;
    int rc = 0;
    while (!rc && r->ahead < AHEAD_MAX && r->worker.out.size < AHEAD_BYTES &&
           record_ahead(r, &at, &call, &answer)) {
        rc = worker_queue(&r->worker, FRAME_RESULT, call, answer, NULL, 0, err);
        r->ahead++;
    }
    return rc;
}

static int tell(struct run *r, const struct call *c, const json_t *answer,
                struct error *err)
{
    int rc;
    worker_goes_on(&r->worker);
    if (r->ahead) {
        r->ahead--;
        return 0;
    }
    rc = worker_queue(&r->worker, FRAME_RESULT, c->sequence, answer, NULL, 0,
                      err);
    if (!rc)
        rc = queue_ahead(r, err);
    return rc ? rc : worker_push(&r->worker, err);
}

static int hand_over(struct run *r, struct call *c, const json_t *answer,
                     int64_t at, struct error *err)
{
    learn(r, c, answer, at);
    run_event(
        r, "answer",
        json_pack(
            "{s:I, s:O, s:s, s:s*, s:O, s:I, s:b, s:b}", "call",
            (json_int_t)c->sequence, "request", c->request, "effect",
            effect_name(c->verb->effect), "system", c->system, "answer", answer,
            "ms", (json_int_t)(c->started ? clock_steady() - c->started : 0),
            "recorded", c->recorded && !c->started, "dropped", c->dropped));
    c->state = CALL_DONE;
    return c->dropped || r->over ? 0 : tell(r, c, answer, err);
}

static int deliver(struct run *r, struct call *c, struct error *err)
{
    json_t *raw = call_result(c);
    json_t *answer = secret_redact(r->secrets, raw);
    int rc = record_result(r, c, answer, err);
    if (rc == RB_TOOBIG || rc == RB_INVALID) {
        json_decref(answer);
        answer = answer_instead(c);
        rc = record_result(r, c, answer, err);
    }
    if (!rc)
        rc = hand_over(r, c, answer, clock_wall(), err);
    json_decref(raw);
    json_decref(answer);
    return rc;
}

static int is_effect(const struct call *c)
{
    return c->verb->effect != EFFECT_READ && c->verb->effect != EFFECT_WAIT;
}

static struct call *oldest_settled(struct run *r, int effects_only)
{
    struct call *best = NULL;
    for (struct call *c = r->calls; c; c = c->next) {
        if (c->state == CALL_SETTLED && !c->dropped &&
            (!effects_only || is_effect(c)) &&
            (!best || c->order < best->order))
            best = c;
    }
    return best;
}

/* When it was due: waits that are over come in the order of their ends,
   however late we are. */
static int64_t due(const struct call *c)
{
    return c->verb->effect == EFFECT_WAIT ? c->deadline : c->started;
}

static struct call *first_ready(const struct run *r)
{
    struct call *best = NULL;
    for (struct call *c = r->calls; c; c = c->next) {
        if (c->state == CALL_READY && (!best || due(c) < due(best)))
            best = c;
    }
    return best;
}

int run_settle_ready(struct run *r, struct error *err)
{
    static uint32_t order;
    struct call *c;
    while ((c = first_ready(r))) {
        int rc;
        if (c->interrupted && c->verb->effect == EFFECT_READ && c->dropped) {
            c->state = CALL_DONE;
            continue;
        }
        rc = answer_settle(r, c, err);
        if (rc < 0 || r->over == 1)
            return rc < 0 ? rc : 0;
        if (rc == 1) {
            c->state = CALL_SETTLED;
            c->order = ++order;
        }
    }
    return 0;
}

int run_record_rest(struct run *r, struct error *err)
{
    for (struct call *c = r->calls; c; c = c->next) {
        int rc;
        if (c->state != CALL_SETTLED ||
            !(c->dropped || (r->over && is_effect(c))))
            continue;
        rc = deliver(r, c, err);
        if (rc)
            return rc;
    }
    return 0;
}

/* A call from the tape that has no result: checked as if it were new, since
   grants and bindings may have changed. */
static int start_recorded(struct run *r, struct call *c, struct error *err)
{
    int misuse;
    if (r->mode == MODE_REPLAY)
        return answer_begin(r, c, err);
    misuse = run_check_call(r, c, err);
    if (misuse > 0)
        run_refuse_misuse(c, err);
    if (misuse < 0)
        r->refused = c->sequence;
    return misuse ? (misuse > 0 ? 0 : misuse) : answer_unsettled(r, c, err);
}

static int start_new(struct run *r, struct error *err)
{
    if (record_refusal(r, err) != 0)
        return RB_DENIED;
    for (struct call *c = r->calls; c && !r->over; c = c->next) {
        int rc;
        if (c->state != CALL_NEW)
            continue;
        rc = c->recorded ? start_recorded(r, c, err) : answer_begin(r, c, err);
        if (rc)
            return rc;
    }
    return 0;
}

/* Of a parked run, what an earlier process left open stays for the next. */
int run_is_open(const struct run *r, const struct call *c)
{
    if (!is_effect(c))
        return 0;
    if (c->state == CALL_NEW)
        return c->recorded && c->offered && !r->parked && r->mode == MODE_LIVE;
    return c->state == CALL_RUNNING || c->state == CALL_READY ||
           c->state == CALL_SETTLED;
}

int run_writing(const struct run *r)
{
    /* A journal that failed takes no results: only let them finish. */
    int deaf = r->journal && r->journal->broken;
    for (const struct call *c = r->calls; c; c = c->next) {
        if (run_is_open(r, c) && (!deaf || c->state == CALL_RUNNING))
            return 1;
    }
    return 0;
}

int run_start_doubtful(struct run *r, struct error *err)
{
    for (struct call *c = r->calls; c && r->over != 1; c = c->next) {
        int rc = c->state == CALL_NEW && run_is_open(r, c)
                     ? start_recorded(r, c, err)
                     : 0;
        if (rc)
            return rc;
    }
    return 0;
}

static int send_stop(struct run *r, struct error *err)
{
    json_t *doc = json_pack("{s:s}", "because", "interrupt");
    int rc;
    for (struct call *c = r->calls; c; c = c->next)
        run_drop(r, c);
    r->stop_sent = 1;
    rc = worker_send(&r->worker, FRAME_STOP, 0, doc, NULL, 0, err);
    json_decref(doc);
    return rc;
}

static int deliver_recorded(struct run *r, int *did, struct error *err)
{
    const json_t *answer;
    uint32_t sequence;
    struct call *c;
    int64_t at;
    do {
        int kind = record_delivery(r, &sequence, &answer, &at, err);
        *did = kind > 0;
        if (kind == 2)
            return send_stop(r, err);
        if (kind <= 0)
            return kind;
        c = run_find_call(r, sequence);
        if (r->loose ? !c && sequence > r->sequence : !c || c->dropped)
            return diverge_answer(r, sequence, answer, err);
        /* Of a call that an edited program gave up, run_drop has heard. */
    } while (!c || c->dropped);
    return hand_over(r, c, answer, at, err);
}

/* A person or the system said stop: writes are let finish and delivered,
   nothing new is started, then the worker undoes. */
static int give_stop(struct run *r, struct error *err)
{
    struct call *c;
    int rc = run_start_doubtful(r, err);
    if (!rc)
        rc = run_settle_ready(r, err);
    if (rc || r->over)
        return rc;
    c = oldest_settled(r, 1);
    if (c)
        return deliver(r, c, err);
    if (run_writing(r))
        return 0;
    rc = record_note(r, "interrupt", json_pack("{s:i}", "signal", r->signal),
                     err);
    return rc ? rc : send_stop(r, err);
}

/* The worker is blocked: give it one thing. */
int run_give_one(struct run *r, struct error *err)
{
    struct call *c;
    int did = 0, rc;
    for (c = r->calls; c; c = c->next)
        c->offered = 1;
    rc = deliver_recorded(r, &did, err);
    if (rc || did)
        return rc;
    if (r->stops && !r->stop_sent)
        return give_stop(r, err);
    rc = start_new(r, err);
    if (rc || r->over)
        return rc;
    rc = run_settle_ready(r, err);
    if (rc || r->over)
        return rc;
    c = oldest_settled(r, 0);
    return c ? deliver(r, c, err) : 0;
}
