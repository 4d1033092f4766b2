#define _GNU_SOURCE
#include "assess_set.h"
#include "../wire/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct assess_unit *assess_set_add(struct assess_set *set)
{
    if (set->count == set->room) {
        set->room = set->room ? set->room * 2 : 64;
        set->units = heap_grow(set->units, set->room * sizeof *set->units);
    }
    memset(&set->units[set->count], 0, sizeof *set->units);
    return &set->units[set->count++];
}

/* The layout asks for what it cannot tell by the names. */
static json_t *content_of(void *self, const char *path)
{
    struct assess_texts *t = self;
    struct assess_text *text = assess_texts_find(t, path);
    struct error ignored;
    if (!text || text->binary || assess_texts_load(t, text, &ignored) != 0)
        return NULL;
    return json_stringn(text->bytes, text->size);
}

static int names_of(const struct assess_texts *t, json_t *list,
                    struct error *err)
{
    for (size_t i = 0; i < t->count; i++) {
        json_t *name = json_pack("{s:s}", "path", t->list[i].path);
        if (!name) {
            error_set(err, RB_INVALID, "the file's name %s is not UTF-8",
                      t->list[i].path);
            error_next(err, "rename the file");
            return RB_INVALID;
        }
        json_array_append_new(list, name);
    }
    return 0;
}

static int lay_out(struct assess_texts *t, const char *tool, const char *where,
                   struct migrate_layout *out, struct error *err)
{
    json_t *names = json_array();
    int rc = names_of(t, names, err);
    if (!rc)
        rc = migrate_layout(names, tool, content_of, t, out, err);
    json_decref(names);
    if (rc)
        error_prefix(err, "%s: ", where);
    if (rc && !err->next[0])
        error_next(err,
                   "rbrun assess --tool NAME says whose they are; NAME is one "
                   "of %s",
                   migrate_layout_tools());
    if (rc == RB_NOTFOUND) {
        char known[sizeof err->next];
        snprintf(known, sizeof known, "%s", err->next);
        error_next(err,
                   "rbrun assess --release FILE... judges files whatever "
                   "their names; or %s",
                   known);
    }
    return rc;
}

/* One migration of a layout, with its texts. RB_NOTFOUND: it vanished. */
static int add_entry(struct assess_set *set, struct assess_texts *t,
                     const json_t *file, const char *format, int context,
                     struct error *err)
{
    const char *path = value_text(file, "path", "");
    const char *down = value_text(file, "down_path", NULL);
    struct assess_unit *u = assess_set_add(set);
    int rc;
    u->file = file;
    u->path = path;
    u->format = format ? format : value_text(file, "format", "plain");
    u->context = context;
    u->from = t;
    u->up = assess_texts_find(t, path);
    u->down = down ? assess_texts_find(t, down) : NULL;
    if (!u->up)
        return error_set(err, RB_NOTFOUND, "the migration %s is not there",
                         path);
    rc = assess_texts_load(t, u->up, err);
    if (!rc && u->down)
        rc = assess_texts_load(t, u->down, err);
    return rc;
}

static int read_history(const struct assess_question *q, struct assess_set *set,
                        struct error *err)
{
    const json_t *file;
    size_t i, count;
    int rc = assess_texts_directory(&set->texts, q->directory, err);
    snprintf(set->where, sizeof set->where, "%s", q->directory);
    snprintf(set->base, sizeof set->base, "%s",
             set->texts.root ? set->texts.root : "");
    if (!rc)
        rc = lay_out(&set->texts, q->tool, q->directory, &set->layout, err);
    count = json_array_size(set->layout.files);
    json_array_foreach(set->layout.files, i, file)
    {
        if (!rc)
            rc = add_entry(set, &set->texts, file, q->format,
                           q->last && i + q->last < count, err);
    }
    return rc;
}

/* Which file of the release a file of the history is, by its path as it was
   given, so that `--release db/7.sql --history db` works; NULL: none. */
static const char *released(const struct assess_question *q, const char *root,
                            const char *path)
{
    char full[12400], given[4096], other[4096];
    snprintf(full, sizeof full, "%s/%s", root, path);
    if (!realpath(full, given))
        return NULL;
    for (size_t i = 0; i < q->file_count; i++) {
        if (realpath(q->files[i], other) && strcmp(given, other) == 0)
            return q->files[i];
    }
    return NULL;
}

/* Everything of the history's folder up to the release's first file. */
static int read_before(const struct assess_question *q, struct assess_set *set,
                       struct error *err)
{
    const json_t *file;
    size_t i;
    int rc = assess_texts_directory(&set->older, q->history, err);
    if (!rc)
        rc = lay_out(&set->older, q->tool, q->history, &set->older_layout, err);
    if (rc)
        return rc;
    json_array_foreach(set->older_layout.files, i, file)
    {
        if (released(q, set->older.root, value_text(file, "path", "")))
            break;
        rc = add_entry(set, &set->older, file, q->format, 1, err);
        if (rc)
            return rc;
    }
    return 0;
}

static const char *format_by_name(const char *path)
{
    const char *dot = strrchr(path, '.');
    if (dot && (strcmp(dot, ".sql") == 0 || strcmp(dot, ".psql") == 0))
        return "auto";
    return dot && strcmp(dot, ".rb") == 0 ? "rails" : NULL;
}

/* How many of the files a layout speaks of. */
static size_t spoken_of(const struct migrate_layout *layout)
{
    const json_t *file;
    size_t i, n = 0;
    json_array_foreach(layout->files, i, file)
    {
        const char *down = value_text(file, "down_path", NULL);
        n += (size_t)1 +
             (size_t)(down && strcmp(down, value_text(file, "path", "")) != 0);
    }
    return n;
}

/* Tools whose order stands in the files: those of a release build on files
   that are none of it, so that it has no layout of its own. */
static int has_graph(const char *tool)
{
    return tool &&
           (strcmp(tool, "alembic") == 0 || strcmp(tool, "django") == 0);
}

static int add_named(const struct assess_question *q, struct assess_set *set,
                     const char *path, struct error *err)
{
    struct assess_unit *u = assess_set_add(set);
    const char *by_name = format_by_name(path);
    u->path = path;
    u->from = &set->texts;
    u->up = assess_texts_find(&set->texts, path);
    u->format = q->format                     ? q->format
                : by_name                     ? by_name
                : has_graph(set->layout.tool) ? set->layout.tool
                                              : NULL;
    if (u->format)
        return 0;
    error_set(err, RB_INVALID,
              "%s: whose migration it is cannot be told by its name", path);
    error_next(err,
               "say it with --tool alembic (or django, rails, ...), or "
               "--format plain (or goose, dbmate, ...): rbrun help assess");
    return RB_INVALID;
}

/* No layout: they run in the order of the history that they stand in, and
   else in that in which they were named. */
static int as_named(const struct assess_question *q, struct assess_set *set,
                    struct error *err)
{
    size_t before = set->count, i;
    const json_t *file;
    int rc = 0;
    json_array_foreach(set->older_layout.files, i, file)
    {
        const char *path =
            released(q, set->older.root, value_text(file, "path", ""));
        if (!rc && path)
            rc = add_named(q, set, path, err);
    }
    for (i = 0; !rc && i < q->file_count; i++) {
        size_t known = before;
        while (known < set->count &&
               strcmp(set->units[known].path, q->files[i]) != 0)
            known++;
        if (known == set->count)
            rc = add_named(q, set, q->files[i], err);
    }
    return rc;
}

/* A release's files run in the order of their tool, where all of them are
   one tool's. */
static int read_release(const struct assess_question *q, struct assess_set *set,
                        struct error *err)
{
    struct error unknown = {0};
    const json_t *file;
    size_t i;
    int rc = q->history ? read_before(q, set, err) : 0;
    snprintf(set->where, sizeof set->where, "%zu file%s", q->file_count,
             q->file_count == 1 ? "" : "s");
    if (!rc)
        rc = assess_texts_list(&set->texts, q->files, q->file_count, err);
    if (rc)
        return rc;
    if (lay_out(&set->texts, q->tool, "the release", &set->layout, &unknown) !=
            0 ||
        spoken_of(&set->layout) != set->texts.count) {
        if (q->tool && unknown.code &&
            !(has_graph(q->tool) && unknown.code == RB_INVALID)) {
            *err = unknown;
            return unknown.code;
        }
        return as_named(q, set, err);
    }
    json_array_foreach(set->layout.files, i, file)
    {
        rc = add_entry(set, &set->texts, file, q->format, 0, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int none(const struct assess_question *q, struct error *err)
{
    error_set(err, RB_NOTFOUND, "there are no migrations in %s",
              q->directory ? q->directory : "the release");
    error_next(err, "name the folder that holds them: rbrun help assess");
    return RB_NOTFOUND;
}

int assess_set_read(const struct assess_question *q, struct assess_set *set,
                    struct error *err)
{
    int rc;
    memset(set, 0, sizeof *set);
    switch (q->mode) {
    case ASSESS_HISTORY:
        rc = read_history(q, set, err);
        break;
    case ASSESS_RELEASE:
        rc = read_release(q, set, err);
        break;
    default:
        rc = assess_git_read(q, set, err);
    }
    if (!rc && !set->count && q->mode != ASSESS_RANGE)
        rc = none(q, err);
    for (size_t i = 0; !rc && i < set->count; i++)
        set->judged += !set->units[i].context;
    set->complete = q->mode != ASSESS_RELEASE || q->history;
    return rc;
}

void assess_set_free(struct assess_set *set)
{
    free(set->units);
    migrate_layout_free(&set->layout);
    migrate_layout_free(&set->older_layout);
    assess_texts_free(&set->texts);
    assess_texts_free(&set->older);
    memset(set, 0, sizeof *set);
}
