/*
 * The migrations that lie between two versions of the code: out of the
 * files that differ, those that are migrations of the ledger's tool, in the
 * order of their versions, each with what can be said of it before its SQL
 * is read. Pure: no database, no repository.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_RANGE_H
#define RBRUN_DRIVERS_MIGRATE_RANGE_H

#include "migrate_ledger.h"

struct migrate_item {
    struct migrate_file file;
    const char *path; /* borrowed from the list of files */
    char *text;       /* owned: SQL to be judged, or NULL */
    size_t size;
    int applied;
    const char *verdict; /* "compatible", "incompatible", "unknown" */
    json_t *reasons;     /* owned: {code, object, line, statement, text} */
};

struct migrate_range {
    struct migrate_item *items; /* owned */
    size_t count;
};

/*
 * files: as git_files_between gives them. An added migration is to be
 * judged; one that was changed, removed or given another version after it
 * was written is unknown, and so is one that is not SQL.
 * Returns 0 or RB_NOMEM. Free in both cases.
 */
int migrate_range_collect(const json_t *files,
                          const struct migrate_ledger *ledger,
                          struct migrate_range *range, struct error *err);
void migrate_range_free(struct migrate_range *range);

/* Add a reason to a list of them. line 0 and NULL texts are left out. */
void migrate_reason(json_t *reasons, const char *code, const char *object,
                    int64_t line, const char *statement, const char *format,
                    ...) __attribute__((format(printf, 6, 7)));

/*
 * Does the newer code (all: its files, as git_files_at gives them) know the
 * ledger? Adds a reason where the ledger is dirty, or holds something newer
 * than any file or between them that none of them is, and marks Alembic's
 * applied revisions, which only the files can order.
 */
void migrate_range_ledger(const json_t *all,
                          const struct migrate_ledger *ledger,
                          struct migrate_range *range, json_t *reasons);

#endif
