/* migrate.assess: may the older code run on the newer schema? */
#ifndef RBRUN_DRIVERS_MIGRATE_ASSESS_H
#define RBRUN_DRIVERS_MIGRATE_ASSESS_H

#include "driver.h"

int migrate_assess(const struct driver_call *c, struct driver_answer *a);

#endif
