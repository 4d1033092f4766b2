/*
 * migrate postgres: the ledger of applied migrations, what they mean for the
 * older code, and one step up or down.
 */
#define _GNU_SOURCE
#include "migrate_assess.h"
#include "migrate_boot.h"
#include "migrate_guard.h"
#include "migrate_ledger.h"
#include "migrate_loss.h"
#include "migrate_source.h"
#include "migrate_step.h"
#include "migrate_tool.h"

#define LOCK_TIMEOUT (5 * 1000)
#define READ_TIMEOUT (20 * 1000)

static const struct driver_option options[] = {
    {"url", "url", 1, "libpq connection string or postgresql:// address"},
    {"tool", "text", 0,
     "whose ledger it is: golang-migrate, rails, ... (default: told by its "
     "columns)"},
    {"table", "text", 0, "the ledger's table, when it is not the usual one"},
    {"schema", "text", 0, "the ledger's schema (default: any)"},
    {"repo", "path", 0, "git repository that holds the migrations"},
    {"migrations", "text", 0, "folder of the migrations in it"},
    {"statements", "path", 0,
     "file of the older code's statements, a {\"query\"} a line or SQL "
     "(default: those kept by snapshot.catalog, or pg_stat_statements)"},
    {"at_start", "text", 0,
     "what a release does with its tool when it starts: migrates (default), "
     "ignores_missing (set to pass over files that it lacks), nothing"},
    {"lock_timeout", "duration", 0, "wait for locks (default 5s)"},
    {"statement_timeout", "duration", 0, "a statement (default 5m)"},
    {"connect_timeout", "duration", 0, "to connect (default 10s)"},
    {"count_timeout", "duration", 0, "a count of rows (default 10s)"},
    {"snapshots", "path", 0,
     "where snapshots of it are kept (default: the run), as in their binding"},
    {"snapshot_age", "duration", 0,
     "the oldest snapshot that a step down goes by (default 24h)"},
    {"without", "list", 0, "guards that steps do without: " MIGRATE_GUARDS},
    {"scratch", "url", 0,
     "server to rehearse on, where databases may be made (default: a private "
     "cluster on this machine)"},
    {"scratch_directory", "path", 0,
     "where that cluster is made (default: $TMPDIR, or /tmp)"},
    {"scratch_user", "text", 0,
     "who runs it where rbrun is root (default postgres)"},
    {"tool_up", "list", 0,
     "the tool's own command for a step up; {url}, {version}, {previous}, "
     "{migrations} (a folder with the files of `at`) and {at} are replaced"},
    {"tool_down", "list", 0, "for a step down; the same"},
    {"tool_dry_run", "list", 0,
     "a command that only says what a step down would take; it has to name "
     "the version, and no other"},
    PROGRAM_OPTIONS,
    {"pg_bin", "path", 0, "initdb, postgres, pg_dump (default: searched)"},
    {NULL, NULL, 0, NULL},
};

/* The ledger against the files of a revision, and whether that revision
   would start on it. */
static int compare(const struct driver_call *c,
                   const struct migrate_ledger *ledger, const char *revision,
                   json_t *value, struct driver_answer *a)
{
    json_t *files = NULL, *boot = NULL, *difference = NULL;
    enum boot_mode mode;
    if (migrate_source_at(c, revision, &files, a) != 0)
        return 1;
    migrate_boot_mode(option_text(c, "at_start", NULL), &mode);
    migrate_boot(ledger, files, mode, &boot, &difference);
    json_object_set_new(value, "boot", boot);
    if (difference)
        json_object_set_new(value, "difference", difference);
    json_decref(files);
    return 0;
}

static int status(const struct driver_call *c, struct driver_answer *a)
{
    struct pg db = {0};
    struct migrate_ledger ledger = {0};
    const char *at = value_text(c->args, "at", NULL);
    json_t *value = NULL;
    if (pg_open(&db, c, a) == 0 &&
        pg_begin(&db, 1, option_duration(c, "lock_timeout", LOCK_TIMEOUT),
                 READ_TIMEOUT, a) == 0 &&
        migrate_ledger_find(&db, &ledger, a) == 0 &&
        migrate_ledger_read(&db, &ledger, a) == 0)
        value = migrate_ledger_describe(&ledger);
    pg_close(&db);
    if (value && at && compare(c, &ledger, at, value, a) != 0) {
        json_decref(value);
        value = NULL;
    }
    if (value)
        answer_ok(a, value);
    migrate_ledger_free(&ledger);
    return 0;
}

static int check_start(const json_t *binding, struct error *err)
{
    const char *start = value_text(binding, "at_start", NULL);
    enum boot_mode mode;
    if (migrate_boot_mode(start, &mode) == 0)
        return 0;
    error_set(err, RB_INVALID, "at_start = \"%s\": there is no such way",
              start);
    error_next(err, "one of migrates, ignores_missing, nothing");
    return RB_INVALID;
}

static int check_steps(const json_t *binding, struct error *err)
{
    int rc = migrate_guard_check(binding, err);
    return rc ? rc : migrate_tool_check(binding, err);
}

static int check(const json_t *binding, struct error *err)
{
    const char *tool = value_text(binding, "tool", NULL);
    enum migrate_tool found;
    int rc = check_start(binding, err);
    if (!tool || migrate_tool_find(tool, &found) == 0)
        return rc ? rc : check_steps(binding, err);
    error_set(err, RB_INVALID, "tool = \"%s\": there is no such tool", tool);
    error_next(err, "one of %s; or leave it out: it is told by the columns",
               migrate_tool_names());
    return RB_INVALID;
}

static const struct driver_verb verbs[] = {
    {"migrate.status", SETTLE_PURE, status, NULL},
    {"migrate.assess", SETTLE_PURE, migrate_assess, NULL},
    {"migrate.rehearse", SETTLE_PURE, migrate_rehearse_verb, NULL},
    {"migrate.loss", SETTLE_PURE, migrate_loss_verb, NULL},
    {"migrate.up", SETTLE_PROBED, migrate_step_up, migrate_step_probe},
    {"migrate.down", SETTLE_PROBED, migrate_step_down, migrate_step_probe},
    {NULL, SETTLE_PURE, NULL, NULL},
};

const struct driver migrate_postgres = {
    .family = "migrate",
    .name = "postgres",
    .text = "PostgreSQL, through the ledgers of 23 migration tools",
    .options = options,
    .verbs = verbs,
    .check = check,
    .quick = 0,
};
