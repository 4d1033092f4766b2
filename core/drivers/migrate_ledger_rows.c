/* What the rows of a ledger add up to. Pure: texts in, a ledger out. */
#define _GNU_SOURCE
#include "migrate_ledger.h"
#include "migrate_ledger_tools.h"
#include "../wire/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION, STATE, NAME, CHECKSUM, BATCH, WHY };

static size_t stem(const char *name)
{
    static const char *const ends[] = {".js",  ".ts",  ".mjs",
                                       ".cjs", ".mts", ".cts"};
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t m = strlen(ends[i]);
        if (n > m && strcmp(name + n - m, ends[i]) == 0)
            return n - m;
    }
    return n;
}

/* Numbers without the zeros in front of them, up to the first thing that is
   neither a digit nor a dot. */
static void without_zeros(const char *version, char *out, size_t size)
{
    size_t n = 0;
    int numbers = 1, start = 1;
    for (const char *p = version; *p && n + 1 < size; p++) {
        int digit = *p >= '0' && *p <= '9';
        if (numbers && start && *p == '0' && p[1] >= '0' && p[1] <= '9')
            continue;
        numbers = numbers && (digit || *p == '.');
        start = *p == '.';
        out[n++] = *p;
    }
    out[n] = '\0';
}

/* Where a changelog stands depends on who ran it: "classpath:db/x.sql" and
   "x.sql" are one; id and author tell changes apart. */
static const char *without_folder(const char *version)
{
    const char *end = strstr(version, "::"), *from = version;
    for (const char *p = version; end && p < end; p++) {
        if (*p == '/' || (*p == ':' && p[1] != ':'))
            from = p + 1;
    }
    return from;
}

void migrate_ledger_key(enum migrate_tool tool, const char *version, char *out,
                        size_t size)
{
    switch (tool) {
    case TOOL_KNEX:
    case TOOL_SEQUELIZE:
        snprintf(out, size, "%.*s", (int)stem(version), version);
        break;
    case TOOL_LIQUIBASE:
        snprintf(out, size, "%s", without_folder(version));
        break;
    case TOOL_DIESEL:
    case TOOL_DJANGO:
    case TOOL_EF:
    case TOOL_POP:
    case TOOL_PRISMA:
    case TOOL_SQITCH:
    case TOOL_SQL_MIGRATE:
    case TOOL_ALEMBIC:
        snprintf(out, size, "%s", version);
        break;
    default:
        without_zeros(version, out, size);
    }
}

void migrate_ledger_begin(struct migrate_ledger *l)
{
    json_t *also = json_incref(l->also);
    migrate_ledger_free(l);
    l->also = also ? also : json_array();
    l->applied = json_array();
    l->heads = json_array();
    l->scripts = json_array();
    l->rows = json_array();
    l->failed = json_array();
    l->index = json_object();
    l->version[0] = l->last[0] = l->batch[0] = '\0';
    l->dirty = 0;
}

void migrate_ledger_free(struct migrate_ledger *l)
{
    json_t **const owned[] = {&l->applied, &l->heads, &l->scripts, &l->rows,
                              &l->failed,  &l->lock,  &l->also,    &l->index};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) {
        json_decref(*owned[i]);
        *owned[i] = NULL;
    }
}

/* A row that stopped counting leaves a gap, so that places stay. */
static void forget(struct migrate_ledger *l, const char *key)
{
    const json_t *at = json_object_get(l->index, key);
    if (!at)
        return;
    json_array_set_new(l->rows, (size_t)json_integer_value(at), json_null());
    json_object_del(l->index, key);
}

/* What ran at last did not fail any more. */
static void mended(struct migrate_ledger *l, const char *version)
{
    for (size_t i = json_array_size(l->failed); i-- > 0;) {
        const json_t *one = json_array_get(l->failed, i);
        if (strcmp(value_text(one, "version", ""), version) == 0)
            json_array_remove(l->failed, i);
    }
}

static void applied(struct migrate_ledger *l, const char *const f[6],
                    const char *key)
{
    forget(l, key);
    mended(l, f[VERSION]);
    json_object_set_new(l->index, key,
                        json_integer((json_int_t)json_array_size(l->rows)));
    json_array_append_new(l->rows,
                          json_pack("{s:s, s:s*, s:s*, s:s*}", "version",
                                    f[VERSION], "name", f[NAME], "checksum",
                                    f[CHECKSUM], "batch", f[BATCH]));
}

/* The first line of what the tool left, or what a failure means to it. */
static void failed(struct migrate_ledger *l, const char *const f[6])
{
    const char *mean = l->row && l->row->fails ? l->row->fails : "it failed";
    const char *why = f[WHY] ? f[WHY] : "";
    char *text;
    why += strspn(why, " \r\n\t");
    text = heap_textf(
        "%s%s%.*s%s", mean, *why ? " (" : "",
        (int)(strcspn(why, "\r\n") < 300 ? strcspn(why, "\r\n") : 300), why,
        *why ? ")" : "");
    json_array_append_new(
        l->failed, json_pack("{s:s, s:s}", "version", f[VERSION], "why", text));
    free(text);
}

void migrate_ledger_take(struct migrate_ledger *l, const char *const f[6])
{
    char key[1200];
    const char *state = f[STATE] ? f[STATE] : "applied";
    const char *row[6] = {f[VERSION] ? f[VERSION] : "",
                          state,
                          f[NAME],
                          f[CHECKSUM],
                          f[BATCH],
                          f[WHY]};
    migrate_ledger_key(l->tool, row[VERSION], key, sizeof key);
    /* golang-migrate: nothing applied, kept only while it is dirty. */
    if (l->tool == TOOL_GOLANG_MIGRATE && strcmp(row[VERSION], "-1") == 0) {
        row[VERSION] = "";
        row[STATE] = strcmp(state, "dirty") == 0 ? "failed" : "skip";
        state = row[STATE];
    }
    if (strcmp(state, "applied") == 0 || strcmp(state, "dirty") == 0)
        applied(l, row, key);
    if (strcmp(state, "failed") == 0 || strcmp(state, "dirty") == 0)
        failed(l, row);
    if (strcmp(state, "undone") == 0)
        forget(l, key);
    if (strcmp(state, "repeatable") == 0)
        json_array_append_new(l->scripts,
                              json_string(row[NAME] ? row[NAME] : ""));
}

struct item {
    json_t *text;
    enum migrate_tool tool;
};

static int compare_items(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return migrate_tool_compare(x->tool, json_string_value(x->text),
                                json_string_value(y->text));
}

static void sort_versions(json_t *list, enum migrate_tool tool)
{
    size_t count = json_array_size(list);
    struct item *items = heap_zeroed(count + 1, sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct item){json_incref(json_array_get(list, i)), tool};
    qsort(items, count, sizeof *items, compare_items);
    json_array_clear(list);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, items[i].text);
    free(items);
}

/* Take the gaps out; the index then counts without them. */
static void close_gaps(struct migrate_ledger *l)
{
    json_t *rows = json_array(), *row;
    char key[1200];
    size_t i;
    json_array_foreach(l->rows, i, row)
    {
        if (!json_is_object(row))
            continue;
        migrate_ledger_key(l->tool, value_text(row, "version", ""), key,
                           sizeof key);
        json_object_set_new(l->index, key,
                            json_integer((json_int_t)json_array_size(rows)));
        json_array_append(rows, row);
        json_array_append(l->applied, json_object_get(row, "version"));
    }
    json_decref(l->rows);
    l->rows = rows;
}

/* The newest row of each group is its head. */
static void group_heads(struct migrate_ledger *l)
{
    json_t *newest = json_object(), *row, *head;
    const char *group;
    size_t i;
    json_array_foreach(l->rows, i, row) json_object_set(
        newest, value_text(row, "batch", ""), json_object_get(row, "version"));
    json_object_foreach(newest, group, head) json_array_append(l->heads, head);
    json_decref(newest);
}

/* With several heads there is no current version. */
static void set_current(struct migrate_ledger *l)
{
    size_t count = json_array_size(l->applied);
    json_t *current = json_array_get(l->applied, count - 1);
    enum ledger_current how = l->row ? l->row->current : CURRENT_GREATEST;
    if (how == CURRENT_HEADS)
        json_array_extend(l->heads, l->applied);
    else if (how == CURRENT_GROUPS)
        group_heads(l);
    else if (current)
        json_array_append(l->heads, current);
    if (current && !(how == CURRENT_HEADS && count > 1))
        snprintf(l->version, sizeof l->version, "%s",
                 json_string_value(current));
}

void migrate_ledger_end(struct migrate_ledger *l)
{
    const json_t *newest;
    close_gaps(l);
    newest = json_array_get(l->rows, json_array_size(l->rows) - 1);
    snprintf(l->last, sizeof l->last, "%s", value_text(newest, "version", ""));
    if (!l->row || l->row->current != CURRENT_GROUPS)
        snprintf(l->batch, sizeof l->batch, "%s",
                 value_text(newest, "batch", ""));
    if (!l->row || l->row->current == CURRENT_GREATEST)
        sort_versions(l->applied, l->tool);
    set_current(l);
    l->dirty = json_array_size(l->failed) > 0;
}

int migrate_ledger_has(const struct migrate_ledger *l, const char *version)
{
    char key[1200];
    if (l->tool == TOOL_GOLANG_MIGRATE) {
        if (l->dirty && !l->version[0])
            return 1; /* half-way below the first: nothing can be ruled out */
        return l->version[0] &&
               migrate_version_compare(version, l->version) <= 0;
    }
    migrate_ledger_key(l->tool, version, key, sizeof key);
    return json_object_get(l->index, key) != NULL;
}

static int script_ran(const struct migrate_ledger *l, const char *name)
{
    for (size_t i = 0; i < json_array_size(l->scripts); i++) {
        const char *path = json_string_value(json_array_get(l->scripts, i));
        const char *slash = strrchr(path, '/');
        if (strcmp(slash ? slash + 1 : path, name) == 0)
            return 1;
    }
    return 0;
}

int migrate_ledger_holds(const struct migrate_ledger *l,
                         const struct migrate_file *f)
{
    return f->direction == MIGRATE_REPEATABLE
               ? script_ran(l, f->name)
               : migrate_ledger_has(l, f->version);
}
