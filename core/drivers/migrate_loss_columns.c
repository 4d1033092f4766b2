/* Columns whose values another type or NOT NULL would refuse or change. */
#define _GNU_SOURCE
#include "migrate_loss_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void from(struct buf *sql, const json_t *r)
{
    buf_adds(sql, "SELECT count(*) FROM ");
    loss_relation(sql, r);
    buf_adds(sql, " WHERE ");
}

static void not_null(struct loss_search *s, const json_t *r, const char *name)
{
    struct buf sql = BUF_INIT(4096);
    char object[700], table[600];
    struct loss_question q = {
        LOSS_NULL, object, table, "NULLs there refuse the NOT NULL that comes",
        &sql,      0};
    loss_name(table, sizeof table, r, NULL);
    loss_name(object, sizeof object, r, name);
    from(&sql, r);
    loss_ident(&sql, name);
    buf_adds(&sql, " IS NULL");
    loss_add(s, &q);
    buf_free(&sql);
}

/* The n of "character varying(n)", "character(n)"; 0 for other types. */
static long length_of(const char *type)
{
    static const char *const texts[] = {"character varying(", "character(",
                                        NULL};
    for (size_t i = 0; texts[i]; i++) {
        size_t n = strlen(texts[i]);
        if (strncmp(type, texts[i], n) == 0)
            return strtol(type + n, NULL, 10);
    }
    return 0;
}

static int is_text(const char *type)
{
    return strncmp(type, "character", 9) == 0 || strcmp(type, "text") == 0;
}

static const struct range {
    const char *type, *low, *high;
    int rank;
} ranges[] = {
    {"smallint", "-32768", "32767", 1},
    {"integer", "-2147483648", "2147483647", 2},
    {"bigint", "-9223372036854775808", "9223372036854775807", 3},
    {"numeric", NULL, NULL, 4},
};

static const struct range *range_of(const char *type)
{
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        if (strcmp(ranges[i].type, type) == 0)
            return &ranges[i];
    }
    return NULL;
}

static int wider(const char *old, const char *new)
{
    const struct range *o = range_of(old), *n = range_of(new);
    if (is_text(old) && is_text(new))
        return !length_of(new) ||
               (length_of(old) && length_of(old) <= length_of(new));
    return o && n && n->rank >= o->rank;
}

/* Which values the other type refuses, where that is known; otherwise all
   of them may be another value afterwards. */
static void type_changed(struct loss_search *s, const json_t *r,
                         const json_t *old, const json_t *new)
{
    struct buf sql = BUF_INIT(4096);
    const char *name = value_text(old, "name", "");
    const char *was = value_text(old, "type", ""),
               *now = value_text(new, "type", "");
    const struct range *n = range_of(now);
    char object[700], table[600], text[400];
    struct loss_question q = {LOSS_TYPE, object, table, text, &sql, 0};
    if (strcmp(was, now) == 0 || wider(was, now))
        return;
    loss_name(table, sizeof table, r, NULL);
    loss_name(object, sizeof object, r, name);
    from(&sql, r);
    if (is_text(was) && length_of(now)) {
        snprintf(text, sizeof text, "%.120s becomes %.120s: longer ones refuse",
                 was, now);
        buf_adds(&sql, "length(rtrim(");
        loss_ident(&sql, name);
        buf_addf(&sql, "::text)) > %ld", length_of(now));
    } else if (range_of(was) && range_of(was)->high && n) {
        snprintf(text, sizeof text, "%.120s becomes %.120s: larger ones refuse",
                 was, now);
        loss_ident(&sql, name);
        buf_addf(&sql, " NOT BETWEEN %s AND %s", n->low, n->high);
    } else {
        snprintf(text, sizeof text,
                 "%.120s becomes %.120s: each value is converted, and may "
                 "lose by it or refuse",
                 was, now);
        q.most = 1;
        loss_ident(&sql, name);
        buf_adds(&sql, " IS NOT NULL");
    }
    loss_add(s, &q);
    buf_free(&sql);
}

void loss_compare_column(struct loss_search *s, const json_t *relation,
                         const json_t *old, const json_t *new)
{
    if (value_bool(new, "not_null", 0) && !value_bool(old, "not_null", 0))
        not_null(s, relation, value_text(old, "name", ""));
    type_changed(s, relation, old, new);
}

/* Django adds a column with a default and drops the default at once: what
   is there at the end does not show it, the statement does. */
static int default_is_said(const struct loss_search *s, const char *column)
{
    json_t *one;
    size_t i;
    json_array_foreach(s->statements, i, one)
    {
        const char *sql = value_text(one, "sql", "");
        if (strcasestr(sql, column) && strcasestr(sql, " ADD ") &&
            strcasestr(sql, "DEFAULT"))
            return 1;
    }
    return 0;
}

void loss_new_column(struct loss_search *s, const json_t *relation,
                     const json_t *column)
{
    struct buf sql = BUF_INIT(4096);
    const char *name = value_text(column, "name", "");
    char object[700], table[600];
    struct loss_question q = {LOSS_REQUIRED,
                              object,
                              table,
                              "any row refuses a new column that is NOT NULL "
                              "and has no default",
                              &sql,
                              0};
    if (!value_bool(column, "not_null", 0) ||
        value_text(column, "default", NULL) ||
        value_text(column, "identity", NULL) ||
        value_text(column, "generated", NULL) || default_is_said(s, name))
        return;
    loss_name(table, sizeof table, relation, NULL);
    loss_name(object, sizeof object, relation, name);
    buf_adds(&sql, "SELECT count(*) FROM ");
    loss_relation(&sql, relation);
    loss_add(s, &q);
    buf_free(&sql);
}

static const json_t *type_named(const json_t *catalog, const json_t *type)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(catalog, "types"), i, one)
    {
        if (strcmp(value_text(one, "name", ""), value_text(type, "name", "")) ==
                0 &&
            strcmp(value_text(one, "schema", ""),
                   value_text(type, "schema", "")) == 0)
            return one;
    }
    return NULL;
}

static int has_label(const json_t *type, const char *label)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(type, "labels"), i, one)
    {
        if (strcmp(json_string_value(one), label) == 0)
            return 1;
    }
    return 0;
}

static void literal(struct buf *out, const char *text)
{
    buf_addc(out, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            buf_addc(out, '\'');
        buf_addc(out, *text);
    }
    buf_addc(out, '\'');
}

static void label_of_column(struct loss_search *s, const json_t *r,
                            const json_t *c, const char *label)
{
    struct buf sql = BUF_INIT(4096);
    char object[700], table[600], text[200];
    struct loss_question q = {LOSS_LABEL, object, table, text, &sql, 0};
    const char *name = value_text(c, "name", "");
    loss_name(table, sizeof table, r, NULL);
    loss_name(object, sizeof object, r, name);
    snprintf(text, sizeof text, "the value \"%.100s\" goes from its enum",
             label);
    from(&sql, r);
    loss_ident(&sql, name);
    buf_adds(&sql, "::text = ");
    literal(&sql, label);
    loss_add(s, &q);
    buf_free(&sql);
}

static void label_removed(struct loss_search *s, const json_t *type,
                          const char *label)
{
    json_t *r, *c;
    size_t i, k;
    json_array_foreach(json_object_get(s->before, "relations"), i, r)
    {
        if (!loss_is_table(r))
            continue;
        json_array_foreach(json_object_get(r, "columns"), k, c)
        {
            const json_t *id = json_object_get(c, "type_id");
            if (id &&
                strcmp(value_text(id, "name", ""),
                       value_text(type, "name", "")) == 0 &&
                strcmp(value_text(id, "schema", ""),
                       value_text(type, "schema", "")) == 0)
                label_of_column(s, r, c, label);
        }
    }
}

static void domain_changed(struct loss_search *s, const json_t *type)
{
    char object[600];
    struct loss_question q = {LOSS_DOMAIN,
                              object,
                              NULL,
                              "the domain becomes stricter; values that it "
                              "would refuse were not looked for",
                              NULL,
                              0};
    loss_name(object, sizeof object, type, NULL);
    loss_add(s, &q);
}

void loss_compare_types(struct loss_search *s)
{
    json_t *type, *label;
    size_t i, k;
    json_array_foreach(json_object_get(s->before, "types"), i, type)
    {
        const json_t *now = type_named(s->after, type);
        if (!now)
            continue;
        json_array_foreach(json_object_get(type, "labels"), k, label)
        {
            if (!has_label(now, json_string_value(label)))
                label_removed(s, type, json_string_value(label));
        }
        if ((value_bool(now, "not_null", 0) &&
             !value_bool(type, "not_null", 0)) ||
            json_array_size(json_object_get(now, "checks")) >
                json_array_size(json_object_get(type, "checks")))
            domain_changed(s, type);
    }
}
