/*
 * One call of a runbook on its way: what was asked, and the driver process
 * that finds the answer. Knows drivers and processes; not the journal, and
 * not what an answer means for the run.
 */
#ifndef RBRUN_ENGINE_CALL_H
#define RBRUN_ENGINE_CALL_H

#include "../drivers/driver.h"
#include "environment.h"
#include "secret.h"
#include "verb.h"

#include <sys/types.h>

enum call_state {
    CALL_NEW,     /* recorded, not started */
    CALL_RUNNING, /* a driver process works, or a wait runs */
    CALL_READY,   /* answered; a write's doubt may have to be settled */
    CALL_SETTLED, /* may be delivered */
    CALL_DOUBT,   /* a write of which only a person can tell */
    CALL_DONE     /* delivered, or dropped */
};

struct call {
    struct call *next;
    uint32_t sequence;
    const struct verb *verb;
    json_t *request;       /* the CALL document, owned */
    const char *system;    /* borrowed from request or environment; or NULL */
    const json_t *binding; /* borrowed from the environment; or NULL */
    char key[65];
    enum call_state state;
    int recorded;     /* its intent came from the tape */
    int offered;      /* the worker was blocked with it: it may have left */
    uint32_t order;   /* which answer came first */
    int dropped;      /* cancelled by the runbook: nobody waits for it */
    int probing;      /* the process asks whether the write happened */
    int misuse;       /* refused for its arguments: message says why */
    int resent;       /* a keyed write was sent once more */
    int64_t started;  /* steady ms */
    int64_t deadline; /* steady ms; for a wait: when it is over */
    int64_t waited;   /* ms of a wait that an earlier process has spent */
    int terminated;   /* SIGTERM was sent, at this steady ms */
    int64_t terminated_at;
    pid_t pid;
    int answer_fd;
    int progress_fd;
    struct buf answer_text;
    struct buf progress;
    enum outcome outcome;
    json_t *value;      /* of an OK answer; owned */
    char message[1536]; /* of any other */
    char lost[300];     /* how a write's process ended without an answer */
    int interrupted;    /* we ended it because of a stop */
};

/* What a driver process gets to know besides the call itself. */
struct call_context {
    const char *run;
    const char *service;
    const struct environment *environment;
    struct secrets *secrets;
    char artifacts[4096];
    int64_t changed_at;
};

/* A call from its CALL document (borrowed). NULL when memory is short. */
struct call *call_new(uint32_t sequence, const struct verb *v, json_t *request);
void call_free(struct call *c); /* kills its process */

const json_t *call_args(const struct call *c);

/* How long the engine waits for it, ms. */
int64_t call_timeout(const struct call *c);

/* The length of a wait.sleep, ms; -1 when it is not given exactly once. */
int64_t call_wait_ms(const struct call *c);

/*
 * Start answering: inside the engine for verbs without a system and quick
 * drivers (then the state is CALL_READY at once), else in a driver process.
 * probe asks the driver's probe instead. A failure to start is an answer
 * too: 0 is always returned unless memory is short.
 */
int call_start(struct call *c, const struct call_context *x, int probe);

/* How its driver settles a write whose result is unknown. */
enum settle call_settle(const struct call *c);

/* Read what came from its process (after poll); when the process has
   answered or died, the state becomes CALL_READY. */
void call_receive(struct call *c, const struct call_context *x);

/* Time has passed: enforce the deadline. Returns ms until it next wants to
   be looked at, or -1. */
int64_t call_tick(struct call *c, const struct call_context *x);

/* Ask its process to end (it becomes ready with an outcome soon). */
void call_stop(struct call *c);

/* Answer it by hand. Steals value. */
void call_answer(struct call *c, enum outcome outcome, json_t *value,
                 const char *message);

/* The RESULT document: {"ok":..} or {"err":{..}}. New reference. */
json_t *call_result(const struct call *c);

/* The last complete line of progress, taken; NULL when there is none new. */
char *call_progress(struct call *c);

#endif
