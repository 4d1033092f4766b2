/*
 * Whether a frame is due: numbers in order, names of things that exist,
 * nothing said while the worker waits, no end while something is open. The
 * worker's own code keeps to all of it (stdlib/internal/tasks.lua), so what
 * does not is not our worker any more.
 */
#define _GNU_SOURCE
#include "run_parts.h"

#include <string.h>

#define CALLS_OPEN 256 /* one a task */

static int is_open(const struct call *c)
{
    return c->state != CALL_DONE && !c->dropped;
}

static unsigned open_calls(const struct run *r)
{
    unsigned count = 0;
    for (const struct call *c = r->calls; c; c = c->next)
        count += is_open(c) ? 1 : 0;
    return count;
}

int run_check_quiet(const struct run *r, struct error *err)
{
    /* Behind answers given ahead its next burst may have come already. */
    if (r->ahead || !worker_said_more(&r->worker))
        return 0;
    return error_set(err, RB_INVALID,
                     "it sent more behind the frame with which it said that "
                     "it waits");
}

int run_check_waits(const struct run *r, struct error *err)
{
    if (!r->worker.blocked || r->over || open_calls(r))
        return 0;
    return error_set(err, RB_INVALID,
                     "it waits, and nothing that it asked for is open");
}

static int own_file(const struct run *r, const json_t *value)
{
    const char *file = value_text(value, "file", NULL);
    const struct program *p = r->program;
    if (!file || strcmp(file, p->name) == 0)
        return 1;
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->modules[i].file, file) == 0)
            return 1;
    }
    return 0;
}

/* -- undo ----------------------------------------------------------------- */

static int tells(const struct run *r, int64_t id)
{
    return r->undos[id - 1].covers == UINT32_MAX;
}

/* Steps run newest first, then what only tells people, oldest first; each
   runs once. */
static int undo_in_order(const struct run *r, int64_t id)
{
    int64_t at = r->undo_at;
    if (!at || id == at)
        return 1;
    if (tells(r, id))
        return !tells(r, at) || id > at;
    return !tells(r, at) && id < at;
}

/* What an undo step says names it; once one has begun, nothing else goes
   on. */
static int check_undo(struct run *r, const json_t *value, struct error *err)
{
    int64_t id = value_int(value, "undo", 0);
    if (!id && (r->undo_at || r->stop_sent))
        return error_set(err, RB_INVALID,
                         "it goes on where only undo steps may");
    if (!id)
        return 0;
    if (id > (int64_t)r->undo_count)
        return error_set(err, RB_INVALID,
                         "undo step %lld, which was never registered",
                         (long long)id);
    if (!undo_in_order(r, id))
        return error_set(err, RB_INVALID, "undo step %lld behind step %lld",
                         (long long)id, (long long)r->undo_at);
    r->undo_at = id;
    return 0;
}

/* -- frames --------------------------------------------------------------- */

static int call_due(struct run *r, const struct frame *f, struct error *err)
{
    const char *verb = value_text(f->value, "verb", "");
    int undoing = value_bool(f->value, "undoing", 0);
    if (f->call != r->sequence + 1)
        return error_set(err, RB_INVALID, "call %u, where %u is due", f->call,
                         r->sequence + 1);
    if (!verb_find(verb))
        return error_set(err, RB_INVALID, "a call of %s, which is no verb",
                         verb);
    if (undoing != (json_object_get(f->value, "undo") != NULL))
        return error_set(err, RB_INVALID,
                         "a call that undoes without an undo step, or the "
                         "reverse");
    if (open_calls(r) >= CALLS_OPEN)
        return error_set(err, RB_INVALID, "more than %d calls at a time",
                         CALLS_OPEN);
    if (!own_file(r, f->value))
        return error_set(err, RB_INVALID, "a call from %s, no file of the run",
                         value_text(f->value, "file", ""));
    return check_undo(r, f->value, err);
}

static int event_due(struct run *r, const struct frame *f, struct error *err)
{
    const char *kind = value_text(f->value, "kind", "");
    if (!own_file(r, f->value))
        return error_set(err, RB_INVALID,
                         "an event from %s, no file of the "
                         "run",
                         value_text(f->value, "file", ""));
    if (strcmp(kind, "step") == 0)
        return r->stop_sent && !json_object_get(f->value, "undo")
                   ? 0 /* the steps that were left */
                   : check_undo(r, f->value, err);
    if (strcmp(kind, "undo") != 0)
        return 0;
    if (r->undo_at || r->stop_sent)
        return error_set(err, RB_INVALID,
                         "an undo step that is registered while undo steps "
                         "run");
    if (value_int(f->value, "id", 0) != (int64_t)r->undo_count + 1)
        return error_set(err, RB_INVALID, "undo step %lld, where %zu is due",
                         (long long)value_int(f->value, "id", 0),
                         r->undo_count + 1);
    return 0;
}

/* Behind STOP all calls are dropped already, and the worker says so too. */
static int cancel_due(struct run *r, const struct frame *f, struct error *err)
{
    const json_t *one;
    json_int_t last = 0;
    size_t i;
    json_array_foreach(json_object_get(f->value, "calls"), i, one)
    {
        json_int_t n = json_integer_value(one);
        const struct call *c =
            n <= r->sequence ? run_find_call(r, (uint32_t)n) : NULL;
        if (n <= last || n > r->sequence ||
            (!r->stop_sent && (!c || !is_open(c))))
            return error_set(err, RB_INVALID,
                             "it gives up call %" JSON_INTEGER_FORMAT
                             ", which is not open",
                             n);
        last = n;
    }
    return 0;
}

static int counts_fit(const struct run *r, const json_t *done, int undone)
{
    int64_t steps = 0;
    for (size_t i = 0; i < r->undo_count; i++)
        steps += !tells(r, (int64_t)i + 1);
    return value_int(done, "undone", 0) + value_int(done, "undo_failed", 0) ==
           (undone ? steps : 0);
}

/* The end that it claims must be one that this run can have. */
static int end_possible(const struct run *r, const json_t *done)
{
    const char *ended = value_text(done, "ended", "");
    int again = r->mode == MODE_PLAN && r->done; /* its undo steps are shown */
    int result = json_object_get(done, "result") != NULL;
    int error = json_object_get(done, "error") != NULL;
    int because = json_object_get(done, "because") != NULL;
    if (strcmp(ended, "finished") == 0)
        return result != again && !error && !because && !r->stop_sent &&
               (again || !r->undo_at);
    if (strcmp(ended, "stopped") == 0)
        return because && !error && !result && r->stop_sent && !again;
    return error && !result && !because && !again;
}

static int done_due(struct run *r, const struct frame *f, struct error *err)
{
    int undone = r->mode == MODE_PLAN && r->done;
    if (strcmp(value_text(f->value, "ended", ""), "finished") != 0)
        undone = 1;
    if (!end_possible(r, f->value))
        return error_set(err, RB_INVALID,
                         "it claims an end that this run cannot have");
    if (!counts_fit(r, f->value, undone))
        return error_set(err, RB_INVALID,
                         "its undo steps do not add up to those that it "
                         "registered");
    if (open_calls(r))
        return error_set(err, RB_INVALID,
                         "it ends while a call is open that it did not give "
                         "up");
    return 0;
}

int run_frame_due(struct run *r, const struct frame *f, struct error *err)
{
    int rc = f->flags & FRAME_BLOCKED ? run_check_quiet(r, err) : 0;
    if (rc)
        return rc;
    switch (f->type) {
    case FRAME_CALL:
        return call_due(r, f, err);
    case FRAME_EVENT:
        return event_due(r, f, err);
    case FRAME_CANCEL:
        return cancel_due(r, f, err);
    case FRAME_DONE:
        return done_due(r, f, err);
    case FRAME_WAIT:
        return 0;
    default:
        return error_set(err, RB_INVALID, "its %s frame is not due",
                         frame_name(f->type));
    }
}
