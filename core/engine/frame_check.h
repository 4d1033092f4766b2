/*
 * What a frame of the worker may hold, as tables: for each type its fields,
 * their types, which must be there, and how large each may be. A field that
 * is in no table is refused. This file knows shapes only; whether a frame is
 * due, and whether its numbers mean anything, is known in run_due.c.
 */
#ifndef RBRUN_ENGINE_FRAME_CHECK_H
#define RBRUN_ENGINE_FRAME_CHECK_H

#include "worker.h"

/*
 * Check a frame that came from a worker: its header (number, body, flags),
 * then its document. config: it evaluates an environment, whose LOADED holds
 * any table. Returns 0, or RB_INVALID and says which field is wrong.
 */
int frame_check(const struct frame *f, int config, struct error *err);

/*
 * The worker broke the protocol, and err (RB_INVALID) says how: say it as a
 * violation of the file NAME, with the line last seen. Returns RB_DENIED.
 */
int frame_violated(const struct worker *w, const char *name, struct error *err);

/* It ended well, and had not said that the run has ended. RB_DENIED. */
int worker_silent(const struct worker *w, const char *name, struct error *err);

#endif
