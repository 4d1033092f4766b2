/* The last lines of a run: who was not told, what stands, what comes next. */
#ifndef RBRUN_CLI_ENDING_H
#define RBRUN_CLI_ENDING_H

#include "../engine/run.h"
#include "../ui/view.h"

/* Print it and return the exit status. */
int ending_show(struct view *v, const struct run *r);

#endif
