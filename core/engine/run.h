/*
 * One execution of a runbook: a worker that asks, and whoever answers. The
 * same loop (run_loop.c) serves the three modes; they differ in who answers
 * (answer.c) and in whether a journal is kept (record.c).
 */
#ifndef RBRUN_ENGINE_RUN_H
#define RBRUN_ENGINE_RUN_H

#include "../store/journal.h"
#include "../store/place.h"
#include "call.h"
#include "environment.h"
#include "program.h"
#include "secret.h"
#include "worker.h"

#include <stdint.h>

/* The Lua, and the stdlib in it, that the worker was built with. With another
   one the same program may come out differently: it goes into the journal. */
extern const char lua_build[];

enum run_mode {
    MODE_LIVE,   /* drivers answer, the journal remembers */
    MODE_PLAN,   /* drivers answer reads, predictions answer writes */
    MODE_REPLAY, /* the journal answers everything */
    MODE_CHECK   /* load only */
};

/* Exit statuses: docs/architecture.md section 7 is this table. */
enum exit_status {
    EXIT_GOAL = 0,
    EXIT_FAILED_UNDONE = 1,
    EXIT_REFUSED = 2,
    EXIT_DECLINED = 3,
    EXIT_WAITING = 4,
    EXIT_GATE = 5,
    EXIT_BUSY = 6,
    EXIT_PARTIAL = 7,
    EXIT_IN_DOUBT = 8,
    EXIT_ESCALATED = 9,
    EXIT_BUG = 70,
    EXIT_INTERRUPTED = 130,
    EXIT_TERMINATED = 143
};
const char *exit_meaning(int status); /* "failed, everything undone" */

/* Who watches a run: the terminal, the JSON printer, the plan's collector. */
struct observer {
    void *data;
    /* Something happened. fields is borrowed. */
    void (*event)(void *data, const char *kind, const json_t *fields);
    /* About once a second, for heartbeats; NULL if not wanted. */
    void (*tick)(void *data);
    /* Ask a person about a write that no plan foresaw. 1 yes, 0 no, -1
       nobody can be asked. NULL is -1. */
    int (*ask)(void *data, const json_t *call);
};

struct undo_step {
    int64_t id;
    char *what;
    uint32_t covers; /* sequence of the write it compensates, 0 none yet */
};

struct plan;

struct run {
    enum run_mode mode;
    struct observer *observer;
    struct program *program;
    struct environment *environment;
    struct secrets *secrets;
    json_t *header;  /* what runbook{...} declared */
    json_t *input;   /* checked inputs */
    json_t *jail;    /* layers the worker reports */
    json_t *globals; /* in MODE_CHECK: names the file reads */
    int64_t seed;
    char id[RUN_ID];
    char directory[PLACE_PATH];
    struct worker worker;
    struct call_context context;
    struct call *calls; /* oldest first */
    uint32_t sequence;  /* of the newest call */

    struct journal *journal; /* MODE_LIVE */
    struct tape *tape;       /* resume and replay; or NULL */
    size_t cursor;           /* next record of the tape */
    unsigned ahead;          /* recorded results the worker was given before the
                                calls they answer came in */
    int beyond; /* a replay came to the end of a record that has none */
    int loose;  /* the program was edited: compare calls, not notes */

    struct plan *plan;      /* MODE_PLAN: what is being found out */
    const json_t *foreseen; /* MODE_LIVE: writes of the approved plan */
    const char *again;      /* MODE_LIVE: the command that plans the same, or
                               NULL */

    struct undo_step *undos;
    size_t undo_count;
    int64_t undo_at;    /* the undo step that runs, or 0: none has begun */
    uint32_t writes;    /* completed writes that change production */
    uint32_t uncovered; /* of these, without an undo step */
    json_t *made;       /* these writes, and the undo steps' own: call, verb,
                           system, args, undoing */
    json_t *untold;     /* notify calls that did not get through */

    json_t *resumed; /* the note to append before anything else is */
    int edited;      /* with it goes a new program, to be stored */

    int stops; /* how often a person or the system said stop */
    int stop_sent;
    int require_jail;   /* refuse to run where a layer is missing */
    uint64_t logged;    /* bytes of log lines so far */
    int signal;         /* the first one: SIGINT or SIGTERM */
    int over;           /* 1: the loop ends; 2: as soon as no write is on
                           its way */
    int parked;         /* over: to be resumed, with this status */
    uint32_t refused;   /* over: this call is not granted */
    int hostile;        /* the worker broke out of its rules */
    int broken;         /* over: the worker or something of ours failed */
    int status;         /* enum exit_status, once over */
    int sealed;         /* its last record is written: status is final */
    json_t *done;       /* the DONE document */
    struct error error; /* why, when not finished */
};

/* core/engine/load.c */

/*
 * Start a worker on the program and serve its modules until it has loaded:
 * header, jail and globals are filled. RB_INVALID carries the runbook's own
 * error with file, line and excerpt.
 */
int run_load(struct run *r, struct error *err);

/* The two halves of it: there is time for other things in between. */
int run_start(struct run *r, struct error *err);
int run_started(struct run *r, struct error *err);

/* core/engine/inputs.c: check the inputs given as NAME=VALUE texts against
   the header. */
int run_inputs(struct run *r, const char *const *given, size_t count,
               struct error *err);

/* core/engine/uses.c: every entry of `uses` must be granted on something. 0, or
   RB_DENIED with all that is missing. */
int run_check_uses(const struct run *r, struct error *err);

/* core/engine/run_limits.c */

/* The program, which was loaded for the plan, could not be loaded again:
   journal that, and end the run. */
void run_not_loaded(struct run *r, const struct error *why);

/* core/engine/run_loop.c */

/* Let the loaded program run to its end; fills status, done, error. */
void run_execute(struct run *r);

/* A stop was asked for (signal handler's side: only sets a flag). */
void run_request_stop(int signal);
/* The first signal that asked for it, or 0. */
int run_stop_requested(void);

/* core/engine/record.c */

/* A resumed run says so, in its new epoch, before it appends or effects
   anything; until then its journal is as it was. */
int record_resumed(struct run *r, struct error *err);
/* The only way into the journal. */
int record_append(struct run *r, enum record_kind kind, const json_t *payload,
                  struct error *err);
/* Compare a call with the tape's next one: 1 it is that one, 0 the tape has
   no more, RB_DIVERGED. */
int record_match(struct run *r, struct call *c, struct error *err);
int record_intent(struct run *r, const struct call *c, struct error *err);
/* Append to the journal, or match against the tape: RB_DIVERGED. */
int record_event(struct run *r, enum record_kind kind, const json_t *fields,
                 struct error *err);
/* Append only; nothing while there is no journal. */
int record_result(struct run *r, const struct call *c, const json_t *answer,
                  struct error *err);
int record_note(struct run *r, const char *what, json_t *fields,
                struct error *err);
/* The tape's next delivery, when there is one: 1 a result (call, answer,
   at), 2 an interrupt, 0 none. */
int record_delivery(struct run *r, uint32_t *call, const json_t **answer,
                    int64_t *at, struct error *err);
/* Nothing is left on the tape that the worker says or is told. */
/* The result behind *at (a place on the tape, moved on) that the worker will
   get next, if nothing but its own records stands before it. 1 or 0. */
int record_ahead(struct run *r, size_t *at, uint32_t *call,
                 const json_t **answer);
int record_exhausted(struct run *r);
/* In a replay whose tape is at its end: the record of what ended the worker,
   when nothing of the run came behind it; or NULL. Borrowed. */
const json_t *record_limit(struct run *r);
/* In a replay: the run ended as a call was refused, and the worker has made
   that call again. RB_DENIED with the recorded reason, or 0. */
int record_refusal(struct run *r, struct error *err);
/* The runbook has ended: was that all of the tape? 0 or RB_DIVERGED. */
int record_all_told(struct run *r, struct error *err);
/* In a replay: nothing answers what the runbook waits for. RB_DIVERGED. */
int record_unanswered(struct run *r, struct error *err);
/* A record without its head. New reference. */
json_t *record_payload(const json_t *value);
/* Which rbrun, and which Lua, made the newest part of the tape. */
void record_made_by(const struct run *r, const char **engine, const char **lua);
/* What the tape has of writes to production: made, and without a result. */
void record_writes(const struct run *r, unsigned *made, unsigned *open);
/* The tape's result of a call that was given up: 1 there is one. */
int record_find_result(struct run *r, uint32_t call, const json_t **answer,
                       int64_t *at);

/* core/engine/answer.c */

/* Begin to answer a call in the run's mode. */
int answer_begin(struct run *r, struct call *c, struct error *err);
/* A driver process has answered: settle what it left open. 1 when the call
   may be delivered, 0 when it works on. */
int answer_settle(struct run *r, struct call *c, struct error *err);
/* An answer too large to keep, as it is recorded instead. New reference. */
json_t *answer_instead(const struct call *c);
/* Recorded intents without a result, once the tape is at its end. */
int answer_unsettled(struct run *r, struct call *c, struct error *err);

/* core/engine/ending.c */

/* The loop is over: status, error, last record, seal. */
void run_finish(struct run *r);
/* Stop here, journaled, so that resume can go on. Writes on their way are
   let finish first; run_leave does not wait for them. */
void run_park(struct run *r, int status, const struct error *why);
void run_leave(struct run *r, int status, const struct error *why);
/* The undo steps that failed, by a DONE: [{id, what, error}], error with the
   line; tells: it was an on_failure. New reference, NULL when none failed. */
json_t *run_undo_errors(const struct run *r, const json_t *done);
/* A resume did nothing: say what stands of the run, as a status, and behind
   the message. Unchanged when that is nothing. */
void run_stands(struct run *r, struct error *err, int *status);
/* Something of our own broke; no more effects. */
void run_broke(struct run *r, const struct error *why);

void run_event(struct run *r, const char *kind, json_t *fields); /* steals */
void run_free(struct run *r);

#endif
