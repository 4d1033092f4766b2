/*
 * A program that does something else than its record says: both sides, side
 * by side, with the runbook's line, where they differ, and the way out. This
 * file makes texts; who compares what is record.c and ending.c.
 *
 * Each fills err and returns RB_DIVERGED. rec is NULL, and value too, where
 * the record is at its end.
 */
#ifndef RBRUN_ENGINE_DIVERGE_H
#define RBRUN_ENGINE_DIVERGE_H

#include "run.h"

/* It makes a call that is not the recorded one, or not at this place. */
int diverge_call(const struct run *r, const struct record *rec,
                 const json_t *value, const struct call *c, struct error *err);

/* It says something (a record of this kind) that is not what it said: recorded
   and fields are the two without their heads. */
int diverge_event(const struct run *r, const struct record *rec,
                  const json_t *recorded, enum record_kind kind,
                  const json_t *fields, struct error *err);

/* It waits, or ends (r->done), and the record goes on with something that it
   does not do. */
int diverge_silence(const struct run *r, const struct record *rec,
                    const json_t *value, struct error *err);

/* The record answers a call for which nobody waits. */
int diverge_answer(const struct run *r, uint32_t call, const json_t *answer,
                   struct error *err);

/* It ends, but otherwise: `now` is the record it would write; both without
   their heads. */
int diverge_end(const struct run *r, const json_t *was, const json_t *now,
                struct error *err);

/* It did all the same, with another number of instructions. */
int diverge_count(const struct run *r, int64_t was, int64_t now,
                  struct error *err);

#endif
