/*
 * Will a release start on this ledger with its tool? The schema may be fine
 * and the older release still refuse: its tool looks for files that only the
 * newer one has. A row a tool says what it looks at and how it ends; rows
 * that were not measured on the tool say so.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_BOOT_H
#define RBRUN_DRIVERS_MIGRATE_BOOT_H

#include "migrate_difference.h"

/* What a release does with its tool when it starts, as the binding's
   "at_start" says. */
enum boot_mode {
    BOOT_MIGRATES,        /* runs it, as the tool does by default */
    BOOT_IGNORES_MISSING, /* runs it, set to pass over files it has not */
    BOOT_NOTHING          /* does not run it */
};
/* "migrates" (also NULL), "ignores_missing", "nothing"; RB_NOTFOUND. */
int migrate_boot_mode(const char *name, enum boot_mode *out);

/*
 * d: the ledger against the files of the release. A new object:
 * {"verdict": "boots", "fails" or "unknown", "because": one sentence,
 * "advice": [texts, empty where it boots], "tool", "evidence": "measured",
 * "source" or "documents", "missing": [versions it has no file for],
 * "runs": [versions it would apply]}.
 */
json_t *migrate_boot_judge(const struct migrate_ledger *ledger,
                           const struct migrate_difference *d,
                           enum boot_mode mode);

/*
 * The same from the release's files (git_files_at); *difference as
 * migrate_difference_describe, or NULL where it cannot be told: then the
 * verdict is unknown and says why. Both are new references.
 */
void migrate_boot(const struct migrate_ledger *ledger, const json_t *files,
                  enum boot_mode mode, json_t **boot, json_t **difference);

#endif
