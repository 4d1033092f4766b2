/*
 * The ledger against the files of a revision: what is applied and has no
 * file, what has a file and is not applied, what was changed after it was
 * applied, what would run out of order. Pure.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_DIFFERENCE_H
#define RBRUN_DRIVERS_MIGRATE_DIFFERENCE_H

#include "migrate_layout.h"
#include "migrate_ledger.h"

struct migrate_difference {
    struct migrate_layout layout; /* of the files; owned */
    int empty;                    /* there was no migration among the files */
    json_t *missing; /* applied, no file: {"version", "place": "newer" than
                        all files, "older" than all, "between"}; owned */
    json_t *pending; /* a file, not applied: {"version", "path", "late": true
                        where a later one is applied}; owned */
    json_t *changed; /* {"version", "path", "text"}: the ledger's checksum is
                        not the file's; owned */
    size_t compared; /* files whose checksum was compared */
};

/*
 * files: as git_files_at gives them. Returns 0 with *out filled
 * (difference_free), also where there is no file at all; or what
 * migrate_layout returns for files whose order cannot be told. Of Django,
 * apps without a file here are passed over: their migrations are elsewhere.
 */
int migrate_difference(const struct migrate_ledger *ledger, const json_t *files,
                       struct migrate_difference *out, struct error *err);
void migrate_difference_free(struct migrate_difference *difference);

/* {"missing", "pending", "changed", "late" (versions), "compared"}, of each
   list the first DIFFERENCE_SHOWN, and its "count" where there are more. */
#define DIFFERENCE_SHOWN 200
json_t *migrate_difference_describe(const struct migrate_difference *d);

/*
 * Whether a file of the layout ran, as far as the ledger says: 1 or 0.
 * Alembic's ledger holds heads; ask migrate_difference for those.
 */
int migrate_difference_applied(const struct migrate_ledger *ledger,
                               const json_t *entry);

/*
 * golang-migrate keeps one row, and takes every file up to it for applied;
 * a file that was added below those which the older release had already has
 * perhaps never run. A new list of such entries of `newer`; empty for tools
 * whose ledgers name each version.
 */
json_t *migrate_difference_late(const struct migrate_ledger *ledger,
                                const struct migrate_layout *older,
                                const struct migrate_layout *newer);

/* What the tool would write into its ledger for a file's contents; "" where
   the ledger holds nothing that can be computed here. */
void migrate_difference_sum(enum migrate_tool tool, const char *text,
                            size_t size, char *out, size_t room);

#endif
