/* What each tool does when it meets a ledger that its files do not fit. */
#ifndef RBRUN_DRIVERS_MIGRATE_BOOT_RULES_H
#define RBRUN_DRIVERS_MIGRATE_BOOT_RULES_H

#include "migrate_files.h"

enum boot_end {
    BOOT_UNKNOWN,
    BOOT_STARTS,
    BOOT_FAILS,
    BOOT_RUNS /* starts, and applies what is pending first */
};

struct boot_rule {
    enum migrate_tool tool;
    const char *evidence;  /* "measured", "source", "documents" */
    enum boot_end newer;   /* versions applied, newer than all its files */
    enum boot_end current; /* of those only the current one is missed: how it
                              ends where that one has a file */
    enum boot_end between; /* versions applied, older than its newest file */
    enum boot_end late;    /* files older than what is applied */
    enum boot_end changed; /* files whose checksum is not the ledger's */
    enum boot_end dirty;   /* a migration failed */
    const char *says;      /* what it says where a file is missing */
    const char *ignore;    /* the setting that lets it start, or NULL */
};

const struct boot_rule *boot_rule_of(enum migrate_tool tool);

#endif
