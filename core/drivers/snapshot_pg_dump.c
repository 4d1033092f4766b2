/*
 * snapshot pg_dump: a consistent copy of one PostgreSQL database, in
 * pg_dump's directory format, read back whole before anybody relies on it.
 * Runs the distribution's programs: a dump is worth what the pg_restore of
 * the day can read.
 */
#define _GNU_SOURCE
#include "pg_facts.h"
#include "../wire/heap.h"
#include "process.h"
#include "registry.h"
#include "snapshot_archive.h"
#include "snapshot_manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define MAX_EXCLUDE 200
#define MAX_ENVIRONMENT 64
#define TIMEOUT (5 * 60 * 60 * 1000LL)
#define LOCK_WAIT "--lock-wait-timeout=30s"

static const struct driver_option options[] = {
    {"url", "url", 1, "libpq connection string or postgresql:// address"},
    {"directory", "path", 0, "where snapshots are kept (default: the run)"},
    {"jobs", "int", 0, "tables dumped at a time (default 2)"},
    {"exclude", "list", 0, "tables that are left out (pg_dump patterns)"},
    {"pg_dump", "text", 0, "the program (default pg_dump)"},
    {"pg_restore", "text", 0, "the program that reads it back"},
    {"connect_timeout", "duration", 0, "to connect (default 10s)"},
    {"timeout", "duration", 0, "for each program (default 5h)"},
    {NULL, NULL, 0, NULL},
};

struct dump {
    const struct driver_call *call;
    struct snapshot snapshot;
    json_t *facts; /* pg_facts */
    char *environment[MAX_ENVIRONMENT + 1];
    size_t variables;
    char folder[4200];
};

static int64_t time_limit(const struct driver_call *c)
{
    int64_t limit = option_duration(c, "timeout", TIMEOUT);
    return limit < c->timeout - 1000 ? limit : c->timeout - 1000;
}

/* pg_restore lies beside the pg_dump that the environment names. */
static const char *restore_program(const struct driver_call *c, char *out,
                                   size_t size)
{
    const char *dump = option_text(c, "pg_dump", "pg_dump");
    const char *own = option_text(c, "pg_restore", NULL);
    const char *slash = strrchr(dump, '/');
    if (own)
        return own;
    snprintf(out, size, "%.*spg_restore", slash ? (int)(slash - dump) + 1 : 0,
             dump);
    return out;
}

static void add_variable(struct dump *d, const char *name, const char *value)
{
    if (d->variables < MAX_ENVIRONMENT && value)
        d->environment[d->variables++] = heap_textf("%s=%s", name, value);
}

/* The programs get what the connection needs and nothing of the engine's,
   but where libpq looks for a password or a certificate of its own. */
static int fill_environment(struct dump *d, struct driver_answer *a)
{
    static const char *const kept[] = {"HOME", "PGPASSFILE", "PGSERVICEFILE",
                                       "PGSYSCONFDIR", NULL};
    int (*function)(const struct driver_call *, json_t **,
                    struct driver_answer *) = NULL;
    struct error err = {0};
    json_t *variables = NULL, *value;
    const char *name;
    void *symbol = driver_symbol("rbrun-pg.so", "pg_environment", &err);
    memcpy(&function, &symbol, sizeof function);
    if (!symbol)
        return answer_fail(a, OUTCOME_REJECTED, "%s", err.message), 1;
    if (function(d->call, &variables, a) != 0)
        return 1;
    add_variable(d, "PATH",
                 "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:"
                 "/bin");
    add_variable(d, "LC_ALL", "C.UTF-8");
    json_object_foreach(variables, name, value)
    {
        add_variable(d, name, json_string_value(value));
    }
    for (size_t i = 0; kept[i]; i++) {
        if (!json_object_get(variables, kept[i]))
            add_variable(d, kept[i], getenv(kept[i]));
    }
    json_decref(variables);
    return 0;
}

static int ask_server(struct dump *d, struct driver_answer *a)
{
    int (*function)(const struct driver_call *, json_t **,
                    struct driver_answer *) = NULL;
    struct error err = {0};
    void *symbol = driver_symbol("rbrun-pg.so", "pg_facts", &err);
    memcpy(&function, &symbol, sizeof function);
    if (!symbol)
        return answer_fail(a, OUTCOME_REJECTED, "%s", err.message), 1;
    return function(d->call, &d->facts, a);
}

/*
 * How large a dump gets is not known before: indexes are not in it, and the
 * rest is compressed. Room for a quarter of the database is asked for; a
 * disk that fills up all the same is an error of pg_dump, not a snapshot.
 */
static int check_room(struct dump *d, struct driver_answer *a)
{
    struct statvfs fs;
    int64_t bytes = value_int(d->facts, "bytes", 0);
    if (statvfs(d->snapshot.place, &fs) != 0)
        return 0;
    if ((int64_t)(fs.f_bavail * fs.f_frsize) >= bytes / 4)
        return 0;
    answer_fail(a, OUTCOME_REJECTED,
                "snapshot %s: %s has %lld MB left, and the database holds "
                "%lld MB; make room or set `directory`",
                d->call->system, d->snapshot.place,
                (long long)(fs.f_bavail * fs.f_frsize >> 20),
                (long long)(bytes >> 20));
    return 1;
}

static enum outcome why_failed(const struct process_result *r)
{
    static const struct {
        const char *text;
        enum outcome outcome;
    } causes[] = {
        {"permission denied", OUTCOME_AUTH},
        {"lock timeout", OUTCOME_RETRYABLE},
        {"No space left", OUTCOME_RETRYABLE},
        {"server closed the connection", OUTCOME_RETRYABLE},
        {"terminating connection", OUTCOME_RETRYABLE},
        {NULL, OUTCOME_REJECTED},
    };
    size_t i = 0;
    while (causes[i].text && !strstr(buf_text(&r->err), causes[i].text))
        i++;
    return causes[i].outcome;
}

/* pg_dump says the cause first and the query behind it. */
static void first_error(const struct process_result *r, char *out, size_t size)
{
    const char *text = buf_text(&r->err);
    const char *at = strstr(text, "error: ");
    size_t n;
    if (!at) {
        process_describe(r, out, size);
        return;
    }
    n = strcspn(at, "\n");
    snprintf(out, size, "exited with %d: %.*s", r->status, (int)n, at);
}

static int run_dump(struct dump *d, const char *const *argv,
                    struct driver_answer *a)
{
    struct process p = {
        .argv = argv,
        .environment = (const char *const *)d->environment,
        .timeout = time_limit(d->call),
    };
    struct process_result r = {0};
    struct error err = {0};
    char why[800];
    int rc = 1;
    if (process_run(&p, &r, &err) != 0)
        answer_fail(a, OUTCOME_NOT_FOUND,
                    "snapshot %s: %s; install postgresql-client or set "
                    "`pg_dump`",
                    d->call->system, err.message);
    else if (r.timed_out)
        answer_fail(a, OUTCOME_TIMEOUT,
                    "snapshot %s: %s was killed after %lld s; raise `timeout`",
                    d->call->system, argv[0], (long long)r.took / 1000);
    else if (r.status != 0) {
        first_error(&r, why, sizeof why);
        answer_fail(a, why_failed(&r), "snapshot %s: %s %s", d->call->system,
                    argv[0], why);
    } else
        rc = 0;
    process_result_free(&r);
    return rc;
}

static int dump(struct dump *d, struct driver_answer *a)
{
    const struct driver_call *c = d->call;
    const json_t *exclude = json_object_get(c->binding, "exclude");
    const char *argv[MAX_EXCLUDE * 2 + 16];
    char jobs[40], file[4300];
    size_t n = 0;
    if (json_array_size(exclude) > MAX_EXCLUDE)
        return answer_fail(a, OUTCOME_REJECTED,
                           "snapshot %s: more than %d tables in `exclude`",
                           c->system, MAX_EXCLUDE),
               1;
    snprintf(jobs, sizeof jobs, "--jobs=%lld",
             (long long)value_int(c->binding, "jobs", 2));
    snprintf(file, sizeof file, "--file=%s", d->folder);
    argv[n++] = option_text(c, "pg_dump", "pg_dump");
    argv[n++] = "--format=directory";
    argv[n++] = jobs;
    argv[n++] = "--compress=6";
    argv[n++] = "--no-password";
    argv[n++] = LOCK_WAIT;
    argv[n++] = file;
    for (size_t i = 0; i < json_array_size(exclude); i++) {
        argv[n++] = "--exclude-table";
        argv[n++] = json_string_value(json_array_get(exclude, i));
    }
    argv[n] = NULL;
    driver_progress(c, "dumping %s", value_text(d->facts, "database", "?"));
    return run_dump(d, argv, a);
}

static json_t *not_covered(const struct dump *d)
{
    const json_t *exclude = json_object_get(d->call->binding, "exclude");
    json_t *list = json_pack(
        "[s, s, s, s, s]",
        "roles, their passwords and memberships (pg_dumpall --globals-only)",
        "the other databases of the server, tablespaces, configuration files, "
        "replication slots",
        "what was written after the dump's snapshot was taken",
        "sequences are not transactional: their values may be ahead of the "
        "rows",
        "planner statistics: ANALYZE after a restore");
    if (json_array_size(exclude) > 0)
        json_array_append_new(
            list, json_sprintf("%zu excluded table patterns, schema and data",
                               json_array_size(exclude)));
    return list;
}

/* "pg_dump (PostgreSQL) 15.4 (Debian 15.4-1)", without its end of line. */
static json_t *version_of(const char *program)
{
    const char *argv[] = {program, "--version", NULL};
    struct process p = {.argv = argv, .timeout = 10 * 1000};
    struct process_result r = {0};
    struct error err;
    json_t *text = NULL;
    if (process_run(&p, &r, &err) == 0 && r.status == 0)
        text = json_stringn(buf_text(&r.out), strcspn(buf_text(&r.out), "\n"));
    process_result_free(&r);
    return text ? text : json_string("unknown");
}

static json_t *about(const struct dump *d, const char *restore,
                     const struct snapshot_archive *read)
{
    return json_pack(
        "{s:O, s:o, s:o, s:{s:I, s:I}, s:s}", "source", d->facts, "pg_dump",
        version_of(option_text(d->call, "pg_dump", "pg_dump")), "pg_restore",
        version_of(restore), "read_back", "tables", (json_int_t)read->tables,
        "sql_bytes", (json_int_t)read->bytes, "restore_with",
        "pg_restore --dbname=NAME --jobs=2 dump");
}

static int make(struct dump *d, struct driver_answer *a)
{
    const struct driver_call *c = d->call;
    struct snapshot_archive read = {0};
    struct error err = {0};
    char own[4200];
    const char *restore = restore_program(c, own, sizeof own);
    int rc =
        snapshot_path(&d->snapshot, "dump", d->folder, sizeof d->folder, &err);
    if (rc)
        return snapshot_failed(a, rc, &err);
    if (check_room(d, a) != 0 || dump(d, a) != 0)
        return 0;
    driver_progress(c, "reading the whole dump back");
    rc = snapshot_archive_read(restore, d->folder, time_limit(c), &read, &err);
    if (rc)
        return answer_fail(a, OUTCOME_RETRYABLE,
                           "snapshot %s: the dump is not whole: %s", c->system,
                           err.message);
    rc = snapshot_seal(&d->snapshot, about(d, restore, &read), not_covered(d),
                       &err);
    return rc ? snapshot_failed(a, rc, &err) : snapshot_answer(&d->snapshot, a);
}

static int take(const struct driver_call *c, struct driver_answer *a)
{
    struct dump d = {.call = c};
    struct error err = {0};
    int rc = snapshot_open(&d.snapshot, c, "pg_dump", &err);
    if (rc)
        snapshot_failed(a, rc, &err);
    else if (d.snapshot.kept)
        snapshot_answer(&d.snapshot, a);
    else if (ask_server(&d, a) == 0 && fill_environment(&d, a) == 0)
        make(&d, a);
    snapshot_drop(&d.snapshot);
    snapshot_free(&d.snapshot);
    json_decref(d.facts);
    for (size_t i = 0; i < d.variables; i++)
        free(d.environment[i]);
    return 0;
}

static int verify(const struct driver_call *c, struct driver_answer *a)
{
    struct snapshot s = {0};
    struct snapshot_archive read = {0};
    struct error err = {0};
    char own[4200], folder[4200];
    int rc = snapshot_check(&s, c, "pg_dump", &err);
    if (!rc) {
        snprintf(folder, sizeof folder, "%s/dump", s.final);
        rc = snapshot_archive_read(restore_program(c, own, sizeof own), folder,
                                   time_limit(c), &read, &err);
    }
    rc = rc ? snapshot_failed(a, rc, &err) : snapshot_answer_checked(&s, a);
    snapshot_free(&s);
    return rc;
}

/* What needs libpq alone lives in its module. */
static int catalog(const struct driver_call *c, struct driver_answer *a)
{
    driver_function *function = NULL;
    struct error err = {0};
    void *symbol = driver_symbol("rbrun-pg.so", "pg_catalog_snapshot", &err);
    memcpy(&function, &symbol, sizeof function);
    return symbol ? function(c, a)
                  : answer_fail(a, OUTCOME_REJECTED, "%s", err.message);
}

static const struct driver_verb verbs[] = {
    {"snapshot.take", SETTLE_PROBED, take, snapshot_probe},
    {"snapshot.catalog", SETTLE_KEYED, catalog, NULL},
    {"snapshot.verify", SETTLE_PURE, verify, NULL},
    {NULL, SETTLE_PURE, NULL, NULL},
};

const struct driver snapshot_pg_dump = {
    .family = "snapshot",
    .name = "pg_dump",
    .text = "a consistent copy of a PostgreSQL database, read back whole",
    .options = options,
    .verbs = verbs,
    .check = NULL,
    .quick = 0,
};
