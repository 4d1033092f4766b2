/*
 * Whose migrations a directory holds, and in which order they run. Pure:
 * paths and texts in, a list out; no database, no repository, no disk. A
 * history that has no order (a cycle, an unknown parent, two files of one
 * version) is told and never guessed.
 *
 * The rules are those of the tools' documents and sources: names as in
 * migrate_files.h; Alembic's script directory and Django's migration graph
 * (a depth-first order, parents first); Drizzle's meta/_journal.json;
 * sqitch.plan; diesel's and Prisma's folders; popx's dialects; Liquibase's
 * changelogs; atlas.sum.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_LAYOUT_H
#define RBRUN_DRIVERS_MIGRATE_LAYOUT_H

#include "migrate_files.h"

#define LAYOUT_MAX_FILES 500000 /* paths in one directory */

/*
 * Contents of a file that the list does not hold: a new JSON text, or NULL
 * (not readable, not UTF-8: the layout says which file). Asked once a file,
 * and only for files whose text says the order: Python, journals, plans and
 * .sql files that may hold two directions.
 */
typedef json_t *migrate_layout_read(void *self, const char *path);

struct migrate_layout {
    const char *tool;       /* "goose"; "plain": numbered SQL of no tool */
    enum migrate_tool kind; /* TOOLS for "plain" */
    json_t *files;          /* owned, in the order in which they run:
        {"path", "down_path" (the same file where it holds both; absent where
        there is no way back), "version" (as the ledger would hold it),
        "format": "plain", "goose", "dbmate", "sql-migrate",
        "node-pg-migrate", "liquibase", "alembic", "django", "rails", or
        "program" (nobody here reads it: Go, JavaScript, Java, C#, Elixir,
        XML); "name": what the ledger may hold besides; "key": app of Django,
        else absent; "parents": list (Alembic, Django); "autocommit": true
        (its name or metadata.toml says: not in a transaction);
        "repeatable": true} */
    json_t *heads;          /* owned: versions nothing builds on (Alembic),
                               "app.name" a leaf (Django); else the last */
    json_t *also;           /* owned: versions that files define and that are
                               not in the list: Django's squashed migrations
                               beside those they replace */
    json_t *problems;       /* owned: {"code", "path", "text"}: what is odd and
                               does not take the order away: "several_heads",
                               "sum_differs" (atlas.sum), "no_revision",
                               "unreadable", "file_missing" (a journal or a plan
                               names it) */
};

/*
 * files: [{"path", "content" (optional)}] of one directory, its folders
 * included, in any order; other files between them do not matter. tool: a
 * name of migrate_tool_name, "plain", or NULL to tell it by the files.
 * read: NULL where "content" is all there is.
 *
 * Returns 0 with *out filled (layout_free); RB_NOTFOUND (there is no
 * migration, or none of that tool); RB_INVALID (two tools, a cycle, a parent
 * that is not there, two files of one version: err names them and the way
 * out); RB_TOOBIG (more files than LAYOUT_MAX_FILES).
 */
int migrate_layout(const json_t *files, const char *tool,
                   migrate_layout_read *read, void *self,
                   struct migrate_layout *out, struct error *err);
void migrate_layout_free(
    struct migrate_layout *layout); /* takes a zeroed one */

/* "golang-migrate, rails, ...": the names that `tool` takes, for messages. */
const char *migrate_layout_tools(void);

#endif
