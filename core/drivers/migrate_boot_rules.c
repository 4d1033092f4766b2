/*
 * Measured: the newest migration was applied, and the release before it, whose
 * checkout lacks that file, ran the tool's "up" (Alembic 1.8.1, Django 3.2,
 * Rails 6.1, sql-migrate, Sqitch 1.3.1, Knex 3.3, Sequelize 6.6,
 * node-pg-migrate 9, dbmate 2.36, TypeORM 1.1, Drizzle 0.45). Source: read
 * there (golang-migrate, sqlx, Flyway, refinery, goose). Documents: the
 * tool's pages say so, or say nothing against it.
 */
#include "migrate_boot_rules.h"

#include <stddef.h>

#define U BOOT_UNKNOWN
#define S BOOT_STARTS
#define F BOOT_FAILS
#define R BOOT_RUNS

/* Columns: newer, current, between, late, changed, dirty. */
static const struct boot_rule rules[] = {
    {TOOL_ALEMBIC, "measured", F, F, F, R, S, U,
     "Can't locate revision identified by ...", NULL},
    {TOOL_GOLANG_MIGRATE, "source", F, S, S, S, S, F,
     "no migration found for version ...", NULL},
    {TOOL_KNEX, "measured", F, F, F, R, S, S,
     "The migration directory is corrupt, the following files are missing",
     "disableMigrationsListValidation: true"},
    {TOOL_SQL_MIGRATE, "measured", F, F, F, R, S, S,
     "unknown migration in database", "SetIgnoreUnknown(true)"},
    {TOOL_SQITCH, "measured", F, U, U, U, S, U,
     "Cannot find change ... in sqitch.plan", NULL},
    {TOOL_SQLX, "source", F, F, F, R, F, F,
     "migration ... was previously applied but is missing (VersionMissing)",
     "set_ignore_missing(true)"},
    {TOOL_REFINERY, "source", F, F, F, U, U, S,
     "migration ... is missing from the filesystem",
     "set_abort_missing(false)"},
    {TOOL_FLYWAY, "source", S, S, F, F, F, F,
     "Detected applied migration not resolved locally",
     "ignoreMigrationPatterns = *:missing"},
    {TOOL_RAILS, "measured", S, S, S, R, S, S, NULL, NULL},
    {TOOL_SEQUELIZE, "measured", S, S, S, R, S, S, NULL, NULL},
    {TOOL_NODE_PG, "measured", S, S, U, F, S, S,
     "Not run migration ... is preceding already run migration ...",
     "checkOrder: false"},
    {TOOL_TYPEORM, "measured", S, S, S, R, S, S, NULL, NULL},
    {TOOL_DRIZZLE, "measured", S, S, S, S, S, S, NULL, NULL},
    {TOOL_DJANGO, "measured", S, S, S, R, S, S, NULL, NULL},
    {TOOL_DBMATE, "measured", S, S, S, R, S, S, NULL, NULL},
    {TOOL_GOOSE, "source", S, S, S, F, S, S,
     "found ... missing migrations before current version", "-allow-missing"},
    {TOOL_PRISMA, "documents", S, S, S, R, S, F, NULL, NULL},
    {TOOL_ECTO, "documents", S, S, S, R, S, S, NULL, NULL},
    {TOOL_LIQUIBASE, "documents", S, S, S, R, U, U, NULL, NULL},
    {TOOL_DIESEL, "documents", S, S, S, R, S, S, NULL, NULL},
    {TOOL_EF, "documents", S, S, S, R, S, S, NULL, NULL},
    {TOOL_POP, "documents", S, S, S, R, S, S, NULL, NULL},
    {TOOL_ATLAS, "documents", U, U, U, F, U, U, NULL, NULL},
};

const struct boot_rule *boot_rule_of(enum migrate_tool tool)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (rules[i].tool == tool)
            return &rules[i];
    }
    return NULL;
}
