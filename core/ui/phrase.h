/* Calls and answers in words, one short line each. */
#ifndef RBRUN_UI_PHRASE_H
#define RBRUN_UI_PHRASE_H

#include "../wire/value.h"

#include <stdio.h>

/* "deploy.release api -> v2.4.0 (1a2b3c4)": verb, system, what matters.
   names may be NULL. */
void phrase_call(const char *verb, const char *system, const json_t *args,
                 const json_t *names, struct buf *out);

/* Remember in names (an object, commit = name) what an answer calls the
   commit that it speaks of. */
void phrase_learn(json_t *names, const json_t *answer);

/* "live is v2.4.0, healthy", or "no_data: ..." for an err. */
void phrase_answer(const char *verb, const json_t *answer, struct buf *out);

/* Print a message of several lines: the first as it is, every other one
   indented, so that none can pass for a line of rbrun's own. No newline
   behind the last. */
void phrase_lines(const char *text, FILE *out);

/* Text that came from outside, on one line and of at most max columns (with
   "..." behind the cut); what would command a terminal is shown as \xNN. */
void phrase_clean(const char *text, size_t max, struct buf *out);

#endif
