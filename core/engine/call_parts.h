/* The pieces of a call, for each other. */
#ifndef RBRUN_ENGINE_CALL_PARTS_H
#define RBRUN_ENGINE_CALL_PARTS_H

#include "call.h"

#define ANSWER_MAX (8u << 20) /* bytes of an answer on its pipe */
#define CALL_NO_MEMORY 11     /* a driver process ends with it for that */

/* call_own.c: answer a verb that has no driver. 1, or 0: it has one. */
int call_answer_own(struct call *c, const struct call_context *x);

/* call_driver.c: answer at once, or start the process that will. What keeps
   it from starting is an answer, too. */
void call_ask_driver(struct call *c, const struct call_context *x, int probe);

/* call.c */
void call_close(struct call *c); /* its descriptors */

#endif
