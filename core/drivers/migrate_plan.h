/*
 * Which file is the next step, and which statements are in it. Pure but for
 * the jailed reader that splits the SQL: no database, no repository.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_PLAN_H
#define RBRUN_DRIVERS_MIGRATE_PLAN_H

#include "migrate_ledger.h"

struct migrate_plan {
    enum migrate_direction direction;
    const char *path; /* borrowed from the list of files */
    struct migrate_file file;
    const char *content; /* of the file, borrowed */
    size_t content_size;
    char previous[MIGRATE_VERSION]; /* golang-migrate: the version below */
    struct migrate_section section; /* owned */
    json_t *statements; /* {"line","sql","kind","transaction"}; owned */
    char format[32];    /* how the whole file is cut; "" is plain */
    int transaction;    /* all of it in one transaction; otherwise the
                           statements run one by one */
};

/*
 * Choose the file of the one step from the ledger's current version. files:
 * as git_files_at gives them. Returns 0; RB_NOTFOUND (there is no such file:
 * nothing newer, no way down); RB_INVALID (the tool itself would refuse or
 * take another one: err says why).
 */
int migrate_plan_choose(const json_t *files,
                        const struct migrate_ledger *ledger,
                        enum migrate_direction direction,
                        struct migrate_plan *plan, struct error *err);

/*
 * Read its SQL: statements, and whether they fit into one transaction. A
 * BEGIN .. COMMIT around the whole file is taken off: the step brings its
 * own. Returns 0; RB_NOTFOUND (no section of this direction); RB_INVALID
 * (not SQL, unparsable, empty, transaction control in the middle).
 */
int migrate_plan_read(const struct migrate_ledger *ledger,
                      struct migrate_plan *plan, struct error *err);
void migrate_plan_free(struct migrate_plan *plan);

#endif
