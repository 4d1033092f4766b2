/*
 * What a run remembers. Live, every fact is appended to the journal. While
 * there is a tape (resume, replay) the worker's side of it must come out the
 * same, and the engine's side of it is delivered instead of asked for.
 */
#define _GNU_SOURCE
#include "../wire/heap.h"
#include "diverge.h"
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
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

const json_t *record_limit(struct run *r)
{
    struct error err = {0};
    const json_t *value;
    struct record *rec =
        r->mode == MODE_REPLAY ? next_record(r, &value, &err) : NULL;
    size_t i = r->tape ? r->tape->count : 0;
    if (r->mode != MODE_REPLAY || err.code ||
        (rec && rec->kind != RECORD_ENDED))
        return NULL;
    while (i-- > 0) {
        rec = &r->tape->records[i];
        value = record_value(rec, &err);
        if (!value || rec->kind == RECORD_LIMIT)
            return value;
        if (rec->kind != RECORD_ENDED && !is_aside(rec, value))
            return NULL;
    }
    return NULL;
}

/* The grants of that moment may not be those in the first record. */
int record_refusal(struct run *r, struct error *err)
{
    struct error ignored = {0};
    const json_t *value;
    struct record *rec =
        r->mode == MODE_REPLAY ? next_record(r, &value, &ignored) : NULL;
    int64_t refused =
        rec && rec->kind == RECORD_ENDED ? value_int(value, "refused", 0) : 0;
    if (refused <= 0 || refused > (int64_t)r->sequence)
        return 0;
    r->refused = (uint32_t)refused;
    return error_set(err, RB_DENIED, "%s", value_text(value, "error", "?"));
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

/* Of an edited program only what is asked for must be the same; of the same
   one, where it is asked, too. */
static int same_call(const struct run *r, const json_t *a, const json_t *b)
{
    if (!r->loose)
        return json_equal(a, b);
    return strcmp(value_text(a, "verb", ""), value_text(b, "verb", "")) == 0 &&
           value_bool(a, "undoing", 0) == value_bool(b, "undoing", 0) &&
           json_equal(json_object_get(a, "args"), json_object_get(b, "args"));
}

static int match_intent(struct run *r, struct call *c, struct record *rec,
                        const json_t *value, struct error *err)
{
    const json_t *was = json_object_get(value, "request");
    if (rec->kind != RECORD_INTENT ||
        value_int(value, "call", 0) != c->sequence ||
        !same_call(r, was, c->request))
        return diverge_call(r, rec, value, c, err);
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
    const json_t *value = NULL;
    json_t *payload;
    int rc;
    if (r->mode == MODE_REPLAY)
        return diverge_call(r, next_record(r, &value, err), value, c, err);
    payload =
        json_pack("{s:I, s:O, s:s, s:s, s:s*}", "call", (json_int_t)c->sequence,
                  "request", c->request, "effect", effect_name(c->verb->effect),
                  "key", c->key, "system", c->system);
    rc = record_append(r, RECORD_INTENT, payload, err);
    json_decref(payload);
    return rc;
}

/* A replay has come to the end of a record that has none. */
static int beyond(struct run *r, struct error *err)
{
    r->beyond = 1;
    return error_set(err, RB_DIVERGED, "the run has not ended");
}

/* The engine ended the run, and must come to do so again. */
static int was_broken(const struct record *rec, const json_t *value)
{
    return rec->kind == RECORD_ENDED &&
           strcmp(value_text(value, "ended", ""), "broken") == 0;
}

int record_unanswered(struct run *r, struct error *err)
{
    const json_t *value;
    struct record *rec;
    err->code = 0;
    rec = next_record(r, &value, err);
    if (err->code)
        return err->code;
    return rec ? diverge_silence(r, rec, value, err) : beyond(r, err);
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
    if (r->mode == MODE_REPLAY && rec && was_broken(rec, value))
        return 0;
    if (rec)
        return match_intent(r, c, rec, value, err);
    return r->mode == MODE_REPLAY ? beyond(r, err) : 0;
}

json_t *record_payload(const json_t *value)
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
    err->code = 0;
    rec = next_record(r, &value, err);
    if (err->code)
        return err->code;
    if (!rec && r->mode == MODE_REPLAY)
        return beyond(r, err);
    if (!rec)
        return record_append(r, kind, fields, err);
    if (r->loose) {
        if (is_event(rec, value))
            r->cursor++;
        return 0;
    }
    was = record_payload(value);
    if (rec->kind == kind && json_equal(was, fields))
        r->cursor++;
    else
        diverge_event(r, rec, was, kind, fields, err);
    json_decref(was);
    return err->code;
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
    return diverge_silence(r, rec, value, err);
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
    return diverge_silence(r, rec, value, err);
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

void record_made_by(const struct run *r, const char **engine, const char **lua)
{
    struct error ignored;
    *engine = *lua = "";
    for (size_t i = 0; r->tape && i < r->tape->count; i++) {
        struct record *rec = &r->tape->records[i];
        const json_t *v;
        if (rec->kind != RECORD_STARTED && rec->kind != RECORD_NOTE)
            continue;
        v = record_value(rec, &ignored);
        *engine = value_text(v, "engine", *engine);
        *lua = value_text(v, "lua", *lua);
    }
}

/* By a call's number: is it a write to production that has no result yet? */
static char *open_writes(const struct run *r, size_t room)
{
    struct error ignored;
    char *open = heap_zeroed(room, 1);
    for (size_t i = 0; i < r->tape->count; i++) {
        struct record *rec = &r->tape->records[i];
        const json_t *v =
            rec->kind == RECORD_INTENT ? record_value(rec, &ignored) : NULL;
        const struct verb *verb =
            verb_find(value_text(json_object_get(v, "request"), "verb", ""));
        int64_t call = value_int(v, "call", 0);
        if (verb && verb_changes_production(verb) && call > 0 &&
            (size_t)call < room)
            open[call] = 1;
    }
    return open;
}

void record_writes(const struct run *r, unsigned *made, unsigned *open)
{
    struct error ignored;
    size_t room = r->tape ? r->tape->count + 1 : 1;
    char *writes = r->tape ? open_writes(r, room) : NULL;
    *made = *open = 0;
    for (size_t i = 0; writes && i < r->tape->count; i++) {
        struct record *rec = &r->tape->records[i];
        const json_t *v =
            rec->kind == RECORD_RESULT ? record_value(rec, &ignored) : NULL;
        size_t call = (size_t)value_int(v, "call", 0);
        if (!v || call >= room || !writes[call])
            continue;
        writes[call] = 0;
        *made += json_object_get(json_object_get(v, "answer"), "ok") != NULL;
    }
    for (size_t i = 0; writes && i < room; i++)
        *open += writes[i] != 0;
    free(writes);
}
