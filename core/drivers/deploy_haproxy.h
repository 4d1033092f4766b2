/*
 * One call's view of a HAProxy backend: which servers there are, in what
 * state, with which share of the traffic. Reads only, what is changed is
 * deploy_haproxy.c's.
 */
#ifndef RBRUN_DRIVERS_DEPLOY_HAPROXY_H
#define RBRUN_DRIVERS_DEPLOY_HAPROXY_H

#include "haproxy_socket.h"

struct haproxy_view {
    const struct driver_call *c;
    const char *backend;
    char where[4096];
    int64_t deadline; /* ms, clock_steady */
    int sent;         /* a command that changes something may have arrived */
    struct haproxy_backend now;
};

/* Take the binding apart. Those that return -1 have filled the answer. */
int haproxy_open(struct haproxy_view *w, const struct driver_call *c,
                 struct driver_answer *a);

/* Read the backend's servers into now. Returns 0 or -1. */
int haproxy_look(struct haproxy_view *w, struct driver_answer *a);

/* 0 when every instance of the environment has its server, else -1. */
int haproxy_all_found(const struct haproxy_view *w, struct driver_answer *a);

/* Answer a failure to talk to HAProxy, or its refusal in its own words.
   Always -1. */
int haproxy_failed(const struct haproxy_view *w, int rc,
                   const struct error *err, struct driver_answer *a);
int haproxy_refused(const struct haproxy_view *w, enum outcome outcome,
                    const char *text, struct driver_answer *a);

/* The server of an instance, or NULL. */
const struct haproxy_server *haproxy_find(const struct haproxy_view *w,
                                          const char *instance);

/* Whether a server belongs to an instance of the environment. */
int haproxy_bound(const struct haproxy_view *w, const char *server);

/* Whether a server gets requests at all when it has a weight, and the word
   for its state. */
int haproxy_takes(const struct haproxy_server *s);
const char *haproxy_state_of(const struct haproxy_server *s);

/* The percent of the traffic that a server's weight gives it now. */
double haproxy_share(const struct haproxy_view *w,
                     const struct haproxy_server *s);

/* New references: {instance = percent}, and the answer of deploy.current. */
json_t *haproxy_shares(const struct haproxy_view *w);
json_t *haproxy_describe(const struct haproxy_view *w);

#endif
