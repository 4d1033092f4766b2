#define _GNU_SOURCE
#include "migrate_layout_parts.h"
#include "../wire/heap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *layout_path(const struct layout_dir *dir, size_t i)
{
    return value_text(json_array_get(dir->files, i), "path", "");
}

json_t *layout_text(const struct layout_dir *dir, size_t i)
{
    json_t *text = json_object_get(json_array_get(dir->files, i), "content");
    json_t *new;
    if (json_is_string(text))
        return json_incref(text);
    new = dir->read ? dir->read(dir->self, layout_path(dir, i)) : NULL;
    if (new && !json_is_string(new)) {
        json_decref(new);
        return NULL;
    }
    return new;
}

int layout_find(const struct layout_dir *dir, const char *name, size_t *out)
{
    size_t n = strlen(name), count = json_array_size(dir->files);
    for (size_t i = 0; i < count; i++) {
        const char *path = layout_path(dir, i);
        size_t m = strlen(path);
        if (m < n || strcmp(path + m - n, name) != 0 ||
            (m > n && path[m - n - 1] != '/'))
            continue;
        *out = i;
        return 0;
    }
    return RB_NOTFOUND;
}

void layout_problem(struct migrate_layout *out, const char *code,
                    const char *path, const char *format, ...)
{
    struct error text;
    va_list args;
    va_start(args, format);
    error_setv(&text, RB_INVALID, format, args);
    va_end(args);
    json_array_append_new(out->problems,
                          json_pack("{s:s, s:s*, s:s}", "code", code, "path",
                                    path, "text", text.message));
}

json_t *layout_entry(const char *path, const char *down, const char *version,
                     const char *format)
{
    return json_pack("{s:s, s:s*, s:s, s:s}", "path", path, "down_path", down,
                     "version", version, "format", format);
}

static int build(const struct layout_dir *dir, enum migrate_tool tool,
                 struct migrate_layout *out, struct error *err)
{
    switch (tool) {
    case TOOL_ALEMBIC:
        return layout_alembic(dir, out, err);
    case TOOL_DJANGO:
        return layout_django(dir, out, err);
    case TOOL_DRIZZLE:
        return layout_drizzle(dir, out, err);
    case TOOL_SQITCH:
        return layout_sqitch(dir, out, err);
    case TOOL_LIQUIBASE:
        return layout_liquibase(dir, out, err);
    default:
        return layout_named(dir, tool, out, err);
    }
}

const char *migrate_layout_tools(void)
{
    return migrate_tool_names();
}

static int choose(const struct layout_dir *dir, const char *tool,
                  enum migrate_tool *out, struct error *err)
{
    if (!tool)
        return layout_detect(dir, out, err);
    *out = TOOLS;
    if (strcmp(tool, "plain") == 0 || migrate_tool_find(tool, out) == 0)
        return 0;
    error_set(err, RB_NOTFOUND, "there is no tool \"%s\"", tool);
    error_next(err, "one of %s, or plain", migrate_layout_tools());
    return RB_NOTFOUND;
}

/* The last one, where the tool has said nothing else. */
static void default_head(struct migrate_layout *out)
{
    size_t count = json_array_size(out->files);
    const json_t *last = json_array_get(out->files, count - 1);
    if (count && json_array_size(out->heads) == 0)
        json_array_append_new(out->heads,
                              json_string(value_text(last, "version", "")));
}

int migrate_layout(const json_t *files, const char *tool,
                   migrate_layout_read *read, void *self,
                   struct migrate_layout *out, struct error *err)
{
    struct layout_dir dir = {files, read, self};
    int rc;
    memset(out, 0, sizeof *out);
    if (json_array_size(files) > LAYOUT_MAX_FILES)
        return error_set(err, RB_TOOBIG, "there are %zu files, more than %d",
                         json_array_size(files), LAYOUT_MAX_FILES);
    rc = choose(&dir, tool, &out->kind, err);
    if (rc)
        return rc;
    out->tool = out->kind == TOOLS ? "plain" : migrate_tool_name(out->kind);
    out->files = json_array();
    out->heads = json_array();
    out->also = json_array();
    out->problems = json_array();
    rc = build(&dir, out->kind, out, err);
    if (!rc && json_array_size(out->files) == 0) {
        rc = error_set(err, RB_NOTFOUND, "there is no migration of %s",
                       out->tool);
        error_next(err, "name the folder that holds them, or another tool: %s",
                   migrate_layout_tools());
    }
    if (!rc) {
        layout_sums(&dir, out);
        default_head(out);
    } else {
        migrate_layout_free(out);
    }
    return rc;
}

void migrate_layout_free(struct migrate_layout *layout)
{
    json_decref(layout->files);
    json_decref(layout->heads);
    json_decref(layout->also);
    json_decref(layout->problems);
    layout->files = layout->heads = layout->also = layout->problems = NULL;
}
