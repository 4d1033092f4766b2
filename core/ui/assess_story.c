#define _GNU_SOURCE
#include "assess_view.h"
#include "phrase.h"

#include <stdlib.h>
#include <string.h>

#define BLOCKS 12 /* so many migrations are told whole, more as a table */
#define ROWS 400  /* of that table */
#define WIDTH 200 /* columns of one text */

static const char *colour(const struct assess_view *v, enum assess_verdict of)
{
    static const char *const codes[VERDICTS] = {"", "\033[32m", "\033[33m",
                                                "\033[35m", "\033[31m"};
    return v->colour ? codes[of] : "";
}

static const char *off(const struct assess_view *v)
{
    return v->colour ? "\033[0m" : "";
}

static void say(FILE *out, const char *label, const char *text)
{
    struct buf clean = BUF_INIT(8000);
    phrase_clean(text, 4 * WIDTH, &clean);
    fprintf(out, "%s%s\n", label, buf_text(&clean));
    buf_free(&clean);
}

/* -- one finding -------------------------------------------------------- */

/* "db/7_drop.up.sql:3: column_removed: users.email (text)" */
static void where(const struct assess_view *v, const json_t *entry,
                  const json_t *finding, struct buf *out)
{
    const char *base = value_text(v->set, "base", "");
    const char *file =
        value_text(finding, "file", value_text(entry, "file", ""));
    const char *detail = value_text(finding, "detail", NULL);
    long long line = (long long)value_int(finding, "line", 0);
    struct buf text = BUF_INIT(20000);
    if (file[0])
        buf_addf(&text, "%s%s%s", base, base[0] ? "/" : "", file);
    if (file[0] && line)
        buf_addf(&text, ":%lld", line);
    buf_addf(&text, "%s%s: %s", file[0] ? ": " : "",
             value_text(finding, "code", "?"),
             value_text(finding, "object", ""));
    if (detail)
        buf_addf(&text, " %s", detail);
    phrase_clean(buf_text(&text), 2 * WIDTH, out);
    buf_free(&text);
}

static int same_words(const json_t *a, const json_t *b)
{
    return b &&
           strcmp(value_text(a, "text", ""), value_text(b, "text", "")) == 0 &&
           strcmp(value_text(a, "safe", ""), value_text(b, "safe", "")) == 0;
}

/* "now: ship code that ..." with its SQL below: how to split a release. */
static void tell_steps(const struct assess_view *v, const json_t *steps)
{
    const json_t *step, *sql;
    size_t i, j;
    json_array_foreach(steps, i, step)
    {
        char label[60];
        snprintf(label, sizeof label, "    %s %-5.20s ",
                 i ? "       " : "split: ", value_text(step, "release", ""));
        say(v->out, label, value_text(step, "what", ""));
        json_array_foreach(json_object_get(step, "sql"), j, sql)
        {
            say(v->out, "                    ", json_string_value(sql));
        }
    }
}

/* next: the finding behind it, which may say the same of something else. */
static void tell_finding(const struct assess_view *v, const json_t *entry,
                         const json_t *finding, const json_t *next)
{
    struct buf place = BUF_INIT(20000);
    const char *safe = value_text(finding, "safe", NULL);
    if (json_is_string(finding)) {
        say(v->out, "  ", json_string_value(finding));
        return;
    }
    where(v, entry, finding, &place);
    fprintf(v->out, "  %s\n", buf_text(&place));
    buf_free(&place);
    if (entry != v->net && same_words(finding, next))
        return;
    say(v->out, "    breaks: ", value_text(finding, "text", "?"));
    if (safe)
        say(v->out, "    safe:   ", safe);
    if (entry == v->net)
        tell_steps(v, json_object_get(finding, "steps"));
}

static void tell_findings(const struct assess_view *v, const json_t *entry,
                          const char *list)
{
    const json_t *all = json_object_get(entry, list), *finding;
    size_t i;
    json_array_foreach(all, i, finding)
    {
        tell_finding(v, entry, finding, json_array_get(all, i + 1));
    }
}

/* -- one migration ------------------------------------------------------ */

static void tell_locks(const struct assess_view *v, const json_t *entry)
{
    struct buf text = BUF_INIT(4000);
    const json_t *lock;
    size_t i;
    json_array_foreach(json_object_get(entry, "locks"), i, lock)
    {
        const char *work = value_text(lock, "work", "none");
        int idle = strcmp(work, "none") == 0;
        buf_addf(&text, "%s%s %s%s%s", i ? ", " : "",
                 value_text(lock, "relation", "?"),
                 value_text(lock, "mode", "?"), idle ? "" : " with ",
                 idle ? "" : work);
    }
    if (text.size)
        say(v->out, "    locks:  ", buf_text(&text));
    buf_free(&text);
}

/* "its way down loses the column users.email and does not restore ..." */
static void tell_down(const struct assess_view *v, const json_t *entry)
{
    const json_t *down = json_object_get(entry, "down"), *lost;
    const char *restores = value_text(down, "restores", NULL);
    struct buf text = BUF_INIT(4000);
    size_t i;
    if (json_is_null(down) || !value_bool(down, "present", 1))
        buf_adds(&text, "there is no way down");
    else if (value_bool(down, "empty", 0))
        buf_adds(&text, "its way down is empty");
    else if (value_bool(down, "refuses", 0))
        buf_adds(&text, "its way down refuses to run");
    else if (!value_bool(down, "parses", 1))
        buf_adds(&text, "its way down cannot be read");
    else if (restores && strcmp(restores, "yes") != 0)
        buf_addf(&text, strcmp(restores, "no") == 0
                            ? "its way down does not restore the schema"
                            : "whether its way down restores the schema is "
                              "unknown");
    json_array_foreach(json_object_get(down, "loses"), i, lost)
    {
        buf_addf(&text, "%s%s %s",
                 i           ? ", "
                 : text.size ? "; loses "
                             : "loses ",
                 value_text(lost, "code", "?"), value_text(lost, "object", ""));
    }
    if (text.size)
        say(v->out, "    down:   ", buf_text(&text));
    buf_free(&text);
}

/* What one of the findings says already is not said again. */
static void tell_error(const struct assess_view *v, const json_t *entry)
{
    const char *error = value_text(entry, "error", NULL);
    const json_t *finding;
    size_t i;
    json_array_foreach(json_object_get(entry, "reasons"), i, finding)
    {
        if (error && strcmp(value_text(finding, "text", ""), error) == 0)
            return;
    }
    if (error)
        say(v->out, "    error:  ", error);
}

static void tell_entry(const struct assess_view *v, const json_t *entry)
{
    enum assess_verdict verdict =
        assess_verdict_of(value_text(entry, "verdict", NULL));
    char label[80];
    snprintf(label, sizeof label, "\n%s%-12s%s  ", colour(v, verdict),
             assess_verdicts[verdict], off(v));
    say(v->out, label,
        value_text(entry, "file",
                   value_text(entry, "after", NULL)
                       ? "this release, as far as it is applied"
                       : "this release"));
    tell_findings(v, entry, "cautions");
    tell_findings(v, entry, "reasons");
    if (json_array_size(json_object_get(entry, "beside")))
        fputs("  beside the catalog, which shows no rows:\n", v->out);
    tell_findings(v, entry, "beside");
    tell_locks(v, entry);
    if (json_object_get(entry, "down"))
        tell_down(v, entry);
    tell_error(v, entry);
    if (value_text(entry, "disagreement", NULL))
        say(v->out, "    text and database disagree: ",
            value_text(entry, "disagreement", ""));
}

/* -- many --------------------------------------------------------------- */

static const json_t *worst_finding(const json_t *entry, size_t *more)
{
    const json_t *reasons = json_object_get(entry, "reasons");
    const json_t *cautions = json_object_get(entry, "cautions");
    const json_t *list = json_array_size(reasons) ? reasons : cautions;
    const json_t *found, *one;
    const char *verdict = value_text(entry, "verdict", "");
    size_t i;
    if (!json_array_size(list))
        list = json_object_get(entry, "beside");
    found = json_array_get(list, 0);
    *more = json_array_size(reasons) + json_array_size(cautions) +
            json_array_size(json_object_get(entry, "beside"));
    *more -= *more > 0;
    json_array_foreach(list, i, one)
    {
        if (strcmp(value_text(one, "level", ""), verdict) == 0)
            return one;
    }
    return found;
}

static void tell_row(const struct assess_view *v, const json_t *entry)
{
    enum assess_verdict verdict =
        assess_verdict_of(value_text(entry, "verdict", NULL));
    struct buf text = BUF_INIT(20000);
    size_t more;
    const json_t *finding = worst_finding(entry, &more);
    if (finding)
        where(v, entry, finding, &text);
    else
        phrase_clean(value_text(entry, "file", "?"), WIDTH, &text);
    fprintf(v->out, "%s%-12s%s  %s", colour(v, verdict),
            assess_verdicts[verdict], off(v), buf_text(&text));
    if (more)
        fprintf(v->out, " (and %zu more)", more);
    fputc('\n', v->out);
    buf_free(&text);
}

/* Worst last, and in their own order otherwise. */
static void tell_kept(const struct assess_view *v)
{
    size_t all = json_array_size(v->kept), i;
    size_t skip = all > ROWS ? all - ROWS : 0;
    const json_t *entry;
    if (all > BLOCKS)
        fputc('\n', v->out);
    if (skip)
        fprintf(v->out, "... and %zu others, of which --json tells\n", skip);
    for (int level = VERDICT_COMPATIBLE; level < VERDICTS; level++) {
        json_array_foreach(v->kept, i, entry)
        {
            if ((int)assess_verdict_of(value_text(entry, "verdict", NULL)) !=
                level)
                continue;
            if (skip)
                skip--;
            else if (all > BLOCKS)
                tell_row(v, entry);
            else
                tell_entry(v, entry);
        }
    }
}

static void plural(char *out, size_t size, size_t count)
{
    snprintf(out, size, "%zu migration%s", count, count == 1 ? "" : "s");
}

/* "16 migrations in db/migrate (rails), each after those before it" */
static void tell_head(const struct assess_view *v)
{
    const char *about = value_text(v->set, "about", "");
    const char *tool = value_text(v->set, "tool", NULL);
    long long context = (long long)value_int(v->set, "context", 0);
    struct buf place = BUF_INIT(8000);
    char count[40];
    plural(count, sizeof count, (size_t)value_int(v->set, "files", 0));
    phrase_clean(value_text(v->set, "where", "?"), WIDTH, &place);
    fprintf(v->out, "%s%s%s", count,
            strcmp(about, "release") == 0 ? ""
            : strcmp(about, "range") == 0 ? " of "
                                          : " in ",
            strcmp(about, "release") == 0 ? "" : buf_text(&place));
    if (tool)
        fprintf(v->out, " (%s)", tool);
    fputs(strcmp(about, "history") == 0 ? ", each after those before it"
                                        : ", as one change",
          v->out);
    if (context)
        fprintf(v->out, ", after %lld earlier", context);
    fputs(value_bool(v->set, "shadow", 0)
              ? ", applied to a scratch PostgreSQL\n"
              : ", by their text\n",
          v->out);
    buf_free(&place);
}

static void tell_problems(const struct assess_view *v)
{
    const json_t *problem;
    size_t i;
    json_array_foreach(json_object_get(v->set, "problems"), i, problem)
    {
        say(v->out, "note: ", value_text(problem, "text", "?"));
    }
}

static void tell_counts(const struct assess_view *v)
{
    const char *between = "";
    for (int i = VERDICT_COMPATIBLE; i < VERDICTS; i++) {
        fprintf(v->out, "%s%zu %s", between, v->count[i], assess_verdicts[i]);
        between = ", ";
    }
}

/* Of a history: what matters most is whether anything breaks, and what the
   newest one does. */
static void tell_history_end(const struct assess_view *v, const char *gate)
{
    char count[40];
    plural(count, sizeof count, v->files);
    fprintf(v->out, "%s%s: ", v->form == ASSESS_TEXT ? "\n" : "", count);
    tell_counts(v);
    if (v->beside)
        fprintf(v->out, "; %zu change rows, which no catalog shows", v->beside);
    if (v->files)
        fprintf(v->out, "; the newest, %s, is %s%s%s", v->newest,
                colour(v, v->newest_verdict),
                assess_verdicts[v->newest_verdict], off(v));
    fprintf(v->out, "%s%s\n", gate ? "; " : "", gate ? gate : "");
}

static void tell_witnesses(const struct assess_view *v)
{
    const json_t *witnesses = json_object_get(v->net, "witnesses"), *one;
    const char *name;
    json_object_foreach((json_t *)(uintptr_t)witnesses, name, one)
    {
        struct buf text = BUF_INIT(2000);
        int heard = value_bool(one, "heard", 0);
        buf_addf(&text, "%s: %s", name,
                 heard ? value_text(one, "verdict", "heard") : "not heard");
        if (value_text(one, "because", NULL))
            buf_addf(&text, ", %s", value_text(one, "because", ""));
        if (heard && json_object_get(one, "tested"))
            buf_addf(&text, ": %lld tested, %zu broken, %lld untestable",
                     (long long)value_int(one, "tested", 0),
                     json_array_size(json_object_get(one, "broken")),
                     (long long)value_int(one, "untestable", 0));
        say(v->out, "witness  ", buf_text(&text));
        buf_free(&text);
    }
}

/* What of a release the live database has not had yet, which its verdict does
   not count. */
static void tell_pending(const struct assess_view *v)
{
    const json_t *item;
    size_t i;
    if (!value_text(v->net, "after", NULL))
        return;
    fputs("\nnot applied yet:\n", v->out);
    json_array_foreach(json_object_get(v->net, "migrations"), i, item)
    {
        if (!value_bool(item, "applied", 0) && i < ROWS)
            tell_row(v, item);
    }
}

/* Whether the older release would start at all: a live database's ledger. */
static void tell_boot(const struct assess_view *v)
{
    const json_t *boot = json_object_get(v->net, "boot");
    const json_t *advice;
    struct buf text = BUF_INIT(4000);
    size_t i;
    if (!boot)
        return;
    buf_addf(&text, "%s: %s", value_text(boot, "verdict", "unknown"),
             value_text(boot, "because", ""));
    say(v->out, "start    ", buf_text(&text));
    json_array_foreach(json_object_get(boot, "advice"), i, advice)
    {
        say(v->out, "         ", json_string_value(advice));
    }
    buf_free(&text);
}

static void tell_release_end(const struct assess_view *v, const char *gate)
{
    struct buf text = BUF_INIT(4000);
    enum assess_verdict verdict = assess_view_verdict(v);
    assess_sentence(v->net, &text);
    fprintf(v->out, "%s%s%s%s%s%s\n", v->form == ASSESS_TEXT ? "\n" : "",
            colour(v, verdict), buf_text(&text), off(v), gate ? "; " : "",
            gate ? gate : "");
    buf_free(&text);
}

static void tell_release(const struct assess_view *v)
{
    const json_t *entry;
    size_t i;
    if (v->files > 1 && json_array_size(v->kept))
        fputs("\neach by itself, after those before it:\n", v->out);
    json_array_foreach(v->kept, i, entry)
    {
        if (v->files > 1 && i < ROWS)
            tell_row(v, entry);
    }
    tell_entry(v, v->net);
    tell_witnesses(v);
    tell_boot(v);
    tell_pending(v);
}

void assess_story(struct assess_view *v, const char *gate, const char *next)
{
    int whole = v->form == ASSESS_TEXT;
    if (whole && v->set) {
        tell_head(v);
        tell_problems(v);
    }
    if (whole && v->net)
        tell_release(v);
    else if (whole)
        tell_kept(v);
    if (v->net)
        tell_release_end(v, gate);
    else
        tell_history_end(v, gate);
    if (whole && next)
        fprintf(v->out, "next: %s\n", next);
}
