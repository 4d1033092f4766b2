/* pg_dump --schema-only of the live database, restored into the copy. */
#define _GNU_SOURCE
#include "../wire/heap.h"
#include "migrate_copy.h"
#include "pg_facts.h"
#include "process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_VARIABLES 64
#define HEADROOM 2000 /* ms kept for what comes behind */

struct variables {
    char *list[MAX_VARIABLES + 1];
    size_t count;
};

static void add(struct variables *v, const char *name, const char *value)
{
    if (value && v->count < MAX_VARIABLES)
        v->list[v->count++] = heap_textf("%s=%s", name, value);
}

/* The programs get the connection and where libpq looks for a password of
   its own, and nothing else of the engine's. */
static int fill(struct variables *v, const struct driver_call *c,
                struct driver_answer *a)
{
    static const char *const kept[] = {"HOME", "PGPASSFILE", "PGSERVICEFILE",
                                       "PGSYSCONFDIR", NULL};
    json_t *connection = NULL, *value;
    const char *name;
    if (pg_environment(c, &connection, a) != 0)
        return 1;
    add(v, "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    add(v, "LC_ALL", "C.UTF-8");
    json_object_foreach(connection, name, value)
    {
        add(v, name, json_string_value(value));
    }
    for (size_t i = 0; kept[i]; i++) {
        if (!json_object_get(connection, kept[i]))
            add(v, kept[i], getenv(kept[i]));
    }
    json_decref(connection);
    return 0;
}

static enum outcome outcome_of(const char *text)
{
    static const struct {
        const char *text;
        enum outcome outcome;
    } causes[] = {
        {"permission denied", OUTCOME_AUTH},
        {"lock timeout", OUTCOME_RETRYABLE},
        {"No space left", OUTCOME_RETRYABLE},
        {"server closed the connection", OUTCOME_RETRYABLE},
        {"could not connect", OUTCOME_UNAVAILABLE},
        {"connection to server", OUTCOME_UNAVAILABLE},
        {NULL, OUTCOME_REJECTED},
    };
    size_t i = 0;
    while (causes[i].text && !strstr(text, causes[i].text))
        i++;
    return causes[i].outcome;
}

/* Their first error says the cause; what follows is its context. */
static int failed(const struct driver_call *c, const char *program,
                  const struct process_result *r, struct driver_answer *a)
{
    const char *text = buf_text(&r->err), *at = strstr(text, "error: ");
    char why[700];
    if (at)
        snprintf(why, sizeof why, "%.*s", (int)strcspn(at, "\n"), at);
    else
        process_describe(r, why, sizeof why);
    answer_fail(a, r->timed_out ? OUTCOME_TIMEOUT : outcome_of(text),
                "database %s: no copy of its schema to rehearse on: %s %s",
                c->system, program, why);
    return 1;
}

static int run(const struct driver_call *c, const char *const *argv, int from,
               int to, int64_t timeout, struct driver_answer *a)
{
    struct variables v = {{NULL}, 0};
    struct process p = {
        .argv = argv, .timeout = timeout, .input_fd = from, .output_fd = to};
    struct process_result r = {0};
    struct error err = {0};
    int rc = fill(&v, c, a);
    p.environment = (const char *const *)v.list;
    if (!rc && process_run(&p, &r, &err) != 0) {
        answer_fail(a, OUTCOME_NOT_FOUND,
                    "database %s: no copy of its schema to rehearse on: %s; "
                    "install postgresql-client, or set `pg_bin`",
                    c->system, err.message);
        rc = 1;
    } else if (!rc && r.status != 0) {
        rc = failed(c, argv[0], &r, a);
    }
    process_result_free(&r);
    for (size_t i = 0; i < v.count; i++)
        free(v.list[i]);
    return rc;
}

static int64_t time_left(const struct pg *live)
{
    int64_t left = pg_left(live) - HEADROOM;
    return left > 1000 ? left : 1000;
}

static const char *program(const struct migrate_copy *copy, const char *name,
                           char *out, size_t size)
{
    snprintf(out, size, "%s%s%s", copy->bin, copy->bin[0] ? "/" : "", name);
    return out;
}

static int dump(struct migrate_copy *copy, struct pg *live, int to,
                struct driver_answer *a)
{
    char path[1100];
    const char *argv[] = {program(copy, "pg_dump", path, sizeof path),
                          "--schema-only",
                          "--format=custom",
                          "--no-password",
                          "--no-tablespaces",
                          "--no-publications",
                          "--no-subscriptions",
                          "--lock-wait-timeout=10s",
                          NULL};
    return run(live->call, argv, 0, to, time_left(live), a);
}

static int restore(struct migrate_copy *copy, struct pg *live, int from,
                   struct driver_answer *a)
{
    char path[1100], to[400], url[1400];
    const char *argv[8] = {program(copy, "pg_restore", path, sizeof path),
                           "--exit-on-error", "--no-password", to};
    struct driver_call admin = copy->call;
    int rc;
    if (!copy->roles) {
        argv[4] = "--no-owner";
        argv[5] = "--no-privileges";
    }
    snprintf(to, sizeof to, "--dbname=%s", copy->database);
    migrate_copy_admin_url(copy, url, sizeof url);
    admin.binding = json_pack("{s:s}", "url", url);
    rc = run(&admin, argv, from, 0, time_left(live), a);
    json_decref((json_t *)admin.binding);
    return rc;
}

/* The dump never lies on a disk: there is nothing to be full or left. */
int migrate_copy_schema(struct migrate_copy *copy, struct pg *live,
                        struct driver_answer *a)
{
    int fd = memfd_create("schema", MFD_CLOEXEC), rc;
    if (fd < 0)
        return answer_fail(a, OUTCOME_RETRYABLE,
                           "database %s: no memory for a copy of its schema",
                           copy->call.system),
               1;
    rc = dump(copy, live, fd, a);
    lseek(fd, 0, SEEK_SET);
    if (!rc)
        rc = restore(copy, live, fd, a);
    close(fd);
    return rc;
}
