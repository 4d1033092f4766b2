/*
 * Judge a set of migrations by their text, and tell it. The SQL and the
 * programs themselves are read in the jailed reader.
 */
#ifndef RBRUN_DRIVERS_ASSESS_JUDGE_H
#define RBRUN_DRIVERS_ASSESS_JUDGE_H

#include "assess_set.h"

/* "compatible", "caution", ...: the worse of two verdicts; "none" is the
   best. */
const char *assess_worse(const char *a, const char *b);

/*
 * Each migration after those before it: *entries is a new list, an object a
 * judged unit, in their order. Codes of reader.h.
 */
int assess_judge_each(const struct assess_set *set, json_t **entries,
                      struct error *err);

/* The judged ones as one net change: a new object, without "is". */
int assess_judge_net(const struct assess_set *set, json_t **net,
                     struct error *err);

/* Add what the scratch database saw to an entry or a net: its verdict, its
   findings, and what only the text can know. reply: of mode compare. */
void assess_judge_merge(json_t *entry, const json_t *reply);

/* Put a reason into an entry, and its verdict down to the reason's level. */
void assess_judge_reason(json_t *entry, const char *level, const char *code,
                         const char *object, int64_t line, const char *text,
                         const char *safe);

#endif
