/*
 * Everything around an execution: the environment read in its jail, the lock
 * taken, the run's directory made or opened again, the first record written.
 * The commands of core/cli are thin above this.
 */
#ifndef RBRUN_ENGINE_SESSION_H
#define RBRUN_ENGINE_SESSION_H

#include "plan.h"
#include "run.h"

struct session {
    struct program program;
    struct environment environment;
    struct secrets secrets;
    struct journal journal;
    struct tape tape;
    struct plan plan;
    struct run run;
    struct observer *observer;
    int lock; /* descriptor, -1 when not held */
    char by[64];
};

struct session_request {
    const char *file;        /* the runbook; NULL for a stored run */
    const char *environment; /* name or path; NULL: the only one there is */
    const char *const *inputs;
    size_t input_count;
    struct observer *observer;
};

void session_init(struct session *s, struct observer *observer);
void session_free(struct session *s);

/* Evaluate an environment file in a worker of its own. */
int session_environment(struct session *s, const char *file, struct error *err);

/*
 * Read the runbook and its environment, and load the program in a worker for
 * the given mode: header, inputs and grants are checked. A failure has
 * changed nothing.
 */
int session_load(struct session *s, const struct session_request *q,
                 enum run_mode mode, struct error *err);

/* Only find the environment's file: --environment, $RBRUN_ENVIRONMENT, or
   the only one in environments/ beside the runbooks. */
int session_find_environment(const struct program *p, const char *wanted,
                             char *path, size_t size, struct error *err);

/* Take the service's lock for a run that has no id yet ("starting"). */
int session_lock(struct session *s, const char *run, int64_t patience,
                 struct error *err);

/* The lock of a run that exists; its tape is read again under it. */
int session_lock_run(struct session *s, int64_t patience, struct error *err);

/* Make the plan with a worker of its own (session_load with MODE_PLAN came
   first). */
int session_plan(struct session *s, struct error *err);

/* A new live run after a plan: directory, stored program, first records
   (started, approval), a fresh worker. how: "typed", "--yes", ... */
int session_begin(struct session *s, const char *how, struct error *err);

/* Open a run that exists, for resume (MODE_LIVE) or replay. program, when
   not NULL, is an edited source to go on with; environment, when not NULL, the
   name or path of the file to take in place of the recorded table. */
int session_reopen(struct session *s, const char *name, enum run_mode mode,
                   const char *program, const char *environment,
                   struct error *err);

/* What a run is: "running", "waiting", "in doubt", "interrupted", "ended".
   Reads the tape in s. */
struct run_state {
    const char *state;
    char question[2048]; /* for waiting and in doubt */
    uint32_t call;       /* the call in question, or 0 */
    int exit;            /* ended: its status, else -1 */
};
void session_state(struct session *s, struct run_state *out);

/* Append the answer of a person to a write in doubt. */
int session_resolve(struct session *s, uint32_t call, int applied,
                    const char *because, struct error *err);

#endif
