/*
 * The worker's own locks: rlimits, then seccomp. What is loaded when it
 * closes is all the process ever has; it can read and write descriptor 3,
 * take memory and exit. It does not know what runs inside.
 */
#ifndef RBRUN_LUA_JAIL_H
#define RBRUN_LUA_JAIL_H

#include "../core/wire/error.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Close the jail. memory: bytes Lua may hold (the address space gets room
 * for the rest of the process too); cpu: seconds of CPU time, then SIGXCPU.
 * *layers is a new reference: the names of the layers that hold now, such
 * as ["rlimits","no_new_privs","seccomp"]. A sanitizer build needs system
 * calls and address space that the jail denies, and has fewer.
 * Returns 0 or RB_IO.
 */
int jail_close(size_t memory, int64_t cpu, json_t **layers, struct error *err);

#endif
