/*
 * migrate.up and migrate.down: exactly one step, from the expected version,
 * with the file of a named revision, once per key.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_STEP_H
#define RBRUN_DRIVERS_MIGRATE_STEP_H

#include "driver.h"

int migrate_step_up(const struct driver_call *c, struct driver_answer *a);
int migrate_step_down(const struct driver_call *c, struct driver_answer *a);

/* Has the step of this key taken effect? Certain unless the server cannot
   be asked, the step is still running there, or it ran outside of a
   transaction and was cut off. */
int migrate_step_probe(const struct driver_call *c, struct driver_answer *a);

#endif
