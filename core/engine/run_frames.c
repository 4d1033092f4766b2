/*
 * What the worker says: every frame is checked before anything is done with
 * it, and a frame that is malformed, not due or not permitted ends the run.
 */
#define _GNU_SOURCE
#include "../wire/heap.h"
#include "frame_check.h"
#include "run_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void violated(struct run *r, struct error *why)
{
    frame_violated(&r->worker, r->program->name, why);
    run_worker_ended(r, VERDICT_VIOLATION, why);
}

static void make_key(struct run *r, struct call *c)
{
    json_t *about = json_pack("{s:s, s:I, s:s, s:O}", "run", r->id, "call",
                              (json_int_t)c->sequence, "verb", c->verb->name,
                              "args", json_object_get(c->request, "args"));
    digest_value(about, c->key);
    json_decref(about);
}

static int covered_by_uses(const struct run *r, const char *verb)
{
    const json_t *uses = json_object_get(r->header, "uses"), *one;
    size_t i;
    json_array_foreach(uses, i, one)
    {
        if (json_is_string(one) && pattern_covers(json_string_value(one), verb))
            return 1;
    }
    return 0;
}

/* A mistake in the runbook's own call: answered, so that the script's line
   and its undo steps come into play. */
void run_refuse_misuse(struct call *c, const struct error *why)
{
    c->state = CALL_SETTLED;
    c->misuse = 1;
    c->outcome = OUTCOME_REJECTED;
    snprintf(c->message, sizeof c->message, "%s", why->message);
}

static int check_permission(struct run *r, struct call *c, struct error *why)
{
    const char *name = c->verb->name;
    int rc;
    if (!covered_by_uses(r, name)) {
        error_set(why, RB_DENIED, "%s:%lld: %s is not in the `uses` of %s",
                  value_text(c->request, "file", "?"),
                  (long long)value_int(c->request, "line", 0), name,
                  r->program->name);
        run_add_use(r, name, why);
        return RB_DENIED;
    }
    rc = environment_granted(r->environment, program_granted(r->program),
                             c->verb, c->system ? c->system : "", why);
    if (rc)
        run_add_resume(r, why);
    if (rc)
        error_prefix(why, "%s:%lld: ", value_text(c->request, "file", "?"),
                     (long long)value_int(c->request, "line", 0));
    return rc;
}

static void announce(struct run *r, const struct call *c)
{
    run_event(r, "call",
              json_pack("{s:I, s:O, s:s, s:s*, s:b}", "call",
                        (json_int_t)c->sequence, "request", c->request,
                        "effect", effect_name(c->verb->effect), "system",
                        c->system, "recorded", c->recorded));
}

static struct call *add_call(struct run *r, const struct frame *f)
{
    const struct verb *v = verb_find(value_text(f->value, "verb", ""));
    struct call **end = &r->calls, *c;
    if (!v || f->call != r->sequence + 1 ||
        !json_is_object(json_object_get(f->value, "args")))
        return NULL;
    c = call_new(f->call, v, f->value);
    if (!c)
        return NULL;
    r->sequence = f->call;
    while (*end)
        end = &(*end)->next;
    *end = c;
    return c;
}

/* Without a bound there is nothing to wait for, and any value would pass. */
static int check_bounds(const json_t *args, struct error *why)
{
    if (json_object_get(args, "below") || json_object_get(args, "above"))
        return 0;
    return error_set(why, RB_INVALID,
                     "metric.await says neither below nor above: say below = "
                     "0.02, above = 100, or both");
}

int run_check_call(struct run *r, struct call *c, struct error *why)
{
    int rc = verb_check(c->verb, call_args(c), why);
    if (!rc && c->verb->effect == EFFECT_WAIT && call_wait_ms(c) < 0)
        rc = error_set(why, RB_INVALID,
                       "%s needs either seconds = 5 or duration = \"5s\"",
                       c->verb->name);
    if (!rc && strcmp(c->verb->name, "metric.await") == 0)
        rc = check_bounds(call_args(c), why);
    if (!rc)
        rc = environment_binding(r->environment, c->verb, call_args(c),
                                 &c->system, &c->binding, why);
    return rc ? 1 : check_permission(r, c, why);
}

static int too_many_calls(struct run *r, const struct frame *f,
                          struct error *err)
{
    char where[160];
    snprintf(where, sizeof where, "%s:%lld", value_text(f->value, "file", "?"),
             (long long)value_int(f->value, "line", 0));
    return worker_reached(&r->worker, LIMIT_CALLS, (double)r->sequence + 1,
                          where, err);
}

/* misuse and why: what is to be answered at once. */
static int new_call(struct run *r, struct call *c, int *misuse,
                    struct error *why, struct error *err)
{
    int rc = record_refusal(r, err);
    if (rc)
        return rc;
    *misuse = run_check_call(r, c, why);
    if (*misuse < 0) {
        r->refused = c->sequence;
        *err = *why;
        return *misuse;
    }
    make_key(r, c);
    return record_intent(r, c, err);
}

/* A recorded call was checked when it was new; what is not settled of it is
   checked again before it is answered (run_answers.c). */
static int frame_call(struct run *r, const struct frame *f, struct error *err)
{
    struct error why = {0};
    struct call *c;
    int misuse = 0, rc;
    if (r->sequence >= r->worker.limits.value[LIMIT_CALLS])
        return too_many_calls(r, f, err);
    c = add_call(r, f);
    if (!c)
        return error_set(err, RB_INVALID,
                         "a call that is out of order or no verb");
    rc = record_match(r, c, err);
    if (!rc)
        rc = new_call(r, c, &misuse, &why, err);
    if (rc < 0) {
        c->state = CALL_DONE; /* without an intent there is no result */
        return rc;
    }
    announce(r, c);
    if (misuse)
        run_refuse_misuse(c, &why);
    return 0;
}

static void remember_undo(struct run *r, const json_t *event)
{
    struct undo_step *more =
        heap_grow(r->undos, (r->undo_count + 1) * sizeof *more);
    r->undos = more;
    more += r->undo_count++;
    more->id = value_int(event, "id", 0);
    more->what = heap_text(value_text(event, "what", "undo"));
    /* What only tells people takes nothing back. */
    more->covers = value_bool(event, "tells", 0) ? UINT32_MAX : 0;
}

#define LINE_COST 100 /* bytes of a log line's record beside its text */

/* Log lines are limited in all, short ones too. */
static int count_log(struct run *r, const json_t *event, struct error *err)
{
    r->logged += LINE_COST + strlen(value_text(event, "text", ""));
    return r->logged <= (uint64_t)r->worker.limits.value[LIMIT_LOG]
               ? 0
               : worker_reached(&r->worker, LIMIT_LOG, (double)r->logged, NULL,
                                err);
}

static int frame_event(struct run *r, const struct frame *f, struct error *err)
{
    const char *kind = value_text(f->value, "kind", "");
    int recorded = !record_exhausted(r) && r->mode != MODE_REPLAY;
    json_t *fields;
    int rc = 0;
    if (strcmp(kind, "decision") == 0) {
        plan_saw_decision(r, f->value);
        fields = json_copy(f->value);
        json_object_del(fields, "kind");
        rc = record_event(r, RECORD_DECISION, fields, err);
        json_decref(fields);
    } else if (strcmp(kind, "undo") == 0 || strcmp(kind, "log") == 0) {
        rc = kind[0] == 'l' ? count_log(r, f->value, err) : 0;
        if (rc)
            return rc;
        fields = json_copy(f->value);
        json_object_del(fields, "kind");
        json_object_set_new(fields, "what",
                            json_string(kind[0] == 'u' ? "undo" : "log"));
        if (kind[0] == 'u') {
            json_object_set(fields, "undo", json_object_get(f->value, "what"));
            remember_undo(r, f->value);
            if (!value_bool(f->value, "tells", 0))
                plan_saw_undo(r, value_int(f->value, "id", 0));
        }
        if (!rc)
            rc = record_event(r, RECORD_NOTE, fields, err);
        json_decref(fields);
    } else if (strcmp(kind, "step") != 0) {
        return error_set(err, RB_INVALID, "an event of unknown kind");
    }
    fields = json_copy(f->value);
    json_object_set_new(fields, "recorded", json_boolean(recorded));
    run_event(r, kind, fields);
    return rc;
}

static int frame_cancel(struct run *r, const struct frame *f, struct error *err)
{
    const json_t *list = json_object_get(f->value, "calls"), *one;
    json_t *fields = json_pack("{s:s, s:O*}", "what", "cancel", "calls", list);
    size_t i;
    int rc = record_event(r, RECORD_NOTE, fields, err);
    json_decref(fields);
    json_array_foreach(list, i, one)
    {
        struct call *c = run_find_call(r, (uint32_t)json_integer_value(one));
        if (c)
            run_drop(r, c);
    }
    return rc;
}

/* In a plan the undo steps are shown, and then it is done once more. */
static int frame_done(struct run *r, const struct frame *f, struct error *err)
{
    json_t *empty;
    int rc;
    if (r->mode != MODE_PLAN || r->done ||
        strcmp(value_text(f->value, "ended", ""), "finished") != 0) {
        if (!r->done)
            r->done = json_incref(f->value);
        else /* what the undo steps of a plan came to */
            json_object_set(r->done, "undo_errors",
                            json_object_get(f->value, "undo_errors"));
        r->over = 2;
        return record_all_told(r, err);
    }
    empty = json_object();
    r->done = json_incref(f->value);
    rc = worker_send(&r->worker, FRAME_UNDO, 0, empty, NULL, 0, err);
    json_decref(empty);
    return rc;
}

static int handle_frame(struct run *r, const struct frame *f, struct error *err)
{
    int rc = frame_check(f, 0, err);
    if (!rc)
        rc = run_frame_due(r, f, err);
    if (rc)
        return rc;
    switch (f->type) {
    case FRAME_CALL:
        return frame_call(r, f, err);
    case FRAME_EVENT:
        return frame_event(r, f, err);
    case FRAME_CANCEL:
        return frame_cancel(r, f, err);
    case FRAME_DONE:
        return frame_done(r, f, err);
    default:
        return 0; /* WAIT: run_frame_due has passed nothing else */
    }
}

void run_take_frames(struct run *r)
{
    /* Bursts behind answers given ahead are taken one at a time. */
    while (!r->over && !(r->ahead && r->worker.blocked)) {
        struct frame f = {0};
        struct error err = {0};
        int got, rc = worker_next(&r->worker, &f, &got, &err);
        if (!rc && got)
            rc = handle_frame(r, &f, &err);
        else if (!rc)
            rc = r->worker.blocked ? run_check_quiet(r, &err) : 0;
        if (!rc && got)
            rc = run_check_waits(r, &err);
        frame_free(&f);
        if (!rc && !got)
            return;
        if (rc == RB_INVALID)
            violated(r, &err);
        else if (rc == RB_TOOBIG && r->worker.hit.reached)
            run_worker_ended(r, VERDICT_LIMIT, &err);
        else if (rc)
            run_broke(r, &err);
    }
}
