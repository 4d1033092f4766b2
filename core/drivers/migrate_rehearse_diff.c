/*
 * Two catalogs compared by name: each object becomes a line of its
 * attributes, ids left out, and lines are compared as texts. It says whether
 * two schemas are the same, not what a difference means: that is the
 * reader's.
 */
#define _GNU_SOURCE
#include "../wire/heap.h"
#include "migrate_rehearse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 200 /* differences told; more are counted */

/* What differs between two servers or two moments and is not the schema, and
   what is said elsewhere: numbers of objects, sizes, a relation's parts. */
static const char *const left_out[] = {
    "id",      "attnum",   "rows",       "bytes",   "index",
    "depends", "inherits", "constraint", "columns", "constraints",
    "indexes", "triggers", "policies",   "rules",   "name",
    "schema",  "last",     "populated",  NULL};

/* Of these a list of columns is an attribute and not a list of parts. */
static const char *const parts[] = {
    "columns", "constraints", "indexes", "triggers", "policies", "rules", NULL};

static int listed(const char *const *list, const char *text)
{
    while (*list && strcmp(*list, text) != 0)
        list++;
    return *list != NULL;
}

static int skipped(const char *key, int part, int owners)
{
    if (!owners && (strcmp(key, "acl") == 0 || strcmp(key, "owner") == 0 ||
                    strcmp(key, "version") == 0))
        return 1;
    if (part && strcmp(key, "columns") == 0)
        return 0;
    return listed(left_out, key);
}

/* A reference to another object is its names, not its number. */
static json_t *without_ids(const json_t *value)
{
    const char *key;
    json_t *one, *out;
    size_t i;
    if (json_is_array(value)) {
        out = json_array();
        json_array_foreach(value, i, one)
        {
            json_array_append_new(out, without_ids(one));
        }
        return out;
    }
    if (!json_is_object(value))
        return json_incref((json_t *)value);
    out = json_object();
    json_object_foreach((json_t *)value, key, one)
    {
        if (strcmp(key, "id") != 0)
            json_object_set_new(out, key, without_ids(one));
    }
    return out;
}

static json_t *attributes(const json_t *object, int part, int owners)
{
    json_t *out = json_object(), *value;
    const char *key;
    json_object_foreach((json_t *)object, key, value)
    {
        if (!skipped(key, part, owners) && !json_is_null(value))
            json_object_set_new(out, key, without_ids(value));
    }
    return out;
}

static void add(json_t *lines, const char *label, const json_t *object,
                int part, int owners)
{
    json_object_set_new(lines, label, attributes(object, part, owners));
}

/* "column_order" of a table is an object of its own. */
static void add_order(json_t *lines, const char *table, const json_t *relation)
{
    json_t *names = json_array(), *column;
    char label[700];
    size_t i;
    json_array_foreach(json_object_get(relation, "columns"), i, column)
    {
        json_array_append(names, json_object_get(column, "name"));
    }
    snprintf(label, sizeof label, "order of columns %s", table);
    json_object_set_new(lines, label, json_pack("{s:o}", "names", names));
}

static void add_parts(json_t *lines, const char *table, const json_t *relation,
                      int owners)
{
    json_t *one;
    size_t i;
    for (const char *const *p = parts; *p; p++) {
        json_array_foreach(json_object_get(relation, *p), i, one)
        {
            char label[1000];
            int size = (int)strlen(*p) - 1;
            if (strcmp(*p, "policies") == 0)
                snprintf(label, sizeof label, "policy %s.%s", table,
                         value_text(one, "name", "?"));
            else if (strcmp(*p, "indexes") == 0)
                snprintf(label, sizeof label, "index %s.%s", table,
                         value_text(one, "name", "?"));
            else
                snprintf(label, sizeof label, "%.*s %s.%s", size, *p, table,
                         value_text(one, "name", "?"));
            add(lines, label, one, 1, owners);
        }
    }
}

static int excluded(const json_t *without, const char *name)
{
    json_t *one;
    size_t i;
    json_array_foreach(without, i, one)
    {
        if (strcmp(json_string_value(one), name) == 0)
            return 1;
    }
    return 0;
}

static void add_relations(json_t *lines, const json_t *catalog,
                          const json_t *without, int owners)
{
    json_t *r;
    size_t i;
    json_array_foreach(json_object_get(catalog, "relations"), i, r)
    {
        char name[600], label[700];
        const char *kind = value_text(r, "kind", "table");
        snprintf(name, sizeof name, "%.256s.%.256s",
                 value_text(r, "schema", "?"), value_text(r, "name", "?"));
        if (excluded(without, name))
            continue;
        snprintf(label, sizeof label, "%s %s", kind, name);
        add(lines, label, r, 0, owners);
        add_parts(lines, name, r, owners);
        add_order(lines, name, r);
    }
}

/* A function is told from its namesakes by what it takes. */
static void name_of(const char *list, const json_t *one, char *out, size_t size)
{
    json_t *arg;
    size_t i, n;
    const char *schema = value_text(one, "schema", NULL);
    n = (size_t)snprintf(out, size, "%s %s%s%s", list, schema ? schema : "",
                         schema ? "." : "", value_text(one, "name", "?"));
    if (!json_is_array(json_object_get(one, "args")))
        return;
    json_array_foreach(json_object_get(one, "args"), i, arg)
    {
        if (n < size)
            n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "(",
                                  json_string_value(arg));
    }
    if (n < size)
        snprintf(out + n, size - n, "%s)", i ? "" : "(");
}

static void add_list(json_t *lines, const json_t *catalog, const char *list,
                     const char *noun, int owners)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(catalog, list), i, one)
    {
        char label[1200];
        name_of(noun, one, label, sizeof label);
        add(lines, label, one, 0, owners);
    }
}

static json_t *flatten(const json_t *catalog, const json_t *without, int owners)
{
    json_t *lines = json_object();
    add_relations(lines, catalog, without, owners);
    add_list(lines, catalog, "schemas", "schema", owners);
    add_list(lines, catalog, "types", "type", owners);
    add_list(lines, catalog, "functions", "function", owners);
    add_list(lines, catalog, "extensions", "extension", owners);
    add_list(lines, catalog, "casts", "cast", owners);
    add_list(lines, catalog, "operators", "operator", owners);
    return lines;
}

/* "label: key value, key value", of those that the other side has not. */
static json_t *say(const char *label, const json_t *mine, const json_t *other)
{
    struct buf text = BUF_INIT(8192);
    json_t *value, *line;
    const char *key;
    int first = 1;
    buf_adds(&text, label);
    json_object_foreach((json_t *)mine, key, value)
    {
        char *shown;
        if (other && json_equal(value, json_object_get(other, key)))
            continue;
        shown = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        buf_addf(&text, "%s%s %.400s", first ? ": " : ", ", key,
                 json_is_string(value) ? json_string_value(value)
                                       : (shown ? shown : "?"));
        free(shown);
        first = 0;
    }
    line = json_stringn(buf_text(&text), text.size);
    buf_free(&text);
    return line;
}

static int is_order(const char *label)
{
    return strncmp(label, "order of columns ", 17) == 0;
}

struct difference {
    json_t *missing, *extra;
    int order, other; /* how many differences of each kind */
};

static void tell(json_t *list, json_t *text)
{
    if (json_array_size(list) < SHOWN)
        json_array_append_new(list, text);
    else
        json_decref(text);
}

/* A table that came or went is told once, not column by column. */
static int part_of_other(const json_t *lines, const char *label)
{
    static const char *const kinds[] = {
        "table ",         "view ",     "matview ",   "partitioned_table ",
        "foreign_table ", "sequence ", "composite ", NULL};
    static const char *const nouns[] = {
        "column ", "constraint ",       "index ", "trigger ", "policy ",
        "rule ",   "order of columns ", NULL};
    const char *rest = NULL, *dot;
    char name[1300];
    for (size_t i = 0; nouns[i]; i++) {
        if (strncmp(label, nouns[i], strlen(nouns[i])) == 0)
            rest = label + strlen(nouns[i]);
    }
    if (!rest)
        return 0;
    dot = is_order(label) ? rest + strlen(rest) : strrchr(rest, '.');
    for (size_t i = 0; kinds[i]; i++) {
        snprintf(name, sizeof name, "%s%.*s", kinds[i],
                 (int)(dot ? dot - rest : 0), rest);
        if (json_object_get(lines, name))
            return 0;
    }
    return 1;
}

static void one_side(const json_t *mine, const json_t *other,
                     struct difference *d, int is_missing)
{
    const char *label;
    json_t *value, *there;
    json_object_foreach((json_t *)mine, label, value)
    {
        there = json_object_get(other, label);
        if (there ? json_equal(value, there) : part_of_other(other, label))
            continue;
        if (is_order(label)) {
            d->order++;
            continue;
        }
        d->other++;
        tell(is_missing ? d->missing : d->extra, say(label, value, there));
    }
}

enum migrate_restores migrate_rehearse_compare(const json_t *old,
                                               const json_t *new,
                                               const json_t *without,
                                               int owners, json_t **missing,
                                               json_t **extra)
{
    json_t *before = flatten(old, without, owners);
    json_t *after = flatten(new, without, owners);
    struct difference d = {json_array(), json_array(), 0, 0};
    one_side(before, after, &d, 1);
    one_side(after, before, &d, 0);
    json_decref(before);
    json_decref(after);
    *missing = d.missing;
    *extra = d.extra;
    if (d.other)
        return RESTORES_NO;
    return d.order ? RESTORES_ORDER : RESTORES_YES;
}

json_t *migrate_rehearse_without(const struct migrate_ledger *l)
{
    return json_pack("[o, o]", json_sprintf("%s.%s", l->schema, l->table),
                     json_sprintf("%s.rbrun_effects", l->schema));
}
