/*
 * The table in which a migration tool writes down what it has applied: tell
 * whose it is, read it, and move it by one step as its tool would. Tables
 * and columns are those measured on real ledgers and read in the tools'
 * sources (postgres.go of golang-migrate, ActiveRecord::SchemaMigration,
 * alembic.runtime.migration, Flyway's createMetaDataTable, goose's
 * dialects/postgres.go, dbmate's postgres driver).
 */
#ifndef RBRUN_DRIVERS_MIGRATE_LEDGER_H
#define RBRUN_DRIVERS_MIGRATE_LEDGER_H

#include "migrate_files.h"
#include "pg_client.h"

#define LEDGER_MAX_ROWS 20000

struct migrate_ledger {
    enum migrate_tool tool;
    char schema[256], table[256];
    char quoted[600];              /* both, ready for SQL */
    int dirty;                     /* a migration failed half-way */
    char version[MIGRATE_VERSION]; /* the current one, or "" */
    char last[MIGRATE_VERSION];    /* goose: applied last, what its own
                                      `down` would take */
    json_t *applied;               /* texts, in the ledger's order; owned */
    json_t *heads;                 /* texts; owned */
    json_t *scripts; /* Flyway: repeatable scripts that ran; owned */
};

/*
 * Find the one ledger in the database, by table and columns, narrowed by the
 * binding's "tool", "table" and "schema". Nonzero with the answer filled:
 * not_found (none, or one of a tool that is not read), rejected (several).
 */
int migrate_ledger_find(struct pg *db, struct migrate_ledger *ledger,
                        struct driver_answer *a);

/* Read it; find comes first. Nonzero with the answer filled. */
int migrate_ledger_read(struct pg *db, struct migrate_ledger *ledger,
                        struct driver_answer *a);
void migrate_ledger_free(struct migrate_ledger *ledger);

/* Whether the ledger says that this version ran. For golang-migrate, which
   keeps one row, that is every version up to the current one. */
int migrate_ledger_holds(const struct migrate_ledger *ledger,
                         const struct migrate_file *file);

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

/*
 * Write the step into the ledger, inside the caller's transaction. dirty:
 * golang-migrate's mark, ignored for the others.
 */
int migrate_ledger_move(struct pg *db, const struct migrate_ledger *ledger,
                        const struct migrate_step *step, int dirty,
                        struct driver_answer *a);

#endif
