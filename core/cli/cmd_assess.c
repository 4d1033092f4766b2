/* assess: may the older code run on the schema that migrations make? */
#define _GNU_SOURCE
#include "options.h"
#include "../engine/assess.h"
#include "../engine/run.h"
#include "../engine/shortage.h"
#include "../ui/assess_view.h"
#include "../ui/view.h"

#include <stdlib.h>
#include <string.h>

static const char *const formats[] = {
    "auto",      "plain",           "goose",   "dbmate", "sql-migrate",
    "liquibase", "node-pg-migrate", "alembic", "django", "rails",
    NULL};

/* -- what is asked ------------------------------------------------------ */

static int refuse(struct error *err, const char *message)
{
    error_set(err, RB_INVALID, "%s", message);
    error_next(err, "rbrun help assess");
    return RB_INVALID;
}

/* Which options exclude or need one another: the first row that applies. */
static int check_options(const struct options *o, struct error *err)
{
    const struct {
        int wrong;
        const char *message;
    } rules[] = {
        {o->json && o->sarif, "--json and --sarif exclude each other"},
        {o->release && (o->from || o->to),
         "--release names files, --from and --to name commits: give one of "
         "them"},
        {o->to && !o->from, "--to needs --from: since when?"},
        {o->repository && !o->from, "--repository needs --from"},
        {o->history && !o->release, "--history needs --release"},
        {o->release && !o->operand_count,
         "--release needs the files of the release"},
        {!o->release && o->operand_count > 1,
         "one directory at a time; files are judged with --release"},
        {o->statements && !o->shadow,
         "--statements needs --shadow: statements are prepared on a database"},
        {o->last && (o->release || o->from),
         "--last is for the history of a directory"},
        {o->database && !o->environment, "--database needs --environment"},
        {o->environment && !o->from,
         "--environment needs --from, the release to go back to (and --to, "
         "the one that is live; default HEAD)"},
        {o->environment && (o->shadow || o->release || o->operand_count ||
                            o->repository || o->tool || o->format),
         "--environment asks the live database: its binding says where the "
         "migrations are, so give --from, --to and --database only"},
        {!o->environment && !o->from && !o->release && !o->operand_count,
         "which migrations? name a directory, --release FILE... or --from "
         "REV"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (rules[i].wrong)
            return refuse(err, rules[i].message);
    }
    return 0;
}

static int check_format(const char *format, struct error *err)
{
    for (size_t i = 0; format && formats[i]; i++) {
        if (strcmp(formats[i], format) == 0)
            return 0;
    }
    if (!format)
        return 0;
    error_set(err, RB_INVALID, "there is no format \"%s\"", format);
    error_next(err, "rbrun help assess names them at --format");
    return RB_INVALID;
}

static int take_last(const char *text, size_t *out, struct error *err)
{
    char *end;
    unsigned long n;
    *out = 0;
    if (!text)
        return 0;
    n = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || n == 0 || n > 1000000)
        return refuse(err, "--last needs a number of migrations, such as 3");
    *out = n;
    return 0;
}

static int take_gate(const char *text, enum assess_verdict *out,
                     struct error *err)
{
    static const enum assess_verdict levels[] = {
        VERDICT_CAUTION, VERDICT_UNKNOWN, VERDICT_INCOMPATIBLE};
    *out = VERDICT_UNKNOWN;
    if (!text)
        return 0;
    if (strcmp(text, "never") == 0)
        *out = VERDICTS;
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(text, assess_verdicts[levels[i]]) == 0)
            *out = levels[i];
    }
    if (*out == VERDICT_UNKNOWN && strcmp(text, "unknown") != 0)
        return refuse(err, "--fail-on takes incompatible, unknown, caution or "
                           "never");
    return 0;
}

static int question_of(const struct options *o, struct assess_question *q,
                       struct error *err)
{
    memset(q, 0, sizeof *q);
    q->mode = o->release ? ASSESS_RELEASE
              : o->from  ? ASSESS_RANGE
                         : ASSESS_HISTORY;
    q->directory = o->release ? NULL : o->operands[0];
    q->files = o->operands;
    q->file_count = o->release ? o->operand_count : 0;
    q->history = o->history;
    q->repository = o->repository;
    q->from = o->from;
    q->to = o->to ? o->to : "HEAD";
    q->tool = o->tool;
    q->format = o->format;
    q->shadow = o->shadow;
    q->statements = o->statements;
    return take_last(o->last, &q->last, err);
}

/* -- what is said ------------------------------------------------------- */

static const char *next_of(const struct options *o, const struct assess_view *v)
{
    enum assess_verdict worst = assess_view_verdict(v);
    if (v->net && assess_boot(v->net) >
                      assess_verdict_of(value_text(v->net, "verdict", NULL)))
        return "let the older release start, as told at \"start\": "
               "docs/migrations.md, \"Will the older release start\"";
    if (worst <= VERDICT_COMPATIBLE)
        return worst == VERDICT_NONE || o->shadow || o->environment
                   ? NULL
                   : "rbrun assess --shadow with the same words, to have a "
                     "database say so too";
    if (!o->release && !o->from && o->last)
        return "rbrun assess --from REV with the same directory, for a "
               "release as one change";
    if (!o->release && !o->from)
        return "rbrun assess --last 1 with the same words, for the newest "
               "alone; --from REV for a release as one change";
    if (worst == VERDICT_UNKNOWN && !o->shadow && !o->environment)
        return "rbrun assess --shadow with the same words: a database knows "
               "what the text does not tell";
    return worst == VERDICT_INCOMPATIBLE
               ? "split the release, or plan to go forward: "
                 "docs/migrations.md, \"rbrun assess\""
               : "read the findings above, and decide";
}

static enum assess_form form_of(const struct options *o)
{
    return o->json    ? ASSESS_JSON
           : o->sarif ? ASSESS_SARIF
           : o->quiet ? ASSESS_LAST_LINE
                      : ASSESS_TEXT;
}

/* spoilt: standard output takes no more, so the error goes elsewhere. */
static int failed(const struct options *o, const struct error *err, int spoilt)
{
    int signal = run_stop_requested();
    struct view v;
    int status = signal == 15 ? EXIT_TERMINATED
                 : signal     ? EXIT_INTERRUPTED
                              : EXIT_REFUSED;
    struct error shown = *err;
    if (!shown.next[0])
        error_next(&shown, "rbrun help assess");
    view_open(&v, o->json && !spoilt, 0);
    view_error_state(&v, &shown, status,
                     "production is untouched: an "
                     "assessment changes nothing");
    view_close(&v);
    return status;
}

static int ask(const struct options *o, const struct assess_question *q,
               struct assess_view *v, struct error *err)
{
    struct assess_live live = {o->environment, o->database, q->from, q->to};
    return o->environment ? assess_ask_live(&live, assess_view_take, v, err)
                          : assess_ask(q, assess_view_take, v, err);
}

int cmd_assess(const struct options *o)
{
    struct assess_question q;
    struct assess_view v;
    struct error err = {0};
    enum assess_verdict gate, worst;
    int rc = check_options(o, &err);
    if (!rc)
        rc = check_format(o->format, &err);
    if (!rc)
        rc = question_of(o, &q, &err);
    if (!rc)
        rc = take_gate(o->fail_on, &gate, &err);
    if (rc)
        return failed(o, &err, 0);
    shortage_in_json(o->json);
    assess_view_open(&v, form_of(o), stdout);
    rc = ask(o, &q, &v, &err);
    worst = assess_view_verdict(&v);
    if (!rc)
        rc = assess_view_end(&v, worst >= gate ? "the gate says no" : NULL,
                             next_of(o, &v), &err);
    else if (!err.code)
        assess_view_end(&v, NULL, NULL, &err); /* says why it cannot */
    assess_view_close(&v);
    if (rc)
        return failed(o, &err, ferror(stdout) != 0);
    return worst >= gate ? EXIT_GATE : EXIT_GOAL;
}
