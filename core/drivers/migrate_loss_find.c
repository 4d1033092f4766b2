/*
 * What to count: the catalog before the step against the one behind it, both
 * of one server, so that an id (and a column's number) says which is which.
 * Texts of a catalog (expressions, types) name everything with its schema.
 */
#define _GNU_SOURCE
#include "migrate_loss.h"
#include "migrate_loss_parts.h"

#include "../wire/utf8.h"

#include <stdio.h>
#include <string.h>

const char *migrate_loss_name(enum migrate_loss_kind kind)
{
    static const char *const names[LOSS_KINDS] = {
        [LOSS_TABLE] = "table_dropped",
        [LOSS_COLUMN] = "column_dropped",
        [LOSS_TYPE] = "type_changed",
        [LOSS_LABEL] = "enum_value_removed",
        [LOSS_SEQUENCE] = "sequence_dropped",
        [LOSS_CHANGED] = "rows_changed",
        [LOSS_NULL] = "not_null_added",
        [LOSS_REQUIRED] = "required_column_added",
        [LOSS_UNIQUE] = "unique_added",
        [LOSS_CHECK] = "check_added",
        [LOSS_KEY] = "fk_added",
        [LOSS_EXCLUDE] = "exclusion_added",
        [LOSS_DOMAIN] = "domain_changed",
    };
    return names[kind];
}

json_t *loss_text(const char *text)
{
    struct buf out = BUF_INIT(4096);
    size_t size = strlen(text);
    json_t *value;
    for (size_t at = 0; at < size;) {
        size_t n = utf8_length(text + at, size - at);
        if (n)
            buf_add(&out, text + at, n);
        at += n ? n : 1;
    }
    value = json_string(buf_text(&out));
    buf_free(&out);
    return value;
}

void loss_add(struct loss_search *s, const struct loss_question *q)
{
    const char *sql = q->sql && q->sql->size ? buf_text(q->sql) : NULL;
    json_array_append_new(s->list,
                          json_pack("{s:i, s:s, s:s*, s:o, s:s*, s:b}", "kind",
                                    (int)q->kind, "object", q->object, "table",
                                    q->table, "text", loss_text(q->text), "sql",
                                    sql, "most", q->most));
}

void loss_ident(struct buf *out, const char *name)
{
    buf_addc(out, '"');
    for (; *name; name++) {
        if (*name == '"')
            buf_addc(out, '"');
        buf_addc(out, *name);
    }
    buf_addc(out, '"');
}

void loss_relation(struct buf *out, const json_t *r)
{
    loss_ident(out, value_text(r, "schema", ""));
    buf_addc(out, '.');
    loss_ident(out, value_text(r, "name", ""));
}

void loss_name(char *out, size_t size, const json_t *r, const char *part)
{
    snprintf(out, size, "%s.%s%s%s", value_text(r, "schema", ""),
             value_text(r, "name", ""), part ? "." : "", part ? part : "");
}

const json_t *loss_by_id(const json_t *list, json_int_t id)
{
    json_t *one;
    size_t i;
    json_array_foreach(list, i, one)
    {
        if (value_int(one, "id", -1) == id)
            return one;
    }
    return NULL;
}

const json_t *loss_column(const json_t *r, json_int_t attnum)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(r, "columns"), i, one)
    {
        if (value_int(one, "attnum", -1) == attnum)
            return one;
    }
    return NULL;
}

int loss_is_table(const json_t *r)
{
    const char *kind = value_text(r, "kind", "");
    return strcmp(kind, "table") == 0 || strcmp(kind, "partitioned_table") == 0;
}

static const json_t *relation_after(const struct loss_search *s, json_int_t id)
{
    char key[24];
    snprintf(key, sizeof key, "%lld", (long long)id);
    return json_object_get(s->after_by_id, key);
}

/* The rows of a partition are counted with its parent's when both go. */
static int parent_goes_too(const struct loss_search *s, const json_t *r)
{
    json_int_t parent = value_int(json_object_get(r, "partition_of"), "id", -1);
    return parent >= 0 && !relation_after(s, parent);
}

static void table_dropped(struct loss_search *s, const json_t *r)
{
    struct buf sql = BUF_INIT(4096);
    char name[600];
    struct loss_question q = {
        LOSS_TABLE, name, name, "the table goes, with its rows", &sql, 0};
    if (parent_goes_too(s, r))
        return;
    loss_name(name, sizeof name, r, NULL);
    buf_adds(&sql, "SELECT count(*) FROM ");
    loss_relation(&sql, r);
    loss_add(s, &q);
    buf_free(&sql);
}

/* A sequence of its own; one that belongs to a column goes with it. */
static void sequence_dropped(struct loss_search *s, const json_t *r)
{
    struct buf sql = BUF_INIT(4096);
    char name[600];
    struct loss_question q = {
        LOSS_SEQUENCE, name, NULL, "the sequence goes, and what it has got to",
        &sql,          0};
    if (json_is_object(
            json_object_get(json_object_get(r, "sequence"), "owned_by")))
        return;
    loss_name(name, sizeof name, r, NULL);
    buf_adds(&sql, "SELECT is_called::int FROM ");
    loss_relation(&sql, r);
    loss_add(s, &q);
    buf_free(&sql);
}

/* 'text'::type, a number, true, false, NULL: not what a function gives. */
static int constant(const char *text)
{
    if (*text == '\'') {
        do {
            for (text++; *text && *text != '\''; text++)
                continue;
            text += *text == '\'';
        } while (*text == '\'');
    } else {
        text += strspn(text, "-0123456789.abcdefghijklmnopqrstuvwxyzLNU");
    }
    return *text == '\0' || (strncmp(text, "::", 2) == 0 &&
                             !strchr(text, '+') && !strstr(text, "||"));
}

static void column_dropped(struct loss_search *s, const json_t *r,
                           const json_t *c)
{
    struct buf sql = BUF_INIT(8192);
    const char *name = value_text(c, "name", "");
    const char *otherwise = value_text(c, "default", NULL);
    char object[700], table[600];
    struct loss_question q = {LOSS_COLUMN,
                              object,
                              table,
                              "the column goes, with the values that are not "
                              "its default",
                              &sql,
                              0};
    if (value_text(c, "generated", NULL))
        return;
    loss_name(table, sizeof table, r, NULL);
    loss_name(object, sizeof object, r, name);
    buf_adds(&sql, "SELECT count(*) FROM ");
    loss_relation(&sql, r);
    buf_adds(&sql, " WHERE ");
    loss_ident(&sql, name);
    if (otherwise && constant(otherwise))
        buf_addf(&sql, "::text IS DISTINCT FROM (%s)::text", otherwise);
    else
        buf_adds(&sql, " IS NOT NULL");
    loss_add(s, &q);
    buf_free(&sql);
}

static void compare_columns(struct loss_search *s, const json_t *old,
                            const json_t *new)
{
    json_t *c;
    size_t i;
    json_array_foreach(json_object_get(old, "columns"), i, c)
    {
        const json_t *now = loss_column(new, value_int(c, "attnum", 0));
        if (!now)
            column_dropped(s, old, c);
        else
            loss_compare_column(s, old, c, now);
    }
    json_array_foreach(json_object_get(new, "columns"), i, c)
    {
        if (!loss_column(old, value_int(c, "attnum", 0)))
            loss_new_column(s, old, c);
    }
}

static int excluded(const json_t *without, const json_t *r)
{
    char name[600];
    json_t *one;
    size_t i;
    loss_name(name, sizeof name, r, NULL);
    json_array_foreach(without, i, one)
    {
        if (strcmp(json_string_value(one), name) == 0)
            return 1;
    }
    return 0;
}

static void compare_relations(struct loss_search *s, const json_t *without)
{
    json_t *r;
    size_t i;
    json_array_foreach(json_object_get(s->before, "relations"), i, r)
    {
        const json_t *now = relation_after(s, value_int(r, "id", -1));
        const char *kind = value_text(r, "kind", "");
        if (excluded(without, r))
            continue;
        if (!now && loss_is_table(r))
            table_dropped(s, r);
        else if (!now && strcmp(kind, "sequence") == 0)
            sequence_dropped(s, r);
        else if (now && loss_is_table(r)) {
            compare_columns(s, r, now);
            loss_compare_constraints(s, r, now);
        }
    }
}

static void index_by_id(struct loss_search *s)
{
    json_t *r;
    size_t i;
    char key[24];
    json_array_foreach(json_object_get(s->after, "relations"), i, r)
    {
        snprintf(key, sizeof key, "%lld", (long long)value_int(r, "id", -1));
        json_object_set(s->after_by_id, key, r);
    }
}

json_t *migrate_loss_find(const json_t *before, const json_t *after,
                          const struct migrate_plan *plan,
                          const json_t *without)
{
    struct loss_search s = {before, after, plan->statements, json_object(),
                            json_array()};
    index_by_id(&s);
    compare_relations(&s, without);
    loss_compare_types(&s);
    loss_of_text(&s, plan);
    json_decref(s.after_by_id);
    return s.list;
}
