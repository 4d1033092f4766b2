/*
 * migrate.assess. Two witnesses have to agree before anything is called
 * compatible: the ledger says what ran, the files say what it did. What
 * either does not know is unknown, and unknown is never safe.
 */
#define _GNU_SOURCE
#include "migrate_assess.h"
#include "migrate_range.h"
#include "migrate_source.h"
#include "migrate_sql.h"

#include <stdlib.h>
#include <string.h>

#define READ_TIMEOUT (20 * 1000)
#define LOCK_TIMEOUT (5 * 1000)

static int read_ledger(const struct driver_call *c,
                       struct migrate_ledger *ledger, struct driver_answer *a)
{
    struct pg db = {0};
    int rc = pg_open(&db, c, a) != 0 ||
             pg_begin(&db, 1, option_duration(c, "lock_timeout", LOCK_TIMEOUT),
                      READ_TIMEOUT, a) != 0 ||
             migrate_ledger_find(&db, ledger, a) != 0 ||
             migrate_ledger_read(&db, ledger, a) != 0;
    pg_close(&db);
    return rc;
}

static const char *worse(const char *a, const char *b)
{
    static const char *const order[] = {"incompatible", "unknown",
                                        "compatible"};
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(a, order[i]) == 0 || strcmp(b, order[i]) == 0)
            return order[i];
    }
    return "unknown";
}

/* Reasons come with the file or with a statement of it; a caution does not
   change the verdict, but people want to know. */
static void take_reasons(struct migrate_item *item, const json_t *from,
                         const char *list, const char *prefix)
{
    json_t *reason;
    size_t i;
    json_array_foreach(json_object_get(from, list), i, reason)
    {
        migrate_reason(item->reasons, value_text(reason, "code", "?"),
                       value_text(reason, "object", NULL),
                       value_int(from, "line", 0),
                       value_text(from, "text", NULL), "%s%s", prefix,
                       value_text(reason, "text", ""));
    }
}

static void take_file(struct migrate_item *item, const json_t *file)
{
    json_t *statement;
    size_t i;
    item->verdict =
        worse(value_text(file, "verdict", "unknown"), item->verdict);
    take_reasons(item, file, "reasons", "");
    json_array_foreach(json_object_get(file, "statements"), i, statement)
    {
        take_reasons(item, statement, "reasons", "");
        take_reasons(item, statement, "cautions", "caution: ");
    }
    take_reasons(item, file, "cautions", "caution: ");
}

/* Judge the applied ones as one net change, or the others as another. */
static void judge(struct migrate_range *range, int applied)
{
    struct migrate_sql *files = calloc(range->count + 1, sizeof *files);
    struct migrate_item **items = calloc(range->count + 1, sizeof *items);
    json_t *reply = NULL;
    struct error err = {0};
    size_t count = 0;
    for (size_t i = 0; files && items && i < range->count; i++) {
        struct migrate_item *item = &range->items[i];
        if (!item->text || item->applied != applied)
            continue;
        files[count] = (struct migrate_sql){
            .name = item->path, .text = item->text, .size = item->size};
        items[count++] = item;
    }
    if (count &&
        migrate_sql_read(files, count, 0, READ_TIMEOUT, &reply, &err) != 0)
        reply = NULL;
    for (size_t i = 0; i < count; i++) {
        if (reply) {
            take_file(items[i],
                      json_array_get(json_object_get(reply, "files"), i));
        } else {
            items[i]->verdict = "unknown";
            migrate_reason(items[i]->reasons, "unreadable", NULL, 0, NULL, "%s",
                           err.message);
        }
    }
    json_decref(reply);
    free(files);
    free(items);
}

static json_t *show(const struct migrate_item *item)
{
    return json_pack("{s:s, s:s, s:s, s:b, s:O}", "file", item->path, "version",
                     item->file.version, "verdict", item->verdict, "applied",
                     item->applied, "reasons", item->reasons);
}

/* "m/3_drop.up.sql:1: users.name: column_removed: older code may use
   it" */
static void add_texts(json_t *texts, const char *path, const json_t *reasons)
{
    json_t *reason;
    size_t i;
    json_array_foreach(reasons, i, reason)
    {
        struct buf line = BUF_INIT(4096);
        int64_t number = value_int(reason, "line", 0);
        const char *object = value_text(reason, "object", NULL);
        if (path)
            buf_addf(&line, "%s:", path);
        if (path && number)
            buf_addf(&line, "%lld:", (long long)number);
        if (path && object)
            buf_addf(&line, " %s:", object);
        if (path)
            buf_addf(&line, " %s: ", value_text(reason, "code", ""));
        buf_adds(&line, value_text(reason, "text", ""));
        json_array_append_new(texts, json_string(buf_text(&line)));
        buf_free(&line);
    }
}

/* Only what is applied counts: the rest has not touched the schema. */
static int conclude(const struct migrate_range *range, json_t *general,
                    struct driver_answer *a)
{
    json_t *list = json_array(), *texts = json_array();
    const char *verdict = range->count ? "compatible" : "none";
    size_t applied = 0;
    add_texts(texts, NULL, general);
    if (json_array_size(general) > 0)
        verdict = "unknown";
    for (size_t i = 0; i < range->count; i++) {
        const struct migrate_item *item = &range->items[i];
        json_array_append_new(list, show(item));
        if (!item->applied)
            continue;
        applied++;
        verdict = worse(verdict, item->verdict);
        add_texts(texts, item->path, item->reasons);
    }
    if (range->count && !applied)
        json_array_append_new(texts,
                              json_string("none of them is applied: the "
                                          "schema is still the older one"));
    return answer_ok(a, json_pack("{s:s, s:o, s:I, s:o}", "verdict", verdict,
                                  "migrations", list, "count",
                                  (json_int_t)range->count, "reasons", texts));
}

int migrate_assess(const struct driver_call *c, struct driver_answer *a)
{
    const char *from = value_text(c->args, "from", "");
    const char *to = value_text(c->args, "to", "");
    struct migrate_ledger ledger = {0};
    struct migrate_range range = {NULL, 0};
    json_t *changed = NULL, *all = NULL, *general = json_array();
    struct error err = {0};
    if (read_ledger(c, &ledger, a) != 0 ||
        migrate_source_between(c, from, to, &changed, a) != 0 ||
        migrate_source_at(c, to, &all, a) != 0)
        goto out;
    if (migrate_range_collect(changed, &ledger, &range, &err) != 0) {
        answer_fail(a, OUTCOME_RETRYABLE, "database %s: %s", c->system,
                    err.message);
        goto out;
    }
    migrate_range_ledger(all, &ledger, &range, general);
    judge(&range, 1);
    judge(&range, 0);
    conclude(&range, general, a);
out:
    migrate_range_free(&range);
    migrate_ledger_free(&ledger);
    json_decref(changed);
    json_decref(all);
    json_decref(general);
    return 0;
}
