/*
 * Django's graph: migrations of several apps, each naming (app, name) pairs.
 * Of its own app a migration must find its parents; other apps may live in
 * other folders or in packages (django.contrib.auth).
 */
#define _GNU_SOURCE
#include "migrate_layout_parts.h"
#include "../wire/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct graph {
    struct layout_node *nodes;
    json_t **replaces; /* of each node: names; owned */
    size_t count;
    json_t *versions; /* set of all nodes' versions; owned */
};

/* ("shop", "0001_initial") -> "shop.0001_initial". */
static json_t *names_of(const char *text, size_t size, const char *what)
{
    json_t *texts = layout_python_texts(text, size, what);
    json_t *list = json_array();
    for (size_t i = 0; i + 1 < json_array_size(texts); i += 2) {
        char *name =
            heap_textf("%s.%s", json_string_value(json_array_get(texts, i)),
                       json_string_value(json_array_get(texts, i + 1)));
        json_array_append_new(list, json_string(name));
        free(name);
    }
    json_decref(texts);
    return list;
}

static void add_node(struct graph *g, const char *path, const char *version,
                     const json_t *content)
{
    const char *text = json_string_value(content);
    size_t size = json_string_length(content);
    struct layout_node *n = &g->nodes[g->count];
    n->path = path;
    n->version = heap_text(version);
    n->parents = json_array();
    n->soft = names_of(text, size, "dependencies");
    g->count++;
}

static size_t app_length(const char *version)
{
    return strcspn(version, ".");
}

/* Where the folder above is not given, the app's name stands in what the
   files say of each other: ("shop", NAME), and NAME is a file here. */
static char *app_of_folder(const struct graph *g)
{
    for (size_t i = 0; i < g->count; i++) {
        const struct layout_node *n = &g->nodes[i];
        json_t *one;
        size_t k;
        json_array_foreach(n->soft, k, one)
        {
            const char *name = json_string_value(one);
            const char *rest = name + app_length(name);
            if (n->version[0] == '.' && strcmp(rest, n->version) != 0 &&
                json_object_get(g->versions, rest))
                return heap_textf("%.*s", (int)app_length(name), name);
        }
    }
    return NULL;
}

static void make_versions(struct graph *g)
{
    json_object_clear(g->versions);
    for (size_t i = 0; i < g->count; i++)
        json_object_set_new(g->versions, g->nodes[i].version, json_true());
}

static void name_apps(struct graph *g)
{
    char *app;
    make_versions(g);
    app = app_of_folder(g);
    for (size_t i = 0; app && i < g->count; i++) {
        struct layout_node *n = &g->nodes[i];
        char *version;
        if (n->version[0] != '.')
            continue;
        version = heap_textf("%s%s", app, n->version);
        free(n->version);
        n->version = version;
    }
    free(app);
    make_versions(g);
}

/* Whether all that a migration replaces is still there. */
static int squashed(const struct graph *g, const json_t *replaces)
{
    json_t *one;
    size_t i;
    json_array_foreach(
        replaces, i,
        one) if (!json_object_get(g->versions,
                                  json_string_value(one))) return 0;
    return json_array_size(replaces) > 0;
}

/* What was replaced and removed is meant by its replacement. */
static void stand_in(struct graph *g)
{
    json_t *now = json_object(), *one;
    size_t i, k;
    for (i = 0; i < g->count; i++)
        json_array_foreach(
            g->replaces[i], k,
            one) if (!json_object_get(g->versions, json_string_value(one)))
            json_object_set_new(now, json_string_value(one),
                                json_string(g->nodes[i].version));
    for (i = 0; i < g->count; i++) {
        json_array_foreach(g->nodes[i].soft, k, one)
        {
            json_t *other = json_object_get(now, json_string_value(one));
            if (other)
                json_array_set(g->nodes[i].soft, k, other);
        }
        json_array_extend(g->nodes[i].soft, g->replaces[i]);
    }
    json_decref(now);
}

/* Those of its own app must be there; "__first__" is no name. What a
   migration replaces need not. */
static void split_parents(struct layout_node *n, const json_t *replaces)
{
    size_t app = app_length(n->version) + 1, k = 0;
    size_t count = json_array_size(n->soft) - json_array_size(replaces);
    while (k < count) {
        json_t *name = json_array_get(n->soft, k);
        const char *text = json_string_value(name);
        if (strncmp(text, n->version, app) != 0 ||
            strncmp(text + app, "__", 2) == 0) {
            k++;
            continue;
        }
        json_array_append(n->parents, name);
        json_array_remove(n->soft, k);
        count--;
    }
}

static json_t *squashes(const struct graph *g)
{
    json_t *set = json_object();
    for (size_t i = 0; i < g->count; i++) {
        if (squashed(g, g->replaces[i]))
            json_object_set_new(set, g->nodes[i].version, json_true());
    }
    return set;
}

/* Both would run the same twice: the originals are the history. */
static void take_out(struct migrate_layout *out, const json_t *set)
{
    for (size_t i = json_array_size(out->files); i-- > 0;) {
        const char *version =
            value_text(json_array_get(out->files, i), "version", "");
        if (!json_object_get(set, version))
            continue;
        json_array_append_new(out->also, json_string(version));
        json_array_remove(out->files, i);
    }
}

/* What nothing of the same app builds on; of each app there must be one. */
static void find_heads(struct migrate_layout *out)
{
    json_t *built = json_object(), *apps = json_object(), *entry, *one;
    size_t i, k;
    json_array_clear(out->heads);
    json_array_foreach(out->files, i, entry)
        json_array_foreach(json_object_get(entry, "parents"), k, one)
            json_object_set_new(built, json_string_value(one), json_true());
    json_array_foreach(out->files, i, entry)
    {
        const char *version = value_text(entry, "version", "");
        const char *other;
        if (json_object_get(built, version))
            continue;
        json_array_append_new(out->heads, json_string(version));
        other = json_string_value(
            json_object_getn(apps, version, app_length(version)));
        if (other)
            layout_problem(out, "several_heads", NULL,
                           "%s and %s are both leaves of one app: `migrate` "
                           "refuses until they are merged (makemigrations "
                           "--merge)",
                           other, version);
        json_object_setn_new(apps, version, app_length(version),
                             json_string(version));
    }
    json_decref(built);
    json_decref(apps);
}

struct place {
    const char *path;
    size_t i;
};

static int by_path(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return strcmp(x->path, y->path);
}

/* The files of Django's folders, by path. */
static size_t sorted(const struct layout_dir *dir, struct place *places)
{
    size_t used = 0;
    struct migrate_file f;
    for (size_t i = 0; i < json_array_size(dir->files); i++) {
        const char *path = layout_path(dir, i);
        if (migrate_file_parse(TOOL_DJANGO, path, &f) == 0)
            places[used++] = (struct place){path, i};
    }
    qsort(places, used, sizeof *places, by_path);
    return used;
}

static void read_nodes(const struct layout_dir *dir, struct graph *g,
                       struct migrate_layout *out)
{
    struct place *places =
        heap_zeroed(json_array_size(dir->files) + 1, sizeof *places);
    size_t count = sorted(dir, places);
    struct migrate_file f;
    for (size_t i = 0; i < count; i++) {
        json_t *text = layout_readable(dir, places[i].i, out);
        migrate_file_parse(TOOL_DJANGO, places[i].path, &f);
        if (text && memmem(json_string_value(text), json_string_length(text),
                           "Migration", 9)) {
            g->replaces[g->count] = names_of(
                json_string_value(text), json_string_length(text), "replaces");
            add_node(g, places[i].path, f.version, text);
        }
        json_decref(text);
    }
    free(places);
}

static int order(struct graph *g, struct migrate_layout *out, struct error *err)
{
    json_t *set;
    int rc;
    name_apps(g);
    set = squashes(g);
    stand_in(g);
    for (size_t i = 0; i < g->count; i++)
        split_parents(&g->nodes[i], g->replaces[i]);
    rc = layout_order(g->nodes, g->count, "django", out, err);
    if (!rc) {
        take_out(out, set);
        find_heads(out);
    }
    json_decref(set);
    return rc;
}

int layout_django(const struct layout_dir *dir, struct migrate_layout *out,
                  struct error *err)
{
    size_t count = json_array_size(dir->files);
    struct graph g = {NULL, NULL, 0, json_object()};
    int rc;
    g.nodes = heap_zeroed(count + 1, sizeof *g.nodes);
    g.replaces = heap_zeroed(count + 1, sizeof *g.replaces);
    read_nodes(dir, &g, out);
    count = g.count;
    rc = order(&g, out, err);
    for (size_t i = 0; i < count; i++)
        json_decref(g.replaces[i]);
    json_decref(g.versions);
    free(g.nodes);
    free(g.replaces);
    return rc;
}
