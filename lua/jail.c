#define _GNU_SOURCE
#include "jail.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#if defined(RBRUN_SANITIZE) || defined(RBRUN_NO_SECCOMP)
#define JAIL_LOOSE 1
#else
#define JAIL_LOOSE 0
#endif

#if defined(__x86_64__)
#define JAIL_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define JAIL_ARCH AUDIT_ARCH_AARCH64
#else
#error "the jail has no list of system calls for this processor"
#endif

/* Address space for the process image, the frames and the C heap. */
#define JAIL_ROOM ((size_t)192 << 20)

#define OFFSET(field) ((__u32)offsetof(struct seccomp_data, field))
#define ARGUMENT(n) (OFFSET(args) + 8u * (n))
#define LOAD(at) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (at))
#define EQUAL(value, yes, no)                                                  \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (__u32)(value), (yes), (no))
#define ANY_BIT(bits, yes, no)                                                 \
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (__u32)(bits), (yes), (no))
#define KILL BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/*
 * seccomp(2), struct seccomp_data, little-endian: the low half of an
 * argument comes first. The numbers are those of the processor compiled
 * for; a call through another one's table is killed first. An x32 number
 * has a bit set and equals none of these.
 */
static const struct sock_filter filter[] = {
    LOAD(OFFSET(arch)),
    EQUAL(JAIL_ARCH, 1, 0),
    KILL,
    LOAD(OFFSET(nr)),
    /* read and write: descriptor 3 only */
    EQUAL(__NR_read, 1, 0),
    EQUAL(__NR_write, 0, 4),
    LOAD(ARGUMENT(0)),
    EQUAL(3, 0, 1),
    ALLOW,
    KILL,
    /* memory without a file behind it that nobody can execute */
    EQUAL(__NR_mmap, 0, 6),
    LOAD(ARGUMENT(2)),
    ANY_BIT(~(PROT_READ | PROT_WRITE), 3, 0),
    LOAD(ARGUMENT(3)),
    ANY_BIT(MAP_ANONYMOUS, 0, 1),
    ALLOW,
    KILL,
    EQUAL(__NR_brk, 3, 0),
    EQUAL(__NR_munmap, 2, 0),
    EQUAL(__NR_mremap, 1, 0),
    EQUAL(__NR_exit_group, 0, 1),
    ALLOW,
    KILL,
};

static int limit(int what, rlim_t soft, rlim_t hard, const char *name,
                 struct error *err)
{
    struct rlimit old, r = {soft, hard};
    int rc = getrlimit((__rlimit_resource_t)what, &old);
    if (!rc && old.rlim_max < r.rlim_max) /* only root may raise it */
        r.rlim_max = old.rlim_max;
    if (r.rlim_cur > r.rlim_max)
        r.rlim_cur = r.rlim_max;
    if (rc || setrlimit((__rlimit_resource_t)what, &r))
        return error_set_errno(err, RB_IO, "rlimit %s", name);
    return 0;
}

static int set_limits(size_t memory, int64_t cpu, struct error *err)
{
    rlim_t space = memory + JAIL_ROOM, seconds = (rlim_t)cpu;
    int rc = limit(RLIMIT_CPU, seconds, seconds + 1, "CPU", err);
    if (!rc && !JAIL_LOOSE)
        rc = limit(RLIMIT_AS, space, space, "AS", err);
    if (!rc) /* Lua and lpeg recurse in C: less would crash them */
        rc = limit(RLIMIT_STACK, 8u << 20, 8u << 20, "STACK", err);
    if (!rc)
        rc = limit(RLIMIT_CORE, 0, 0, "CORE", err);
    if (!rc)
        rc = limit(RLIMIT_FSIZE, 0, 0, "FSIZE", err);
    if (!rc)
        rc = limit(RLIMIT_NPROC, 0, 0, "NPROC", err);
    if (!rc)
        rc = limit(RLIMIT_MEMLOCK, 0, 0, "MEMLOCK", err);
    if (!rc)
        rc = limit(RLIMIT_MSGQUEUE, 0, 0, "MSGQUEUE", err);
    if (!rc)
        rc = limit(RLIMIT_NOFILE, 0, 0, "NOFILE", err);
    return rc;
}

static int compare_ints(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* System calls that libraries make once, and that must happen before the
   jail closes: glibc's qsort asks for the machine's memory when a sort is
   large, jansson's tables get their seed. */
static void warm_up(void)
{
    int numbers[512];
    for (int i = 0; i < 512; i++)
        numbers[i] = 512 - i;
    qsort(numbers, 512, sizeof *numbers, compare_ints);
    json_object_seed(0);
}

static int set_filter(struct error *err)
{
    struct sock_fprog program = {sizeof filter / sizeof *filter,
                                 (struct sock_filter *)filter};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0))
        return error_set_errno(err, RB_IO, "seccomp");
    return 0;
}

int jail_close(size_t memory, int64_t cpu, json_t **layers, struct error *err)
{
    int rc;
    warm_up();
    *layers = json_pack("[s,s]", "rlimits", "no_new_privs");
    rc = set_limits(memory, cpu, err);
    if (!rc && (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
                prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)))
        rc = error_set_errno(err, RB_IO, "no_new_privs");
    if (!rc && !JAIL_LOOSE) {
        json_array_append_new(*layers, json_string("seccomp"));
        rc = set_filter(err);
    }
    return rc;
}
