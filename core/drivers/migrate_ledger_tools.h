/*
 * The ledgers of all tools: a row a tool says how its table is told and how
 * it is read. Shapes are those measured on ledgers that the tools wrote, or
 * read in their sources.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_LEDGER_TOOLS_H
#define RBRUN_DRIVERS_MIGRATE_LEDGER_TOOLS_H

#include "migrate_files.h"

/* Which version is the current one. */
enum ledger_current {
    CURRENT_GREATEST, /* the last in the tool's order */
    CURRENT_NEWEST,   /* the last that was applied */
    CURRENT_HEADS,    /* each row is a head; one: it is current */
    CURRENT_GROUPS    /* the newest; a head a group (app, project) */
};

struct ledger_tool {
    enum migrate_tool tool;
    const char *table;   /* as the tool names it */
    const char *former;  /* as it did once, or NULL */
    const char *columns; /* "version:i dirty:b": those that must be there; s
                            text, i whole number, b boolean, t time, y bytes,
                            * any */
    int alone;           /* the table has no other column */
    enum ledger_current current;
    /* Rows in the order in which they were applied: version, state, name,
       checksum, batch, why it failed. %1$s: the table, %2$s: beside. States:
       applied, failed, undone, dirty (applied and failed), repeatable, skip.
     */
    const char *read;
    const char *beside; /* another table of its schema, or NULL */
    /* Of a lock beside it: held, by whom, since when. */
    const char *lock_table; /* "%s_lock" of the ledger's name, or NULL */
    const char *lock;
    const char *fails; /* what a failed row means */
};

/* All rows; *count of them. Several may be of one tool. */
const struct ledger_tool *ledger_tools(size_t *count);

/*
 * Whether columns ("|version:bigint|dirty:boolean|") are those of the row;
 * exact: and no others.
 */
int ledger_tool_fits(const struct ledger_tool *row, const char *columns,
                     int exact);

#endif
