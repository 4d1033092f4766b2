/*
 * Deploy by release directories: every instance has a symbolic link
 * `current`, which is switched at once (rename), then the instance is
 * restarted and must be healthy before the next one has its turn. The first
 * that fails stops the roll out, with the others as they were.
 */
#define _GNU_SOURCE
#include "deploy_symlink.h"
#include "json_file.h"
#include "program.h"
#include "release_name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEALTH_TIMEOUT (5 * 60 * 1000)
#define RESTART_TIMEOUT (2 * 60 * 1000)
#define PAUSE 200 /* ms between two questions */

/* A release under way. */
struct roll {
    struct symlink_target t;
    struct symlink_release to;
    json_t *note;  /* {"version":..,"done":[instance,..]} of this call */
    int changed;   /* something has been switched or restarted */
    int64_t until; /* when all of it must be healthy (ms, steady) */
};

static void look_at_all(struct symlink_target *t, int ask)
{
    for (size_t n = 0; n < t->count; n++) {
        symlink_look(t, &t->instances[n]);
        if (ask && t->instances[n].live.name[0])
            symlink_ask(t, &t->instances[n]);
    }
}

static int same_everywhere(const struct symlink_target *t)
{
    for (size_t n = 0; n < t->count; n++) {
        const struct symlink_instance *i = &t->instances[n];
        if (!i->live.name[0] ||
            strcmp(i->live.name, t->instances[0].live.name) != 0 ||
            (i->running[0] && !symlink_runs(i)))
            return 0;
    }
    return t->count > 0;
}

/* The answer's fields, once all instances run the same. */
static json_t *describe(const struct symlink_target *t)
{
    json_t *list = json_array(), *value;
    int64_t since = 0;
    int healthy = 1;
    for (size_t n = 0; n < t->count; n++) {
        const struct symlink_instance *i = &t->instances[n];
        json_t *row =
            json_pack("{s:s, s:s}", "name", i->name, "version", i->live.name);
        if (i->healthy >= 0)
            json_object_set_new(row, "healthy", json_boolean(i->healthy));
        if (i->healthy < healthy)
            healthy = i->healthy;
        if (i->since > since)
            since = i->since;
        json_array_append_new(list, row);
    }
    value = json_pack("{s:s, s:o, s:I}", "version", t->instances[0].live.name,
                      "instances", list, "since", (json_int_t)since);
    if (t->instances[0].live.commit[0])
        json_object_set_new(value, "commit",
                            json_string(t->instances[0].live.commit));
    if (healthy >= 0)
        json_object_set_new(value, "healthy", json_boolean(healthy));
    return value;
}

static int current(const struct driver_call *c, struct driver_answer *a)
{
    struct symlink_target *t = malloc(sizeof *t);
    char all[1200];
    if (!t)
        return answer_fail(a, OUTCOME_RETRYABLE, "no memory");
    if (symlink_open(t, c, a) != 0)
        goto out;
    look_at_all(t, 1);
    if (same_everywhere(t)) {
        answer_ok(a, describe(t));
        goto out;
    }
    symlink_tell(t, all, sizeof all);
    answer_fail(a, OUTCOME_PARTIAL,
                "deploy %s: the instances do not run one version: %s",
                c->system, all);
out:
    free(t);
    return 0;
}

/* Whether this very call has begun before, in a process that was killed:
   then it may have changed something already. */
static int begun(struct roll *r)
{
    r->note = note_read(r->t.c);
    if (r->note &&
        strcmp(value_text(r->note, "version", ""), r->to.name) == 0) {
        r->changed = 1;
        return 1;
    }
    json_decref(r->note);
    r->note = json_pack("{s:s, s:[]}", "version", r->to.name, "done");
    return 0;
}

static int at_release(const struct roll *r, const struct symlink_instance *i)
{
    return strcmp(i->live.name, r->to.name) == 0;
}

/* Where this call has begun before, some may have got the new one already;
   what somebody else has put there meanwhile is not overwritten. */
static int as_expected(const struct roll *r, int again, struct driver_answer *a)
{
    const struct symlink_target *t = &r->t;
    const char *expect = value_text(t->c->args, "expect", NULL);
    char all[1000];
    for (size_t n = 0; expect && n < t->count; n++) {
        const struct symlink_instance *i = &t->instances[n];
        if ((again && at_release(r, i)) ||
            (i->live.name[0] &&
             release_matches(expect, i->live.name, i->live.commit)))
            continue;
        symlink_tell(t, all, sizeof all);
        answer_fail(a, OUTCOME_CONFLICT,
                    "deploy %s: %s is not live everywhere as expected; "
                    "nothing was changed%s; %s",
                    t->c->system, expect, again ? " now" : "", all);
        return 0;
    }
    return 1;
}

static int done_before(const struct roll *r, const struct symlink_instance *i)
{
    size_t at;
    json_t *name;
    json_array_foreach(json_object_get(r->note, "done"), at, name)
    {
        if (strcmp(json_string_value(name), i->name) == 0)
            return 1;
    }
    return 0;
}

/* Nothing to do: it points there, is healthy, and is known to have been
   restarted since, by its own word or by ours. */
static int settled(struct roll *r, struct symlink_instance *i)
{
    if (!at_release(r, i))
        return 0;
    symlink_ask(&r->t, i);
    if (i->healthy == 0)
        return 0;
    return symlink_runs(i) || done_before(r, i) ||
           (!json_array_size(i->restart) && i->healthy > 0);
}

/* The link never is missing: a new one is made beside it and renamed over
   it. Returns 0, or -1 with why filled. */
static int point(struct roll *r, struct symlink_instance *i)
{
    char temporary[PATH_MAX + 16];
    if (at_release(r, i))
        return 0;
    snprintf(temporary, sizeof temporary, "%s.rbrun", i->link);
    unlink(temporary); /* of a call that was killed */
    if (symlink(r->to.path, temporary) != 0) {
        snprintf(i->why, sizeof i->why, "cannot get a new link: %s",
                 strerror(errno));
        return -1;
    }
    if (rename(temporary, i->link) != 0) {
        snprintf(i->why, sizeof i->why, "cannot be given the new link: %s",
                 strerror(errno));
        unlink(temporary);
        return -1;
    }
    r->changed = 1;
    i->live = r->to;
    if (json_file_sync_name(i->link) != 0) {
        snprintf(i->why, sizeof i->why, "its link may not last: %s",
                 strerror(errno));
        return -1;
    }
    driver_progress(r->t.c, "%s points at %s", i->name, r->to.name);
    return 0;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int restart(struct roll *r, struct symlink_instance *i)
{
    const struct driver_call *c = r->t.c;
    struct program_value values[] = {{"version", r->to.name},
                                     {"commit", r->to.commit},
                                     {"instance", i->name},
                                     {"key", c->key},
                                     {"run", c->run},
                                     {"target", c->system},
                                     {NULL, NULL}};
    struct program p = {i->restart, NULL, values, 0};
    struct process_result result;
    struct error err = {0};
    char how[300], title[300];
    int rc;
    if (!json_array_size(i->restart))
        return 0;
    p.timeout = earlier(option_duration(c, "restart_timeout", RESTART_TIMEOUT),
                        r->t.deadline - clock_steady());
    if (p.timeout < 1)
        p.timeout = 1;
    r->changed = 1;
    rc = program_run(c, &p, &result, &err);
    if (rc) {
        snprintf(i->why, sizeof i->why, "restart: %.300s", err.message);
    } else {
        snprintf(title, sizeof title, "restart %.200s", i->name);
        if (program_keep(c, title, &result, &err) != 0)
            driver_progress(c, "output not kept: %s", err.message);
        process_describe(&result, how, sizeof how);
        if (result.status != 0)
            snprintf(i->why, sizeof i->why, "restart %s", how);
        rc = result.status != 0;
    }
    process_result_free(&result);
    return rc ? -1 : 0;
}

/* Until the instance has been healthy for `health_holds` without a break. */
static int await_health(struct roll *r, struct symlink_instance *i)
{
    const struct driver_call *c = r->t.c;
    int64_t holds = option_duration(c, "health_holds", 0), since = -1;
    int64_t until =
        earlier(r->until, clock_steady() + option_duration(c, "health_timeout",
                                                           HEALTH_TIMEOUT));
    if (!i->health && !i->version)
        return 0;
    for (;;) {
        int64_t now;
        i->why[0] = '\0';
        symlink_ask(&r->t, i);
        now = clock_steady();
        if (i->healthy == 0)
            since = -1;
        else if (since < 0)
            since = now;
        if (since >= 0 && now - since >= holds)
            return 0;
        if (now + PAUSE >= until)
            break;
        clock_sleep(PAUSE);
    }
    if (!i->why[0])
        snprintf(i->why, sizeof i->why, "has not been healthy long enough");
    return -1;
}

/* Written after each instance: a killed call goes on where it was. */
static int mark(struct roll *r, const struct symlink_instance *i,
                struct error *err)
{
    if (i)
        json_array_append_new(json_object_get(r->note, "done"),
                              json_string(i->name));
    return note_write(r->t.c, r->note, err);
}

static int one_instance(struct roll *r, struct symlink_instance *i)
{
    struct error err = {0};
    if (settled(r, i)) {
        driver_progress(r->t.c, "%s runs %s already", i->name, r->to.name);
        return 0;
    }
    i->why[0] = '\0';
    if (point(r, i) != 0 || restart(r, i) != 0 || await_health(r, i) != 0)
        return -1;
    if (mark(r, i, &err) != 0)
        driver_progress(r->t.c, "%s", err.message);
    driver_progress(r->t.c, "%s is %s on %s", i->name,
                    i->healthy > 0 ? "healthy" : "restarted", r->to.name);
    return 0;
}

static int stopped(struct roll *r, const struct symlink_instance *i,
                   struct driver_answer *a)
{
    char why[400], all[900];
    snprintf(why, sizeof why, "%s", i->why);
    look_at_all(&r->t, 0);
    symlink_tell(&r->t, all, sizeof all);
    if (!r->changed)
        return answer_fail(a, OUTCOME_RETRYABLE,
                           "deploy %s: %s %s; nothing was changed",
                           r->t.c->system, i->name, why);
    return answer_fail(a, OUTCOME_NOT_REACHED,
                       "deploy %s: %s %s; the roll out of %s stopped there; "
                       "%s",
                       r->t.c->system, i->name, why, r->to.name, all);
}

static int roll_out(struct roll *r, struct driver_answer *a)
{
    for (size_t n = 0; n < r->t.count; n++) {
        struct symlink_instance *i = &r->t.instances[n];
        if (one_instance(r, i) != 0)
            return stopped(r, i, a);
    }
    for (size_t n = 0; n < r->t.count; n++) {
        struct symlink_instance *i = &r->t.instances[n];
        symlink_look(&r->t, i);
        if (!at_release(r, i)) {
            snprintf(i->why, sizeof i->why,
                     "was pointed elsewhere by somebody else");
            return stopped(r, i, a);
        }
    }
    return answer_ok(a, describe(&r->t));
}

static int release(const struct driver_call *c, struct driver_answer *a)
{
    struct roll *r = calloc(1, sizeof *r);
    struct error err = {0};
    if (!r)
        return answer_fail(a, OUTCOME_RETRYABLE, "no memory");
    if (symlink_open(&r->t, c, a) != 0 ||
        symlink_find(&r->t, value_text(c->args, "version", ""), &r->to, a))
        goto out;
    r->until =
        earlier(r->t.deadline,
                clock_steady() + arg_duration(c, "within", INT64_C(86400000)));
    look_at_all(&r->t, 0);
    if (!as_expected(r, begun(r), a))
        goto out;
    if (mark(r, NULL, &err) != 0)
        answer_fail(a, OUTCOME_RETRYABLE, "deploy %s: %s; nothing was changed",
                    c->system, err.message);
    else
        roll_out(r, a);
out:
    json_decref(r->note);
    free(r);
    return 0;
}

/* Not whole: releasing again is harmless where it has happened and goes on
   where it was cut off. Nothing is restarted before its link is switched. */
static int not_applied(const struct roll *r, int has_begun,
                       struct driver_answer *a)
{
    int some = 0;
    char all[900];
    for (size_t n = 0; n < r->t.count; n++)
        some = some || at_release(r, &r->t.instances[n]);
    symlink_tell(&r->t, all, sizeof all);
    return answer_ok(a, json_pack("{s:b, s:s*}", "applied", 0, "partly",
                                  has_begun && some ? all : NULL));
}

static int probe_release(const struct driver_call *c, struct driver_answer *a)
{
    struct roll *r = calloc(1, sizeof *r);
    int applied = 1, has_begun;
    if (!r)
        return answer_fail(a, OUTCOME_UNKNOWN, "no memory");
    if (symlink_open(&r->t, c, a) != 0 ||
        symlink_find(&r->t, value_text(c->args, "version", ""), &r->to, a)) {
        a->outcome = OUTCOME_UNKNOWN;
        goto out;
    }
    look_at_all(&r->t, 0);
    has_begun = begun(r);
    for (size_t n = 0; n < r->t.count; n++)
        applied = applied && settled(r, &r->t.instances[n]);
    if (applied)
        answer_ok(
            a, json_pack("{s:b, s:o}", "applied", 1, "value", describe(&r->t)));
    else
        not_applied(r, has_begun, a);
out:
    json_decref(r->note);
    free(r);
    return 0;
}

static int check_keys(json_t *row, size_t n, struct error *err)
{
    static const char *const known[] = {"name", "current", "health", "version",
                                        "restart"};
    json_t *value;
    const char *key;
    json_object_foreach(row, key, value)
    {
        size_t k = 0;
        while (k < 5 && strcmp(key, known[k]) != 0)
            k++;
        if (k == 5 || json_is_array(value) != (k == 4))
            return error_set(err, RB_INVALID,
                             "instances: entry %zu: %s is not one of the "
                             "texts name, current, health and version, nor "
                             "the list restart",
                             n + 1, key);
    }
    return 0;
}

static int check_instance(json_t *row, size_t n, struct error *err)
{
    static const char *const lists[] = {"restart", NULL};
    if (check_keys(row, n, err) != 0)
        return err->code;
    if (!value_text(row, "name", NULL) || !value_text(row, "current", NULL))
        return error_set(err, RB_INVALID,
                         "instances: entry %zu needs name = \"..\" and "
                         "current = \"path of its link\"",
                         n + 1);
    if (program_check(row, lists, err) != 0) {
        error_prefix(err, "instances: %s: ", value_text(row, "name", ""));
        return err->code;
    }
    return 0;
}

static int check(const json_t *binding, struct error *err)
{
    static const char *const lists[] = {NULL};
    const json_t *instances = json_object_get(binding, "instances");
    json_t *row;
    size_t n;
    if (!json_array_size(instances) ||
        json_array_size(instances) > SYMLINK_INSTANCES)
        return error_set(err, RB_INVALID,
                         "instances is a list of 1 to %d tables",
                         SYMLINK_INSTANCES);
    json_array_foreach(instances, n, row)
    {
        if (check_instance(row, n, err) != 0)
            return err->code;
    }
    return program_check(binding, lists, err);
}

static const struct driver_option options[] = {
    {"releases", "path", 1,
     "the folder of release directories; each has a file REVISION with its "
     "commit, written last"},
    {"instances", "any", 1,
     "a list of { name = \"blue\", current = \"path of its link\", restart = "
     "{ argv }, health = \"url\", version = \"url\" }, in the order of the "
     "roll out; {version}, {commit}, {instance}, {key}, {run} and {target} "
     "are replaced in restart; health answers 200, version with a line of "
     "text or {\"version\": ..}"},
    {"health_timeout", "duration", 0,
     "how long to wait for an instance to be healthy (default 5m)"},
    {"health_holds", "duration", 0,
     "how long it must stay healthy before the next one (default 0s)"},
    {"restart_timeout", "duration", 0,
     "kill a restart's process group after (default 2m)"},
    PROGRAM_OPTIONS,
    {NULL, NULL, 0, NULL},
};

static const struct driver_verb verbs[] = {
    {"deploy.current", SETTLE_PURE, current, NULL},
    {"deploy.release", SETTLE_PROBED, release, probe_release},
    {NULL, SETTLE_PURE, NULL, NULL},
};

const struct driver deploy_symlink = {
    .family = "deploy",
    .name = "symlink",
    .text = "release directories and a symbolic link for each instance",
    .options = options,
    .verbs = verbs,
    .check = check,
    .quick = 0,
};
