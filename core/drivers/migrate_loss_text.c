/*
 * What a step does to rows itself: the jailed reader's word on its text, for
 * SQL and for the programs that it reads (Alembic, Django, Rails). What it
 * does not understand may do anything.
 */
#define _GNU_SOURCE
#include "migrate_loss_parts.h"
#include "migrate_sql.h"

#include <stdio.h>
#include <string.h>

#define READ_TIMEOUT (30 * 1000)

static const struct {
    const char *what, *text;
} changes[] = {
    {"delete", "the step deletes rows of its own"},
    {"truncate", "the step empties the table"},
    {"update", "the step overwrites rows"},
    {"merge", "the step overwrites or deletes rows"},
};

static const json_t *table_named(const json_t *catalog, const char *name)
{
    char one[600];
    json_t *r;
    size_t i;
    json_array_foreach(json_object_get(catalog, "relations"), i, r)
    {
        loss_name(one, sizeof one, r, NULL);
        if (strcmp(one, name) == 0)
            return r;
    }
    return NULL;
}

static void rows_changed(struct loss_search *s, const json_t *data,
                         const char *text)
{
    struct buf sql = BUF_INIT(4096);
    const char *table = value_text(data, "table", "?");
    const json_t *r = table_named(s->before, table);
    struct loss_question q = {LOSS_CHANGED, table, table, text, &sql, 1};
    if (r) {
        buf_adds(&sql, "SELECT count(*) FROM ");
        loss_relation(&sql, r);
    }
    loss_add(s, &q);
    buf_free(&sql);
}

static void take_data(struct loss_search *s, const json_t *file)
{
    json_t *data;
    size_t i;
    json_array_foreach(json_object_get(file, "data"), i, data)
    {
        for (size_t k = 0; k < sizeof changes / sizeof *changes; k++) {
            if (strcmp(value_text(data, "what", ""), changes[k].what) == 0)
                rows_changed(s, data, changes[k].text);
        }
    }
}

static void unknown(struct loss_search *s, const char *object, const char *why)
{
    char text[500];
    struct loss_question q = {LOSS_CHANGED, object, NULL, text, NULL, 1};
    snprintf(text, sizeof text, "it may change any rows: %.400s", why);
    loss_add(s, &q);
}

/* The codes of what was not understood; others say what is unknown to older
   code, which is not asked here. */
static int not_understood(const char *code)
{
    static const char *const codes[] = {
        "dynamic_sql",         "unparsable",     "uncut", "not_judged",
        "transaction_control", "not_in_catalog", NULL};
    const char *const *c = codes;
    while (*c && strcmp(*c, code) != 0)
        c++;
    return *c != NULL;
}

static void take_unknown(struct loss_search *s, const json_t *file)
{
    json_t *reason;
    size_t i;
    json_array_foreach(json_object_get(file, "reasons"), i, reason)
    {
        char object[700];
        if (!not_understood(value_text(reason, "code", "")))
            continue;
        snprintf(object, sizeof object, "%.500s:%lld",
                 value_text(file, "name", "?"),
                 (long long)value_int(reason, "line", 0));
        unknown(s, object, value_text(reason, "text", "not understood"));
    }
}

/* A whole file for a tool, or the section that is run as SQL. */
static struct migrate_sql text_of(const struct migrate_plan *plan)
{
    struct migrate_sql one = {.name = plan->path,
                              .text = buf_text(&plan->section.text),
                              .size = plan->section.text.size,
                              .down = plan->direction == MIGRATE_DOWN};
    if (!plan->format[0])
        return one;
    one.text = plan->content ? plan->content : "";
    one.size = plan->content_size;
    one.format = plan->format;
    return one;
}

void loss_of_text(struct loss_search *s, const struct migrate_plan *plan)
{
    struct migrate_sql one = text_of(plan);
    struct migrate_question q = {.mode = MIGRATE_RELEASE,
                                 .files = &one,
                                 .count = 1,
                                 .before = s->before};
    json_t *reply = NULL;
    struct error err = {0};
    const json_t *file;
    if (migrate_sql_ask(&q, READ_TIMEOUT, &reply, &err) != 0) {
        unknown(s, plan->path, err.message);
        return;
    }
    file = json_array_get(json_object_get(reply, "files"), 0);
    if (!value_bool(file, "parsed", 0))
        unknown(s, plan->path, value_text(file, "error", "it is not SQL"));
    take_data(s, file);
    take_unknown(s, file);
    json_decref(reply);
}
