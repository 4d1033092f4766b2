/*
 * Share the traffic between instances by the weights of HAProxy's servers.
 * Weights are set as absolute numbers, so that they are percents whatever the
 * configuration says, and read back from HAProxy afterwards. It never
 * touches the states "drain" and "maint", which are people's.
 */
#include "deploy_haproxy.h"
#include "json_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int current(const struct driver_call *c, struct driver_answer *a)
{
    struct haproxy_view *w = malloc(sizeof *w);
    if (!w)
        return answer_fail(a, OUTCOME_RETRYABLE, "no memory");
    if (haproxy_open(w, c, a) == 0 && haproxy_look(w, a) == 0 &&
        haproxy_all_found(w, a) == 0)
        answer_ok(a, haproxy_describe(w));
    free(w);
    return 0;
}

/* The weight asked for an instance; what is not named gets nothing. */
static int64_t asked(const struct haproxy_view *w, const char *instance)
{
    const json_t *weights = json_object_get(w->c->args, "weights");
    return (int64_t)json_number_value(json_object_get(weights, instance));
}

static int sensible(const struct haproxy_view *w, struct driver_answer *a)
{
    json_t *instances = json_object_get(w->c->binding, "instances"), *value;
    const char *instance;
    double sum = 0;
    json_object_foreach(json_object_get(w->c->args, "weights"), instance, value)
    {
        double part = json_number_value(value);
        if (!json_object_get(instances, instance))
            return answer_fail(a, OUTCOME_NOT_FOUND,
                               "deploy %s: there is no instance \"%s\" in the "
                               "environment; nothing was changed",
                               w->c->system, instance),
                   -1;
        if (!json_is_number(value) || part < 0 || part > 100 ||
            part != floor(part))
            return answer_fail(a, OUTCOME_REJECTED,
                               "deploy %s: the weight of %s is not a whole "
                               "percent from 0 to 100; nothing was changed",
                               w->c->system, instance),
                   -1;
        sum += part;
    }
    if (sum == 100)
        return 0;
    answer_fail(a, OUTCOME_REJECTED,
                "deploy %s: the weights sum to %g, not to 100; nothing was "
                "changed",
                w->c->system, sum);
    return -1;
}

/* Traffic must not be sent to a server that does not take it, nor be taken
   by one that the environment does not know. */
static int shiftable(const struct haproxy_view *w, struct driver_answer *a)
{
    const char *instance;
    json_t *value;
    json_object_foreach(json_object_get(w->c->binding, "instances"), instance,
                        value)
    {
        const struct haproxy_server *s = haproxy_find(w, instance);
        if (asked(w, instance) > 0 && !haproxy_takes(s)) {
            answer_fail(a, OUTCOME_CONFLICT,
                        "deploy %s: %s is %s, so it cannot get %lld percent; "
                        "nothing was changed",
                        w->c->system, instance, haproxy_state_of(s),
                        (long long)asked(w, instance));
            return -1;
        }
    }
    for (size_t i = 0; i < w->now.count; i++) {
        const struct haproxy_server *s = &w->now.servers[i];
        if (!haproxy_bound(w, s->name) && haproxy_takes(s) && s->weight > 0) {
            answer_fail(a, OUTCOME_CONFLICT,
                        "deploy %s: server %s of backend %s takes traffic "
                        "too, and is no instance of the environment; nothing "
                        "was changed",
                        w->c->system, s->name, w->backend);
            return -1;
        }
    }
    return 0;
}

/* As a number, or for algorithms that cannot change weights, whose only
   choice is all or nothing, as HAProxy's "0%" and "100%". */
static int set_weight(struct haproxy_view *w, const char *server,
                      int64_t weight, struct driver_answer *a)
{
    char command[600];
    struct buf text;
    struct error err = {0};
    int rc = 0, all = weight == 0 || weight == 100;
    for (int relative = 0; relative <= all; relative++) {
        snprintf(command, sizeof command, "set weight %.200s/%.120s %lld%s",
                 w->backend, server, (long long)weight, relative ? "%" : "");
        rc = haproxy_ask(w->where, command, w->deadline, &text, &w->sent, &err);
        if (rc || !strstr(buf_text(&text), "static LB") || relative == all)
            break;
        buf_free(&text);
    }
    if (rc)
        haproxy_failed(w, rc, &err, a);
    else if (text.size > strspn(text.data, " \r\n")) {
        enum outcome outcome = haproxy_refusal(text.data);
        rc = haproxy_refused(w,
                             outcome == OUTCOME_OK ? OUTCOME_REJECTED : outcome,
                             text.data, a);
    }
    buf_free(&text);
    return rc ? -1 : 0;
}

/* Those that get more first: at no moment does everybody have nothing. */
static int set_all(struct haproxy_view *w, struct driver_answer *a)
{
    json_t *instances = json_object_get(w->c->binding, "instances"), *value;
    const char *instance;
    for (int lowering = 0; lowering < 2; lowering++) {
        json_object_foreach(instances, instance, value)
        {
            int64_t weight = asked(w, instance);
            const struct haproxy_server *s = haproxy_find(w, instance);
            if ((weight < s->weight) != lowering || weight == s->weight)
                continue;
            if (set_weight(w, s->name, weight, a) != 0)
                return -1;
            driver_progress(w->c, "%s gets %lld percent", instance,
                            (long long)weight);
        }
    }
    return 0;
}

static int as_asked(const struct haproxy_view *w)
{
    json_t *value;
    const char *instance;
    json_object_foreach(json_object_get(w->c->binding, "instances"), instance,
                        value)
    {
        const struct haproxy_server *s = haproxy_find(w, instance);
        if (!s || fabs(haproxy_share(w, s) - (double)asked(w, instance)) > 1e-6)
            return 0;
    }
    return 1;
}

/* A failure in the middle says what the weights are now. */
static void tell_weights(struct haproxy_view *w, struct driver_answer *a)
{
    struct driver_answer ignored = {OUTCOME_UNKNOWN, NULL, ""};
    struct buf text = BUF_INIT(2048);
    char why[900];
    json_t *now;
    snprintf(why, sizeof why, "%.*s", (int)sizeof why - 1, a->message);
    if (haproxy_look(w, &ignored) != 0)
        return;
    now = haproxy_shares(w);
    value_encode(now, &text);
    answer_fail(a, a->outcome, "%s; the percents are now %s", why,
                buf_text(&text));
    json_decref(now);
    buf_free(&text);
}

/* The first of the weights has been set and another one has not: the call
   cannot say that it did nothing. */
static void cut_short(struct haproxy_view *w, const json_t *before,
                      struct driver_answer *a)
{
    enum outcome outcome = a->outcome;
    json_t *now;
    tell_weights(w, a);
    now = haproxy_shares(w);
    if (outcome != OUTCOME_UNKNOWN && !json_equal(now, before))
        a->outcome = OUTCOME_NOT_REACHED;
    json_decref(now);
}

static int move(struct haproxy_view *w, struct driver_answer *a)
{
    struct error err = {0};
    json_t *before = note_read(w->c); /* made again: how it was at first */
    int rc = 0;
    if (!before) {
        before = haproxy_shares(w);
        rc = note_write(w->c, before, &err);
    }
    if (rc) {
        answer_fail(a, OUTCOME_RETRYABLE, "deploy %s: %s; nothing was changed",
                    w->c->system, err.message);
    } else if (set_all(w, a) != 0) {
        cut_short(w, before, a);
    } else if (haproxy_look(w, a) != 0) {
        a->outcome = OUTCOME_UNKNOWN;
    } else if (!as_asked(w)) {
        answer_fail(a, OUTCOME_CONFLICT,
                    "deploy %s: the weights that HAProxy reads back are not "
                    "those that were set; something else sets them too",
                    w->c->system);
        tell_weights(w, a);
    } else {
        answer_ok(a, json_pack("{s:o, s:O}", "weights", haproxy_shares(w),
                               "before", before));
    }
    json_decref(before);
    return 0;
}

static int shift(const struct driver_call *c, struct driver_answer *a)
{
    struct haproxy_view *w = malloc(sizeof *w);
    if (!w)
        return answer_fail(a, OUTCOME_RETRYABLE, "no memory");
    if (haproxy_open(w, c, a) == 0 && sensible(w, a) == 0 &&
        haproxy_look(w, a) == 0 && haproxy_all_found(w, a) == 0 &&
        shiftable(w, a) == 0)
        move(w, a);
    free(w);
    return 0;
}

/* Commands are answered when they are done: nothing is in flight. before: the
   shares that the call found, or NULL when it did not get so far. */
static void settle_shift(const struct haproxy_view *w, json_t *before,
                         struct driver_answer *a)
{
    json_t *now = haproxy_shares(w);
    struct buf text = BUF_INIT(2048);
    int partly = before && !json_equal(now, before);
    if (as_asked(w)) {
        answer_ok(a,
                  json_pack("{s:b, s:{s:O, s:O}}", "applied", 1, "value",
                            "weights", now, "before", before ? before : now));
    } else {
        buf_adds(&text, "the percents are now ");
        value_encode(now, &text);
        answer_ok(a, json_pack("{s:b, s:s*}", "applied", 0, "partly",
                               partly ? buf_text(&text) : NULL));
    }
    json_decref(now);
    buf_free(&text);
}

static int probe_shift(const struct driver_call *c, struct driver_answer *a)
{
    struct haproxy_view *w = malloc(sizeof *w);
    json_t *before = NULL;
    if (!w)
        return answer_fail(a, OUTCOME_UNKNOWN, "no memory");
    if (haproxy_open(w, c, a) != 0 || haproxy_look(w, a) != 0) {
        a->outcome = OUTCOME_UNKNOWN;
    } else {
        before = note_read(c);
        settle_shift(w, before, a);
    }
    json_decref(before);
    free(w);
    return 0;
}

/* A name that goes into a command must be one word of it. */
static int one_word(const char *text)
{
    return text && text[0] && strlen(text) < 120 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789-_.:") == strlen(text);
}

static int check(const json_t *binding, struct error *err)
{
    const char *address = value_text(binding, "address", NULL);
    const char *instance;
    json_t *value;
    if (!address == !json_object_get(binding, "socket"))
        return error_set(err, RB_INVALID,
                         "give either socket or address, where HAProxy's "
                         "runtime API listens");
    if (address && haproxy_where(address, err) != 0)
        return RB_INVALID;
    if (!one_word(value_text(binding, "backend", NULL)))
        return error_set(err, RB_INVALID, "backend is not a backend's name");
    json_object_foreach(json_object_get(binding, "instances"), instance, value)
    {
        if (!one_word(json_string_value(value)))
            return error_set(err, RB_INVALID,
                             "instances: %s is not a server's name", instance);
    }
    if (!json_object_size(json_object_get(binding, "instances")))
        return error_set(err, RB_INVALID,
                         "instances is empty; give name = \"server\"");
    return 0;
}

static const struct driver_option options[] = {
    {"socket", "path", 0,
     "unix socket of HAProxy's runtime API (stats socket, level admin, for a "
     "shift "
     "or operator, to look)"},
    {"address", "text", 0, "the same as host:port, on loopback only"},
    {"backend", "text", 1, "the backend whose servers share the traffic"},
    {"instances", "table", 1, "instance = name of its server in the backend"},
    {"timeout", "duration", 0, "give up after (default 10s)"},
    {NULL, NULL, 0, NULL},
};

static const struct driver_verb verbs[] = {
    {"deploy.current", SETTLE_PURE, current, NULL},
    {"deploy.shift", SETTLE_PROBED, shift, probe_shift},
    {NULL, SETTLE_PURE, NULL, NULL},
};

const struct driver deploy_haproxy = {
    .family = "deploy",
    .name = "haproxy",
    .text = "traffic shares by HAProxy's runtime API",
    .options = options,
    .verbs = verbs,
    .check = check,
    .quick = 0,
};
