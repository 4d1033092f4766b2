/*
 * snapshot command: keep what a command prints, such as `etcdctl get` or an
 * export of a hosted service. No shell; only the environment it is given.
 * What the output means is the command's business: the manifest says that
 * it was read back as it was written, and no more.
 */
#define _GNU_SOURCE
#include "../wire/heap.h"
#include "process.h"
#include "snapshot_manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ARGS 64
#define MAX_ENVIRONMENT 64
#define TIMEOUT (60 * 60 * 1000)
#define OUTPUT "output"

static const struct driver_option options[] = {
    {"argv", "list", 1, "the program and its arguments; no shell"},
    {"directory", "path", 0, "where snapshots are kept (default: the run)"},
    {"cwd", "path", 0, "where the program runs"},
    {"environment", "list", 0,
     "names of variables handed on from rbrun's own environment"},
    {"set", "table", 0,
     "NAME = value: variables set for the program; values may be secrets"},
    {"timeout", "duration", 0, "kill its process group after (default 1h)"},
    {NULL, NULL, 0, NULL},
};

struct arguments {
    const char *argv[MAX_ARGS + 1];
    char *environment[MAX_ENVIRONMENT + 3];
    size_t variables;
};

static int fill_argv(const json_t *list, struct arguments *args,
                     struct error *err)
{
    size_t count = json_array_size(list);
    if (count == 0 || count > MAX_ARGS)
        return error_set(err, RB_INVALID,
                         "argv holds %zu texts, 1 to %d are possible", count,
                         MAX_ARGS);
    for (size_t i = 0; i < count; i++) {
        args->argv[i] = json_string_value(json_array_get(list, i));
        if (!args->argv[i])
            return error_set(err, RB_INVALID, "argv[%zu] is not a text", i + 1);
    }
    args->argv[count] = NULL;
    return 0;
}

static int has_variable(const struct arguments *args, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < args->variables; i++) {
        if (strncmp(args->environment[i], name, n) == 0 &&
            args->environment[i][n] == '=')
            return 1;
    }
    return 0;
}

/* The first of one name stays. */
static int add_variable(struct arguments *args, const char *name,
                        const char *value, struct error *err)
{
    if (has_variable(args, name))
        return 0;
    if (args->variables >= MAX_ENVIRONMENT + 2)
        return error_set(err, RB_TOOBIG, "more than %d variables",
                         MAX_ENVIRONMENT);
    if (!value)
        return error_set(err, RB_INVALID, "set.%s is not a text", name);
    args->environment[args->variables++] = heap_textf("%s=%s", name, value);
    return 0;
}

/* What is set goes before what is handed on, and that before PATH and LC_ALL
   of our own. */
static int fill_environment(const json_t *binding, struct arguments *args,
                            struct error *err)
{
    const json_t *set = json_object_get(binding, "set");
    const char *name;
    json_t *value;
    size_t i;
    int rc = 0;
    json_object_foreach((json_t *)set, name, value)
    {
        if (!rc)
            rc = add_variable(args, name, json_string_value(value), err);
    }
    json_array_foreach(json_object_get(binding, "environment"), i, value)
    {
        name = json_string_value(value);
        if (!rc && name && getenv(name))
            rc = add_variable(args, name, getenv(name), err);
    }
    if (!rc)
        rc = add_variable(args, "PATH",
                          "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
                          "/sbin:/bin",
                          err);
    return rc ? rc : add_variable(args, "LC_ALL", "C.UTF-8", err);
}

static void free_environment(struct arguments *args)
{
    for (size_t i = 0; i < args->variables; i++)
        free(args->environment[i]);
}

static int64_t time_limit(const struct driver_call *c)
{
    int64_t limit = option_duration(c, "timeout", TIMEOUT);
    return limit < c->timeout - 1000 ? limit : c->timeout - 1000;
}

/* The name of the program; its arguments may hold a secret. */
static json_t *describe(const struct arguments *args,
                        const struct process_result *r)
{
    return json_pack("{s:s, s:i, s:I}", "program", args->argv[0], "status",
                     r->status, "took_ms", (json_int_t)r->took);
}

static json_t *limits_of_it(void)
{
    return json_pack("[s, s]",
                     "whether the output is complete: the command's exit "
                     "status is all there is to tell",
                     "anything the command did not print");
}

static int run_it(const struct driver_call *c, struct snapshot *s,
                  const struct arguments *args, struct driver_answer *a)
{
    struct process p = {.argv = args->argv,
                        .environment = (const char *const *)args->environment};
    struct process_result r = {0};
    struct error err = {0};
    char path[4200], cwd[4096], why[600];
    int rc = snapshot_path(s, OUTPUT, path, sizeof path, &err), fd = -1;
    if (!rc &&
        (fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
        rc = error_set_errno(&err, RB_IO, "cannot make %s", path);
    if (rc)
        return snapshot_failed(a, rc, &err);
    p.output_fd = fd;
    p.timeout = time_limit(c);
    if (option_path(c, "cwd", cwd, sizeof cwd) == 0)
        p.directory = cwd;
    rc = process_run(&p, &r, &err);
    close(fd);
    process_describe(&r, why, sizeof why);
    if (rc)
        answer_fail(a, OUTCOME_NOT_FOUND, "snapshot %s: %s", c->system,
                    err.message);
    else if (r.timed_out)
        answer_fail(a, OUTCOME_TIMEOUT, "snapshot %s: %s %s; raise `timeout`",
                    c->system, args->argv[0], why);
    else if (r.status != 0)
        answer_fail(a, OUTCOME_REJECTED, "snapshot %s: %s %s", c->system,
                    args->argv[0], why);
    else if ((rc = snapshot_seal(s, describe(args, &r), limits_of_it(),
                                 &err)) != 0)
        snapshot_failed(a, rc, &err);
    else
        snapshot_answer(s, a);
    process_result_free(&r);
    return 0;
}

static int take(const struct driver_call *c, struct driver_answer *a)
{
    struct arguments args = {.variables = 0};
    struct snapshot s = {0};
    struct error err = {0};
    int rc = fill_argv(json_object_get(c->binding, "argv"), &args, &err);
    if (!rc)
        rc = fill_environment(c->binding, &args, &err);
    if (!rc)
        rc = snapshot_open(&s, c, "command", &err);
    if (rc)
        snapshot_failed(a, rc, &err);
    else if (s.kept)
        snapshot_answer(&s, a);
    else
        run_it(c, &s, &args, a);
    snapshot_drop(&s);
    snapshot_free(&s);
    free_environment(&args);
    return 0;
}

static int verify(const struct driver_call *c, struct driver_answer *a)
{
    return snapshot_verify_files(c, "command", a);
}

static const struct driver_verb verbs[] = {
    {"snapshot.take", SETTLE_PROBED, take, snapshot_probe},
    {"snapshot.verify", SETTLE_PURE, verify, NULL},
    {NULL, SETTLE_PURE, NULL, NULL},
};

const struct driver snapshot_command = {
    .family = "snapshot",
    .name = "command",
    .text = "keep what a command prints",
    .options = options,
    .verbs = verbs,
    .check = NULL,
    .quick = 0,
};
