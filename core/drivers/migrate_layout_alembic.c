/* Alembic's revisions: parents stand in the files. */
#define _GNU_SOURCE
#include "migrate_layout_parts.h"
#include "../wire/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int layout_by_path(const void *a, const void *b)
{
    const struct layout_node *x = a, *y = b;
    return strcmp(x->path, y->path);
}

json_t *layout_python_texts(const char *text, size_t size, const char *name)
{
    const char *value;
    size_t length;
    if (migrate_python_value(text, size, name, &value, &length) != 0)
        return json_array();
    return migrate_python_texts(value, length);
}

/* Contents, or a problem said. */
json_t *layout_readable(const struct layout_dir *dir, size_t i,
                        struct migrate_layout *out)
{
    json_t *text = layout_text(dir, i);
    if (!text)
        layout_problem(out, "unreadable", layout_path(dir, i),
                       "%s cannot be read as UTF-8 text: what it builds on is "
                       "not known",
                       layout_path(dir, i));
    return text;
}

/* A label stands for the revision that bears it (depends_on names labels). */
static void take_labels(json_t *labels, const char *text, size_t size,
                        const char *version)
{
    json_t *list = layout_python_texts(text, size, "branch_labels"), *one;
    size_t i;
    json_array_foreach(list, i, one) json_object_set_new(
        labels, json_string_value(one), json_string(version));
    json_decref(list);
}

static int alembic_node(struct layout_node *n, const char *path,
                        const json_t *content, json_t *labels,
                        struct migrate_layout *out)
{
    const char *text = json_string_value(content);
    size_t size = json_string_length(content);
    char revision[MIGRATE_VERSION];
    json_t *parents = NULL;
    int rc =
        migrate_file_revision(text, size, revision, sizeof revision, &parents);
    json_decref(parents);
    if (rc) {
        if (memmem(text, size, "revision", 8))
            layout_problem(out, "no_revision", path,
                           "%s: its revision, or what it builds on, is no "
                           "plain text",
                           path);
        return rc;
    }
    n->path = path;
    n->version = heap_text(revision);
    n->parents = layout_python_texts(text, size, "down_revision");
    n->soft = layout_python_texts(text, size, "depends_on");
    take_labels(labels, text, size, revision);
    return 0;
}

static void resolve_labels(struct layout_node *n, const json_t *labels)
{
    for (size_t i = 0; i < json_array_size(n->soft); i++) {
        const char *name = json_string_value(json_array_get(n->soft, i));
        json_t *real = json_object_get(labels, name);
        if (real)
            json_array_set(n->soft, i, real);
    }
}

int layout_alembic(const struct layout_dir *dir, struct migrate_layout *out,
                   struct error *err)
{
    size_t count = json_array_size(dir->files), used = 0;
    struct layout_node *nodes = heap_zeroed(count + 1, sizeof *nodes);
    json_t *labels = json_object();
    struct migrate_file f;
    int rc;
    for (size_t i = 0; i < count; i++) {
        const char *path = layout_path(dir, i);
        json_t *text;
        if (migrate_file_parse(TOOL_ALEMBIC, path, &f) != 0)
            continue;
        text = layout_readable(dir, i, out);
        if (text && alembic_node(&nodes[used], path, text, labels, out) == 0)
            used++;
        json_decref(text);
    }
    for (size_t i = 0; i < used; i++)
        resolve_labels(&nodes[i], labels);
    qsort(nodes, used, sizeof *nodes, layout_by_path);
    rc = layout_order(nodes, used, "alembic", out, err);
    if (!rc && json_array_size(out->heads) > 1)
        layout_problem(out, "several_heads", NULL,
                       "the history has %zu heads, %s and %s among them: "
                       "`alembic upgrade head` refuses until they are merged",
                       json_array_size(out->heads),
                       json_string_value(json_array_get(out->heads, 0)),
                       json_string_value(json_array_get(out->heads, 1)));
    json_decref(labels);
    free(nodes);
    return rc;
}
