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

/* The journal's own way out ends in "rbrun resume": it does not know its
   run's id. */
static const char *next_of(const struct run *r, char *out, size_t size)
{
    static const char resume[] = "rbrun resume";
    const char *next = r->error.next;
    size_t length = strlen(next), tail = sizeof resume - 1;
    if (!length)
        return default_next(r, out, size);
    if (length < tail || strcmp(next + length - tail, resume) != 0)
        return next;
    snprintf(out, size, "%s %s", next, r->id);
    return out;
}

static void summary(const struct run *r, struct buf *out)
{
    const json_t *result = json_object_get(r->done, "result");
    const char *as = value_text(result, "as", NULL);
    const char *because = value_text(result, "because", NULL);
    if (r->done && !r->error.code && as) {
        buf_addf(out, "%s", as);
        if (because) {
            buf_adds(out, ": ");
            phrase_clean(because, 400, out);
        }
        return;
    }
    buf_adds(out, exit_meaning(r->status));
}

static void show_json(const struct run *r, const char *next)
{
    json_t *end =
        json_pack("{s:s, s:i, s:s, s:O*, s:s, s:I, s:O*}", "run", r->id, "exit",
                  r->status, "meaning", exit_meaning(r->status), "result",
                  json_object_get(r->done, "result"), "next", next, "writes",
                  (json_int_t)r->writes, "untold", r->untold);
    if (r->error.code)
        json_object_set_new(end, "error", json_string(r->error.message));
    view_json("end", end);
}

static void show_undone(struct view *v, const struct run *r)
{
    int64_t undone = value_int(r->done, "undone", 0);
    int64_t failed = value_int(r->done, "undo_failed", 0);
    if (undone || failed)
        view_say(v, failed ? "!" : " ", "undo: %lld step%s ran, %lld failed",
                 (long long)undone, undone == 1 ? "" : "s", (long long)failed);
    if (r->status == EXIT_PARTIAL && !r->resumed) /* it did go on */
        view_say(v, "!", "%u write%s made, %u without an undo step", r->writes,
                 r->writes == 1 ? "" : "s", r->uncovered);
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
    if (r->error.code) {
        fprintf(stderr, "%srbrun: ", view_colour(v, "red"));
        phrase_lines(r->error.message, stderr);
        fprintf(stderr, "%s\n", view_colour(v, "off"));
    }
    summary(r, &line);
    fflush(stderr);
    printf("run %s %s\n", r->id, buf_text(&line));
    printf("next: %s\n", next);
    fflush(stdout);
    buf_free(&line);
    return r->status;
}
