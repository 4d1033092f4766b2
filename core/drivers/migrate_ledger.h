/*
 * The table in which a migration tool writes down what it has applied: tell
 * whose it is, read it, and move it by one step as its tool would. The
 * tools are rows of a table (migrate_ledger_tools.h).
 */
#ifndef RBRUN_DRIVERS_MIGRATE_LEDGER_H
#define RBRUN_DRIVERS_MIGRATE_LEDGER_H

#include "migrate_files.h"
#include "pg_client.h"

#define LEDGER_MAX_ROWS 200000

struct ledger_tool;

struct migrate_ledger {
    enum migrate_tool tool;
    const struct ledger_tool *row; /* how it is read; borrowed */
    char schema[256], table[256];
    char quoted[600];              /* both, ready for SQL */
    int dirty;                     /* a migration failed half-way */
    char version[MIGRATE_VERSION]; /* the current one, or "" */
    char last[MIGRATE_VERSION];    /* the one applied last, or "" */
    char batch[64];                /* in which it was, or "" */
    json_t *applied; /* texts, in the tool's order where it has one, else as
                        they were applied; owned */
    json_t *heads;   /* texts; owned */
    json_t *scripts; /* Flyway: repeatable scripts that ran; owned */
    json_t *rows;    /* {"version", "name", "checksum", "batch"} of what is
                        applied, as it was applied; owned */
    json_t *failed;  /* {"version", "why"}; owned */
    json_t *lock;    /* {"table", "held", "by", "since"} of tools that have
                        one; owned or NULL */
    json_t *also;    /* texts: tables beside it that look like ledgers; owned */
    json_t *index;   /* key -> version of what is applied; owned */
};

/*
 * Find the one ledger in the database, by name and columns, narrowed by the
 * binding's "tool", "table" and "schema". A table of another name counts
 * where no ledger has a tool's own name. Nonzero with the answer filled:
 * not_found (none, or one whose columns are of no tool), rejected (several).
 */
int migrate_ledger_find(struct pg *db, struct migrate_ledger *ledger,
                        struct driver_answer *a);

/* Read it; find comes first. Nonzero with the answer filled. */
int migrate_ledger_read(struct pg *db, struct migrate_ledger *ledger,
                        struct driver_answer *a);
void migrate_ledger_free(struct migrate_ledger *ledger);

/*
 * What a row of the ledger says (migrate_ledger_tools.h, `read`); the rows
 * come in their order, then end. NULL stands for NULL. For the reader and
 * for tests: no database is needed.
 */
void migrate_ledger_begin(struct migrate_ledger *ledger);
void migrate_ledger_take(struct migrate_ledger *ledger,
                         const char *const fields[6]);
void migrate_ledger_end(struct migrate_ledger *ledger);

/* In a database that is not in UTF-8, a version may be no text to us; left
   out, it would count as not applied. The number of the first such row, from
   1, or 0. */
int migrate_ledger_foreign_row(const PGresult *rows);

/* The tool's own name for a version, so that equal ones have equal texts:
   numbers without leading zeros, scripts without .js or .ts. */
void migrate_ledger_key(enum migrate_tool tool, const char *version, char *out,
                        size_t size);

/* Whether the ledger says that this version ran. For golang-migrate, which
   keeps one row, that is every version up to the current one. */
int migrate_ledger_has(const struct migrate_ledger *ledger,
                       const char *version);
int migrate_ledger_holds(const struct migrate_ledger *ledger,
                         const struct migrate_file *file);

/* What migrate.status answers, without the difference to git; a new object.
   Of more than LEDGER_SHOWN versions the newest are shown. */
#define LEDGER_SHOWN 5000
json_t *migrate_ledger_describe(const struct migrate_ledger *ledger);

/*
 * Keep the tool itself out, and other steps: the advisory lock that the tool
 * takes (golang-migrate), then the table's writers. Both end with the
 * transaction. Nonzero with the answer filled.
 */
int migrate_ledger_hold(struct pg *db, const struct migrate_ledger *ledger,
                        struct driver_answer *a);

struct migrate_step {
    enum migrate_direction direction; /* up or down */
    const struct migrate_file *file;
    const char *content; /* of the file, for Flyway's checksum */
    size_t content_size;
    const char *previous; /* golang-migrate: version below, or "" */
    int64_t took;         /* ms, for Flyway */
};

/* Whether rbrun knows what the tool writes for a step of this direction;
   asked before anything of it runs. */
int migrate_ledger_moves(enum migrate_tool tool,
                         enum migrate_direction direction);

/*
 * Write the step into the ledger, inside the caller's transaction. dirty:
 * golang-migrate's mark, ignored for the others.
 */
int migrate_ledger_move(struct pg *db, const struct migrate_ledger *ledger,
                        const struct migrate_step *step, int dirty,
                        struct driver_answer *a);

#endif
