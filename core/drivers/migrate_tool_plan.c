/* Which migration a tool would take next, by the order of its files. */
#define _GNU_SOURCE
#include "migrate_layout.h"
#include "migrate_tool.h"

#include <stdio.h>
#include <string.h>

static int same(const struct migrate_ledger *l, const char *a, const char *b)
{
    char x[MIGRATE_VERSION], y[MIGRATE_VERSION];
    migrate_ledger_key(l->tool, a, x, sizeof x);
    migrate_ledger_key(l->tool, b, y, sizeof y);
    return strcmp(x, y) == 0;
}

static void take(struct migrate_plan *plan, const json_t *files,
                 const json_t *entry, const char *path)
{
    const char *slash;
    json_t *one, *content = NULL;
    size_t i;
    json_array_foreach(files, i, one)
    {
        if (strcmp(value_text(one, "path", ""), path) != 0)
            continue;
        plan->path = value_text(one, "path", "");
        content = json_object_get(one, "content");
    }
    if (!plan->path)
        return;
    slash = strrchr(plan->path, '/');
    plan->file.name = slash ? slash + 1 : plan->path;
    plan->content = json_string_value(content);
    plan->content_size = content ? json_string_length(content) : 0;
    snprintf(plan->format, sizeof plan->format, "%s",
             value_text(entry, "format", ""));
    snprintf(plan->file.version, sizeof plan->file.version, "%s",
             value_text(entry, "version", ""));
}

/* The one applied before it: its parent, its elder of the same app, or the
   one that the ledger has before it. */
static int set_previous(const struct migrate_layout *layout, size_t at,
                        const struct migrate_ledger *l,
                        struct migrate_plan *plan, struct error *err)
{
    const json_t *entry = json_array_get(layout->files, at);
    const json_t *parents = json_object_get(entry, "parents");
    const char *app = value_text(entry, "key", NULL), *found = NULL;
    size_t count = json_array_size(l->applied);
    if (app) {
        for (size_t i = 0; i < at; i++) {
            const json_t *elder = json_array_get(layout->files, i);
            if (strcmp(value_text(elder, "key", ""), app) == 0)
                found = value_text(elder, "version", NULL);
        }
    } else if (json_is_array(parents)) {
        if (json_array_size(parents) > 1)
            return error_set(err, RB_INVALID,
                             "%s joins %zu branches: a step down from it "
                             "leads to all of them",
                             value_text(entry, "version", ""),
                             json_array_size(parents));
        found = json_string_value(json_array_get(parents, 0));
    } else if (count > 1) {
        found = json_string_value(json_array_get(l->applied, count - 2));
    }
    snprintf(plan->previous, sizeof plan->previous, "%s", found ? found : "");
    return 0;
}

static int choose_down(const struct migrate_layout *layout, const json_t *files,
                       const struct migrate_ledger *l,
                       struct migrate_plan *plan, struct error *err)
{
    json_t *entry;
    size_t i;
    if (!l->version[0])
        return error_set(err, RB_NOTFOUND,
                         "nothing is applied: there is nothing to take back");
    json_array_foreach(layout->files, i, entry)
    {
        const char *path = value_text(entry, "down_path", NULL);
        if (!same(l, value_text(entry, "version", ""), l->version))
            continue;
        if (!path)
            return error_set(err, RB_NOTFOUND, "there is no way down in %s",
                             value_text(entry, "path", ""));
        take(plan, files, entry, path);
        return set_previous(layout, i, l, plan, err);
    }
    return error_set(err, RB_NOTFOUND,
                     "there is no file that takes version %s back", l->version);
}

static int choose_up(const struct migrate_layout *layout, const json_t *files,
                     const struct migrate_ledger *l, struct migrate_plan *plan,
                     struct error *err)
{
    json_t *entry;
    size_t i;
    int known = !l->version[0];
    json_array_foreach(layout->files, i, entry)
    {
        const char *version = value_text(entry, "version", "");
        known |= same(l, version, l->version);
        if (plan->path || value_bool(entry, "repeatable", 0) ||
            migrate_ledger_has(l, version))
            continue;
        /* Alembic's ledger holds its head only: what is below is applied. */
        if (l->tool == TOOL_ALEMBIC && !known)
            continue;
        if (l->tool == TOOL_ALEMBIC && l->version[0] &&
            same(l, version, l->version))
            continue;
        take(plan, files, entry, value_text(entry, "path", ""));
        snprintf(plan->previous, sizeof plan->previous, "%s", l->version);
    }
    if (!known)
        return error_set(err, RB_INVALID,
                         "it has no file of the ledger's version %s: it is "
                         "older than the database",
                         l->version);
    if (!plan->path)
        return error_set(err, RB_NOTFOUND,
                         "there is no migration after version %s",
                         l->version[0] ? l->version : "(none)");
    return 0;
}

int migrate_tool_choose(const json_t *files, const struct migrate_ledger *l,
                        enum migrate_direction direction,
                        struct migrate_plan *plan, struct error *err)
{
    struct migrate_layout layout = {0};
    int rc = migrate_layout(files, migrate_tool_name(l->tool), NULL, NULL,
                            &layout, err);
    memset(plan, 0, sizeof *plan);
    plan->direction = direction;
    if (!rc)
        rc = direction == MIGRATE_DOWN
                 ? choose_down(&layout, files, l, plan, err)
                 : choose_up(&layout, files, l, plan, err);
    if (!rc && !plan->path)
        rc = error_set(err, RB_NOTFOUND, "the file of version %s is not there",
                       l->version);
    migrate_layout_free(&layout);
    return rc;
}
