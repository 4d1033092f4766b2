/*
 * A driver is how a verb reaches a real system. It runs in a process of its
 * own, a fork of the engine made for one call: it may block, it may be
 * killed at any moment (timeout, Ctrl-C, death of the engine), and whatever
 * it leaks dies with it. It must not touch the journal, the terminal or the
 * engine's state; it says everything through its answer.
 *
 * A driver file includes only this header, core/wire/, helpers of
 * core/drivers/ and its one external library.
 */
#ifndef RBRUN_DRIVERS_DRIVER_H
#define RBRUN_DRIVERS_DRIVER_H

#include "../wire/clock.h"
#include "../wire/error.h"
#include "../wire/value.h"

#include <stdint.h>

/* How a call can end. The names in runbooks are outcome_name()'s. */
enum outcome {
    OUTCOME_OK,
    OUTCOME_NO_DATA,     /* asked, and there was nothing: never a pass */
    OUTCOME_PARTIAL,     /* an answer that its giver calls incomplete */
    OUTCOME_REJECTED,    /* the peer understood and refused (documented 4xx) */
    OUTCOME_AUTH,        /* wrong or missing credentials */
    OUTCOME_NOT_FOUND,   /* the named thing does not exist */
    OUTCOME_CONFLICT,    /* it is not in the state the call expected */
    OUTCOME_RETRYABLE,   /* certainly did not happen; may work later */
    OUTCOME_TIMEOUT,     /* a read, or a write that certainly did not start */
    OUTCOME_NOT_REACHED, /* the awaited condition did not come true in time */
    OUTCOME_UNAVAILABLE, /* nobody is listening, or the name is unknown */
    OUTCOME_UNKNOWN,     /* a write left, and no answer came */
    OUTCOMES
};
const char *
outcome_name(enum outcome o); /* "no_data"; UNKNOWN is "unknown_outcome" */

/* What settles a write whose result was never recorded. */
enum settle {
    SETTLE_PURE,   /* a read: ask again */
    SETTLE_KEYED,  /* the peer de-duplicates: send it again with the key */
    SETTLE_PROBED, /* the peer can be asked: call the row's probe */
    SETTLE_MANUAL  /* neither: a person says `rbrun resolve` */
};

struct driver_call {
    const char *verb;        /* "deploy.release" */
    const char *system;      /* the binding's name, "api" */
    const json_t *args;      /* checked against the verb's row */
    const json_t *binding;   /* the environment's table, secrets resolved */
    const char *key;         /* 64 hex digits: digest of run, call, request */
    const char *run;         /* the run's id, "20261121-7F3K" */
    const char *service;     /* what the runbook looks after */
    const char *environment; /* the environment's name */
    const char *root;        /* directory of the environment file, absolute */
    const char *artifacts;   /* the run's directory for large outputs; may
                                not exist yet: driver_artifact makes it */
    const char *state;       /* the state directory, absolute: what outlives
                                a run; NULL where there is none */
    uint32_t sequence;       /* number of the call in the run */
    int64_t changed_at;      /* ms since 1970 when the run's last write
                                finished, 0 when it has written nothing */
    int64_t timeout;         /* ms the engine will wait in all; it kills the
                                process then, so stop a little earlier */
    int progress_fd;         /* -1, or where driver_progress writes */
};

struct driver_answer {
    enum outcome outcome;
    json_t *value;      /* for OUTCOME_OK: an object; owned */
    char message[1536]; /* for anything else: object, cause */
};

/* Fill the answer; they return 0 so that a driver can `return answer_...`. */
int answer_ok(struct driver_answer *a, json_t *value); /* steals value */
int answer_fail(struct driver_answer *a, enum outcome outcome,
                const char *format, ...) __attribute__((format(printf, 3, 4)));

/* One line for the live view: "blue is healthy (1/2)". */
void driver_progress(const struct driver_call *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Make the artifacts directory and give the path of name below it. */
int driver_artifact(const struct driver_call *c, const char *name, char *path,
                    size_t size, struct error *err);

/* An option of the binding, or the default. Paths start at c->root. */
const char *option_text(const struct driver_call *c, const char *key,
                        const char *otherwise);
int64_t option_duration(const struct driver_call *c, const char *key,
                        int64_t otherwise); /* ms */
int option_path(const struct driver_call *c, const char *key, char *path,
                size_t size); /* 0, or RB_NOTFOUND when it is not set */

/* An argument of the call that is a duration, in ms, or the default. */
int64_t arg_duration(const struct driver_call *c, const char *key,
                     int64_t otherwise);

/*
 * An option that a binding may hold. type: "text", "url", "path",
 * "duration", "int", "number", "bool", "list" (of texts), "table",
 * "outcomes" (verb of the driver = outcome), "any".
 */
struct driver_option {
    const char *name;
    const char *type;
    int required;
    const char *text; /* for the reference page, one line */
};

/* Answer the call. Returns 0 with *a filled; anything else is a bug. */
typedef int driver_function(const struct driver_call *c,
                            struct driver_answer *a);

struct driver_verb {
    const char *verb; /* full name, "deploy.release" */
    enum settle settle;
    driver_function *call;
    /* For SETTLE_PROBED: has the write described by c (same args, same key)
       taken effect? OUTCOME_OK with {"applied":true|false} plus, if true,
       "value" as the call would have answered, and if false, "partly": a
       text that says what is there of it, where some of it is, or may still
       come; then the call goes on with the rest when it is made again.
       OUTCOME_UNKNOWN when it cannot be told. NULL otherwise. */
    driver_function *probe;
};

struct driver {
    const char *family;                  /* the verbs' noun: "deploy" */
    const char *name;                    /* "symlink" */
    const char *text;                    /* one line for the reference page */
    const struct driver_option *options; /* ends with a NULL name */
    const struct driver_verb *verbs;     /* ends with a NULL verb */
    /* NULL, or an extra check of a binding when the environment is read. */
    int (*check)(const json_t *binding, struct error *err);
    int quick; /* never blocks: may be answered inside the engine */
};

/* What a module exports, ended by NULL. */
extern const struct driver *const rbrun_drivers[];

#endif
