/* One step written into a ledger, by tool, with everybody else kept out. */
#define _GNU_SOURCE
#include "migrate_ledger.h"

#include <stdio.h>
#include <string.h>

#define GOLANG_SALT 1486364155u

/* golang-migrate's lock: CRC-32 of schema, table and database, parted by
   NULs, times a salt, modulo 2^32. (its database/util.go) */
static int hold_golang(struct pg *db, const struct migrate_ledger *l,
                       struct driver_answer *a)
{
    char names[1024], id[24];
    const char *values[1] = {id};
    int size = snprintf(names, sizeof names, "%s%c%s%c%s", l->schema, 0,
                        l->table, 0, PQdb(db->conn));
    uint32_t sum = (uint32_t)migrate_file_crc(names, (size_t)size);
    snprintf(id, sizeof id, "%u", sum * GOLANG_SALT);
    return pg_do(db, "take golang-migrate's lock",
                 "SELECT pg_advisory_xact_lock($1::bigint)", 1, values, a);
}

/* SHARE ROW EXCLUSIVE lets readers through and excludes itself. */
int migrate_ledger_hold(struct pg *db, const struct migrate_ledger *l,
                        struct driver_answer *a)
{
    char sql[700];
    if (l->tool == TOOL_GOLANG_MIGRATE && hold_golang(db, l, a) != 0)
        return 1;
    snprintf(sql, sizeof sql, "LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE",
             l->quoted);
    return pg_do(db, "lock the ledger", sql, 0, NULL, a);
}

/* TRUNCATE and INSERT, as golang-migrate's SetVersion. -1 (nothing applied)
   is kept only while it is dirty. DELETE instead of TRUNCATE: the same one
   row, without taking readers' locks. */
static int move_golang(struct pg *db, const struct migrate_ledger *l,
                       const struct migrate_step *step, int dirty,
                       struct driver_answer *a)
{
    const char *target =
        step->direction == MIGRATE_UP ? step->file->version : step->previous;
    const char *values[2] = {target[0] ? target : "-1",
                             dirty ? "true" : "false"};
    char sql[900];
    snprintf(sql, sizeof sql, "DELETE FROM %s", l->quoted);
    if (pg_do(db, "write the ledger", sql, 0, NULL, a) != 0)
        return 1;
    if (!target[0] && !dirty)
        return 0;
    snprintf(sql, sizeof sql, "INSERT INTO %s (version, dirty) VALUES ($1, $2)",
             l->quoted);
    return pg_do(db, "write the ledger", sql, 2, values, a);
}

/* Exactly one row has to go or to come. */
static int one_row(struct pg *db, const char *sql, int count,
                   const char *const *values, struct driver_answer *a)
{
    PGresult *r = NULL;
    int rc = pg_query(db, "write the ledger", sql, count, values, &r, a);
    if (!rc && strcmp(PQcmdTuples(r), "1") != 0) {
        answer_fail(a, OUTCOME_CONFLICT,
                    "%s: the ledger's row of version %s is not there once but "
                    "%s times",
                    db->name, values[0], PQcmdTuples(r));
        rc = 1;
    }
    PQclear(r);
    return rc;
}

static int move_set(struct pg *db, const struct migrate_ledger *l,
                    const struct migrate_step *step, struct driver_answer *a)
{
    const char *values[1] = {step->file->version};
    char sql[900];
    if (step->direction == MIGRATE_UP)
        snprintf(sql, sizeof sql, "INSERT INTO %s (version) VALUES ($1)",
                 l->quoted);
    else
        snprintf(sql, sizeof sql,
                 "DELETE FROM %s WHERE ltrim(version, '0') = ltrim($1, '0')",
                 l->quoted);
    return one_row(db, sql, 1, values, a);
}

/* goose deletes the row of a version that it takes back. */
static int move_goose(struct pg *db, const struct migrate_ledger *l,
                      const struct migrate_step *step, struct driver_answer *a)
{
    const char *values[1] = {step->file->version};
    char sql[900];
    if (step->direction == MIGRATE_UP) {
        snprintf(sql, sizeof sql,
                 "INSERT INTO %s (version_id, is_applied) VALUES ($1, true)",
                 l->quoted);
        return one_row(db, sql, 1, values, a);
    }
    snprintf(sql, sizeof sql, "DELETE FROM %s WHERE version_id = $1",
             l->quoted);
    return pg_do(db, "write the ledger", sql, 1, values, a);
}

/* Flyway only ever adds rows: type SQL, or UNDO_SQL for a step back. */
static int move_flyway(struct pg *db, const struct migrate_ledger *l,
                       const struct migrate_step *step, struct driver_answer *a)
{
    char sql[1600], crc[16], took[24];
    const char *values[6] = {
        step->file->version,
        step->file->label,
        step->direction == MIGRATE_UP ? "SQL" : "UNDO_SQL",
        step->file->name,
        crc,
        took,
    };
    snprintf(crc, sizeof crc, "%d",
             migrate_file_crc(step->content, step->content_size));
    snprintf(took, sizeof took, "%lld", (long long)step->took);
    snprintf(sql, sizeof sql,
             "INSERT INTO %s (installed_rank, version, description, type, "
             "script, checksum, installed_by, execution_time, success) "
             "SELECT coalesce(max(installed_rank), 0) + 1, $1, $2, $3, $4, "
             "$5::int, current_user, $6::int, true FROM %s",
             l->quoted, l->quoted);
    return one_row(db, sql, 6, values, a);
}

/* Ledgers that hold a name and a time: $1 is the version. NULL: what the tool
   writes besides is not known here. */
static const struct {
    enum migrate_tool tool;
    const char *up, *down;
} plain_moves[] = {
    {TOOL_DIESEL, "INSERT INTO %s (version) VALUES ($1)",
     "DELETE FROM %s WHERE version = $1"},
    {TOOL_POP, "INSERT INTO %s (version) VALUES ($1)",
     "DELETE FROM %s WHERE version = $1"},
    {TOOL_SQL_MIGRATE, "INSERT INTO %s (id, applied_at) VALUES ($1, now())",
     "DELETE FROM %s WHERE id = $1"},
    {TOOL_NODE_PG, "INSERT INTO %s (name, run_on) VALUES ($1, now())",
     "DELETE FROM %s WHERE name = $1"},
    {TOOL_SQLX, NULL, "DELETE FROM %s WHERE version = $1::bigint"},
};

static const char *plain_move(enum migrate_tool tool,
                              enum migrate_direction direction)
{
    for (size_t i = 0; i < sizeof plain_moves / sizeof *plain_moves; i++) {
        if (plain_moves[i].tool == tool)
            return direction == MIGRATE_UP ? plain_moves[i].up
                                           : plain_moves[i].down;
    }
    return NULL;
}

int migrate_ledger_moves(enum migrate_tool tool,
                         enum migrate_direction direction)
{
    switch (tool) {
    case TOOL_GOLANG_MIGRATE:
    case TOOL_RAILS:
    case TOOL_DBMATE:
    case TOOL_FLYWAY:
    case TOOL_GOOSE:
        return 1;
    default:
        return plain_move(tool, direction) != NULL;
    }
}

static int move_plain(struct pg *db, const struct migrate_ledger *l,
                      const struct migrate_step *step, struct driver_answer *a)
{
    const char *values[1] = {step->file->version};
    const char *move = plain_move(l->tool, step->direction);
    char sql[900];
    if (!move)
        return answer_fail(a, OUTCOME_REJECTED,
                           "%s: rbrun does not move the ledger of %s: only "
                           "the tool itself does",
                           db->name, migrate_tool_name(l->tool)),
               1;
    snprintf(sql, sizeof sql, move, l->quoted);
    return one_row(db, sql, 1, values, a);
}

int migrate_ledger_move(struct pg *db, const struct migrate_ledger *l,
                        const struct migrate_step *step, int dirty,
                        struct driver_answer *a)
{
    switch (l->tool) {
    case TOOL_GOLANG_MIGRATE:
        return move_golang(db, l, step, dirty, a);
    case TOOL_RAILS:
    case TOOL_DBMATE:
        return move_set(db, l, step, a);
    case TOOL_FLYWAY:
        return move_flyway(db, l, step, a);
    case TOOL_GOOSE:
        return move_goose(db, l, step, a);
    default:
        return move_plain(db, l, step, a);
    }
}
