/* Another time and another chance for rbrun-faulty: see faulty.c. */
#ifndef RBRUN_TESTS_FAULTY_CLOCK_H
#define RBRUN_TESTS_FAULTY_CLOCK_H

#include <sys/types.h>

/*
 * FAULT_CLOCK=MS   it is MS since 1970. Time stands still while the worker
 *                  or a driver process works, and jumps to the next moment
 *                  that something waits for when nobody does: what comes
 *                  first is then a matter of the runbook, not of the machine
 */
void faulty_clock_set(void);

/* FAULT_SEED=N     ids and seeds of runs follow from N */
ssize_t faulty_random(void *bytes, size_t size);

#endif
