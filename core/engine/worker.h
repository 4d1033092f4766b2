/*
 * A jailed process seen from the engine: started by fork and exec with one
 * socket, spoken to in frames, judged by its exit status. The engine trusts
 * nothing it says; this file checks frames, engine/run.c what they ask for.
 */
#ifndef RBRUN_ENGINE_WORKER_H
#define RBRUN_ENGINE_WORKER_H

#include "../wire/frame.h"
#include "limit.h"

#include <stdint.h>
#include <sys/types.h>

struct worker {
    pid_t pid; /* 0 when there is none */
    int fd;    /* socket, non-blocking; -1 when closed */
    struct buf in;
    struct buf out;
    int blocked;           /* its last burst is complete: it waits for us */
    int64_t counted_until; /* steady ms; up to then `thought` is counted */
    int64_t thought;       /* ms it owed us a burst, in all */
    uint64_t said;         /* bytes of its frames so far */
    int stoppable;         /* worker_await heeds run_stop_requested */
    const char *what;      /* "the runbook", for messages */
    const char *file;      /* where its limits are set; borrowed, or NULL */
    struct limits limits;
    struct limit_hit hit; /* the limit that ended it */
    volatile const struct worker_page *page;
    size_t consumed;       /* bytes at the front of `in` already handed out */
    uint64_t instructions; /* what it claims to have used, once it has ended */
};

enum worker_verdict {
    VERDICT_FINE,      /* exit 0 after the frames that were due */
    VERDICT_LIMIT,     /* a limit; `hit` says which */
    VERDICT_VIOLATION, /* a forbidden system call, a malformed frame */
    VERDICT_CRASH      /* SIGSEGV and the like, or an exit nobody planned */
};

/* What a worker is started with. */
struct worker_job {
    const char *role;       /* "run", "config" */
    const char *what;       /* "the runbook", for messages */
    const char *file;       /* the environment's, where its limits are set */
    json_t *start;          /* START; limits and layers are added to it */
    const struct buf *body; /* the source */
    struct limits limits;
    int require_jail; /* refuse to run where a layer is missing */
};

/*
 * Start `rbrun-worker ROLE` and send its START frame. Returns 0, RB_IO,
 * RB_NOTFOUND (not installed) or RB_TOOBIG (a source over its limit).
 */
int worker_start(struct worker *w, const struct worker_job *job,
                 struct error *err);

/* A limit that we watch is reached: remember which. used is in its unit,
   where "api.lua:12", or NULL for the line last seen. Returns RB_TOOBIG and
   fills err; the caller ends the worker. */
int worker_reached(struct worker *w, enum limit_id id, double used,
                   const char *where, struct error *err);

/*
 * Count the time since the last call as the worker's, if it owes us a burst;
 * called at every turn. A long gap was ours (we were stopped), and counts as
 * a second. Returns 0, or RB_TOOBIG at the limit "wall".
 */
int worker_account(struct worker *w, struct error *err);

/* Queue a frame for the next worker_push. RB_TOOBIG. */
int worker_queue(struct worker *w, enum frame_type type, uint32_t call,
                 const json_t *value, const void *body, size_t body_size,
                 struct error *err);
int worker_push(struct worker *w, struct error *err);

/* It has been given what it waited for: it owes a burst from now on. */
void worker_goes_on(struct worker *w);

/* Queue a frame and write as much as goes. RB_CLOSED when it has gone. */
int worker_send(struct worker *w, enum frame_type type, uint32_t call,
                const json_t *value, const void *body, size_t body_size,
                struct error *err);

/* Read what has come (poll said readable). RB_CLOSED at its end. */
int worker_receive(struct worker *w, struct error *err);

/*
 * The next complete frame: *got is 0 when more bytes are needed. The body is
 * borrowed until the next worker_receive. RB_INVALID: not a frame.
 */
int worker_next(struct worker *w, struct frame *f, int *got, struct error *err);
/* Whether worker_next would find one. */
int worker_has_next(const struct worker *w);

/* Whether there is more than the frames that were taken. */
int worker_said_more(const struct worker *w);

/* Wait for one frame, as long as the limit "wall" lets it think. */
int worker_await(struct worker *w, struct frame *f, struct error *err);

/* End it (SIGKILL when it has not gone by itself) and reap it. Fills err
   with what became of it unless the verdict is VERDICT_FINE. Takes a worker
   that was never started. */
enum worker_verdict worker_end(struct worker *w, int kill_it,
                               struct error *err);

/* Line of the runbook it was last seen at, "api.lua:12", or "". */
void worker_seen(const struct worker *w, char *out, size_t size);

#endif
