#define _GNU_SOURCE
#include "plan.h"
#include "../store/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAYS_MAX 12

/* Not what a write changes: texts for people, which may hold numbers that
   move, and the name of a copy that is made on the way, which no plan can
   know; the driver reads the copy back. */
static const struct {
    const char *verb;
    const char *parameter;
} told[] = {
    {"snapshot.take", "note"},
    {"migrate.down", "snapshot"},
    {"notify.send", "text"},
    {"notify.send", "title"},
    {NULL, NULL},
};

static json_t *what_changes(const struct verb *v, const char *system,
                            const json_t *args)
{
    json_t *copy = json_copy((json_t *)args);
    for (size_t i = 0; told[i].verb; i++) {
        if (strcmp(told[i].verb, v->name) == 0)
            json_object_del(copy, told[i].parameter);
    }
    return json_pack("{s:s, s:s*, s:o}", "verb", v->name, "system", system,
                     "args", copy);
}

int plan_foresaw(const json_t *foreseen, const struct verb *v,
                 const char *system, const json_t *args)
{
    json_t *wanted = what_changes(v, system, args), *one;
    size_t i;
    int found = 0;
    json_array_foreach((json_t *)foreseen, i, one)
    {
        found = found || json_equal(one, wanted);
    }
    json_decref(wanted);
    return found;
}

/* -- one way ------------------------------------------------------------ */

static void add_entry(struct run *r, struct call *c, const char *note)
{
    struct plan *p = r->plan;
    int undoing = value_bool(c->request, "undoing", 0);
    json_t *entry = json_pack(
        "{s:I, s:s, s:s, s:s*, s:O, s:s, s:s, s:I, s:b, s:s*}", "call",
        (json_int_t)c->sequence, "verb", c->verb->name, "effect",
        effect_name(c->verb->effect), "system", c->system, "args", call_args(c),
        "step", value_text(c->request, "step", ""), "file",
        value_text(c->request, "file", ""), "line",
        (json_int_t)value_int(c->request, "line", 0), "production",
        verb_changes_production(c->verb), "note", note);
    if (undoing)
        json_object_set_new(entry, "undoes",
                            json_integer(value_int(c->request, "undo", 0)));
    if (verb_changes_production(c->verb) && !undoing && p->undo_pending) {
        json_object_set_new(entry, "undo", json_integer(p->undo_pending));
        p->undo_pending = 0;
    }
    json_array_append_new(p->branch, entry);
    /* Undo steps are agreed to with the write that they stand for. */
    if (c->verb->effect == EFFECT_WRITE && !undoing) {
        json_t *what = what_changes(c->verb, c->system, call_args(c));
        if (!plan_foresaw(p->foreseen, c->verb, c->system, call_args(c)))
            json_array_append(p->foreseen, what);
        json_decref(what);
    }
}

static void overlay_key(const struct call *c, const char *verb, char *out,
                        size_t size)
{
    const char *flag = value_text(call_args(c), "flag", "");
    snprintf(out, size, "%s %s %s", verb, c->system ? c->system : "", flag);
}

static void remember_effect(struct run *r, struct call *c, json_t *value)
{
    char key[300];
    if (verb_changes_production(c->verb))
        r->plan->predicted++;
    if (!c->verb->reads_back)
        return;
    overlay_key(c, c->verb->reads_back, key, sizeof key);
    json_object_set(r->plan->overlay, key, value);
}

static void settled(struct call *c)
{
    static uint32_t order = 1u << 30;
    c->state = CALL_SETTLED;
    c->order = order++;
}

static void answer_write(struct run *r, struct call *c)
{
    json_t *value = plan_predict(c->verb, call_args(c));
    if (!value)
        value = json_object();
    /* Nobody should branch on an output that is only predicted; a write that
       is settled without its answer (resolve) has none. */
    if (json_object_get(value, "output"))
        json_object_set_new(value, "output", json_string(PLAN_LATER));
    remember_effect(r, c, value);
    add_entry(r, c, NULL);
    call_answer(c, OUTCOME_OK, value, NULL);
    settled(c);
}

static int depends_on_writes(const struct verb *v)
{
    return strncmp(v->name, "metric.", 7) == 0 ||
           strncmp(v->name, "http.", 5) == 0;
}

/* An answer that only the real thing can give. 1: sight ends here. */
static int answer_later(struct run *r, struct call *c)
{
    struct plan *p = r->plan;
    json_t *value = plan_predict(c->verb, call_args(c));
    if (!value) {
        char text[300];
        snprintf(text, sizeof text, "%s:%lld: %s %s",
                 value_text(c->request, "file", "?"),
                 (long long)value_int(c->request, "line", 0), c->verb->name,
                 PLAN_LATER);
        add_entry(r, c, PLAN_LATER);
        json_object_set_new(
            json_array_get(p->branch, json_array_size(p->branch) - 1), "blind",
            json_true());
        if (!p->fail_at)
            json_array_append_new(p->blind, json_string(text));
        return 1;
    }
    if (p->fail_at == c->sequence) {
        json_decref(value);
        add_entry(r, c, "if not");
        call_answer(c, OUTCOME_NOT_REACHED, NULL,
                    "the condition was not reached in time");
    } else {
        add_entry(r, c, PLAN_LATER);
        call_answer(c, OUTCOME_OK, value, NULL);
    }
    settled(c);
    return 0;
}

static int known_read(struct run *r, struct call *c)
{
    char key[300], number[16];
    json_t *value;
    const json_t *kept;
    overlay_key(c, c->verb->name, key, sizeof key);
    value = json_object_get(r->plan->overlay, key);
    if (value) {
        call_answer(c, OUTCOME_OK, json_incref(value), NULL);
        settled(c);
        return 1;
    }
    snprintf(number, sizeof number, "%u", c->sequence);
    kept = json_object_get(r->plan->reads, number);
    if (!kept || !json_equal(json_object_get(kept, "request"), c->request))
        return 0;
    call_answer(c, (enum outcome)value_int(kept, "outcome", 0),
                json_incref(json_object_get(kept, "value")),
                value_text(kept, "message", ""));
    if (c->outcome != OUTCOME_OK) {
        json_decref(c->value);
        c->value = NULL;
    }
    settled(c);
    return 1;
}

int plan_answer(struct run *r, struct call *c, struct error *err)
{
    (void)err;
    if (value_bool(c->request, "undoing", 0) &&
        c->verb->effect != EFFECT_WRITE && c->verb->effect != EFFECT_NOTIFY)
        return answer_later(r, c)
                   ? error_set(err, RB_NOTFOUND, "the plan's sight ends")
                   : 0;
    if (c->verb->effect == EFFECT_WAIT) {
        add_entry(r, c, NULL);
        call_answer(
            c, OUTCOME_OK,
            json_pack("{s:f}", "seconds", (double)call_wait_ms(c) / 1000.0),
            NULL);
        settled(c);
        return 0;
    }
    if (c->verb->effect != EFFECT_READ) {
        answer_write(r, c);
        return 0;
    }
    if (r->plan->predicted && depends_on_writes(c->verb))
        return answer_later(r, c)
                   ? error_set(err, RB_NOTFOUND, "the plan's sight ends")
                   : 0;
    if (strcmp(value_text(call_args(c), "id", ""), PLAN_LATER) == 0) {
        answer_later(r, c);
        return 0;
    }
    if (known_read(r, c))
        return 0;
    return call_start(c, &r->context, 0);
}

/* Kept when the answer is delivered; other ways reuse it. */
static void keep_read(void *data, const char *kind, const json_t *fields)
{
    struct run *r = data;
    char number[16];
    const json_t *answer = json_object_get(fields, "answer"), *ok, *why;
    if (strcmp(kind, "answer") != 0 || r->plan->fail_at ||
        strcmp(value_text(fields, "effect", ""), "read") != 0)
        return;
    ok = json_object_get(answer, "ok");
    why = json_object_get(answer, "err");
    snprintf(number, sizeof number, "%lld",
             (long long)value_int(fields, "call", 0));
    int outcome = OUTCOME_OK;
    for (int o = 0; why && o < OUTCOMES; o++) {
        if (strcmp(outcome_name(o), value_text(why, "outcome", "")) == 0)
            outcome = o;
    }
    json_object_set_new(r->plan->reads, number,
                        json_pack("{s:O, s:i, s:O, s:s}", "request",
                                  json_object_get(fields, "request"), "outcome",
                                  outcome, "value", ok ? ok : json_null(),
                                  "message", value_text(why, "message", "")));
}

void plan_saw_undo(struct run *r, int64_t id)
{
    if (r->plan)
        r->plan->undo_pending = id;
}

void plan_saw_decision(struct run *r, const json_t *fields)
{
    if (r->plan && !r->plan->fail_at)
        json_array_append(r->plan->decisions, (json_t *)fields);
}

/* -- all ways ----------------------------------------------------------- */

/* Both see everything: the plan, and whoever shows that it is being made. */
struct relay {
    struct run *run;
    struct observer *outer;
};

static void relay_event(void *data, const char *kind, const json_t *fields)
{
    struct relay *y = data;
    keep_read(y->run, kind, fields);
    if (y->outer && y->outer->event && !y->run->plan->fail_at)
        y->outer->event(y->outer->data, kind, fields);
}

static void relay_tick(void *data)
{
    struct relay *y = data;
    y->outer->tick(y->outer->data);
}

static void forget_way(struct run *r)
{
    json_decref(r->done);
    r->done = NULL;
    while (r->calls) {
        struct call *next = r->calls->next;
        call_free(r->calls);
        r->calls = next;
    }
    for (size_t i = 0; i < r->undo_count; i++)
        free(r->undos[i].what);
    r->undo_count = 0;
    r->undo_at = 0;
    r->sequence = 0;
    r->over = r->stop_sent = 0;
    r->broken = r->parked = 0;
    r->writes = r->uncovered = 0;
    json_decref(r->made);
    r->made = NULL;
    r->logged = 0;
    r->context.changed_at = 0;
    memset(&r->error, 0, sizeof r->error);
}

/* The main way uses the worker that loaded; each other way a new one. */
static int walk(struct run *r, struct plan *p, uint32_t fail_at,
                struct error *err)
{
    int rc = 0;
    p->fail_at = fail_at;
    p->predicted = 0;
    p->undo_pending = 0;
    json_object_clear(p->overlay);
    json_decref(p->branch);
    p->branch = json_array();
    if (fail_at) {
        forget_way(r);
        rc = run_load(r, err);
    }
    if (!rc)
        run_execute(r);
    return rc;
}

static int is_fork(const json_t *entry)
{
    return strcmp(value_text(entry, "note", ""), PLAN_LATER) == 0 &&
           strcmp(value_text(entry, "effect", ""), "read") == 0 &&
           strcmp(value_text(entry, "verb", ""), "snapshot.verify") != 0 &&
           !json_object_get(entry, "blind") &&
           !json_object_get(entry, "undoes");
}

/* What the other way does from the fork on, put at the fork. */
static int walk_fork(struct run *r, struct plan *p, json_t *entry,
                     struct error *err)
{
    uint32_t at = (uint32_t)value_int(entry, "call", 0);
    json_t *tail, *one;
    size_t i;
    int rc = walk(r, p, at, err);
    if (!rc && (r->hostile || r->error.code == RB_IO)) {
        *err = r->error;
        rc = RB_DENIED;
    }
    if (rc)
        return rc;
    tail = json_array();
    json_array_foreach(p->branch, i, one)
    {
        if (value_int(one, "call", 0) > at && !json_object_get(one, "undoes"))
            json_array_append(tail, one);
    }
    json_object_set_new(entry, "otherwise", tail);
    json_object_set_new(entry, "otherwise_ends",
                        r->done ? json_incref(r->done)
                                : json_pack("{s:s, s:s}", "ended", "unknown",
                                            "message", r->error.message));
    return 0;
}

static int walk_forks(struct run *r, struct plan *p, struct error *err)
{
    size_t i, ways = 0;
    json_t *entry;
    int rc = 0;
    json_array_foreach(p->entries, i, entry)
    {
        if (rc || !is_fork(entry))
            continue;
        if (++ways > WAYS_MAX) {
            json_array_append_new(p->blind,
                                  json_string("more ways than are walked"));
            break;
        }
        rc = walk_fork(r, p, entry, err);
    }
    return rc;
}

/* Where the main way fails, not with which words: these may hold numbers. */
static void make_id(struct run *r, struct plan *p)
{
    const json_t *why = json_object_get(p->result, "error");
    char digest[DIGEST_SIZE];
    json_t *about =
        json_pack("{s:o, s:O, s:O}", "program", program_describe(r->program),
                  "inputs", r->input, "writes", p->foreseen);
    json_object_del(
        json_object_get(json_object_get(about, "program"), "runbook"), "path");
    if (p->failed)
        json_object_set_new(about, "fails",
                            json_pack("{s:s, s:I}", "file",
                                      value_text(why, "file", ""), "line",
                                      (json_int_t)value_int(why, "line", 0)));
    digest_value(about, digest);
    snprintf(p->id, sizeof p->id, "%.12s", digest);
    json_decref(about);
}

static int main_way(struct run *r, struct plan *p, struct error *err)
{
    int rc = walk(r, p, 0, err);
    if (rc)
        return rc;
    p->entries = json_incref(p->branch);
    p->result = json_incref(r->done ? r->done : json_null());
    if (r->error.code == RB_DENIED || r->error.code == RB_IO || r->stops) {
        *err = r->error;
        return RB_DENIED;
    }
    if (r->error.code && r->error.code != RB_NOTFOUND) {
        p->failed = 1;
        p->error = r->error;
    }
    return 0;
}

int plan_make(struct run *r, struct plan *p, struct error *err)
{
    struct relay y = {r, r->observer};
    struct observer own = {&y, relay_event, NULL, NULL};
    int rc;
    memset(p, 0, sizeof *p);
    p->decisions = json_array();
    p->foreseen = json_array();
    p->blind = json_array();
    p->reads = json_object();
    p->overlay = json_object();
    r->plan = p;
    if (r->observer && r->observer->tick)
        own.tick = relay_tick;
    r->observer = &own;
    rc = main_way(r, p, err);
    if (!rc)
        rc = walk_forks(r, p, err);
    if (!rc)
        make_id(r, p);
    r->observer = y.outer;
    return rc;
}

void plan_free(struct plan *p)
{
    json_decref(p->entries);
    json_decref(p->decisions);
    json_decref(p->foreseen);
    json_decref(p->result);
    json_decref(p->blind);
    json_decref(p->reads);
    json_decref(p->overlay);
    json_decref(p->branch);
}
