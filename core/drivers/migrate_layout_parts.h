/*
 * What the parts of migrate_layout.h share: the directory being read. Not
 * for others.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_LAYOUT_PARTS_H
#define RBRUN_DRIVERS_MIGRATE_LAYOUT_PARTS_H

#include "migrate_layout.h"

#include <stddef.h>

struct layout_dir {
    const json_t *files;
    migrate_layout_read *read;
    void *self;
};

/* Path of file i, "" where it has none. */
const char *layout_path(const struct layout_dir *dir, size_t i);
/* Contents of file i: a new reference, or NULL. */
json_t *layout_text(const struct layout_dir *dir, size_t i);
/* The file whose path ends in this name; RB_NOTFOUND. */
int layout_find(const struct layout_dir *dir, const char *name, size_t *out);

/* {"code", "path", "text"}; path may be NULL. */
void layout_problem(struct migrate_layout *out, const char *code,
                    const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* One entry of the ordered list; borrowed texts are copied. down: NULL. */
json_t *layout_entry(const char *path, const char *down, const char *version,
                     const char *format);

/* Which tool: RB_NOTFOUND (none), RB_INVALID (two). TOOLS: plain. */
int layout_detect(const struct layout_dir *dir, enum migrate_tool *tool,
                  struct error *err);

/* Lists of tools whose files' texts say the order. */
int layout_alembic(const struct layout_dir *dir, struct migrate_layout *out,
                   struct error *err);
int layout_django(const struct layout_dir *dir, struct migrate_layout *out,
                  struct error *err);
int layout_drizzle(const struct layout_dir *dir, struct migrate_layout *out,
                   struct error *err);
int layout_sqitch(const struct layout_dir *dir, struct migrate_layout *out,
                  struct error *err);
int layout_liquibase(const struct layout_dir *dir, struct migrate_layout *out,
                     struct error *err);
/* Those whose names say it; tool TOOLS: any numbered .sql. */
int layout_named(const struct layout_dir *dir, enum migrate_tool tool,
                 struct migrate_layout *out, struct error *err);
/* Compare the files with atlas.sum, where there is one. */
void layout_sums(const struct layout_dir *dir, struct migrate_layout *out);

/* A node of a graph of migrations. */
struct layout_node {
    const char *path; /* borrowed */
    char *version;    /* owned; "" where the file says none */
    json_t *parents;  /* versions it builds on; owned */
    json_t *soft;     /* versions it waits for where they are there; owned */
};

/* Contents of a Python file, or NULL with a problem said. */
json_t *layout_readable(const struct layout_dir *dir, size_t i,
                        struct migrate_layout *out);
/* The texts assigned to a name in it; an empty list where it is not. */
json_t *layout_python_texts(const char *text, size_t size, const char *name);
int layout_by_path(const void *a, const void *b); /* nodes, for qsort */

/*
 * Order: parents first, ties by the nodes' order. Fills out->files (format:
 * of all) and, with heads, out->heads: those that nothing builds on.
 * Returns RB_INVALID for a cycle, a parent that is not there, or the same
 * version twice. Frees what the nodes own.
 */
int layout_order(struct layout_node *nodes, size_t count, const char *format,
                 struct migrate_layout *out, struct error *err);

#endif
