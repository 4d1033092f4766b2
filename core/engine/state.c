/* What a run is at this moment, read from its journal and its lock; and the
   one record a person may add to it. */
#define _GNU_SOURCE
#include "session.h"
#include "../store/lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct open_call {
    uint32_t call;
    const json_t *intent;
    int held;
    int doubt;
};

static struct open_call *find_open(struct open_call *list, size_t count,
                                   uint32_t call)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].call == call)
            return &list[i];
    }
    return NULL;
}

static void scan_note(struct open_call *open, size_t count, const json_t *note)
{
    struct open_call *o =
        find_open(open, count, (uint32_t)value_int(note, "call", 0));
    const char *what = value_text(note, "what", "");
    if (o && strcmp(what, "held") == 0)
        o->held = 1;
    if (o && strcmp(what, "in doubt") == 0)
        o->doubt = 1;
}

/* Intents of writes that have no result; at most max of them. */
static size_t open_calls(struct session *s, struct open_call *open, size_t max)
{
    struct error ignored;
    size_t count = 0;
    for (size_t i = 0; i < s->tape.count; i++) {
        struct record *rec = &s->tape.records[i];
        const json_t *v = record_value(rec, &ignored);
        struct open_call *o;
        if (rec->kind == RECORD_INTENT && count < max &&
            strcmp(value_text(v, "effect", ""), "write") == 0) {
            memset(&open[count], 0, sizeof *open);
            open[count].call = (uint32_t)value_int(v, "call", 0);
            open[count++].intent = v;
        } else if (rec->kind == RECORD_NOTE) {
            scan_note(open, count, v);
        } else if (rec->kind == RECORD_APPROVAL) {
            o = find_open(open, count, (uint32_t)value_int(v, "call", 0));
            if (o)
                o->held = 0;
        } else if (rec->kind == RECORD_RESULT) {
            o = find_open(open, count, (uint32_t)value_int(v, "call", 0));
            if (o)
                *o = open[--count];
        }
    }
    return count;
}

static int is_running(struct session *s)
{
    struct error ignored;
    char holder[64];
    lock_holder(value_text(s->run.header, "service", ""), s->environment.name,
                holder, sizeof holder, &ignored);
    return strcmp(holder, s->run.id) == 0;
}

static void describe(const struct open_call *o, struct run_state *out)
{
    const json_t *request = json_object_get(o->intent, "request");
    struct buf args = BUF_INIT(1000);
    if (value_encode(json_object_get(request, "args"), &args) != 0)
        buf_adds(&args, "{...}");
    out->call = o->call;
    snprintf(out->question, sizeof out->question, "call %u, %s %s (%s:%lld)",
             o->call, value_text(request, "verb", "?"), buf_text(&args),
             value_text(request, "file", "?"),
             (long long)value_int(request, "line", 0));
    buf_free(&args);
}

void session_state(struct session *s, struct run_state *out)
{
    struct open_call open[64];
    struct error ignored;
    size_t count;
    memset(out, 0, sizeof *out);
    out->exit = -1;
    if (s->tape.sealed) {
        const json_t *end =
            record_value(&s->tape.records[s->tape.count - 1], &ignored);
        out->state = "ended";
        out->exit = (int)value_int(end, "exit", EXIT_REFUSED);
        return;
    }
    count = open_calls(s, open, 64);
    out->state = "interrupted";
    for (size_t i = 0; i < count; i++) {
        describe(&open[i], out);
        out->state = open[i].held ? "waiting" : "in doubt";
        if (open[i].doubt)
            break;
    }
    if (is_running(s))
        out->state = "running";
}

static int check_in_doubt(struct session *s, uint32_t call,
                          const json_t **intent, struct error *err)
{
    struct open_call open[64];
    size_t count = open_calls(s, open, 64);
    struct open_call *o = find_open(open, count, call);
    if (!s->tape.sealed && o && !o->held) {
        *intent = o->intent;
        return 0;
    }
    error_set(err, RB_INVALID, "call %u of run %s is not in doubt", call,
              s->run.id);
    error_next(err, "rbrun status %s", s->run.id);
    return RB_INVALID;
}

static json_t *resolved_answer(const json_t *intent, int applied,
                               const char *because)
{
    const json_t *request = json_object_get(intent, "request");
    const struct verb *v = verb_find(value_text(request, "verb", ""));
    json_t *value =
        v ? plan_predict(v, json_object_get(request, "args")) : NULL;
    char text[600];
    if (applied)
        return json_pack("{s:o}", "ok", value ? value : json_object());
    json_decref(value);
    snprintf(text, sizeof text, "it did not take effect, says a person: %s",
             because);
    return json_pack("{s:{s:s, s:s, s:s}}", "err", "outcome", "retryable",
                     "message", text, "verb", v ? v->name : "");
}

/* Has the runbook stopped waiting for it? Then nobody is told the answer. */
static int was_given_up(struct session *s, uint32_t call)
{
    struct error ignored;
    int asked = 0;
    for (size_t i = 0; i < s->tape.count; i++) {
        struct record *rec = &s->tape.records[i];
        const json_t *v = record_value(rec, &ignored), *one;
        const char *what = value_text(v, "what", "");
        size_t k;
        if (rec->kind == RECORD_INTENT && value_int(v, "call", 0) == call)
            asked = 1;
        if (rec->kind != RECORD_NOTE || !asked)
            continue;
        if (strcmp(what, "interrupt") == 0)
            return 1;
        json_array_foreach(json_object_get(v, "calls"), k, one)
        {
            if (json_integer_value(one) == call)
                return 1;
        }
    }
    return 0;
}

int session_resolve(struct session *s, uint32_t call, int applied,
                    const char *because, struct error *err)
{
    const json_t *intent = NULL;
    json_t *record;
    int rc = session_lock_run(s, 1000, err);
    if (!rc)
        rc = check_in_doubt(s, call, &intent, err);
    if (!rc)
        rc = journal_continue(&s->journal, s->run.directory, &s->tape, err);
    if (rc)
        return rc;
    record = json_pack("{s:I, s:o, s:s, s:s, s:s}", "call", (json_int_t)call,
                       "answer", resolved_answer(intent, applied, because),
                       "settled", applied ? "applied" : "not-applied",
                       "because", because, "by", s->by);
    if (was_given_up(s, call))
        json_object_set_new(record, "dropped", json_true());
    rc = journal_append(&s->journal, RECORD_RESULT, record, err);
    json_decref(record);
    return rc ? rc : journal_flush(&s->journal, err);
}
