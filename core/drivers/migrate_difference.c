#define _GNU_SOURCE
#include "migrate_difference.h"
#include "migrate_ledger_tools.h"
#include "../wire/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct comparing {
    const struct migrate_ledger *ledger;
    struct migrate_difference *out;
    json_t *known;   /* keys of all files; owned */
    json_t *reached; /* Alembic: versions that the heads build on; owned */
    json_t *groups;  /* Django: apps that have files; owned */
};

static const char *version_of(const json_t *entry)
{
    return value_text(entry, "version", "");
}

int migrate_difference_applied(const struct migrate_ledger *l,
                               const json_t *entry)
{
    const json_t *changes = json_object_get(entry, "changes"), *one;
    size_t i;
    if (value_bool(entry, "repeatable", 0)) {
        const char *path = value_text(entry, "path", "");
        const char *slash = strrchr(path, '/');
        struct migrate_file f = {.direction = MIGRATE_REPEATABLE};
        f.name = slash ? slash + 1 : path;
        return migrate_ledger_holds(l, &f);
    }
    if (!changes)
        return migrate_ledger_has(l, version_of(entry));
    json_array_foreach(
        changes, i,
        one) if (!migrate_ledger_has(l, json_string_value(one))) return 0;
    return 1;
}

static int is_applied(const struct comparing *c, const json_t *entry)
{
    if (c->reached)
        return json_object_get(c->reached, version_of(entry)) != NULL;
    return migrate_difference_applied(c->ledger, entry);
}

static void know(struct comparing *c, const char *version)
{
    char key[1200];
    migrate_ledger_key(c->ledger->tool, version, key, sizeof key);
    json_object_set_new(c->known, key, json_true());
    if (c->ledger->tool == TOOL_DJANGO)
        json_object_setn_new(c->groups, version, strcspn(version, "."),
                             json_true());
}

static void know_files(struct comparing *c)
{
    json_t *entry, *one;
    size_t i, k;
    json_array_foreach(c->out->layout.files, i, entry)
    {
        know(c, version_of(entry));
        json_array_foreach(json_object_get(entry, "changes"), k, one)
            know(c, json_string_value(one));
    }
    json_array_foreach(c->out->layout.also, i, one)
        know(c, json_string_value(one));
}

/* Alembic: from the heads back along the parents. */
static void reach(struct comparing *c)
{
    json_t *parents = json_object(), *entry, *queue, *one;
    size_t i, k;
    json_array_foreach(c->out->layout.files, i, entry) json_object_set(
        parents, version_of(entry), json_object_get(entry, "parents"));
    c->reached = json_object();
    queue = json_copy(c->ledger->heads);
    for (i = 0; i < json_array_size(queue); i++) {
        const char *version = json_string_value(json_array_get(queue, i));
        if (json_object_get(c->reached, version))
            continue;
        json_object_set_new(c->reached, version, json_true());
        json_array_foreach(json_object_get(parents, version), k, one)
            json_array_append(queue, one);
    }
    json_decref(queue);
    json_decref(parents);
}

/* A Liquibase changelog that is no SQL: its changes are not known here, so
   what the ledger has of that file is taken for its own. */
static int in_unread_changelog(const struct comparing *c, const char *key)
{
    json_t *entry;
    size_t i, n = strcspn(key, ":");
    if (c->ledger->tool != TOOL_LIQUIBASE)
        return 0;
    json_array_foreach(c->out->layout.files, i, entry)
    {
        const char *path = value_text(entry, "path", "");
        const char *slash = strrchr(path, '/');
        path = slash ? slash + 1 : path;
        if (!json_object_get(entry, "changes") && strlen(path) == n &&
            strncmp(path, key, n) == 0)
            return 1;
    }
    return 0;
}

static int is_known(const struct comparing *c, const char *version)
{
    char key[1200];
    migrate_ledger_key(c->ledger->tool, version, key, sizeof key);
    if (json_object_get(c->known, key) || in_unread_changelog(c, key))
        return 1;
    return c->ledger->tool == TOOL_DJANGO &&
           !json_object_getn(c->groups, version, strcspn(version, "."));
}

/* Where an unknown one stands among the files, by the tool's order. */
static const char *place_by_order(const struct comparing *c,
                                  const char *version)
{
    const json_t *files = c->out->layout.files;
    size_t count = json_array_size(files);
    if (migrate_tool_compare(c->ledger->tool, version,
                             version_of(json_array_get(files, count - 1))) > 0)
        return "newer";
    return migrate_tool_compare(c->ledger->tool, version,
                                version_of(json_array_get(files, 0))) < 0
               ? "older"
               : "between";
}

static void add_missing(struct comparing *c, const char *version,
                        const char *place)
{
    json_array_append_new(c->out->missing, json_pack("{s:s, s:s}", "version",
                                                     version, "place", place));
}

/* By the order of the rows, where that is when they were applied: after the
   last known one, before the first, or between. */
static void missing_by_rows(struct comparing *c)
{
    const json_t *rows = c->ledger->rows;
    size_t first = json_array_size(rows), last = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        if (!is_known(c, version_of(json_array_get(rows, i))))
            continue;
        first = i < first ? i : first;
        last = i;
    }
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const char *version = version_of(json_array_get(rows, i));
        if (!is_known(c, version))
            add_missing(c, version,
                        i > last || c->out->empty ? "newer"
                        : i < first               ? "older"
                                                  : "between");
    }
}

static void find_missing(struct comparing *c)
{
    const struct migrate_ledger *l = c->ledger;
    enum ledger_current how = l->row ? l->row->current : CURRENT_GREATEST;
    json_t *one;
    size_t i;
    if (how == CURRENT_NEWEST || how == CURRENT_GROUPS) {
        missing_by_rows(c);
        return;
    }
    json_array_foreach(l->applied, i, one)
    {
        const char *version = json_string_value(one);
        if (!is_known(c, version))
            add_missing(c, version,
                        how == CURRENT_HEADS || c->out->empty
                            ? "newer"
                            : place_by_order(c, version));
    }
}

/* The group within which files have an order: Django's app. */
static size_t group_length(const struct comparing *c, const char *version)
{
    return c->ledger->tool == TOOL_DJANGO ? strcspn(version, ".") : 0;
}

/* From the last file to the first: what is not applied while a later one is,
   is late. */
static void find_pending(struct comparing *c)
{
    json_t *files = c->out->layout.files, *later = json_object(), *reversed;
    reversed = json_array();
    for (size_t i = json_array_size(files); i-- > 0;) {
        const json_t *entry = json_array_get(files, i);
        const char *version = version_of(entry);
        size_t n = group_length(c, version);
        json_t *one;
        if (is_applied(c, entry)) {
            if (!value_bool(entry, "repeatable", 0))
                json_object_setn_new(later, version, n, json_true());
            continue;
        }
        one = json_pack("{s:s, s:s}", "version", version, "path",
                        value_text(entry, "path", ""));
        if (json_object_getn(later, version, n) && !c->reached)
            json_object_set_new(one, "late", json_true());
        json_array_append_new(reversed, one);
    }
    for (size_t i = json_array_size(reversed); i-- > 0;)
        json_array_append(c->out->pending, json_array_get(reversed, i));
    json_decref(reversed);
    json_decref(later);
}

static json_t *contents(const json_t *files)
{
    json_t *by_path = json_object(), *file;
    size_t i;
    json_array_foreach(files, i, file)
        json_object_set(by_path, value_text(file, "path", ""),
                        json_object_get(file, "content"));
    return by_path;
}

static const json_t *row_of(const struct comparing *c, const char *version)
{
    char key[1200];
    const json_t *at;
    migrate_ledger_key(c->ledger->tool, version, key, sizeof key);
    at = json_object_get(c->ledger->index, key);
    return at ? json_array_get(c->ledger->rows, (size_t)json_integer_value(at))
              : NULL;
}

static void compare_sum(struct comparing *c, const json_t *entry,
                        const json_t *content)
{
    char sum[128];
    const char *there =
        value_text(row_of(c, version_of(entry)), "checksum", NULL);
    if (!there || !there[0] || !content)
        return;
    migrate_difference_sum(c->ledger->tool, json_string_value(content),
                           json_string_length(content), sum, sizeof sum);
    if (!sum[0])
        return;
    c->out->compared++;
    if (strcmp(sum, there) == 0)
        return;
    json_array_append_new(
        c->out->changed,
        json_pack("{s:s, s:s, s:s}", "version", version_of(entry), "path",
                  value_text(entry, "path", ""), "text",
                  "its checksum is not the one that the ledger holds: what "
                  "ran was another text"));
}

static void find_changed(struct comparing *c, const json_t *files)
{
    json_t *by_path = contents(files), *entry;
    size_t i;
    json_array_foreach(c->out->layout.files, i, entry) compare_sum(
        c, entry, json_object_get(by_path, value_text(entry, "path", "")));
    json_decref(by_path);
}

int migrate_difference(const struct migrate_ledger *l, const json_t *files,
                       struct migrate_difference *out, struct error *err)
{
    struct comparing c = {l, out, json_object(), NULL, json_object()};
    int rc;
    memset(out, 0, sizeof *out);
    rc = migrate_layout(files, migrate_tool_name(l->tool), NULL, NULL,
                        &out->layout, err);
    out->empty = rc == RB_NOTFOUND;
    if (!rc || out->empty) {
        out->missing = json_array();
        out->pending = json_array();
        out->changed = json_array();
        know_files(&c);
        if (l->tool == TOOL_ALEMBIC)
            reach(&c);
        find_missing(&c);
        find_pending(&c);
        find_changed(&c, files);
        rc = 0;
    }
    json_decref(c.known);
    json_decref(c.reached);
    json_decref(c.groups);
    return rc;
}

json_t *migrate_difference_late(const struct migrate_ledger *l,
                                const struct migrate_layout *older,
                                const struct migrate_layout *newer)
{
    json_t *late = json_array(), *had = json_object(), *entry;
    const char *newest = "";
    size_t i;
    json_array_foreach(older->files, i, entry)
    {
        json_object_set_new(had, version_of(entry), json_true());
        newest = version_of(entry); /* they are in order */
    }
    json_array_foreach(newer->files, i, entry)
    {
        if (l->tool == TOOL_GOLANG_MIGRATE && newest[0] &&
            !json_object_get(had, version_of(entry)) &&
            migrate_version_compare(version_of(entry), newest) < 0)
            json_array_append(late, entry);
    }
    json_decref(had);
    return late;
}

void migrate_difference_free(struct migrate_difference *d)
{
    migrate_layout_free(&d->layout);
    json_decref(d->missing);
    json_decref(d->pending);
    json_decref(d->changed);
    d->missing = d->pending = d->changed = NULL;
}

static void show(json_t *out, const char *name, const json_t *list)
{
    json_t *shown = json_array();
    char count[32];
    for (size_t i = 0; i < json_array_size(list) && i < DIFFERENCE_SHOWN; i++)
        json_array_append(shown, json_array_get(list, i));
    json_object_set_new(out, name, shown);
    snprintf(count, sizeof count, "%s_count", name);
    if (json_array_size(list) > DIFFERENCE_SHOWN)
        json_object_set_new(out, count,
                            json_integer((json_int_t)json_array_size(list)));
}

json_t *migrate_difference_describe(const struct migrate_difference *d)
{
    json_t *out = json_object(), *late = json_array(), *one;
    size_t i;
    json_array_foreach(d->pending, i, one) if (value_bool(one, "late", 0))
        json_array_append(late, json_object_get(one, "version"));
    show(out, "missing", d->missing);
    show(out, "pending", d->pending);
    show(out, "changed", d->changed);
    show(out, "late", late);
    json_decref(late);
    json_object_set_new(out, "compared", json_integer((json_int_t)d->compared));
    if (json_array_size(d->layout.problems) > 0)
        show(out, "problems", d->layout.problems);
    return out;
}
