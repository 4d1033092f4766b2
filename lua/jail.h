/*
 * The worker's own locks: no_new_privs, Landlock, rlimits, seccomp. What is
 * loaded when it closes is all the process ever has; it can read and write
 * descriptor 3, take memory and exit. It does not know what runs inside.
 */
#ifndef RBRUN_LUA_JAIL_H
#define RBRUN_LUA_JAIL_H

#include "../core/wire/layer.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Close the jail. memory: bytes Lua may hold (the address space gets room
 * for the rest of the process too); cpu: seconds of CPU time, then SIGXCPU.
 * Returns the layers that hold now, a set of enum jail_layer: what the kernel
 * does not offer is missing from it. A sanitizer build needs system calls and
 * address space that the jail denies, and has neither Landlock nor seccomp.
 */
unsigned jail_close(size_t memory, int64_t cpu);

/*
 * For developers: a build with RBRUN_JAIL_TRAP notes the number of a
 * forbidden system call there and ends with WORKER_TRAPPED, where others are
 * killed. Without it this does nothing.
 */
void jail_trap(uint32_t *refused);

#endif
