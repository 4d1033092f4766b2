#include "ending.h"
#include "../ui/phrase.h"

#include <stdio.h>
#include <string.h>

static void show_untold(struct view *v, const struct run *r)
{
    const json_t *one;
    size_t i;
    json_array_foreach(r->untold, i, one)
    {
        struct buf text = BUF_INIT(600);
        phrase_clean(value_text(one, "message", ""), 400, &text);
        view_say(v, "!", "not told: %s (%s): %s",
                 value_text(one, "system", "?"), value_text(one, "verb", "?"),
                 buf_text(&text));
        buf_free(&text);
    }
}

static const char *default_next(const struct run *r, char *out, size_t size)
{
    const char *id = r->id;
    switch (r->status) {
    case EXIT_WAITING:
    case EXIT_INTERRUPTED:
    case EXIT_TERMINATED:
        snprintf(out, size, r->done ? "rbrun show %s" : "rbrun resume %s", id);
        break;
    case EXIT_PARTIAL:
        snprintf(out, size, "rbrun show %s   (what was done, what stands)", id);
        break;
    default:
        snprintf(out, size, "rbrun show %s", id);
    }
    return out;
}

/* Its process was ended behind a write, and nothing goes on: what stands is to
   be looked at before what is to be mended. */
static int stands(const struct run *r)
{
    return r->broken && r->sealed && r->writes;
}

/* The journal's own way out ends in "rbrun resume": it does not know its
   run's id. */
static const char *next_of(const struct run *r, char *out, size_t size)
{
    static const char resume[] = "rbrun resume";
    const char *next = r->error.next;
    size_t length = strlen(next), tail = sizeof resume - 1;
    if (!length || stands(r))
        return default_next(r, out, size);
    if (length < tail || strcmp(next + length - tail, resume) != 0)
        return next;
    snprintf(out, size, "%s %s", next, r->id);
    return out;
}

/* finish as "gate" or "declined", but something was written. */
static int ended_as_if_untouched(const struct run *r)
{
    return r->status == EXIT_PARTIAL && !r->error.code &&
           json_object_get(r->done, "result") != NULL;
}

static void summary(const struct run *r, struct buf *out)
{
    const json_t *result = json_object_get(r->done, "result");
    const char *as = value_text(result, "as", NULL);
    const char *because = value_text(result, "because", NULL);
    if (r->done && !r->error.code && as && !ended_as_if_untouched(r)) {
        buf_addf(out, "%s", as);
        if (because) {
            buf_adds(out, ": ");
            phrase_clean(because, 400, out);
        }
        return;
    }
    buf_adds(out, exit_meaning(r->status));
    if (ended_as_if_untouched(r)) {
        buf_addf(out, "; it ended as %s", as);
        buf_adds(out, because ? ": " : "");
        phrase_clean(because ? because : "", 400, out);
    }
}

static void full_error(const struct run *r, struct buf *out)
{
    buf_adds(out, r->error.message);
    if (stands(r) && r->error.next[0])
        buf_addf(out, "\n    %s", r->error.next);
}

static void show_json(const struct run *r, const char *next)
{
    json_t *end =
        json_pack("{s:s, s:i, s:s, s:O*, s:s, s:I, s:O*}", "run", r->id, "exit",
                  r->status, "meaning", exit_meaning(r->status), "result",
                  json_object_get(r->done, "result"), "next", next, "writes",
                  (json_int_t)r->writes, "untold", r->untold);
    struct buf text = BUF_INIT(8000);
    full_error(r, &text);
    if (r->error.code)
        json_object_set_new(end, "error", json_string(buf_text(&text)));
    json_object_set_new(end, "undo_errors", run_undo_errors(r, r->done));
    view_json("end", end);
    buf_free(&text);
}

/* Which steps failed, and why: they are to be done by hand. */
static void show_undo_errors(struct view *v, const struct run *r)
{
    json_t *list = run_undo_errors(r, r->done), *one;
    size_t i;
    json_array_foreach(list, i, one)
    {
        const char *what =
            value_bool(one, "tells", 0) ? "on_failure" : "undo step";
        struct buf text = BUF_INIT(2000);
        phrase_clean(value_text(one, "what", ""), 150, &text);
        buf_adds(&text, ": ");
        phrase_clean(value_text(one, "error", ""), 600, &text);
        view_say(v, "!", "%s %lld failed: %s", what,
                 (long long)value_int(one, "id", 0), buf_text(&text));
        buf_free(&text);
    }
    json_decref(list);
}

#define STANDING_SHOWN 5

static void phrase_standing(const struct view *v, const struct run *r,
                            struct buf *out)
{
    size_t count = json_array_size(r->made);
    buf_adds(out, count == 1 ? "this write stands: " : "these writes stand: ");
    for (size_t i = 0; i < count && i < STANDING_SHOWN; i++) {
        const json_t *one = json_array_get(r->made, i);
        buf_adds(out, i ? ", " : "");
        buf_adds(out, value_bool(one, "undoing", 0) ? "undo: " : "");
        phrase_call(value_text(one, "verb", "?"),
                    value_text(one, "system", NULL),
                    json_object_get(one, "args"), v->names, out);
        buf_addf(out, " (call %lld)", (long long)value_int(one, "call", 0));
    }
    if (count > STANDING_SHOWN)
        buf_addf(out, ", and %zu more", count - STANDING_SHOWN);
}

static void show_standing(struct view *v, const struct run *r)
{
    struct buf text = BUF_INIT(8000);
    if (!r->broken && !ended_as_if_untouched(r)) {
        view_say(v, "!", "%u write%s made, %u without an undo step", r->writes,
                 r->writes == 1 ? "" : "s", r->uncovered);
        return;
    }
    buf_adds(&text, !r->broken   ? "no undo step runs behind finish"
                    : r->undo_at ? "the undo steps were cut off: the runbook's "
                                   "process was ended"
                                 : "no undo step ran: the runbook's process "
                                   "was ended");
    buf_adds(&text, "; ");
    phrase_standing(v, r, &text);
    view_say(v, "!", "%s", buf_text(&text));
    buf_free(&text);
}

static void show_undone(struct view *v, const struct run *r)
{
    int64_t undone = value_int(r->done, "undone", 0);
    int64_t failed = value_int(r->done, "undo_failed", 0);
    if (undone || failed)
        view_say(v, failed ? "!" : " ", "undo: %lld step%s ran, %lld failed",
                 (long long)undone, undone == 1 ? "" : "s", (long long)failed);
    show_undo_errors(v, r);
    if ((r->status == EXIT_PARTIAL || (r->broken && r->writes)) &&
        !r->resumed) /* it did go on */
        show_standing(v, r);
}

static void show_error(const struct view *v, const struct run *r)
{
    struct buf text = BUF_INIT(8000);
    if (!r->error.code)
        return;
    full_error(r, &text);
    fprintf(stderr, "%srbrun: ", view_colour(v, "red"));
    phrase_lines(buf_text(&text), stderr);
    fprintf(stderr, "%s\n", view_colour(v, "off"));
    buf_free(&text);
}

int ending_show(struct view *v, const struct run *r)
{
    char text[sizeof r->error.next + RUN_ID];
    const char *next = next_of(r, text, sizeof text);
    struct buf line = BUF_INIT(1000);
    if (v->kind == VIEW_JSON) {
        show_json(r, next);
        return r->status;
    }
    show_untold(v, r);
    show_undone(v, r);
    view_rest(v);
    show_error(v, r);
    summary(r, &line);
    fflush(stderr);
    printf("run %s %s\n", r->id, buf_text(&line));
    printf("next: %s\n", next);
    fflush(stdout);
    buf_free(&line);
    return r->status;
}
