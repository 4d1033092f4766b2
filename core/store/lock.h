/*
 * One run per service and environment: a kernel lock (flock) on a file named
 * after both. The kernel frees it when its last holder is gone: the engine,
 * and every driver process that it forked.
 */
#ifndef RBRUN_STORE_LOCK_H
#define RBRUN_STORE_LOCK_H

#include "../wire/error.h"

#include <stdint.h>

/* Who holds it while a plan is made and a person is asked. */
#define LOCK_STARTING "starting"

/*
 * Take the lock for a run. *fd holds it until closed. Waits up to patience
 * ms for a living holder, and for driver processes of a killed engine until
 * they are gone. RB_BUSY says which run holds it; RB_IO.
 */
int lock_take(const char *service, const char *environment, const char *run,
              int64_t patience, int *fd, struct error *err);

/* Say which run holds it, once that has an id. 0 or RB_IO. */
int lock_name(int fd, const char *run, struct error *err);

/* Whose engine holds it now: the run's id in holder, "" when it is free or
   only driver processes of a killed engine are left. 0 or RB_IO. */
int lock_holder(const char *service, const char *environment, char *holder,
                unsigned size, struct error *err);

#endif
