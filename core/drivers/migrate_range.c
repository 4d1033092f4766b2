#define _GNU_SOURCE
#include "migrate_range.h"
#include "../wire/heap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void migrate_reason(json_t *reasons, const char *code, const char *object,
                    int64_t line, const char *statement, const char *format,
                    ...)
{
    char text[700];
    json_t *reason;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    reason = json_pack("{s:s, s:s*, s:s*, s:s}", "code", code, "object", object,
                       "statement", statement, "text", text);
    if (line > 0)
        json_object_set_new(reason, "line", json_integer(line));
    json_array_append_new(reasons, reason);
}

static struct migrate_item *add(struct migrate_range *range,
                                const struct migrate_file *file,
                                const char *path,
                                const struct migrate_ledger *ledger)
{
    struct migrate_item *item = &range->items[range->count++];
    item->file = *file;
    item->path = path;
    item->reasons = json_array();
    item->applied = migrate_ledger_holds(ledger, file);
    item->verdict = "compatible";
    return item;
}

static void unknown(struct migrate_item *item, const char *code,
                    const char *text)
{
    item->verdict = "unknown";
    migrate_reason(item->reasons, code, NULL, 0, NULL, "%s", text);
}

/* Take out the up part, to be read as SQL. */
static void judge_later(struct migrate_item *item, enum migrate_tool tool,
                        const json_t *entry)
{
    const json_t *content = json_object_get(entry, "content");
    struct migrate_section section;
    struct error why = {0};
    if (!item->file.sql)
        return unknown(item, "not_sql",
                       "it is a program, not SQL: what it does to the schema "
                       "is not known before it runs");
    if (!content)
        return unknown(item, "not_text", "its contents are not text");
    if (migrate_file_section(tool, MIGRATE_UP, json_string_value(content),
                             json_string_length(content), &section,
                             &why) != 0) {
        buf_free(&section.text);
        return unknown(item, "unreadable", why.message);
    }
    item->size = section.text.size;
    item->text = section.text.data;
    if (!item->text)
        item->text = heap_text("");
}

/* Whether the up part is the same on both sides. */
static int same_up(enum migrate_tool tool, const json_t *entry)
{
    const char *sides[2] = {"old_content", "content"};
    struct migrate_section part[2];
    struct error why;
    int rc = 0, same;
    memset(part, 0, sizeof part);
    for (int i = 0; i < 2; i++) {
        const json_t *text = json_object_get(entry, sides[i]);
        rc |= !text || migrate_file_section(
                           tool, MIGRATE_UP, json_string_value(text),
                           json_string_length(text), &part[i], &why) != 0;
    }
    same = !rc && strcmp(buf_text(&part[0].text), buf_text(&part[1].text)) == 0;
    buf_free(&part[0].text);
    buf_free(&part[1].text);
    return same;
}

static void take_changed(struct migrate_range *range, enum migrate_tool tool,
                         const struct migrate_file *file, const char *path,
                         const json_t *entry,
                         const struct migrate_ledger *ledger)
{
    if (same_up(tool, entry))
        return;
    if (file->direction == MIGRATE_REPEATABLE)
        judge_later(add(range, file, path, ledger), tool, entry);
    else
        unknown(add(range, file, path, ledger), "migration_changed",
                "an existing migration was edited: what ran may be neither "
                "the old nor the new text");
}

/* A rename is harmless where version and contents stayed. */
static void take_renamed(struct migrate_range *range, enum migrate_tool tool,
                         const struct migrate_file *file, const char *path,
                         const json_t *entry,
                         const struct migrate_ledger *ledger)
{
    struct migrate_file old;
    const char *before = value_text(entry, "old_path", "");
    if (migrate_file_parse(tool, before, &old) != 0)
        return judge_later(add(range, file, path, ledger), tool, entry);
    if (strcmp(old.version, file->version) == 0 &&
        old.direction == file->direction)
        return take_changed(range, tool, file, path, entry, ledger);
    unknown(add(range, file, path, ledger), "migration_renamed",
            "an existing migration was given another version");
}

/* A migration whose new name is none of a migration up has gone, whatever git
   calls that: "3_b.up.sql" to "b.sql.old". */
static void take_renamed_away(struct migrate_range *range, const json_t *entry,
                              const struct migrate_ledger *ledger)
{
    const char *before = value_text(entry, "old_path", NULL);
    struct migrate_file file;
    if (before && migrate_file_parse(ledger->tool, before, &file) == 0 &&
        file.direction != MIGRATE_DOWN)
        unknown(add(range, &file, before, ledger), "migration_removed",
                "an existing migration was renamed to what is none");
}

static void take(struct migrate_range *range, const json_t *entry,
                 const struct migrate_ledger *ledger)
{
    const char *path = value_text(entry, "path", "");
    const char *change = value_text(entry, "change", "added");
    struct migrate_file file;
    if (migrate_file_parse(ledger->tool, path, &file) != 0 ||
        file.direction == MIGRATE_DOWN) {
        take_renamed_away(range, entry, ledger);
        return;
    }
    if (strcmp(change, "added") == 0)
        judge_later(add(range, &file, path, ledger), ledger->tool, entry);
    else if (strcmp(change, "modified") == 0)
        take_changed(range, ledger->tool, &file, path, entry, ledger);
    else if (strcmp(change, "renamed") == 0)
        take_renamed(range, ledger->tool, &file, path, entry, ledger);
    else
        unknown(add(range, &file, path, ledger), "migration_removed",
                "an existing migration was removed");
}

static int by_version(const void *a, const void *b)
{
    const struct migrate_item *x = a, *y = b;
    int order = migrate_version_compare(x->file.version, y->file.version);
    int late = (x->file.direction == MIGRATE_REPEATABLE) -
               (y->file.direction == MIGRATE_REPEATABLE);
    return late ? late : order ? order : strcmp(x->path, y->path);
}

int migrate_range_collect(const json_t *files,
                          const struct migrate_ledger *ledger,
                          struct migrate_range *range, struct error *err)
{
    size_t count = json_array_size(files);
    memset(range, 0, sizeof *range);
    range->items = calloc(count + 1, sizeof *range->items);
    if (!range->items)
        return error_set(err, RB_NOMEM, "no memory for %zu files", count);
    for (size_t i = 0; i < count; i++)
        take(range, json_array_get(files, i), ledger);
    qsort(range->items, range->count, sizeof *range->items, by_version);
    return 0;
}

void migrate_range_free(struct migrate_range *range)
{
    for (size_t i = 0; i < range->count; i++) {
        json_decref(range->items[i].reasons);
        free(range->items[i].text);
    }
    free(range->items);
    memset(range, 0, sizeof *range);
}

/* Revision -> {"path", "parents"} for every file of an Alembic folder. */
static json_t *alembic_graph(const json_t *all)
{
    json_t *graph = json_object(), *entry;
    size_t i;
    json_array_foreach(all, i, entry)
    {
        const json_t *content = json_object_get(entry, "content");
        struct migrate_file file;
        char revision[MIGRATE_VERSION];
        json_t *parents = NULL;
        const char *path = value_text(entry, "path", "");
        if (!content || migrate_file_parse(TOOL_ALEMBIC, path, &file) != 0)
            continue;
        if (migrate_file_revision(json_string_value(content),
                                  json_string_length(content), revision,
                                  sizeof revision, &parents) == 0)
            json_object_set_new(
                graph, revision,
                json_pack("{s:s, s:O}", "path", path, "parents", parents));
        json_decref(parents);
    }
    return graph;
}

/* Every revision that the heads build on, by breadth; the graph shrinks, so
   a cycle ends. Returns the list of paths reached. */
static json_t *alembic_reached(json_t *graph, const json_t *heads,
                               json_t *reasons)
{
    json_t *queue = json_copy((json_t *)heads), *paths = json_object();
    for (size_t i = 0; i < json_array_size(queue); i++) {
        const char *revision = json_string_value(json_array_get(queue, i));
        json_t *node = json_object_get(graph, revision);
        if (node) {
            json_object_set_new(paths, value_text(node, "path", ""),
                                json_string(revision));
            json_array_extend(queue, json_object_get(node, "parents"));
            json_object_del(graph, revision);
        } else if (i < json_array_size(heads)) {
            migrate_reason(reasons, "ledger_ahead", revision, 0, NULL,
                           "the database is at revision %s, which no file of "
                           "the version being left defines",
                           revision);
        }
    }
    json_decref(queue);
    return paths;
}

static void alembic(const json_t *all, const struct migrate_ledger *ledger,
                    struct migrate_range *range, json_t *reasons)
{
    json_t *graph = alembic_graph(all);
    json_t *reached = alembic_reached(graph, ledger->heads, reasons);
    for (size_t i = 0; i < range->count; i++) {
        struct migrate_item *item = &range->items[i];
        const char *revision = value_text(reached, item->path, NULL);
        /* With a head that nobody knows nothing can be ruled out. */
        item->applied = revision || json_array_size(reasons) > 0;
        if (revision)
            snprintf(item->file.version, sizeof item->file.version, "%s",
                     revision);
    }
    json_decref(reached);
    json_decref(graph);
}

/* What the files say of versions: the oldest, the newest, and each of them. */
struct known {
    char oldest[MIGRATE_VERSION], newest[MIGRATE_VERSION];
    json_t *versions; /* owned */
};

static void read_known(const json_t *all, enum migrate_tool tool,
                       struct known *k)
{
    struct migrate_file file;
    json_t *entry;
    size_t i;
    memset(k, 0, sizeof *k);
    k->versions = json_array();
    json_array_foreach(all, i, entry)
    {
        if (migrate_file_parse(tool, value_text(entry, "path", ""), &file) ||
            file.direction == MIGRATE_REPEATABLE)
            continue;
        json_array_append_new(k->versions, json_string(file.version));
        if (migrate_version_compare(file.version, k->newest) > 0)
            snprintf(k->newest, sizeof k->newest, "%s", file.version);
        if (!k->oldest[0] ||
            migrate_version_compare(file.version, k->oldest) < 0)
            snprintf(k->oldest, sizeof k->oldest, "%s", file.version);
    }
}

static int has_version(const json_t *versions, const char *version)
{
    json_t *one;
    size_t i;
    json_array_foreach(versions, i, one)
    {
        if (migrate_version_compare(json_string_value(one), version) == 0)
            return 1;
    }
    return 0;
}

/* Applied, and no file says what it did. Below the oldest file that is what
   people leave who clear their folder now and then. */
static void find_strangers(const struct migrate_ledger *ledger,
                           const struct known *k, json_t *reasons)
{
    json_t *one;
    size_t i;
    json_array_foreach(ledger->applied, i, one)
    {
        const char *version = json_string_value(one);
        if (migrate_version_compare(version, k->oldest) > 0 &&
            migrate_version_compare(version, k->newest) < 0 &&
            !has_version(k->versions, version))
            migrate_reason(reasons, "ledger_unknown", version, 0, NULL,
                           "version %s is applied, and no migration of the "
                           "version being left is of that number",
                           version);
    }
}

void migrate_range_ledger(const json_t *all,
                          const struct migrate_ledger *ledger,
                          struct migrate_range *range, json_t *reasons)
{
    struct known k;
    if (ledger->dirty)
        migrate_reason(reasons, "ledger_dirty", ledger->version, 0, NULL,
                       "the ledger is dirty: version %s failed half-way",
                       ledger->version[0] ? ledger->version : "(none)");
    if (ledger->tool == TOOL_ALEMBIC) {
        alembic(all, ledger, range, reasons);
        return;
    }
    read_known(all, ledger->tool, &k);
    if (ledger->version[0] &&
        migrate_version_compare(ledger->version, k.newest) > 0)
        migrate_reason(reasons, "ledger_ahead", ledger->version, 0, NULL,
                       "the database is at version %s, newer than any "
                       "migration of the version being left",
                       ledger->version);
    find_strangers(ledger, &k, reasons);
    json_decref(k.versions);
}
