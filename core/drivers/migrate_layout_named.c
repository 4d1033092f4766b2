/* Directories whose files' names say the order: most tools'. */
#define _GNU_SOURCE
#include "migrate_layout_parts.h"
#include "../wire/heap.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct named {
    const char *path; /* borrowed */
    char *version;    /* owned */
    enum migrate_direction direction;
    enum migrate_tool tool;
    int special, autocommit;
    const char *format;
};

static int rank(enum migrate_direction direction)
{
    return direction == MIGRATE_REPEATABLE ? 2 : direction == MIGRATE_DOWN;
}

/* Up before down of one version; the special one before the generic. */
static int by_version(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int late = (rank(x->direction) == 2) - (rank(y->direction) == 2);
    int order =
        late ? late : migrate_tool_compare(x->tool, x->version, y->version);
    if (!order)
        order = rank(x->direction) - rank(y->direction);
    if (!order)
        order = y->special - x->special;
    return order ? order : strcmp(x->path, y->path);
}

/* A file of no tool: SQL whose name begins with a number, or V and one. */
static int parse_plain(const char *path, struct migrate_file *f)
{
    const char *name = strrchr(path, '/'), *stop;
    size_t n;
    memset(f, 0, sizeof *f);
    f->name = name ? name + 1 : path;
    n = strlen(f->name);
    if (n < 5 || strcmp(f->name + n - 4, ".sql") != 0 ||
        !isdigit((unsigned char)f->name[strchr("Vv", f->name[0]) != NULL]))
        return RB_NOTFOUND;
    f->sql = 1;
    stop = strstr(f->name, ".down.sql");
    f->direction = stop ? MIGRATE_DOWN : MIGRATE_UP;
    if (!stop)
        stop = strstr(f->name, ".up.sql");
    n = stop ? (size_t)(stop - f->name) : n - 4;
    if (n == 0 || n >= sizeof f->version)
        return RB_NOTFOUND;
    memcpy(f->version, f->name, n);
    return 0;
}

static size_t collect(const struct layout_dir *dir, enum migrate_tool tool,
                      struct named *items)
{
    size_t count = json_array_size(dir->files), used = 0;
    for (size_t i = 0; i < count; i++) {
        const char *path = layout_path(dir, i);
        struct migrate_file f;
        int rc = tool == TOOLS ? parse_plain(path, &f)
                               : migrate_file_parse(tool, path, &f);
        if (rc)
            continue;
        items[used++] = (struct named){
            path,
            heap_text(f.version),
            f.direction,
            tool,
            f.special,
            f.autocommit,
            tool == TOOLS ? "plain" : migrate_file_format(tool, &f)};
    }
    return used;
}

static int same(const struct named *a, const struct named *b)
{
    return rank(a->direction) == rank(b->direction) &&
           a->direction != MIGRATE_REPEATABLE &&
           migrate_tool_compare(a->tool, a->version, b->version) == 0;
}

/* pop: the dialect's own file is the one that runs. Elsewhere two files of
   one version are refused by the tool, or one of them never runs. */
static int drop_generic(struct named *items, size_t *count, struct error *err)
{
    size_t used = 0;
    for (size_t i = 0; i < *count; i++) {
        if (used && same(&items[used - 1], &items[i])) {
            if (items[used - 1].special == items[i].special) {
                error_set(err, RB_INVALID, "%s and %s are both of version %s",
                          items[used - 1].path, items[i].path,
                          items[i].version);
                error_next(err, "give one of them another version");
                for (; i < *count; i++, used++)
                    items[used] = items[i];
                *count = used;
                return RB_INVALID;
            }
            free(items[i].version);
            continue;
        }
        items[used++] = items[i];
    }
    *count = used;
    return 0;
}

static void add(struct migrate_layout *out, const struct named *up,
                const struct named *down)
{
    const char *back = down                            ? down->path
                       : up->direction == MIGRATE_BOTH ? up->path
                                                       : NULL;
    json_t *entry = layout_entry(up->path, back, up->version, up->format);
    if (up->autocommit)
        json_object_set_new(entry, "autocommit", json_true());
    if (up->direction == MIGRATE_REPEATABLE)
        json_object_set_new(entry, "repeatable", json_true());
    json_array_append_new(out->files, entry);
}

/* Each up with the down behind it; a down alone goes nowhere. */
static void pair(const struct named *items, size_t count,
                 struct migrate_layout *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct named *up = &items[i], *down = NULL;
        if (up->direction == MIGRATE_DOWN) {
            layout_problem(out, "file_missing", up->path,
                           "%s has no file that goes up beside it", up->path);
            continue;
        }
        if (i + 1 < count && items[i + 1].direction == MIGRATE_DOWN &&
            migrate_tool_compare(up->tool, up->version, items[i + 1].version) ==
                0)
            down = &items[++i];
        add(out, up, down);
    }
}

/* diesel: a folder's metadata.toml may say `run_in_transaction = false`. */
static int says_no_transaction(const char *text)
{
    const char *at = strstr(text, "run_in_transaction");
    if (!at)
        return 0;
    at += strlen("run_in_transaction");
    while (*at == ' ' || *at == '\t' || *at == '=')
        at++;
    return strncmp(at, "false", 5) == 0;
}

static void read_metadata(const struct layout_dir *dir,
                          struct migrate_layout *out)
{
    json_t *folders = json_object(), *entry;
    size_t i, count = json_array_size(dir->files);
    for (i = 0; i < count; i++) {
        const char *path = layout_path(dir, i);
        const char *name = strrchr(path, '/');
        json_t *text;
        if (!name || strcmp(name, "/metadata.toml") != 0)
            continue;
        text = layout_text(dir, i);
        if (text && says_no_transaction(json_string_value(text)))
            json_object_setn_new(folders, path, (size_t)(name - path),
                                 json_true());
        json_decref(text);
    }
    json_array_foreach(out->files, i, entry)
    {
        const char *path = value_text(entry, "path", "");
        const char *name = strrchr(path, '/');
        if (name && json_object_getn(folders, path, (size_t)(name - path)))
            json_object_set_new(entry, "autocommit", json_true());
    }
    json_decref(folders);
}

int layout_named(const struct layout_dir *dir, enum migrate_tool tool,
                 struct migrate_layout *out, struct error *err)
{
    size_t count = json_array_size(dir->files);
    struct named *items = heap_zeroed(count + 1, sizeof *items);
    int rc;
    count = collect(dir, tool, items);
    qsort(items, count, sizeof *items, by_version);
    rc = drop_generic(items, &count, err);
    if (!rc)
        pair(items, count, out);
    if (!rc && tool == TOOL_DIESEL)
        read_metadata(dir, out);
    for (size_t i = 0; i < count; i++)
        free(items[i].version);
    free(items);
    return rc;
}
