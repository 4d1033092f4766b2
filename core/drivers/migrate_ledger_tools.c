#define _GNU_SOURCE
#include "migrate_ledger_tools.h"

#include <stdio.h>
#include <string.h>

#define SET "SELECT version::text, 'applied', NULL, NULL, NULL, NULL FROM %1$s"
#define BY_NAME "SELECT \"name\", 'applied', NULL, NULL, NULL, NULL FROM %1$s"

#define FLYWAY                                                                 \
    "SELECT version, CASE WHEN NOT success THEN 'failed'"                      \
    " WHEN type = 'SCHEMA' THEN 'skip'"                                        \
    " WHEN type LIKE 'UNDO%%' OR type = 'DELETE' THEN 'undone'"                \
    " WHEN version IS NULL THEN 'repeatable' ELSE 'applied' END,"              \
    " script, checksum::text, NULL, script FROM %1$s ORDER BY installed_rank"

#define LIQUIBASE                                                              \
    "SELECT filename || '::' || id || '::' || author,"                         \
    " CASE exectype WHEN 'FAILED' THEN 'failed' WHEN 'SKIPPED' THEN 'skip'"    \
    " ELSE 'applied' END, filename, md5sum, deployment_id, description"        \
    " FROM %1$s ORDER BY orderexecuted, dateexecuted"

#define PRISMA                                                                 \
    "SELECT migration_name, CASE WHEN rolled_back_at IS NOT NULL THEN 'skip'"  \
    " WHEN finished_at IS NULL THEN 'failed' ELSE 'applied' END, NULL,"        \
    " checksum, NULL, coalesce(logs, applied_steps_count || ' steps ran')"     \
    " FROM %1$s ORDER BY started_at, migration_name"

#define ATLAS                                                                  \
    "SELECT version, CASE WHEN version LIKE '.%%' THEN 'skip'"                 \
    " WHEN coalesce(error, '') <> '' OR applied < total THEN 'failed'"         \
    " ELSE 'applied' END, description, hash, NULL, applied || ' of ' ||"       \
    " total || ' statements ran: ' || coalesce(error, '') FROM %1$s"           \
    " ORDER BY executed_at, version"

/* The newest event of a change says whether it failed. */
#define SQITCH                                                                 \
    "SELECT change, state, change_id, hash, project, note FROM ("              \
    "SELECT change, 'applied' AS state, change_id, script_hash AS hash,"       \
    " project, NULL AS note, committed_at FROM %1$s UNION ALL "                \
    "SELECT change, 'failed', change_id, NULL, project, note, committed_at"    \
    " FROM %2$s e WHERE event = 'fail' AND NOT EXISTS (SELECT FROM %2$s o"     \
    " WHERE o.change_id = e.change_id AND o.committed_at > e.committed_at)"    \
    ") r ORDER BY committed_at, change_id"

#define LIQUIBASE_LOCK                                                         \
    "SELECT bool_or(locked), max(lockedby), max(lockgranted)::text FROM %1$s"
#define KNEX_LOCK "SELECT max(is_locked) > 0, NULL, NULL FROM %1$s"

/* In this order: the first that fits is it, so those with more columns come
   before those with fewer. */
static const struct ledger_tool tools[] = {
    {TOOL_GOLANG_MIGRATE, "schema_migrations", NULL, "version:i dirty:b", 0,
     CURRENT_GREATEST,
     "SELECT version, CASE WHEN dirty THEN 'dirty' ELSE 'applied' END, NULL,"
     " NULL, NULL, NULL FROM %1$s",
     NULL, NULL, NULL,
     "it failed half-way; look what of it is there, then "
     "`migrate force VERSION`"},
    {TOOL_ECTO, "schema_migrations", NULL, "version:i inserted_at:t", 0,
     CURRENT_GREATEST, SET, NULL, NULL, NULL, NULL},
    {TOOL_FLYWAY, "flyway_schema_history", "schema_version",
     "installed_rank:i version:s type:s script:s checksum:i success:b", 0,
     CURRENT_GREATEST, FLYWAY, NULL, NULL, NULL,
     "it failed; `flyway repair` takes the row away"},
    {TOOL_GOOSE, "goose_db_version", NULL, "version_id:i is_applied:b", 0,
     CURRENT_GREATEST,
     "SELECT version_id, CASE WHEN version_id = 0 THEN 'skip' WHEN is_applied"
     " THEN 'applied' ELSE 'undone' END, NULL, NULL, NULL, NULL FROM %1$s"
     " ORDER BY id",
     NULL, NULL, NULL, NULL},
    {TOOL_LIQUIBASE, "databasechangelog", NULL,
     "id:s author:s filename:s dateexecuted:t orderexecuted:i exectype:s "
     "md5sum:s",
     0, CURRENT_NEWEST, LIQUIBASE, NULL, "%slock", LIQUIBASE_LOCK,
     "it failed; the next `liquibase update` runs it again"},
    {TOOL_SQLX, "_sqlx_migrations", NULL,
     "version:i description:s installed_on:t success:b checksum:y", 0,
     CURRENT_GREATEST,
     "SELECT version, CASE WHEN success THEN 'applied' ELSE 'failed' END,"
     " description, encode(checksum, 'hex'), NULL, description FROM %1$s"
     " ORDER BY version",
     NULL, NULL, NULL, "it failed half-way; sqlx refuses to go on"},
    {TOOL_PRISMA, "_prisma_migrations", NULL,
     "id:s checksum:s finished_at:t migration_name:s rolled_back_at:t "
     "started_at:t",
     0, CURRENT_NEWEST, PRISMA, NULL, NULL, NULL,
     "it failed; `prisma migrate resolve` says what became of it"},
    {TOOL_ATLAS, "atlas_schema_revisions", NULL,
     "version:s description:s applied:i total:i executed_at:t hash:s", 0,
     CURRENT_GREATEST, ATLAS, NULL, NULL, NULL, "it failed half-way"},
    {TOOL_SQITCH, "changes", NULL,
     "change_id:s script_hash:s change:s project:s committed_at:t "
     "planned_at:t",
     0, CURRENT_GROUPS, SQITCH, "events", NULL, NULL, "its deploy failed"},
    {TOOL_KNEX, "knex_migrations", NULL, "id:i name:s batch:i migration_time:t",
     0, CURRENT_NEWEST,
     "SELECT \"name\", 'applied', NULL, NULL, batch::text, NULL FROM %1$s"
     " ORDER BY id",
     NULL, "%s_lock", KNEX_LOCK, NULL},
    {TOOL_DJANGO, "django_migrations", NULL, "id:i app:s name:s applied:t", 0,
     CURRENT_GROUPS,
     "SELECT app || '.' || \"name\", 'applied', \"name\", NULL, app, NULL"
     " FROM %1$s ORDER BY id",
     NULL, NULL, NULL, NULL},
    {TOOL_REFINERY, "refinery_schema_history", NULL,
     "version:i name:s applied_on:* checksum:s", 0, CURRENT_GREATEST,
     "SELECT version, 'applied', \"name\", checksum, NULL, NULL FROM %1$s"
     " ORDER BY version",
     NULL, NULL, NULL, NULL},
    {TOOL_TYPEORM, "migrations", NULL, "id:i timestamp:i name:s", 1,
     CURRENT_GREATEST,
     "SELECT \"timestamp\", 'applied', \"name\", NULL, NULL, NULL FROM %1$s"
     " ORDER BY id",
     NULL, NULL, NULL, NULL},
    {TOOL_DRIZZLE, "__drizzle_migrations", NULL, "id:i hash:s created_at:i", 0,
     CURRENT_GREATEST,
     "SELECT created_at, 'applied', NULL, hash, NULL, NULL FROM %1$s"
     " ORDER BY created_at, id",
     NULL, NULL, NULL, NULL},
    {TOOL_NODE_PG, "pgmigrations", NULL, "id:i name:s run_on:t", 0,
     CURRENT_NEWEST, BY_NAME " ORDER BY run_on, id", NULL, NULL, NULL, NULL},
    {TOOL_EF, "__EFMigrationsHistory", NULL, "MigrationId:s ProductVersion:s",
     0, CURRENT_GREATEST,
     "SELECT \"MigrationId\", 'applied', NULL, NULL, NULL, NULL FROM %1$s",
     NULL, NULL, NULL, NULL},
    {TOOL_DIESEL, "__diesel_schema_migrations", NULL, "version:s run_on:t", 0,
     CURRENT_GREATEST, SET " ORDER BY run_on, version", NULL, NULL, NULL, NULL},
    {TOOL_SQL_MIGRATE, "gorp_migrations", NULL, "id:s applied_at:t", 0,
     CURRENT_GREATEST,
     "SELECT id, 'applied', NULL, NULL, NULL, NULL FROM %1$s"
     " ORDER BY applied_at, id",
     NULL, NULL, NULL, NULL},
    {TOOL_POP, "schema_migration", NULL, "version:s version_self:i", 0,
     CURRENT_GREATEST, SET, NULL, NULL, NULL, NULL},
    {TOOL_POP, "schema_migration", NULL, "version:s", 1, CURRENT_GREATEST, SET,
     NULL, NULL, NULL, NULL},
    {TOOL_ALEMBIC, "alembic_version", NULL, "version_num:s", 1, CURRENT_HEADS,
     "SELECT version_num, 'applied', NULL, NULL, NULL, NULL FROM %1$s"
     " ORDER BY 1",
     NULL, NULL, NULL, NULL},
    {TOOL_SEQUELIZE, "SequelizeMeta", NULL, "name:s", 1, CURRENT_GREATEST,
     BY_NAME, NULL, NULL, NULL, NULL},
    {TOOL_RAILS, "schema_migrations", NULL, "version:s", 1, CURRENT_GREATEST,
     SET, NULL, NULL, NULL, NULL},
    {TOOL_DBMATE, "schema_migrations", NULL, "version:s", 1, CURRENT_GREATEST,
     SET, NULL, NULL, NULL, NULL},
};

const struct ledger_tool *ledger_tools(size_t *count)
{
    *count = sizeof tools / sizeof *tools;
    return tools;
}

static int type_fits(char kind, const char *type)
{
    static const struct {
        char kind;
        const char *begins;
    } types[] = {{'s', "character"}, {'s', "text"},     {'i', "bigint"},
                 {'i', "integer"},   {'i', "smallint"}, {'b', "boolean"},
                 {'t', "timestamp"}, {'y', "bytea"}};
    if (kind == '*')
        return 1;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].kind == kind &&
            strncmp(type, types[i].begins, strlen(types[i].begins)) == 0)
            return 1;
    }
    return 0;
}

/* "version:i" in "|id:integer|version:bigint|". */
static int has_column(const char *columns, const char *name, size_t n,
                      char kind)
{
    for (const char *at = columns; (at = strchr(at, '|')) != NULL; at++) {
        if (strncmp(at + 1, name, n) == 0 && at[1 + n] == ':')
            return type_fits(kind, at + n + 2);
    }
    return 0;
}

int ledger_tool_fits(const struct ledger_tool *row, const char *columns,
                     int exact)
{
    size_t wanted = 0, there = 0;
    for (const char *at = row->columns; *at;) {
        size_t n = strcspn(at, ":");
        if (!at[n] || !has_column(columns, at, n, at[n + 1]))
            return 0;
        wanted++;
        at += n + 2;
        at += *at == ' ';
    }
    for (const char *at = columns; *at; at++)
        there += *at == '|';
    return !(exact || row->alone) || there == wanted + 1;
}
