/*
 * System calls that no jailed process may make, by name. One that comes back
 * has got through.
 */
#ifndef RBRUN_HOSTILE_CALLS_H
#define RBRUN_HOSTILE_CALLS_H

/* What has to be asked before the jail closes. */
void hostile_prepare(void);

/* Make it, with arguments that would work outside. 0, or -1: unknown. */
int hostile_call(const char *name);

#endif
