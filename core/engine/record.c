/*
 * What a run remembers. Live, every fact is appended to the journal. While
 * there is a tape (resume, replay) the worker's side of it must come out the
 * same, and the engine's side of it is delivered instead of asked for.
 */
#define _GNU_SOURCE
#include "run.h"

#include <stdio.h>
#include <string.h>

/* Records that stand for something the engine did by itself: they neither
   come from the worker nor are delivered to it. */
static int is_aside(const struct record *rec, const json_t *value)
{
    const char *what = value_text(value, "what", "");
    if (rec->kind == RECORD_APPROVAL || rec->kind == RECORD_LIMIT)
        return 1;
    if (rec->kind == RECORD_RESULT)
        return value_bool(value, "dropped", 0);
    return rec->kind == RECORD_NOTE &&
           (strcmp(what, "resumed") == 0 || strcmp(what, "held") == 0 ||
            strcmp(what, "in doubt") == 0 || strcmp(what, "left") == 0 ||
            strcmp(what, "settled") == 0);
}

/* The next record that matters, or NULL at the end of the tape. */
static struct record *next_record(struct run *r, const json_t **value,
                                  struct error *err)
{
    while (r->tape && r->cursor < r->tape->count) {
        struct record *rec = &r->tape->records[r->cursor];
        *value = record_value(rec, err);
        if (!*value)
            return NULL;
        if (rec->kind == RECORD_STARTED || is_aside(rec, *value)) {
            r->cursor++;
            continue;
        }
        return rec;
    }
    return NULL;
}

static int is_event(const struct record *rec, const json_t *value)
{
    return rec->kind == RECORD_DECISION ||
           (rec->kind == RECORD_NOTE &&
            strcmp(value_text(value, "what", ""), "interrupt") != 0);
}

int record_exhausted(struct run *r)
{
    struct error err = {0};
    const json_t *value;
    return !next_record(r, &value, &err) && !err.code;
}

/* -- appending ---------------------------------------------------------- */

int record_resumed(struct run *r, struct error *err)
{
    json_t *fields = r->resumed;
    int rc = 0;
    if (!fields)
        return 0;
    r->resumed = NULL;
    if (r->edited)
        rc = program_store(r->program, r->directory, err);
    if (!rc)
        rc = record_note(r, "resumed", json_incref(fields), err);
    json_decref(fields);
    return rc;
}

int record_append(struct run *r, enum record_kind kind, const json_t *payload,
                  struct error *err)
{
    int rc;
    if (!r->journal)
        return 0;
    rc = record_resumed(r, err);
    return rc ? rc : journal_append(r->journal, kind, payload, err);
}

/* -- matching ----------------------------------------------------------- */

static void call_text(const json_t *request, struct buf *out)
{
    buf_addf(out, "%s ", value_text(request, "verb", "?"));
    if (value_encode(json_object_get(request, "args"), out) != 0)
        buf_adds(out, "{?}");
    buf_addf(out, "   (%s:%lld)", value_text(request, "file", "?"),
             (long long)value_int(request, "line", 0));
}

static int diverged(struct run *r, const json_t *recorded, const json_t *asked,
                    uint32_t sequence, struct error *err)
{
    struct buf was = BUF_INIT(600), is = BUF_INIT(600);
    if (recorded)
        call_text(recorded, &was);
    else
        buf_adds(&was, "no further call at this point");
    call_text(asked, &is);
    error_set(err, RB_DIVERGED,
              "call %u is not the one that was recorded\n"
              "    recorded: %s\n    now:      %s",
              sequence, buf_text(&was), buf_text(&is));
    error_next(err, r->loose ? "resume without --program, or change only what "
                               "lies behind the recorded calls"
                             : "this is a bug in rbrun: keep the run's "
                               "directory, and report it");
    buf_free(&was);
    buf_free(&is);
    return RB_DIVERGED;
}

static int same_call(const json_t *a, const json_t *b)
{
    return strcmp(value_text(a, "verb", ""), value_text(b, "verb", "")) == 0 &&
           value_bool(a, "undoing", 0) == value_bool(b, "undoing", 0) &&
           json_equal(json_object_get(a, "args"), json_object_get(b, "args"));
}

static int match_intent(struct run *r, struct call *c, struct record *rec,
                        const json_t *value, struct error *err)
{
    const json_t *was = json_object_get(value, "request");
    if (rec->kind != RECORD_INTENT)
        return diverged(r, NULL, c->request, c->sequence, err);
    if (value_int(value, "call", 0) != c->sequence ||
        !same_call(was, c->request))
        return diverged(r, was, c->request, c->sequence, err);
    if (c->verb->effect == EFFECT_WAIT) {
        int64_t waited = clock_wall() - rec->at, whole = call_wait_ms(c);
        /* A clock that jumped neither ends a wait nor makes it longer. */
        c->waited = waited < 0 ? 0 : waited > whole ? whole : waited;
    }
    snprintf(c->key, sizeof c->key, "%s", value_text(value, "key", ""));
    c->system = value_text(value, "system", NULL);
    c->recorded = 1;
    r->cursor++;
    return 1;
}

int record_intent(struct run *r, const struct call *c, struct error *err)
{
    json_t *payload =
        json_pack("{s:I, s:O, s:s, s:s, s:s*}", "call", (json_int_t)c->sequence,
                  "request", c->request, "effect", effect_name(c->verb->effect),
                  "key", c->key, "system", c->system);
    int rc = record_append(r, RECORD_INTENT, payload, err);
    json_decref(payload);
    return rc;
}

int record_match(struct run *r, struct call *c, struct error *err)
{
    const json_t *value;
    struct record *rec;
    err->code = 0;
    rec = next_record(r, &value, err);
    while (rec && r->loose && is_event(rec, value)) {
        r->cursor++;
        rec = next_record(r, &value, err);
    }
    if (err->code)
        return err->code;
    if (rec)
        return match_intent(r, c, rec, value, err);
    if (r->mode == MODE_REPLAY)
        return diverged(r, NULL, c->request, c->sequence, err);
    return 0;
}

/* The payload of a record without its head. */
static json_t *payload_of(const json_t *value)
{
    static const char *const head[] = {"n", "prev", "epoch", "at", "kind"};
    json_t *copy = json_copy((json_t *)value);
    for (size_t i = 0; i < 5; i++)
        json_object_del(copy, head[i]);
    return copy;
}

int record_event(struct run *r, enum record_kind kind, const json_t *fields,
                 struct error *err)
{
    const json_t *value;
    struct record *rec;
    json_t *was;
    int same;
    err->code = 0;
    rec = next_record(r, &value, err);
    if (err->code)
        return err->code;
    if (!rec && r->mode == MODE_REPLAY)
        return error_set(err, RB_DIVERGED, "a %s that was not recorded",
                         record_name(kind));
    if (!rec)
        return record_append(r, kind, fields, err);
    if (r->loose) {
        if (is_event(rec, value))
            r->cursor++;
        return 0;
    }
    was = payload_of(value);
    same = rec->kind == kind && json_equal(was, fields);
    json_decref(was);
    r->cursor++;
    return same ? 0
                : error_set(err, RB_DIVERGED,
                            "record %llu is not what the runbook says now "
                            "(a %s)",
                            (unsigned long long)rec->n, record_name(kind));
}

int record_result(struct run *r, const struct call *c, const json_t *answer,
                  struct error *err)
{
    json_t *payload;
    int rc;
    if (!r->journal)
        return 0;
    payload = json_pack(
        "{s:I, s:O, s:I}", "call", (json_int_t)c->sequence, "answer", answer,
        "ms", (json_int_t)(c->started ? clock_steady() - c->started : 0));
    if (c->dropped)
        json_object_set_new(payload, "dropped", json_true());
    rc = record_append(r, RECORD_RESULT, payload, err);
    json_decref(payload);
    return rc;
}

int record_note(struct run *r, const char *what, json_t *fields,
                struct error *err)
{
    int rc;
    if (!fields)
        fields = json_object();
    json_object_set_new(fields, "what", json_string(what));
    rc = record_append(r, RECORD_NOTE, fields, err);
    json_decref(fields);
    return rc;
}

/* The tape goes on, and the runbook does not. */
static int untold(const struct record *rec, const json_t *value,
                  const char *what, struct error *err)
{
    struct buf was = BUF_INIT(600);
    if (rec->kind == RECORD_INTENT)
        call_text(json_object_get(value, "request"), &was);
    else
        buf_adds(&was, record_name(rec->kind));
    error_set(err, RB_DIVERGED,
              "record %llu is not what the runbook does now\n"
              "    recorded: %s\n    now:      it %s",
              (unsigned long long)rec->n, buf_text(&was), what);
    buf_free(&was);
    return RB_DIVERGED;
}

/* Something the worker said, which changes nothing on the engine's side. */
static int is_telling(const struct record *rec, const json_t *value)
{
    const char *what = value_text(value, "what", "");
    return rec->kind == RECORD_INTENT || rec->kind == RECORD_DECISION ||
           (rec->kind == RECORD_NOTE &&
            (strcmp(what, "log") == 0 || strcmp(what, "undo") == 0));
}

int record_ahead(struct run *r, size_t *at, uint32_t *call,
                 const json_t **answer)
{
    struct error ignored;
    while (r->tape && !r->loose && *at < r->tape->count) {
        struct record *rec = &r->tape->records[(*at)++];
        const json_t *value = record_value(rec, &ignored);
        if (rec->kind == RECORD_RESULT && value && !is_aside(rec, value)) {
            *call = (uint32_t)value_int(value, "call", 0);
            *answer = json_object_get(value, "answer");
            return 1;
        }
        if (!value || !is_telling(rec, value))
            return 0;
    }
    return 0;
}

int record_delivery(struct run *r, uint32_t *call, const json_t **answer,
                    int64_t *at, struct error *err)
{
    const json_t *value;
    struct record *rec;
    err->code = 0;
    rec = next_record(r, &value, err);
    if (err->code)
        return err->code;
    if (!rec)
        return 0;
    if (rec->kind == RECORD_RESULT) {
        *call = (uint32_t)value_int(value, "call", 0);
        *answer = json_object_get(value, "answer");
        *at = rec->at;
        r->cursor++;
        return 1;
    }
    if (rec->kind == RECORD_NOTE &&
        strcmp(value_text(value, "what", ""), "interrupt") == 0) {
        r->signal = (int)value_int(value, "signal", 0);
        r->cursor++;
        return 2;
    }
    if (r->loose && is_event(rec, value)) {
        r->cursor++;
        return record_delivery(r, call, answer, at, err);
    }
    if (rec->kind == RECORD_ENDED)
        return 0;
    return untold(rec, value, "waits", err);
}

int record_all_told(struct run *r, struct error *err)
{
    const json_t *value;
    struct record *rec;
    err->code = 0;
    rec = next_record(r, &value, err);
    while (rec && r->loose && is_event(rec, value)) {
        r->cursor++;
        rec = next_record(r, &value, err);
    }
    if (err->code || !rec || rec->kind == RECORD_ENDED)
        return err->code;
    return untold(rec, value, "ends", err);
}

int record_find_result(struct run *r, uint32_t call, const json_t **answer,
                       int64_t *at)
{
    struct error ignored;
    for (size_t i = 0; r->tape && i < r->tape->count; i++) {
        struct record *rec = &r->tape->records[i];
        const json_t *v;
        if (rec->kind != RECORD_RESULT)
            continue;
        v = record_value(rec, &ignored);
        if (value_int(v, "call", 0) != call)
            continue;
        *answer = json_object_get(v, "answer");
        *at = rec->at;
        return 1;
    }
    return 0;
}
