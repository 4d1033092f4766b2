#define _GNU_SOURCE
#include "diverge.h"
#include "../wire/utf8.h"

#include <stdio.h>
#include <string.h>

#define SIDE_MAX 330  /* bytes of one side's arguments */
#define VALUE_MAX 70  /* bytes of a value that differs */
#define WAY_MAX 120   /* bytes of the way to it */
#define DIFFERENCES 4 /* of these at most */

/* -- words -------------------------------------------------------------- */

/* At most so many bytes of a text, cut between two characters. */
static void add_cut(const char *text, size_t most, struct buf *out)
{
    size_t size = strlen(text), at = 0;
    while (at < size) {
        size_t length = utf8_length(text + at, size - at);
        length = length ? length : 1;
        if (at + length > most)
            break;
        at += length;
    }
    buf_add(out, text, at);
    if (at < size)
        buf_adds(out, "...");
}

static void add_value(const json_t *value, size_t most, struct buf *out)
{
    struct buf text = BUF_INIT(2u << 20);
    if (!value)
        buf_adds(out, "nothing");
    else if (value_encode(value, &text) != 0)
        buf_adds(out, "?");
    else
        add_cut(buf_text(&text), most, out);
    buf_free(&text);
}

static void add_line(const json_t *at, struct buf *out)
{
    if (value_text(at, "file", NULL))
        buf_addf(out, "   (%.200s:%lld)", value_text(at, "file", "?"),
                 (long long)value_int(at, "line", 0));
}

static void add_call(const json_t *request, struct buf *out)
{
    if (value_bool(request, "undoing", 0))
        buf_adds(out, "undoing, ");
    buf_addf(out, "%.40s ", value_text(request, "verb", "?"));
    add_value(json_object_get(request, "args"), SIDE_MAX, out);
    add_line(request, out);
}

static void add_note(const json_t *note, struct buf *out)
{
    const char *what = value_text(note, "what", "?");
    if (strcmp(what, "cancel") == 0) {
        buf_adds(out, "no longer waits for the calls ");
        add_value(json_object_get(note, "calls"), SIDE_MAX, out);
    } else if (strcmp(what, "undo") == 0) {
        buf_adds(out, value_bool(note, "tells", 0) ? "on_failure " : "undo ");
        add_value(json_object_get(note, "undo"), SIDE_MAX, out);
    } else if (strcmp(what, "log") == 0) {
        buf_adds(out, "log ");
        add_value(json_object_get(note, "text"), SIDE_MAX, out);
    } else if (strcmp(what, "interrupt") == 0) {
        buf_adds(out, "was told to stop");
    } else {
        buf_addf(out, "%.40s", what);
    }
    add_line(note, out);
}

/* "ends: finished as recovered", "ends: failed: api.lua:12: no". */
static void add_ending(const json_t *end, struct buf *out)
{
    const json_t *result = json_object_get(end, "result");
    const json_t *error = json_object_get(end, "error");
    buf_addf(out, "ends: %.20s", value_text(end, "ended", "?"));
    if (json_is_object(result)) {
        buf_addf(out, " as %.20s, because ", value_text(result, "as", "?"));
        add_value(json_object_get(result, "because"), SIDE_MAX, out);
    }
    if (json_is_string(error)) {
        buf_adds(out, ": ");
        add_value(error, SIDE_MAX, out);
    }
    if (json_is_object(error)) {
        buf_adds(out, ": ");
        add_value(json_object_get(error, "message"), SIDE_MAX, out);
        add_line(error, out);
    }
}

static void describe(enum record_kind kind, const json_t *value,
                     struct buf *out)
{
    switch (kind) {
    case RECORD_INTENT:
        add_call(json_object_get(value, "request"), out);
        break;
    case RECORD_RESULT:
        buf_addf(out, "waits, and is told the answer to call %lld",
                 (long long)value_int(value, "call", 0));
        break;
    case RECORD_DECISION:
        buf_adds(out, "decision ");
        add_value(json_object_get(value, "action"), SIDE_MAX / 3, out);
        buf_adds(out, ", because ");
        add_value(json_object_get(value, "because"), SIDE_MAX * 2 / 3, out);
        add_line(value, out);
        break;
    case RECORD_NOTE:
        add_note(value, out);
        break;
    case RECORD_ENDED:
        add_ending(value, out);
        break;
    default:
        buf_adds(out, record_name(kind));
    }
}

static void describe_record(const struct record *rec, const json_t *value,
                            struct buf *out)
{
    if (rec)
        describe(rec->kind, value, out);
    else
        buf_adds(out, "nothing: the record is at its end");
}

/* -- where they differ -------------------------------------------------- */

struct differences {
    struct buf *out;
    int left;
};

static void differ(struct differences *d, const char *path, const json_t *was,
                   const json_t *is);

static void differ_members(struct differences *d, const char *path,
                           const json_t *was, const json_t *is, int all)
{
    char below[WAY_MAX];
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)was, key, member)
    {
        const json_t *other = json_object_get(is, key);
        if (!all && other)
            continue;
        snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", key);
        if (all)
            differ(d, below, member, other);
        else
            differ(d, below, NULL, member);
    }
}

static void differ(struct differences *d, const char *path, const json_t *was,
                   const json_t *is)
{
    char below[WAY_MAX];
    if (d->left <= 0 || (was && is && json_equal(was, is)))
        return;
    if (json_is_object(was) && json_is_object(is)) {
        differ_members(d, path, was, is, 1);
        differ_members(d, path, is, was, 0);
        return;
    }
    if (json_is_array(was) && json_is_array(is)) {
        for (size_t i = 0; i < json_array_size(was) || i < json_array_size(is);
             i++) {
            snprintf(below, sizeof below, "%s[%zu]", path, i + 1);
            differ(d, below, json_array_get(was, i), json_array_get(is, i));
        }
        return;
    }
    d->left--;
    buf_adds(d->out, "\n    ");
    add_cut(path, WAY_MAX, d->out);
    buf_adds(d->out, ": ");
    add_value(was, VALUE_MAX, d->out);
    buf_adds(d->out, " / ");
    add_value(is, VALUE_MAX, d->out);
}

/* -- the whole text ----------------------------------------------------- */

/* Who made the newest part of the record: the engine and the Lua in it. */
static int made_by_others(const struct run *r, const char **engine,
                          const char **lua)
{
    record_made_by(r, engine, lua);
    return strcmp(*engine, RBRUN_VERSION) != 0 || strcmp(*lua, lua_build) != 0;
}

static void tell_way_out(const struct run *r, struct error *err)
{
    const char *engine, *lua;
    if (r->edited)
        error_next(err, "resume without --program, or change only what lies "
                        "behind the recorded calls");
    else if (made_by_others(r, &engine, &lua))
        error_next(err, "use the rbrun that made the run: %.40s (%.80s)",
                   engine, *lua ? lua : "of another Lua");
    else
        error_next(err,
                   "keep %.300s: somebody rewrote the run's files, or this "
                   "is a bug in rbrun; report it",
                   r->directory);
}

static int tell(const struct run *r, const char *what, struct buf *was,
                struct buf *is, struct buf *where, struct error *err)
{
    error_set(err, RB_DIVERGED, "%s\n    recorded: %s\n    now:      %s%s",
              what, buf_text(was), buf_text(is), where ? buf_text(where) : "");
    tell_way_out(r, err);
    buf_free(was);
    buf_free(is);
    if (where)
        buf_free(where);
    return RB_DIVERGED;
}

/* "call 3 is not the one that was recorded (record 12)" */
static const char *at_record(const struct record *rec, char *out, size_t size)
{
    out[0] = '\0';
    if (rec)
        snprintf(out, size, " (record %llu)", (unsigned long long)rec->n);
    return out;
}

/* An undo step runs where none did: why it failed comes with its last word,
   behind the undo steps. */
static int fails_now(const json_t *recorded, const struct call *c)
{
    return value_bool(c->request, "undoing", 0) &&
           !value_bool(recorded, "undoing", 0);
}

int diverge_call(const struct run *r, const struct record *rec,
                 const json_t *value, const struct call *c, struct error *err)
{
    struct buf was = BUF_INIT(4096), is = BUF_INIT(4096);
    struct buf where = BUF_INIT(4096);
    struct differences d = {&where, DIFFERENCES};
    char what[120], place[40];
    const json_t *request = json_object_get(value, "request");
    snprintf(what, sizeof what, "call %u is not the one that was recorded%s",
             c->sequence, at_record(rec, place, sizeof place));
    describe_record(rec, value, &was);
    add_call(c->request, &is);
    if (fails_now(request, c))
        buf_adds(&is, "\n    the runbook failed before this call, and undoes "
                      "what it did");
    if (strcmp(value_text(request, "verb", ""), c->verb->name) != 0)
        buf_clear(&where);
    else if (r->loose)
        differ(&d, "args", json_object_get(request, "args"), call_args(c));
    else
        differ(&d, "", request, c->request);
    tell(r, what, &was, &is, &where, err);
    if (r->edited && fails_now(request, c))
        error_next(err, "rbrun check %.300s; or resume without --program",
                   program_shown(r->program));
    return RB_DIVERGED;
}

int diverge_event(const struct run *r, const struct record *rec,
                  const json_t *recorded, enum record_kind kind,
                  const json_t *fields, struct error *err)
{
    struct buf was = BUF_INIT(4096), is = BUF_INIT(4096);
    struct buf where = BUF_INIT(4096);
    struct differences d = {&where, DIFFERENCES};
    char what[120], place[40];
    snprintf(what, sizeof what, "the runbook does not say what it said%s",
             at_record(rec, place, sizeof place));
    describe_record(rec, recorded, &was);
    describe(kind, fields, &is);
    if (rec && rec->kind == kind &&
        strcmp(value_text(recorded, "what", ""),
               value_text(fields, "what", "")) == 0)
        differ(&d, "", recorded, fields);
    return tell(r, what, &was, &is, &where, err);
}

/* What the runbook waits for, or how it ends. */
static void add_state(const struct run *r, struct buf *out)
{
    const struct call *c = r->calls;
    if (r->done) {
        add_ending(r->done, out);
        return;
    }
    while (c && (c->state == CALL_DONE || c->dropped))
        c = c->next;
    buf_adds(out, "waits");
    if (c) {
        buf_addf(out, " for call %u, ", c->sequence);
        add_call(c->request, out);
    }
}

int diverge_silence(const struct run *r, const struct record *rec,
                    const json_t *value, struct error *err)
{
    struct buf was = BUF_INIT(4096), is = BUF_INIT(4096);
    char what[120], place[40];
    snprintf(what, sizeof what, "the runbook does not do what it did%s",
             at_record(rec, place, sizeof place));
    describe_record(rec, value, &was);
    add_state(r, &is);
    return tell(r, what, &was, &is, NULL, err);
}

int diverge_answer(const struct run *r, uint32_t call, const json_t *answer,
                   struct error *err)
{
    struct buf was = BUF_INIT(4096), is = BUF_INIT(4096);
    char what[120];
    snprintf(what, sizeof what, "the journal answers call %u, %s", call,
             call > r->sequence ? "which was not made"
                                : "for which nobody waits any more");
    add_value(answer, SIDE_MAX, &was);
    add_state(r, &is);
    return tell(r, what, &was, &is, NULL, err);
}

int diverge_end(const struct run *r, const json_t *was, const json_t *now,
                struct error *err)
{
    struct buf before = BUF_INIT(4096), is = BUF_INIT(4096);
    struct buf where = BUF_INIT(4096);
    struct differences d = {&where, DIFFERENCES};
    char what[120];
    snprintf(what, sizeof what,
             "the runbook does not end as it did (exit %lld, now %lld)",
             (long long)value_int(was, "exit", -1),
             (long long)value_int(now, "exit", -1));
    add_ending(was, &before);
    add_ending(now, &is);
    differ(&d, "", was, now);
    return tell(r, what, &before, &is, &where, err);
}

int diverge_count(const struct run *r, int64_t was, int64_t now,
                  struct error *err)
{
    struct buf before = BUF_INIT(200), is = BUF_INIT(200);
    buf_addf(&before, "%lld instructions", (long long)was);
    buf_addf(&is, "%lld instructions", (long long)now);
    return tell(r,
                "the runbook made the same calls, but did not run the same "
                "way",
                &before, &is, NULL, err);
}
