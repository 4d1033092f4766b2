/* Constraints and unique indexes that come: rows that would refuse them. */
#define _GNU_SOURCE
#include "migrate_loss_parts.h"

#include <stdio.h>
#include <string.h>

/* A column that the step itself makes is not there to be looked at. */
static int all_there(const json_t *r, const json_t *columns)
{
    json_t *name, *c;
    size_t i, k;
    json_array_foreach(columns, i, name)
    {
        int found = !json_is_string(name);
        json_array_foreach(json_object_get(r, "columns"), k, c)
        {
            found |=
                json_is_string(name) &&
                strcmp(value_text(c, "name", ""), json_string_value(name)) == 0;
        }
        if (!found)
            return 0;
    }
    return 1;
}

static void list_keys(struct buf *sql, const json_t *columns, const char *of)
{
    json_t *one;
    size_t i;
    json_array_foreach(columns, i, one)
    {
        buf_adds(sql, i ? ", " : "");
        if (!json_is_string(one)) {
            buf_addf(sql, "(%s)", value_text(one, "expression", "NULL"));
            continue;
        }
        buf_adds(sql, of);
        loss_ident(sql, json_string_value(one));
    }
}

static void keys_not_null(struct buf *sql, const json_t *columns)
{
    json_t *one;
    size_t i;
    json_array_foreach(columns, i, one)
    {
        buf_adds(sql, i ? " AND " : "");
        if (json_is_string(one))
            loss_ident(sql, json_string_value(one));
        else
            buf_addf(sql, "(%s)", value_text(one, "expression", "NULL"));
        buf_adds(sql, " IS NOT NULL");
    }
}

/* Rows too many: those of a group beyond its first. */
static void unique(struct loss_search *s, const json_t *r, const json_t *index)
{
    struct buf sql = BUF_INIT(16384);
    const json_t *keys = json_object_get(index, "columns");
    const char *only = value_text(index, "predicate", NULL);
    int nulls = value_bool(index, "nulls_not_distinct", 0);
    char object[700], table[600];
    struct loss_question q = {
        LOSS_UNIQUE, object,
        table,       "duplicates refuse the uniqueness that comes",
        &sql,        0};
    loss_name(table, sizeof table, r, NULL);
    loss_name(object, sizeof object, r, value_text(index, "name", NULL));
    if (all_there(r, keys)) {
        buf_adds(&sql, "SELECT coalesce(sum(n - 1), 0)::bigint FROM (SELECT "
                       "count(*) AS n FROM ");
        loss_relation(&sql, r);
        buf_adds(&sql, " WHERE ");
        if (nulls)
            buf_adds(&sql, "true");
        else
            keys_not_null(&sql, keys);
        if (only)
            buf_addf(&sql, " AND (%s)", only);
        buf_adds(&sql, " GROUP BY ");
        list_keys(&sql, keys, "");
        buf_adds(&sql, " HAVING count(*) > 1) AS groups");
    }
    loss_add(s, &q);
    buf_free(&sql);
}

static void check(struct loss_search *s, const json_t *r, const json_t *k)
{
    struct buf sql = BUF_INIT(65536);
    const json_t *columns = json_object_get(k, "columns");
    const char *expression = value_text(k, "expression", NULL);
    char object[700], table[600];
    struct loss_question q = {
        LOSS_CHECK, object, table, "rows refuse the CHECK that comes", &sql, 0};
    loss_name(table, sizeof table, r, NULL);
    loss_name(object, sizeof object, r, value_text(k, "name", NULL));
    if (expression && all_there(r, columns)) {
        buf_adds(&sql, "SELECT count(*) FROM ");
        loss_relation(&sql, r);
        buf_addf(&sql, " WHERE NOT (%s)", expression);
    }
    loss_add(s, &q);
    buf_free(&sql);
}

static const json_t *relation_before(const struct loss_search *s,
                                     const json_t *k)
{
    return loss_by_id(json_object_get(s->before, "relations"),
                      value_int(json_object_get(k, "references"), "id", -1));
}

/* MATCH SIMPLE: a NULL anywhere in the key lets the row through. */
static void foreign_key(struct loss_search *s, const json_t *r, const json_t *k)
{
    struct buf sql = BUF_INIT(16384);
    const json_t *columns = json_object_get(k, "columns");
    const json_t *to = json_object_get(k, "references");
    const json_t *theirs = json_object_get(to, "columns");
    const json_t *parent = relation_before(s, k);
    char object[700], table[600];
    struct loss_question q = {LOSS_KEY,
                              object,
                              table,
                              "rows without a parent refuse the foreign key "
                              "that comes",
                              &sql,
                              0};
    loss_name(table, sizeof table, r, NULL);
    loss_name(object, sizeof object, r, value_text(k, "name", NULL));
    if (all_there(r, columns) && parent && all_there(parent, theirs)) {
        buf_adds(&sql, "SELECT count(*) FROM ");
        loss_relation(&sql, r);
        buf_adds(&sql, " AS child WHERE ");
        keys_not_null(&sql, columns);
        buf_adds(&sql, " AND NOT EXISTS (SELECT 1 FROM ");
        loss_relation(&sql, parent);
        buf_adds(&sql, " AS parent WHERE (");
        list_keys(&sql, theirs, "parent.");
        buf_adds(&sql, ") = (");
        list_keys(&sql, columns, "child.");
        buf_adds(&sql, "))");
    }
    loss_add(s, &q);
    buf_free(&sql);
}

static void exclusion(struct loss_search *s, const json_t *r, const json_t *k)
{
    char object[700], table[600];
    struct loss_question q = {LOSS_EXCLUDE,
                              object,
                              table,
                              "rows may refuse the exclusion that comes; they "
                              "were not looked for",
                              NULL,
                              0};
    loss_name(table, sizeof table, r, NULL);
    loss_name(object, sizeof object, r, value_text(k, "name", NULL));
    loss_add(s, &q);
}

/* What was there under another id, but says the same, does not come. */
static int said_before(const json_t *old, const char *list, const json_t *one)
{
    json_t *was;
    size_t i;
    json_array_foreach(json_object_get(old, list), i, was)
    {
        if (value_int(was, "id", -1) == value_int(one, "id", -2) ||
            (value_bool(was, "unique", 0) == value_bool(one, "unique", 0) &&
             value_text(one, "definition", NULL) &&
             strcmp(value_text(was, "definition", ""),
                    value_text(one, "definition", "")) == 0))
            return 1;
    }
    return 0;
}

/* Validated now and not before, under the same id. */
static int becomes_valid(const json_t *old, const json_t *k)
{
    const json_t *was =
        loss_by_id(json_object_get(old, "constraints"), value_int(k, "id", -1));
    return was && value_bool(k, "validated", 0) &&
           !value_bool(was, "validated", 0);
}

void loss_compare_constraints(struct loss_search *s, const json_t *old,
                              const json_t *new)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(new, "indexes"), i, one)
    {
        if (value_bool(one, "unique", 0) && !said_before(old, "indexes", one))
            unique(s, old, one);
    }
    json_array_foreach(json_object_get(new, "constraints"), i, one)
    {
        const char *type = value_text(one, "type", "");
        if (!value_bool(one, "validated", 0) ||
            (said_before(old, "constraints", one) && !becomes_valid(old, one)))
            continue;
        if (*type == 'c')
            check(s, old, one);
        else if (*type == 'f')
            foreign_key(s, old, one);
        else if (*type == 'x')
            exclusion(s, old, one);
    }
}
