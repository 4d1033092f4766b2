/*
 * The system calls that a jailed process may make, by their numbers on
 * aarch64, which has those of include/uapi/asm-generic/unistd.h of Linux.
 * tests/unit/jail_calls_test.c compares the list with that file.
 */
#ifndef RBRUN_LUA_JAIL_CALLS_H
#define RBRUN_LUA_JAIL_CALLS_H

#include <linux/audit.h>

#define JAIL_ARCH AUDIT_ARCH_AARCH64

#define CALL_READ 63
#define CALL_WRITE 64
#define CALL_EXIT_GROUP 94
#define CALL_BRK 214
#define CALL_MUNMAP 215
#define CALL_MREMAP 216
#define CALL_MMAP 222

#endif
