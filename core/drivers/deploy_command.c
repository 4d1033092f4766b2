/*
 * Deploy by the programs that a team already has: one that releases a
 * version, one that prints which version is live, and optionally one that
 * says whether it is healthy and one that says whether a release took effect.
 */
#include "program.h"
#include "release_name.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_TIMEOUT (10 * 60 * 1000)
#define READ_TIMEOUT (30 * 1000)
#define HEALTH_TIMEOUT (5 * 60 * 1000)
#define HEALTH_PAUSE 500 /* ms between two questions */
#define HEADROOM 500     /* ms before the engine's own limit */

/* One call: its placeholders and until when it may take (ms, steady). */
struct work {
    const struct driver_call *c;
    struct program_value values[5];
    int64_t deadline;
};

/* What `current` printed. */
struct live {
    char version[300], commit[300]; /* longer than a name may be */
};

static void begin(struct work *w, const struct driver_call *c)
{
    int64_t all = c->timeout > 0 ? c->timeout : INT64_C(86400000);
    w->c = c;
    w->deadline = clock_steady() + all - HEADROOM;
    w->values[0] =
        (struct program_value){"version", value_text(c->args, "version", NULL)};
    w->values[1] = (struct program_value){"key", c->key};
    w->values[2] = (struct program_value){"run", c->run};
    w->values[3] = (struct program_value){"target", c->system};
    w->values[4] = (struct program_value){NULL, NULL};
}

static int run(const struct work *w, const char *option, int64_t timeout,
               struct process_result *r, struct error *err)
{
    struct program p = {json_object_get(w->c->binding, option), NULL, w->values,
                        timeout};
    int64_t left = w->deadline - clock_steady();
    if (p.timeout > left)
        p.timeout = left > 0 ? left : 1;
    return program_run(w->c, &p, r, err);
}

static void copy_line(const char **at, char *out, size_t size)
{
    size_t n = strcspn(*at, "\r\n");
    snprintf(out, size, "%.*s", (int)n, *at);
    *at += n;
    *at += strspn(*at, "\r");
    *at += **at == '\n';
}

/* Ask which version is live. Returns 0, or -1 with the answer filled. */
static int read_live(const struct work *w, struct live *live,
                     struct driver_answer *a)
{
    struct process_result r;
    struct error err = {0};
    char how[700];
    const char *at;
    int rc = run(w, "current", READ_TIMEOUT, &r, &err), result = -1;
    if (rc) {
        program_not_started(a, rc, &err);
        goto out;
    }
    process_describe(&r, how, sizeof how);
    at = buf_text(&r.out);
    copy_line(&at, live->version, sizeof live->version);
    copy_line(&at, live->commit, sizeof live->commit);
    if (r.timed_out)
        answer_fail(a, OUTCOME_TIMEOUT, "deploy %s: current %s", w->c->system,
                    how);
    else if (r.status != 0)
        answer_fail(a, r.status < 0 ? OUTCOME_RETRYABLE : program_outcome(&r),
                    "deploy %s: current %s", w->c->system, how);
    else if (!live->version[0])
        answer_fail(a, OUTCOME_NO_DATA,
                    "deploy %s: current printed no version on its first line",
                    w->c->system);
    else if (!release_is_name(live->version) ||
             (live->commit[0] && !release_is_name(live->commit)))
        answer_fail(a, OUTCOME_REJECTED,
                    "deploy %s: what current printed is no version: %.100s",
                    w->c->system, live->version);
    else
        result = 0;
out:
    process_result_free(&r);
    return result;
}

/* Ask once. Returns 1 healthy, 0 not (why says so), -1 there is no health
   program. */
static int ask_health(const struct work *w, char *why, size_t size)
{
    struct process_result r;
    struct error err = {0};
    int healthy;
    if (!json_object_get(w->c->binding, "health"))
        return -1;
    if (run(w, "health", READ_TIMEOUT, &r, &err) != 0) {
        snprintf(why, size, "%.*s", (int)size - 1, err.message);
        healthy = 0;
    } else {
        process_describe(&r, why, size);
        healthy = r.status == 0;
    }
    process_result_free(&r);
    return healthy;
}

static int64_t health_limit(const struct work *w)
{
    int64_t within =
        arg_duration(w->c, "within",
                     option_duration(w->c, "health_timeout", HEALTH_TIMEOUT));
    int64_t until = clock_steady() + within;
    return until < w->deadline ? until : w->deadline;
}

static int await_health(const struct work *w, char *why, size_t size)
{
    int64_t until = health_limit(w);
    for (;;) {
        int healthy = ask_health(w, why, size);
        if (healthy)
            return healthy;
        if (clock_steady() + HEALTH_PAUSE >= until)
            return 0;
        driver_progress(w->c, "%s is not healthy yet: health %s", w->c->system,
                        why);
        clock_sleep(HEALTH_PAUSE);
    }
}

static json_t *describe(const struct work *w, const struct live *live,
                        int healthy)
{
    json_t *instance =
        json_pack("{s:s, s:s}", "name", w->c->system, "version", live->version);
    json_t *value = json_pack("{s:s, s:[O]}", "version", live->version,
                              "instances", instance);
    if (live->commit[0])
        json_object_set_new(value, "commit", json_string(live->commit));
    if (healthy >= 0) {
        json_object_set_new(value, "healthy", json_boolean(healthy));
        json_object_set_new(instance, "healthy", json_boolean(healthy));
    }
    json_decref(instance);
    return value;
}

static int current(const struct driver_call *c, struct driver_answer *a)
{
    struct work w;
    struct live live;
    char why[700] = "";
    begin(&w, c);
    if (read_live(&w, &live, a) != 0)
        return 0;
    return answer_ok(a, describe(&w, &live, ask_health(&w, why, sizeof why)));
}

/* The version goes into other programs' arguments: nothing that they could
   take for an option, a path or a second line. */
static int acceptable(const char *version)
{
    return version[0] && version[0] != '-' &&
           strspn(version, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
                           "XYZ0123456789._+:@/-") == strlen(version) &&
           !strstr(version, "..") && version[0] != '/';
}

static int as_expected(const struct work *w, struct driver_answer *a)
{
    const char *expect = value_text(w->c->args, "expect", NULL);
    struct live live;
    if (!expect)
        return 1;
    if (read_live(w, &live, a) != 0) {
        char why[sizeof a->message];
        snprintf(why, sizeof why, "%.1000s; nothing was released", a->message);
        answer_fail(
            a, a->outcome == OUTCOME_NO_DATA ? OUTCOME_CONFLICT : a->outcome,
            "%s", why);
        return 0;
    }
    if (release_matches(expect, live.version, live.commit))
        return 1;
    answer_fail(a, OUTCOME_CONFLICT,
                "deploy %s: %s is live, not %s as expected; nothing was "
                "released",
                w->c->system, live.version, expect);
    return 0;
}

/* What to add to a failure: what is live now. */
static void tell_live(const struct work *w, char *out, size_t size)
{
    struct driver_answer a = {OUTCOME_UNKNOWN, NULL, ""};
    struct live live;
    if (read_live(w, &live, &a) == 0)
        snprintf(out, size, "live is now %s", live.version);
    else
        snprintf(out, size, "what is live now could not be read");
}

/* Run the release program. Returns 0 when it says that it did it. */
static int do_release(const struct work *w, struct driver_answer *a)
{
    struct process_result r;
    struct error err = {0};
    char how[700], now[400];
    int result = -1, rc;
    if (clock_steady() >= w->deadline) {
        answer_fail(a, OUTCOME_TIMEOUT,
                    "deploy %s: no time was left to release; nothing was "
                    "released",
                    w->c->system);
        return -1;
    }
    rc = run(w, "release", option_duration(w->c, "timeout", DEFAULT_TIMEOUT),
             &r, &err);
    if (rc) {
        program_not_started(a, rc, &err);
        goto out;
    }
    if (program_keep(w->c, "release", &r, &err) != 0)
        driver_progress(w->c, "output not kept: %s", err.message);
    if (r.status == 0) {
        result = 0;
        goto out;
    }
    process_describe(&r, how, sizeof how);
    tell_live(w, now, sizeof now);
    answer_fail(a, program_outcome(&r),
                "deploy %s: release %s; %s (output: call-%u.log)", w->c->system,
                how, now, w->c->sequence);
out:
    process_result_free(&r);
    return result;
}

static int verify(const struct work *w, struct driver_answer *a)
{
    const char *version = value_text(w->c->args, "version", "");
    char why[700] = "";
    struct live live;
    int healthy = await_health(w, why, sizeof why);
    if (read_live(w, &live, a) != 0) {
        snprintf(why, sizeof why, "%.600s", a->message);
        return answer_fail(a, OUTCOME_UNKNOWN,
                           "released %s, but what is live cannot be read: %s",
                           version, why);
    }
    if (!release_matches(version, live.version, live.commit))
        return answer_fail(a, OUTCOME_NOT_REACHED,
                           "deploy %s: release of %s ended well, but live is "
                           "%s%s%s",
                           w->c->system, version, live.version,
                           live.commit[0] ? " at " : "", live.commit);
    if (!healthy)
        return answer_fail(a, OUTCOME_NOT_REACHED,
                           "deploy %s: %s is live but not healthy in time: "
                           "health %s",
                           w->c->system, live.version, why);
    return answer_ok(a, describe(w, &live, healthy));
}

static int release(const struct driver_call *c, struct driver_answer *a)
{
    struct work w;
    const char *version = value_text(c->args, "version", "");
    begin(&w, c);
    if (!acceptable(version))
        return answer_fail(a, OUTCOME_REJECTED,
                           "deploy %s: \"%s\" is not a version that can be "
                           "handed to a program; nothing was released",
                           c->system, version);
    if (!as_expected(&w, a) || do_release(&w, a) != 0)
        return 0;
    return verify(&w, a);
}

/* The release has happened. Whether it ended well is what the call would
   have answered; a version that is live and ill is for a person to judge. */
static int settled(const struct work *w, struct driver_answer *a)
{
    verify(w, a);
    if (a->outcome == OUTCOME_OK)
        return answer_ok(
            a, json_pack("{s:b, s:o}", "applied", 1, "value", a->value));
    a->outcome = OUTCOME_UNKNOWN;
    return 0;
}

/* Without a probe program only the live version can speak, and only for yes:
   a release that was cut off may still be on its way. */
static int probe_by_current(const struct work *w, struct driver_answer *a)
{
    const char *version = value_text(w->c->args, "version", "");
    struct live live;
    if (read_live(w, &live, a) != 0) {
        a->outcome = OUTCOME_UNKNOWN;
        return 0;
    }
    if (release_matches(version, live.version, live.commit))
        return settled(w, a);
    return answer_fail(a, OUTCOME_UNKNOWN,
                       "deploy %s: live is %s; whether the release of %s is "
                       "still on its way cannot be told without a probe",
                       w->c->system, live.version, version);
}

static int probe_release(const struct driver_call *c, struct driver_answer *a)
{
    struct work w;
    struct process_result r;
    struct error err = {0};
    char how[700];
    begin(&w, c);
    if (!json_object_get(c->binding, "probe"))
        return probe_by_current(&w, a);
    if (run(&w, "probe", READ_TIMEOUT, &r, &err) != 0) {
        answer_fail(a, OUTCOME_UNKNOWN, "deploy %s: probe: %s", c->system,
                    err.message);
    } else if (r.status == 1) {
        answer_ok(a, json_pack("{s:b}", "applied", 0));
    } else if (r.status == 0) {
        settled(&w, a);
    } else {
        process_describe(&r, how, sizeof how);
        answer_fail(a, OUTCOME_UNKNOWN, "deploy %s: probe %s", c->system, how);
    }
    process_result_free(&r);
    return 0;
}

static int check(const json_t *binding, struct error *err)
{
    static const char *const lists[] = {"release", "current", "health", "probe",
                                        NULL};
    return program_check(binding, lists, err);
}

static const struct driver_option options[] = {
    {"release", "list", 1,
     "the program that makes {version} live, and its arguments; {key}, {run} "
     "and {target} are replaced too. Exit status 0 is ok, 75 retryable, 77 "
     "auth, others rejected"},
    {"current", "list", 1,
     "prints the live version on its first line, its commit on the second"},
    {"health", "list", 0,
     "exit status 0 when what is live is healthy; asked until it is"},
    {"probe", "list", 0,
     "whether an interrupted release took effect: exit status 0 yes, 1 no, "
     "others unknown"},
    {"timeout", "duration", 0,
     "kill the release's process group after (default 10m)"},
    {"health_timeout", "duration", 0,
     "how long to wait for health where the call does not say (default 5m)"},
    PROGRAM_OPTIONS,
    {NULL, NULL, 0, NULL},
};

static const struct driver_verb verbs[] = {
    {"deploy.current", SETTLE_PURE, current, NULL},
    {"deploy.release", SETTLE_PROBED, release, probe_release},
    {NULL, SETTLE_PURE, NULL, NULL},
};

const struct driver deploy_command = {
    .family = "deploy",
    .name = "command",
    .text = "a release program and the programs that check it",
    .options = options,
    .verbs = verbs,
    .check = check,
    .quick = 0,
};
