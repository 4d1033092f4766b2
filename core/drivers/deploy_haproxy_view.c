#include "deploy_haproxy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_TIMEOUT 10000 /* ms */
#define HEADROOM 500          /* ms before the engine's own limit */

int haproxy_open(struct haproxy_view *w, const struct driver_call *c,
                 struct driver_answer *a)
{
    int64_t most = c->timeout > 0 ? c->timeout - HEADROOM : DEFAULT_TIMEOUT;
    int64_t wanted = option_duration(c, "timeout", DEFAULT_TIMEOUT);
    const char *address = option_text(c, "address", NULL);
    memset(w, 0, sizeof *w);
    w->c = c;
    w->backend = option_text(c, "backend", "");
    w->deadline = clock_steady() + (wanted < most ? wanted : most);
    if (option_path(c, "socket", w->where, sizeof w->where) == 0)
        return 0;
    if (!address) {
        answer_fail(a, OUTCOME_REJECTED,
                    "deploy %s: neither \"socket\" nor \"address\" is usable",
                    c->system);
        return -1;
    }
    snprintf(w->where, sizeof w->where, "%s", address);
    return 0;
}

static enum outcome outcome_of(int rc)
{
    switch (rc) {
    case RB_NOTFOUND:
    case RB_CLOSED:
        return OUTCOME_UNAVAILABLE;
    case RB_DENIED:
        return OUTCOME_AUTH;
    case RB_BUSY:
        return OUTCOME_TIMEOUT;
    case RB_INVALID:
    case RB_TOOBIG:
        return OUTCOME_REJECTED;
    default:
        return OUTCOME_RETRYABLE;
    }
}

int haproxy_failed(const struct haproxy_view *w, int rc,
                   const struct error *err, struct driver_answer *a)
{
    answer_fail(a, w->sent ? OUTCOME_UNKNOWN : outcome_of(rc), "deploy %s: %s",
                w->c->system, err->message);
    return -1;
}

/* HAProxy's own words, as one line. */
int haproxy_refused(const struct haproxy_view *w, enum outcome outcome,
                    const char *text, struct driver_answer *a)
{
    text += strspn(text, " \r\n");
    answer_fail(a, outcome, "deploy %s: HAProxy says about backend %s: %.*s",
                w->c->system, w->backend, (int)strcspn(text, "\r\n"), text);
    return -1;
}

/* Read the backend's servers. Returns 0, or -1 with the answer filled. */
int haproxy_look(struct haproxy_view *w, struct driver_answer *a)
{
    char command[400];
    struct buf text;
    struct error err = {0};
    int ignored = 0, rc, result = -1;
    snprintf(command, sizeof command, "show servers state %.200s", w->backend);
    rc = haproxy_ask(w->where, command, w->deadline, &text, &ignored, &err);
    if (!rc && haproxy_refusal(buf_text(&text)) != OUTCOME_OK) {
        haproxy_refused(w, haproxy_refusal(buf_text(&text)), buf_text(&text),
                        a);
        goto out;
    }
    if (!rc)
        rc = haproxy_parse(buf_text(&text), &w->now, &err);
    result = rc ? haproxy_failed(w, rc, &err, a) : 0;
out:
    buf_free(&text);
    return result;
}

static const char *server_of(const struct haproxy_view *w, const char *instance)
{
    return value_text(json_object_get(w->c->binding, "instances"), instance,
                      instance);
}

const struct haproxy_server *haproxy_find(const struct haproxy_view *w,
                                          const char *instance)
{
    const char *name = server_of(w, instance);
    for (size_t i = 0; i < w->now.count; i++) {
        if (strcmp(w->now.servers[i].name, name) == 0)
            return &w->now.servers[i];
    }
    return NULL;
}

int haproxy_bound(const struct haproxy_view *w, const char *server)
{
    const char *instance;
    json_t *value;
    json_object_foreach(json_object_get(w->c->binding, "instances"), instance,
                        value)
    {
        if (strcmp(json_string_value(value), server) == 0)
            return 1;
    }
    return 0;
}

/* Whether it gets requests at all when it has a weight. */
int haproxy_takes(const struct haproxy_server *s)
{
    return s->state >= 1 && s->state <= 2 &&
           !(s->admin & (HAPROXY_MAINT | HAPROXY_DRAIN));
}

const char *haproxy_state_of(const struct haproxy_server *s)
{
    if (s->admin & HAPROXY_MAINT)
        return "in maintenance";
    if (s->admin & HAPROXY_DRAIN)
        return "draining";
    if (s->state == 0)
        return "down";
    return s->state == 3 ? "stopping" : s->state == 1 ? "starting" : "up";
}

int haproxy_all_found(const struct haproxy_view *w, struct driver_answer *a)
{
    const char *instance;
    json_t *value;
    json_object_foreach(json_object_get(w->c->binding, "instances"), instance,
                        value)
    {
        if (!haproxy_find(w, instance)) {
            answer_fail(a, OUTCOME_NOT_FOUND,
                        "deploy %s: backend %s has no server %s (instance "
                        "%s)",
                        w->c->system, w->backend, json_string_value(value),
                        instance);
            return -1;
        }
    }
    return 0;
}

/* The share of the traffic that a server's weight gives it, in percent. */
double haproxy_share(const struct haproxy_view *w,
                     const struct haproxy_server *s)
{
    int64_t sum = 0;
    for (size_t i = 0; i < w->now.count; i++) {
        if (haproxy_takes(&w->now.servers[i]))
            sum += w->now.servers[i].weight;
    }
    if (!haproxy_takes(s) || !sum)
        return 0;
    return 100.0 * (double)s->weight / (double)sum;
}

/* A whole number as an integer, so that {blue = 100} reads back the same. */
static json_t *percent(double value)
{
    double whole = round(value);
    if (fabs(value - whole) < 1e-9)
        return json_integer((json_int_t)whole);
    return json_real(round(value * 100) / 100);
}

json_t *haproxy_shares(const struct haproxy_view *w)
{
    json_t *all = json_object(), *value;
    const char *instance;
    json_object_foreach(json_object_get(w->c->binding, "instances"), instance,
                        value)
    {
        const struct haproxy_server *s = haproxy_find(w, instance);
        if (s)
            json_object_set_new(all, instance, percent(haproxy_share(w, s)));
    }
    return all;
}

json_t *haproxy_describe(const struct haproxy_view *w)
{
    json_t *list = json_array(), *all = haproxy_shares(w), *each, *value;
    const char *instance, *only = NULL;
    int healthy = 1, serving = 0;
    json_object_foreach(all, instance, each)
    {
        const struct haproxy_server *s = haproxy_find(w, instance);
        double part = json_number_value(each);
        serving += part > 0;
        if (part > 0)
            only = instance;
        if (s->weight > 0 && !haproxy_takes(s))
            healthy = 0;
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:O, s:b, s:s}", "name", instance,
                            "version", instance, "weight", each, "healthy",
                            s->state == 2 && !(s->admin & HAPROXY_MAINT),
                            "state", haproxy_state_of(s)));
    }
    value = json_pack("{s:o, s:o, s:b}", "instances", list, "weights", all,
                      "healthy", healthy && serving > 0);
    if (serving == 1)
        json_object_set_new(value, "version", json_string(only));
    return value;
}
