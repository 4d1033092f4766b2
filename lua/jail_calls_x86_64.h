/*
 * The system calls that a jailed process may make, by their numbers on
 * x86-64 (arch/x86/entry/syscalls/syscall_64.tbl of Linux).
 */
#ifndef RBRUN_LUA_JAIL_CALLS_H
#define RBRUN_LUA_JAIL_CALLS_H

#include <linux/audit.h>

#define JAIL_ARCH AUDIT_ARCH_X86_64

#define CALL_READ 0
#define CALL_WRITE 1
#define CALL_MMAP 9
#define CALL_MUNMAP 11
#define CALL_BRK 12
#define CALL_MREMAP 25
#define CALL_EXIT_GROUP 231

#endif
