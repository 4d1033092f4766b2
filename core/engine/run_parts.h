/* The pieces of the loop, for each other: frames in, answers out, turns. */
#ifndef RBRUN_ENGINE_RUN_PARTS_H
#define RBRUN_ENGINE_RUN_PARTS_H

#include "plan.h"
#include "run.h"

/* run_frames.c: handle every complete frame that has come. */
void run_take_frames(struct run *r);

/* Check a call against its verb, the bindings, `uses` and the grants: 0
   fine; 1 a mistake of the runbook (why); negative: the run must end. */
int run_check_call(struct run *r, struct call *c, struct error *why);
/* Answer such a mistake: the script's line and its undo steps come into
   play. */
void run_refuse_misuse(struct call *c, const struct error *why);

/* run_due.c */

/* Whether a frame that frame_check has passed may come now. RB_INVALID. */
int run_frame_due(struct run *r, const struct frame *f, struct error *err);
/* A worker that waits says nothing, and has something to wait for. */
int run_check_quiet(const struct run *r, struct error *err);
int run_check_waits(const struct run *r, struct error *err);

/* run_limits.c */

/* The worker was ended, or is now: journal it, and end the run. */
void run_worker_ended(struct run *r, enum worker_verdict verdict,
                      const struct error *why);
/* The first half of it. In a replay why becomes a divergence where the
   recorded run was not ended so. */
void run_tell_end(struct run *r, enum worker_verdict verdict,
                  struct error *why);
/* In a replay: the recorded run was ended here, by something that does not
   repeat itself (time, a crash): it is ended now, too. */
void run_take_recorded_end(struct run *r);

/* uses.c: the next step for a call of a verb that `uses` does not name. */
void run_add_use(const struct run *r, const char *verb, struct error *err);
/* Behind a grant to add: how a run that was resumed goes on with it. */
void run_add_resume(const struct run *r, struct error *err);

/* run_answers.c */

/* The worker is blocked: start what it asked for, and give it one thing. */
int run_give_one(struct run *r, struct error *err);
/* Calls that are answered: settle their doubts, line them up. */
int run_settle_ready(struct run *r, struct error *err);
/* A write that the runbook no longer waits for still gets its result, and
   so does each that ends while the run does. */
int run_record_rest(struct run *r, struct error *err);
/* Find out about recorded calls that may have left before a crash. */
int run_start_doubtful(struct run *r, struct error *err);
/* The runbook no longer waits for this call. */
void run_drop(struct run *r, struct call *c);
/* Has this write, or message, left without its result being recorded? */
int run_is_open(const struct run *r, const struct call *c);
/* Is anything under way that must be let finish? */
int run_writing(const struct run *r);
struct call *run_find_call(struct run *r, uint32_t sequence);

#endif
