/*
 * Planning: the same runbook with writes predicted. Where the way forks on
 * an answer that only the real thing can give, both ways are walked.
 */
#ifndef RBRUN_ENGINE_PLAN_H
#define RBRUN_ENGINE_PLAN_H

#include "run.h"

/* Stands for what only the real thing can answer. */
#define PLAN_LATER "(known after apply)"

struct plan {
    char id[16];        /* digest of program, inputs, foreseen writes, and
                           where it fails */
    json_t *entries;    /* calls in order: writes, notices, waits, and the
                           reads whose answer is known after apply */
    json_t *decisions;  /* what the policy said, with its evidence */
    json_t *foreseen;   /* every write on every walked way */
    json_t *result;     /* how the main way ends: the DONE document's result */
    json_t *blind;      /* where its sight ends, texts */
    struct error error; /* the main way failed: why */
    int failed;
    json_t *reads;      /* answers of the first walk, reused on the others */
    json_t *overlay;    /* what predicted writes make later reads answer */
    json_t *branch;     /* entries of the way being walked */
    uint32_t fail_at;   /* the call that this walk answers "not reached" */
    uint32_t predicted; /* writes predicted so far on this way */
    int64_t undo_pending;
};

/* Walk all ways. r is MODE_PLAN with program, environment, inputs ready.
   Returns 0 with *plan filled; RB_DENIED, RB_INVALID for a runbook that must
   not or cannot run. */
int plan_make(struct run *r, struct plan *plan, struct error *err);
void plan_free(struct plan *plan);

/* What a write would answer, when all goes well. New reference. */
json_t *plan_predict(const struct verb *v, const json_t *args);

/* Is this write one of those foreseen? Texts for people (a snapshot's note)
   may differ. */
int plan_foresaw(const json_t *foreseen, const struct verb *v,
                 const char *system, const json_t *args);

/* Called by the run loop in MODE_PLAN. */
int plan_answer(struct run *r, struct call *c, struct error *err);
void plan_saw_undo(struct run *r, int64_t id);
void plan_saw_decision(struct run *r, const json_t *fields);

int verb_changes_production(const struct verb *v);

#endif
