/* What a command says of the jail before a runbook starts in it. */
#ifndef RBRUN_CLI_JAIL_H
#define RBRUN_CLI_JAIL_H

#include "../ui/view.h"

/* One line (an event with --json) when this machine lacks a layer of the
   jail that the run's worker should have; on --quiet, too. */
void jail_warn(const struct view *v, const struct run *r);

#endif
