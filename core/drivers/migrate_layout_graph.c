/*
 * Histories whose files name their parents. The walk is by depth with a
 * stack of its own: a chain of 100,000 does not end the process's, and a
 * cycle is found and told.
 */
#define _GNU_SOURCE
#include "migrate_layout_parts.h"
#include "../wire/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEW, OPEN, DONE };

struct walk {
    struct layout_node *nodes;
    size_t count;
    json_t *index; /* version -> number of its node; owned */
    unsigned char *state, *parent;
    size_t *stack, *next; /* nodes on the way, and their next parent */
    size_t depth;
};

static int number_of(const struct walk *w, const char *version, size_t *out)
{
    const json_t *at = json_object_get(w->index, version);
    *out = (size_t)json_integer_value(at);
    return at ? 0 : RB_NOTFOUND;
}

static int make_index(struct walk *w, struct error *err)
{
    for (size_t i = 0; i < w->count; i++) {
        size_t other;
        if (number_of(w, w->nodes[i].version, &other) == 0) {
            error_set(err, RB_INVALID, "%s and %s are both %s",
                      w->nodes[other].path, w->nodes[i].path,
                      w->nodes[i].version);
            error_next(err, "give one of them another name");
            return RB_INVALID;
        }
        json_object_set_new(w->index, w->nodes[i].version,
                            json_integer((json_int_t)i));
    }
    return 0;
}

/* "a -> b -> c -> a", shortened. */
static int cycle(const struct walk *w, size_t again, struct error *err)
{
    struct buf text = BUF_INIT(1000);
    size_t from = w->depth;
    while (from > 0 && w->stack[from - 1] != again)
        from--;
    for (size_t i = from ? from - 1 : 0; i < w->depth; i++)
        buf_addf(&text, "%s builds on ", w->nodes[w->stack[i]].version);
    error_set(err, RB_INVALID,
              "the revisions go round in a circle: %.900s%s (%s)",
              buf_text(&text), w->nodes[again].version, w->nodes[again].path);
    error_next(err, "mend the parent that %s names", w->nodes[again].path);
    buf_free(&text);
    return RB_INVALID;
}

/* The node's parent number k: hard ones first, then those it waits for. */
static const char *parent_of(const struct layout_node *n, size_t k, int *soft)
{
    size_t hard = json_array_size(n->parents);
    *soft = k >= hard;
    return json_string_value(*soft ? json_array_get(n->soft, k - hard)
                                   : json_array_get(n->parents, k));
}

static void finish(struct walk *w, const char *format,
                   struct migrate_layout *out)
{
    size_t i = w->stack[--w->depth];
    const struct layout_node *n = &w->nodes[i];
    json_t *entry = layout_entry(n->path, n->path, n->version, format);
    w->state[i] = DONE;
    json_object_set(entry, "parents", n->parents);
    json_array_append_new(out->files, entry);
}

static void open_node(struct walk *w, size_t i)
{
    w->state[i] = OPEN;
    w->next[w->depth] = 0;
    w->stack[w->depth++] = i;
}

/* Go to the next parent of the node on top, or finish it. */
static int step(struct walk *w, const char *format, struct migrate_layout *out,
                struct error *err)
{
    size_t top = w->stack[w->depth - 1], parent;
    int soft;
    const char *name =
        parent_of(&w->nodes[top], w->next[w->depth - 1]++, &soft);
    if (!name)
        return finish(w, format, out), 0;
    if (number_of(w, name, &parent) != 0) {
        if (soft)
            return 0;
        error_set(err, RB_INVALID, "%s builds on %s, which no file defines",
                  w->nodes[top].path, name);
        error_next(err, "bring the file back, or name the folder that holds "
                        "all of them");
        return RB_INVALID;
    }
    w->parent[parent] = 1;
    if (w->state[parent] == OPEN)
        return cycle(w, parent, err);
    if (w->state[parent] == NEW)
        open_node(w, parent);
    return 0;
}

static void heads(const struct walk *w, struct migrate_layout *out)
{
    for (size_t i = 0; i < w->count; i++) {
        if (!w->parent[i])
            json_array_append_new(out->heads, json_string(w->nodes[i].version));
    }
}

int layout_order(struct layout_node *nodes, size_t count, const char *format,
                 struct migrate_layout *out, struct error *err)
{
    struct walk w = {.nodes = nodes, .count = count, .index = json_object()};
    int rc = make_index(&w, err);
    w.state = heap_zeroed(count + 1, 1);
    w.parent = heap_zeroed(count + 1, 1);
    w.stack = heap_zeroed(count + 1, sizeof *w.stack);
    w.next = heap_zeroed(count + 1, sizeof *w.next);
    for (size_t i = 0; i < count && !rc; i++) {
        if (w.state[i] == NEW)
            open_node(&w, i);
        while (w.depth && !rc)
            rc = step(&w, format, out, err);
    }
    if (!rc)
        heads(&w, out);
    for (size_t i = 0; i < count; i++) {
        free(nodes[i].version);
        json_decref(nodes[i].parents);
        json_decref(nodes[i].soft);
    }
    json_decref(w.index);
    free(w.state);
    free(w.parent);
    free(w.stack);
    free(w.next);
    return rc;
}
