/*
 * A step by the migration tool's own command, where the environment gives
 * one: for tools whose migrations are programs, or that are to do it
 * themselves. The ledger is read before and after: the step is what the
 * ledger says that it was, whatever the command says.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_TOOL_H
#define RBRUN_DRIVERS_MIGRATE_TOOL_H

#include "migrate_prepare.h"

/* Whether the binding has a command for this direction ("tool_up",
   "tool_down"). */
int migrate_tool_configured(const struct driver_call *c,
                            enum migrate_direction direction);

#endif
