/*
 * command.run: a program that the environment names. The runbook adds
 * arguments behind the bound ones; it can neither choose the program nor
 * reach a shell.
 */
#include "program.h"

#include <stdio.h>

#define OUTPUT_BYTES 4096
#define DEFAULT_TIMEOUT (5 * 60 * 1000)
#define HEADROOM 500 /* ms before the engine's own limit */

static int64_t limit(const struct driver_call *c, int64_t wanted)
{
    int64_t most = c->timeout - HEADROOM;
    if (c->timeout > 0 && wanted > most)
        wanted = most;
    return wanted > 0 ? wanted : 1;
}

static void names(const struct driver_call *c, struct program_value values[4])
{
    values[0] = (struct program_value){"key", c->key};
    values[1] = (struct program_value){"run", c->run};
    values[2] = (struct program_value){"target", c->system};
    values[3] = (struct program_value){NULL, NULL};
}

static int report(const struct driver_call *c, const struct process_result *r,
                  struct driver_answer *a)
{
    char how[700];
    enum outcome outcome = program_outcome(r);
    if (outcome == OUTCOME_OK)
        return answer_ok(a, json_pack("{s:i, s:o, s:f}", "status", 0, "output",
                                      program_text(&r->out, OUTPUT_BYTES),
                                      "seconds", (double)r->took / 1000.0));
    process_describe(r, how, sizeof how);
    return answer_fail(a, outcome, "command %s %s (output: call-%u.log)",
                       c->system, how, c->sequence);
}

static int run(const struct driver_call *c, struct driver_answer *a)
{
    struct program_value values[4];
    struct program p = {json_object_get(c->binding, "argv"),
                        json_object_get(c->args, "args"), values, 0};
    struct process_result r;
    struct error err = {0};
    int rc;
    names(c, values);
    p.timeout =
        limit(c, arg_duration(c, "timeout",
                              option_duration(c, "timeout", DEFAULT_TIMEOUT)));
    rc = program_run(c, &p, &r, &err);
    if (rc) {
        program_not_started(a, rc, &err);
    } else {
        if (program_keep(c, c->system, &r, &err) != 0)
            driver_progress(c, "output not kept: %s", err.message);
        report(c, &r, a);
    }
    process_result_free(&r);
    return 0;
}

/* The probe's word: 0 it has happened, 1 it has not, else nobody knows. */
static int probe_run(const struct driver_call *c, struct driver_answer *a)
{
    struct program_value values[4];
    struct program p = {json_object_get(c->binding, "probe"),
                        json_object_get(c->args, "args"), values, 0};
    struct process_result r;
    struct error err = {0};
    char how[700];
    if (!p.argv)
        return answer_fail(a, OUTCOME_UNKNOWN,
                           "command %s has no probe that could tell whether "
                           "it has run",
                           c->system);
    names(c, values);
    p.timeout = limit(c, option_duration(c, "timeout", DEFAULT_TIMEOUT));
    if (program_run(c, &p, &r, &err) != 0) {
        answer_fail(a, OUTCOME_UNKNOWN, "the probe of command %s: %s",
                    c->system, err.message);
    } else if (r.status == 0) {
        answer_ok(a, json_pack("{s:b, s:{s:i, s:s}}", "applied", 1, "value",
                               "status", 0, "output", ""));
    } else if (r.status == 1) {
        answer_ok(a, json_pack("{s:b}", "applied", 0));
    } else {
        process_describe(&r, how, sizeof how);
        answer_fail(a, OUTCOME_UNKNOWN, "the probe of command %s %s", c->system,
                    how);
    }
    process_result_free(&r);
    return 0;
}

static int check(const json_t *binding, struct error *err)
{
    static const char *const lists[] = {"argv", "probe", NULL};
    return program_check(binding, lists, err);
}

static const struct driver_option options[] = {
    {"argv", "list", 1,
     "the program and its first arguments; {key}, {run} and {target} are "
     "replaced. Exit status 0 is ok, 75 retryable, 77 auth, others rejected"},
    {"probe", "list", 0,
     "a program that tells whether an interrupted call took effect: exit "
     "status 0 yes, 1 no, others unknown. It gets the same placeholders and "
     "the runbook's arguments"},
    {"timeout", "duration", 0, "kill its process group after (default 5m)"},
    PROGRAM_OPTIONS,
    {NULL, NULL, 0, NULL},
};

static const struct driver_verb verbs[] = {
    {"command.run", SETTLE_PROBED, run, probe_run},
    {NULL, SETTLE_PURE, NULL, NULL},
};

const struct driver command_command = {
    .family = "command",
    .name = "command",
    .text = "a program of this machine, run without a shell",
    .options = options,
    .verbs = verbs,
    .check = check,
    .quick = 0,
};
