#define _GNU_SOURCE
#include "view.h"
#include "../engine/shortage.h"
#include "phrase.h"
#include "../wire/utf8.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define HEARTBEAT 10000 /* ms of silence before a plain view says it lives */

static const struct {
    const char *name;
    const char *code;
} colours[] = {
    {"red", "\033[31m"}, {"green", "\033[32m"}, {"yellow", "\033[33m"},
    {"bold", "\033[1m"}, {"dim", "\033[2m"},    {"off", "\033[0m"},
};

const char *view_colour(const struct view *v, const char *name)
{
    for (size_t i = 0; v->colour && i < sizeof colours / sizeof *colours; i++) {
        if (strcmp(colours[i].name, name) == 0)
            return colours[i].code;
    }
    return "";
}

static void clear_live(struct view *v)
{
    if (v->live_line)
        fputs("\r\033[K", v->out);
    v->live_line = 0;
}

static void stamp(struct view *v)
{
    char text[16];
    time_t now = (time_t)(clock_wall() / 1000);
    struct tm local;
    localtime_r(&now, &local);
    strftime(text, sizeof text, "%H:%M:%S", &local);
    fprintf(v->out, "%s%s%s  ", view_colour(v, "dim"), text,
            view_colour(v, "off"));
}

void view_say(struct view *v, const char *mark, const char *format, ...)
{
    va_list args;
    if (v->kind == VIEW_JSON || v->kind == VIEW_QUIET)
        return;
    clear_live(v);
    stamp(v);
    fprintf(v->out, "%s ", mark);
    va_start(args, format);
    vfprintf(v->out, format, args);
    va_end(args);
    fputc('\n', v->out);
    fflush(v->out);
    v->last_said = clock_steady();
}

void view_warning(const struct view *v, const char *text)
{
    if (v->kind == VIEW_JSON)
        view_json("warning", json_pack("{s:s}", "message", text));
    else
        fprintf(stderr, "warning: %s\n", text);
}

/* The bytes of a text that fill at most so many columns. */
static int cut(const char *text, int columns)
{
    const char *at = text;
    for (; *at && columns > 0; columns--) {
        size_t length = utf8_length(at, strlen(at));
        at += length ? length : 1;
    }
    return (int)(at - text);
}

static int columns_of(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void draw_live(struct view *v)
{
    char took[32], line[600];
    if (v->kind != VIEW_TERMINAL || !v->busy[0])
        return;
    duration_format((clock_steady() - v->busy_since) / 1000 * 1000, took,
                    sizeof took);
    snprintf(line, sizeof line, "          ... %s%s  %s",
             v->planning ? "planning: " : "", v->busy, took);
    clear_live(v);
    fprintf(v->out, "%s%.*s%s", view_colour(v, "dim"),
            cut(line, view_width() - 1), line, view_colour(v, "off"));
    fflush(v->out);
    v->live_line = 1;
}

static void tick(void *data)
{
    struct view *v = data;
    char took[32];
    if (v->kind == VIEW_TERMINAL) {
        draw_live(v);
        return;
    }
    if (v->kind != VIEW_PLAIN || !v->busy[0] ||
        clock_steady() - v->last_said < HEARTBEAT)
        return;
    duration_format(clock_steady() - v->busy_since, took, sizeof took);
    view_say(v, "...", "%s, for %s", v->busy, took);
}

static void on_call(struct view *v, const json_t *f)
{
    const json_t *request = json_object_get(f, "request");
    struct buf text = BUF_INIT(1000);
    if (value_bool(f, "recorded", 0))
        return;
    phrase_call(value_text(request, "verb", "?"), value_text(f, "system", NULL),
                json_object_get(request, "args"), v->names, &text);
    snprintf(v->busy, sizeof v->busy, "%s", buf_text(&text));
    v->busy_since = clock_steady();
    buf_free(&text);
    draw_live(v);
}

static const char *mark_of(const struct view *v, const json_t *f, char *out,
                           size_t size)
{
    const json_t *answer = json_object_get(f, "answer");
    int write = strcmp(value_text(f, "effect", ""), "write") == 0;
    int ok = json_object_get(answer, "ok") != NULL;
    snprintf(out, size, "%s%s%s",
             view_colour(v, !ok     ? "red"
                            : write ? "yellow"
                                    : "green"),
             !ok     ? "x"
             : write ? "*"
                     : "-",
             view_colour(v, "off"));
    return out;
}

/* A resumed run: what is known already is counted, not told again. */
static void say_recorded(struct view *v)
{
    unsigned count = v->from_journal;
    v->from_journal = 0;
    if (count)
        view_say(v, " ", "%u answer%s came from the journal", count,
                 count == 1 ? "" : "s");
}

#define GAP 21 /* columns of a line that are neither call nor answer */
#define CALL_LEAST 24

/* One line: on a terminal a long call gives way to its answer. */
static void say_answer(struct view *v, const json_t *f, const char *call,
                       const char *answer)
{
    const json_t *request = json_object_get(f, "request");
    const char *undo = value_bool(request, "undoing", 0) ? "undo: " : "";
    char took[32], mark[40];
    int room = columns_of(call), free;
    duration_format(value_int(f, "ms", 0), took, sizeof took);
    if (value_bool(f, "recorded", 0))
        snprintf(took, sizeof took, "from the journal");
    free = view_width() - GAP - columns_of(undo) - columns_of(answer) -
           columns_of(took);
    if (v->kind == VIEW_TERMINAL && room > free)
        room = free > CALL_LEAST ? free - 3 : CALL_LEAST - 3;
    view_say(v, mark_of(v, f, mark, sizeof mark), "%s%.*s%s  =>  %s  %s(%s)%s",
             undo, cut(call, room), call, room < columns_of(call) ? "..." : "",
             answer, view_colour(v, "dim"), took, view_colour(v, "off"));
}

/* What a copy does not hold is only known once it has been taken. */
static void say_not_covered(struct view *v, const json_t *answer)
{
    const json_t *list =
        json_object_get(json_object_get(answer, "ok"), "not_covered");
    const json_t *one;
    size_t i;
    json_array_foreach(list, i, one)
    {
        struct buf text = BUF_INIT(1000);
        phrase_clean(json_is_string(one) ? json_string_value(one) : "?", 200,
                     &text);
        view_say(v, "!", "not in the copy: %s", buf_text(&text));
        buf_free(&text);
    }
}

static void on_answer(struct view *v, const json_t *f)
{
    const json_t *request = json_object_get(f, "request");
    const json_t *got = json_object_get(f, "answer");
    const char *verb = value_text(request, "verb", "?");
    struct buf call = BUF_INIT(2000), answer = BUF_INIT(2000);
    v->busy[0] = '\0';
    phrase_learn(v->names, got);
    if (value_bool(f, "dropped", 0) || v->planning)
        return;
    if (value_bool(f, "recorded", 0) && !v->all) {
        v->from_journal++;
        return;
    }
    say_recorded(v);
    phrase_call(verb, value_text(f, "system", NULL),
                json_object_get(request, "args"), v->names, &call);
    phrase_answer(verb, got, &answer);
    say_answer(v, f, buf_text(&call), buf_text(&answer));
    say_not_covered(v, got);
    buf_free(&call);
    buf_free(&answer);
}

static void on_step(struct view *v, const json_t *f)
{
    const char *state = value_text(f, "state", "");
    struct buf name = BUF_INIT(200);
    if (v->planning || value_bool(f, "recorded", 0))
        return;
    phrase_clean(value_text(f, "name", ""), 150, &name);
    if (strcmp(state, "begin") == 0)
        view_say(v, ">", "%s%s%s", view_colour(v, "bold"), buf_text(&name),
                 view_colour(v, "off"));
    buf_free(&name);
}

static void on_log(struct view *v, const json_t *f)
{
    struct buf text = BUF_INIT(4000);
    if (v->planning || value_bool(f, "recorded", 0))
        return;
    phrase_clean(value_text(f, "text", ""), 2000, &text);
    view_say(v, " ", "%s", buf_text(&text));
    buf_free(&text);
}

static void on_decision(struct view *v, const json_t *f)
{
    struct buf because = BUF_INIT(1000), action = BUF_INIT(200);
    if (v->planning || value_bool(f, "recorded", 0))
        return;
    phrase_clean(value_text(f, "because", ""), 500, &because);
    phrase_clean(value_text(f, "action", "?"), 60, &action);
    view_say(v, "=", "%sdecision: %s%s, because %s", view_colour(v, "bold"),
             buf_text(&action), view_colour(v, "off"), buf_text(&because));
    buf_free(&because);
    buf_free(&action);
}

/* In a log, a line that differs from one of the last few only in its numbers
   is no news; the heartbeat says that the wait goes on. */
static int is_news(struct view *v, const char *text)
{
    char shape[sizeof v->said[0]];
    size_t n = 0;
    for (; *text && n + 1 < sizeof shape; text++) {
        if (!strchr("0123456789.ms", *text))
            shape[n++] = *text;
    }
    shape[n] = '\0';
    for (size_t i = 0; i < VIEW_SAID; i++) {
        if (strcmp(v->said[i], shape) == 0)
            return 0;
    }
    memcpy(v->said[v->said_next++ % VIEW_SAID], shape, sizeof shape);
    return 1;
}

static void on_progress(struct view *v, const json_t *f)
{
    struct buf text = BUF_INIT(600);
    phrase_clean(value_text(f, "text", ""), 300, &text);
    if (v->kind == VIEW_TERMINAL) {
        char joined[400];
        snprintf(joined, sizeof joined, "%s: %.300s", value_text(f, "verb", ""),
                 buf_text(&text));
        memcpy(v->busy, joined, sizeof joined);
        draw_live(v);
    } else if (is_news(v, buf_text(&text))) {
        view_say(v, "...", "%s: %s", value_text(f, "verb", ""),
                 buf_text(&text));
    }
    buf_free(&text);
}

/* What the first and the second stop do, said the moment they come. */
static void on_stop(struct view *v, const json_t *f)
{
    const char *busy = value_text(f, "busy", NULL);
    long long undo = (long long)value_int(f, "undo", 0);
    char then[60];
    if (v->planning)
        return;
    if (value_int(f, "count", 1) > 1) {
        view_say(v, "!", "leaving at once%s%s",
                 busy ? ", in the middle of " : "", busy ? busy : "");
        return;
    }
    if (undo)
        snprintf(then, sizeof then, "then %lld undo step%s", undo,
                 undo == 1 ? " runs" : "s run");
    else
        snprintf(then, sizeof then, "then the run ends; nothing to undo");
    view_say(v, "!", "stopping: %s%s%s, %s; once more leaves at once",
             busy ? "waiting for " : "nothing is being written",
             busy ? busy : "", busy ? " to finish" : "", then);
}

static void event(void *data, const char *kind, const json_t *f)
{
    static const struct {
        const char *kind;
        void (*on)(struct view *v, const json_t *f);
    } table[] = {
        {"call", on_call}, {"answer", on_answer},     {"step", on_step},
        {"log", on_log},   {"decision", on_decision}, {"progress", on_progress},
        {"stop", on_stop},
    };
    struct view *v = data;
    if (v->kind == VIEW_JSON) {
        json_t *copy = json_copy((json_t *)f);
        if (v->planning)
            json_object_set_new(copy, "planning", json_true());
        view_json(kind, copy);
        return;
    }
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].kind, kind) == 0)
            table[i].on(v, f);
    }
}

void view_json(const char *name, json_t *fields)
{
    struct buf line = BUF_INIT(8u << 20);
    json_object_set_new(fields, "event", json_string(name));
    json_object_set_new(fields, "at", json_integer((json_int_t)clock_wall()));
    if (value_encode(fields, &line) == 0) {
        puts(buf_text(&line));
        fflush(stdout);
    }
    buf_free(&line);
    json_decref(fields);
}

int view_width(void)
{
    struct winsize w;
    if (ioctl(2, TIOCGWINSZ, &w) == 0 && w.ws_col >= 10)
        return w.ws_col;
    return 80;
}

void view_open(struct view *v, int json, int quiet)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    int terminal = isatty(2) && !(term && strcmp(term, "dumb") == 0);
    memset(v, 0, sizeof *v);
    v->out = stderr;
    v->kind = json       ? VIEW_JSON
              : quiet    ? VIEW_QUIET
              : terminal ? VIEW_TERMINAL
                         : VIEW_PLAIN;
    v->colour = v->kind == VIEW_TERMINAL && !(no_colour && no_colour[0]);
    shortage_in_json(json);
    v->names = json_object();
    v->can_ask = isatty(0) && isatty(2) && !json;
    v->observer.data = v;
    v->observer.event = event;
    v->observer.tick = tick;
    v->observer.ask = view_ask;
}

void view_rest(struct view *v)
{
    clear_live(v);
    fflush(v->out);
}

void view_close(struct view *v)
{
    view_rest(v);
    json_decref(v->names);
    v->names = NULL;
}

void view_error(struct view *v, const struct error *err, int status)
{
    view_error_state(v, err, status, exit_meaning(status));
}

void view_error_state(struct view *v, const struct error *err, int status,
                      const char *state)
{
    clear_live(v);
    if (v->kind == VIEW_JSON) {
        view_json("error", json_pack("{s:s, s:s, s:i, s:s}", "message",
                                     err->message, "next", err->next, "exit",
                                     status, "meaning", state));
        return;
    }
    fprintf(stderr, "%srbrun: ", view_colour(v, "red"));
    phrase_lines(err->message, stderr);
    fprintf(stderr, "%s\n", view_colour(v, "off"));
    if (status >= 0)
        fprintf(stderr, "state: %s\n", state);
    fprintf(stderr, "next:  %s\n", err->next[0] ? err->next : "rbrun help");
}
