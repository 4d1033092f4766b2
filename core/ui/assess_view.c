#define _GNU_SOURCE
#include "assess_view.h"
#include "phrase.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const assess_verdicts[VERDICTS] = {
    [VERDICT_NONE] = "none",
    [VERDICT_COMPATIBLE] = "compatible",
    [VERDICT_CAUTION] = "caution",
    [VERDICT_UNKNOWN] = "unknown",
    [VERDICT_INCOMPATIBLE] = "incompatible",
};

enum assess_verdict assess_verdict_of(const char *text)
{
    for (int i = 0; i < VERDICTS; i++) {
        if (text && strcmp(assess_verdicts[i], text) == 0)
            return (enum assess_verdict)i;
    }
    return VERDICT_UNKNOWN;
}

void assess_view_open(struct assess_view *v, enum assess_form form, FILE *out)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    int dumb = term && strcmp(term, "dumb") == 0;
    memset(v, 0, sizeof *v);
    v->form = form;
    v->out = out;
    v->terminal = isatty(2) && !dumb;
    v->colour = form != ASSESS_JSON && form != ASSESS_SARIF &&
                isatty(fileno(out)) && !dumb && !(no_colour && no_colour[0]);
    v->kept = json_array();
}

static void clear_live(struct assess_view *v)
{
    if (v->live_line)
        fputs("\r\033[K", stderr);
    v->live_line = 0;
}

static void show_progress(struct assess_view *v, const json_t *line)
{
    struct buf text = BUF_INIT(1000);
    if (!v->terminal)
        return;
    phrase_clean(value_text(line, "text", ""), 70, &text);
    clear_live(v);
    fprintf(stderr, "... %s", buf_text(&text));
    fflush(stderr);
    v->live_line = 1;
    buf_free(&text);
}

static int print_json(struct assess_view *v, const json_t *line)
{
    json_t *copy = json_copy((json_t *)(uintptr_t)line);
    char *text;
    int rc;
    errno = 0;
    json_object_del(copy, "is");
    if (line == v->net) {
        struct buf sentence = BUF_INIT(4000);
        assess_sentence(line, &sentence);
        json_object_set_new(copy, "summary", json_string(buf_text(&sentence)));
        buf_free(&sentence);
    }
    text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
    rc = !text || fputs(text, v->out) < 0 || fputc('\n', v->out) < 0;
    if (rc || ferror(v->out))
        v->number = errno ? errno : EIO;
    free(text);
    json_decref(copy);
    return v->number ? RB_IO : 0;
}

/* Changes of rows, which no catalog shows. */
static int has_beside(const json_t *line)
{
    return json_array_size(json_object_get(line, "beside")) > 0;
}

/* What the text forms print at the end is kept: what says nothing is not. */
static void keep(struct assess_view *v, const json_t *line,
                 enum assess_verdict verdict)
{
    const char *file = value_text(line, "file", "");
    struct buf clean = BUF_INIT(sizeof v->newest - 1);
    phrase_clean(file, 200, &clean);
    snprintf(v->newest, sizeof v->newest, "%s", buf_text(&clean));
    buf_free(&clean);
    v->newest_verdict = verdict;
    v->count[verdict]++;
    v->files++;
    v->beside += has_beside(line) ? 1 : 0;
    if (v->form != ASSESS_JSON &&
        (verdict > VERDICT_COMPATIBLE || has_beside(line)))
        json_array_append(v->kept, (json_t *)(uintptr_t)line);
}

int assess_view_take(void *view, const json_t *line)
{
    struct assess_view *v = view;
    const char *is = value_text(line, "is", "");
    if (strcmp(is, "progress") == 0) {
        show_progress(v, line);
        return 0;
    }
    clear_live(v);
    if (strcmp(is, "set") == 0) {
        json_decref(v->set);
        v->set = json_deep_copy(line);
        return 0;
    }
    if (strcmp(is, "net") == 0) {
        json_decref(v->net);
        v->net = json_deep_copy(line);
        line = v->net;
    } else {
        keep(v, line, assess_verdict_of(value_text(line, "verdict", NULL)));
        /* Of a release one object is asked for: the net one. */
        if (strcmp(value_text(v->set, "about", ""), "release") == 0)
            return 0;
    }
    return v->form == ASSESS_JSON ? print_json(v, line) : 0;
}

enum assess_verdict assess_view_verdict(const struct assess_view *v)
{
    int rows = v->net ? has_beside(v->net) : v->beside > 0;
    enum assess_verdict least = rows ? VERDICT_UNKNOWN : VERDICT_NONE;
    if (v->net) {
        enum assess_verdict own =
            assess_verdict_of(value_text(v->net, "verdict", NULL));
        enum assess_verdict after =
            assess_verdict_of(value_text(v->net, "after", "none"));
        enum assess_verdict boot = assess_boot(v->net);
        least = boot > least ? boot : least;
        least = after > least ? after : least;
        return own > least ? own : least;
    }
    for (int i = VERDICTS - 1; i > 0; i--) {
        if (v->count[i] || i == (int)least)
            return (enum assess_verdict)i;
    }
    return VERDICT_NONE;
}

int assess_view_end(struct assess_view *v, const char *gate, const char *next,
                    struct error *err)
{
    clear_live(v);
    if (v->form == ASSESS_SARIF) {
        json_t *log = assess_sarif(v);
        json_dumpf(log, v->out, JSON_INDENT(2));
        fputc('\n', v->out);
        json_decref(log);
    } else if (v->form != ASSESS_JSON) {
        assess_story(v, gate, next);
    }
    if (v->number)
        errno = v->number;
    if (!v->number && fflush(v->out) == 0 && !ferror(v->out))
        return 0;
    error_set_errno(err, RB_IO, "the output could not be written");
    error_next(err, "make room, or write it elsewhere; nothing was changed");
    return RB_IO;
}

void assess_view_close(struct assess_view *v)
{
    clear_live(v);
    json_decref(v->set);
    json_decref(v->kept);
    json_decref(v->net);
    memset(v, 0, sizeof *v);
}
