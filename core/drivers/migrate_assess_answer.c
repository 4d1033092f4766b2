/*
 * What the witnesses say together. Of the schema the catalog tells the
 * truth; where it cannot be heard, the text alone is weighed, and the answer
 * says so. Of rows, and of code that nobody could read, only the text tells
 * anything: that stays as it is. A statement that the older schema took and
 * the live one refuses is broken, whatever the others say.
 */
#define _GNU_SOURCE
#include "migrate_assess_parts.h"

#include <stdio.h>
#include <string.h>

#define ITEMS_SHOWN 200 /* migrations, newest left out */
#define ITEM_SHOWN 5    /* findings of each list of one */

struct answering {
    struct assessing *x;
    int catalog; /* it was heard */
    const char *verdict;
    json_t *reasons, *cautions, *kinds, *lines;
    char disagreement[600];
};

static void add_line(struct answering *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void add_line(struct answering *w, const char *format, ...)
{
    char text[1200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_array_append_new(w->lines, json_string(text));
}

/* "m/3_drop.up.sql:1: users.name: column_removed: older code may use it" */
static void describe(struct answering *w, const json_t *f)
{
    struct buf line = BUF_INIT(4096);
    const char *file = value_text(f, "file", NULL);
    const char *object = value_text(f, "object", NULL);
    const char *detail = value_text(f, "detail", NULL);
    if (file)
        buf_addf(&line, "%s:", file);
    if (file && value_int(f, "line", 0))
        buf_addf(&line, "%lld:", (long long)value_int(f, "line", 0));
    if (object)
        buf_addf(&line, "%s%s:", line.size ? " " : "", object);
    buf_addf(&line, "%s%s: ", line.size ? " " : "", value_text(f, "code", ""));
    if (detail)
        buf_addf(&line, "%s: ", detail);
    buf_adds(&line, value_text(f, "text", ""));
    add_line(w, "%s", buf_text(&line));
    buf_free(&line);
}

static void take(struct answering *w, const json_t *finding, int caution)
{
    const char *kind = value_text(finding, "kind", NULL);
    json_t *list = caution ? w->cautions : w->reasons, *one;
    const char *level =
        caution ? "caution" : value_text(finding, "level", "unknown");
    size_t i;
    w->verdict = assessing_worse(w->verdict, level);
    if (json_array_size(list) < ASSESS_SHOWN) {
        json_array_append(list, (json_t *)finding);
        if (!caution)
            describe(w, finding);
    }
    if (!caution || !kind)
        return;
    json_array_foreach(w->kinds, i, one)
    {
        if (strcmp(json_string_value(one), kind) == 0)
            return;
    }
    json_array_append_new(w->kinds, json_string(kind));
}

/* What no catalog shows: rows, and code that was not understood, which may
   have changed rows. */
static int is_beyond_catalog(const json_t *finding)
{
    static const char *const codes[] = {
        "data_changed",      "rows_added",
        "dynamic_sql",       "not_in_catalog",
        "unparsable",        "uncut",
        "not_sql",           "unreadable",
        "migration_changed", "transaction_control"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (strcmp(value_text(finding, "code", ""), codes[i]) == 0)
            return 1;
    }
    return 0;
}

/* Where the text knows the line of what the catalog has found. */
static const json_t *told_by_text(const struct answering *w,
                                  const json_t *finding)
{
    static const char *const names[] = {"reasons", "cautions"};
    const json_t *one;
    size_t i;
    for (size_t l = 0; l < 2; l++) {
        json_array_foreach(json_object_get(w->x->net, names[l]), i, one)
        {
            if (strcmp(value_text(one, "code", ""),
                       value_text(finding, "code", "")) == 0 &&
                strcmp(value_text(one, "object", ""),
                       value_text(finding, "object", "")) == 0)
                return one;
        }
    }
    return NULL;
}

static void take_catalog(struct answering *w, const char *name)
{
    static const char *const fields[] = {"file", "line", "statement"};
    const json_t *finding;
    size_t i;
    json_array_foreach(json_object_get(w->x->catalog_answer, name), i, finding)
    {
        const json_t *told = told_by_text(w, finding);
        json_t *copy = json_copy((json_t *)finding);
        for (size_t f = 0; told && f < sizeof fields / sizeof *fields; f++) {
            json_t *value = json_object_get(told, fields[f]);
            if (value)
                json_object_set(copy, fields[f], value);
        }
        take(w, copy, strcmp(name, "cautions") == 0);
        json_decref(copy);
    }
}

/* Of the applied ones; with a catalog only what that cannot know. */
static void take_text(struct answering *w)
{
    static const char *const names[] = {"reasons", "cautions"};
    const json_t *item, *finding;
    size_t i, k;
    json_array_foreach(w->x->migrations, i, item)
    {
        if (!value_bool(item, "applied", 0))
            continue;
        for (size_t l = 0; l < 2; l++) {
            json_array_foreach(json_object_get(item, names[l]), k, finding)
            {
                if (!w->catalog || is_beyond_catalog(finding))
                    take(w, finding, l == 1);
            }
        }
    }
    /* Findings of the net change that are of no file. */
    for (size_t l = 0; l < 2 && !w->catalog; l++) {
        json_array_foreach(json_object_get(w->x->net, names[l]), k, finding)
        {
            if (!value_text(finding, "file", NULL))
                take(w, finding, l == 1);
        }
    }
}

/* The worst that the text says of the schema. */
static const char *text_of_schema(const struct answering *w, int *certain)
{
    const char *verdict = "compatible";
    const json_t *item, *finding;
    size_t i, k;
    *certain = 1;
    json_array_foreach(w->x->migrations, i, item)
    {
        if (!value_bool(item, "applied", 0))
            continue;
        json_array_foreach(json_object_get(item, "reasons"), k, finding)
        {
            if (strcmp(value_text(finding, "level", ""), "incompatible") == 0)
                verdict = "incompatible";
            else
                *certain = 0;
        }
    }
    return verdict;
}

/* The schema's truth is the catalog's; that the text tells another is worth
   knowing: somebody has changed the schema past the migrations, or they did
   not do what they say. */
static void compare(struct answering *w)
{
    int certain;
    const char *text = text_of_schema(w, &certain);
    const char *catalog = value_text(w->x->catalog, "verdict", "unknown");
    int broken = strcmp(catalog, "incompatible") == 0;
    if (!w->catalog || !value_bool(w->x->text, "heard", 0) ||
        strcmp(catalog, "unknown") == 0 ||
        broken == (strcmp(text, "incompatible") == 0) || (broken && !certain))
        return;
    snprintf(w->disagreement, sizeof w->disagreement,
             broken ? "the migrations in git break nothing that older code "
                      "uses, and the live schema does: it was changed past "
                      "them, or they are not what ran"
                    : "the migrations in git take away what older code uses, "
                      "and the live schema still has it: they did not do what "
                      "they say, or it was put back");
}

static void take_statements(struct answering *w)
{
    const json_t *s = w->x->statements, *one;
    int live = strcmp(value_text(s, "source", ""), "live") == 0;
    size_t i;
    json_array_foreach(json_object_get(s, "broken"), i, one)
    {
        char text[700];
        /* What pg_stat_statements has now may be years old, or a person's;
           where the catalog is heard, it is not this release that broke it. */
        if (live && w->catalog)
            continue;
        snprintf(text, sizeof text,
                 "the older code's statement \"%.200s\" is "
                 "refused: %.300s",
                 value_text(one, "statement", ""), value_text(one, "text", ""));
        json_t *finding = json_pack("{s:s, s:s, s:s*, s:s, s:s}", "level",
                                    live ? "unknown" : "incompatible", "code",
                                    "statement_broken", "object",
                                    value_text(one, "object", NULL), "detail",
                                    value_text(one, "code", ""), "text", text);
        take(w, finding, 0);
        json_decref(finding);
    }
}

static void add_summary(struct answering *w)
{
    struct assessing *x = w->x;
    size_t count = json_array_size(x->migrations);
    if (w->disagreement[0])
        add_line(w, "%s", w->disagreement);
    if (count && !x->applied && value_bool(x->text, "heard", 0))
        add_line(w, "none of them is applied: the schema is still the older "
                    "one");
    if (!w->catalog && (x->applied || !value_bool(x->text, "heard", 0)))
        add_line(w, "%s: %s",
                 value_bool(x->text, "heard", 0)
                     ? "said by the text in git alone"
                     : "neither the catalog nor the text was heard",
                 value_text(x->catalog, "because", "no catalog was kept"));
}

static void weigh(struct answering *w)
{
    struct assessing *x = w->x;
    const json_t *finding;
    size_t i;
    int heard = value_bool(x->text, "heard", 0);
    w->verdict = json_array_size(x->migrations) ? "compatible" : "none";
    json_array_foreach(x->general, i, finding)
    {
        take(w, finding, 0);
    }
    if (w->catalog) {
        take_catalog(w, "reasons");
        take_catalog(w, "cautions");
    }
    if (!heard) {
        json_t *reason = json_pack(
            "{s:s, s:s, s:s}", "level", "unknown", "code", "text_unheard",
            "text", value_text(x->text, "because", "the text was not read"));
        take(w, reason, 0);
        json_decref(reason);
    }
    take_text(w);
    take_statements(w);
    compare(w);
    add_summary(w);
}

static json_t *witnesses(const struct assessing *x)
{
    return json_pack("{s:O, s:O, s:O}", "catalog", x->catalog, "statements",
                     x->statements, "text", x->text);
}

/* A migration as it is shown: an answer has a maximum, a history has none. */
static json_t *show_item(const json_t *item)
{
    static const char *const names[] = {"reasons", "cautions"};
    json_t *copy = json_copy((json_t *)item);
    for (size_t l = 0; l < 2; l++) {
        const json_t *all = json_object_get(item, names[l]), *one;
        json_t *few = json_array();
        size_t i;
        json_array_foreach(all, i, one)
        {
            json_t *brief = json_copy((json_t *)one);
            json_object_del(brief, "steps");
            if (i < ITEM_SHOWN)
                json_array_append(few, brief);
            json_decref(brief);
        }
        json_object_set_new(copy, names[l], few);
    }
    return copy;
}

static json_t *show_items(const struct assessing *x)
{
    json_t *list = json_array();
    const json_t *item;
    size_t i;
    json_array_foreach(x->migrations, i, item)
    {
        if (i < ITEMS_SHOWN)
            json_array_append_new(list, show_item(item));
    }
    return list;
}

/* Migrations that are not applied say nothing of the schema as it is; who
   asks before a release wants to know what it will be like behind them. */
static void add_pending(struct answering *w, json_t *answer)
{
    const char *after = w->verdict;
    json_int_t pending = 0;
    const json_t *item;
    size_t i;
    json_array_foreach(w->x->migrations, i, item)
    {
        if (value_bool(item, "applied", 0))
            continue;
        if (pending++ < ITEM_SHOWN)
            add_line(w, "%s is not applied yet, and does not count: %s",
                     value_text(item, "file", "?"),
                     value_text(item, "verdict", "unknown"));
        after = assessing_worse(after, value_text(item, "verdict", "unknown"));
    }
    if (!pending)
        return;
    json_object_set_new(answer, "pending", json_integer(pending));
    json_object_set_new(answer, "after", json_string(after));
}

int assessing_answer(struct assessing *x, json_t *boot, struct driver_answer *a)
{
    struct answering w = {.x = x,
                          .catalog = value_bool(x->catalog, "heard", 0),
                          .reasons = json_array(),
                          .cautions = json_array(),
                          .kinds = json_array(),
                          .lines = json_array()};
    json_t *v;
    weigh(&w);
    v = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o*}", "verdict",
                  w.verdict, "reasons", w.reasons, "cautions", w.cautions,
                  "caution_kinds", w.kinds, "texts", w.lines, "migrations",
                  show_items(x), "count",
                  (json_int_t)json_array_size(x->migrations), "witnesses",
                  witnesses(x), "boot", boot);
    if (w.disagreement[0])
        json_object_set_new(v, "disagreement", json_string(w.disagreement));
    add_pending(&w, v);
    return answer_ok(a, v);
}
