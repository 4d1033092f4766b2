#define _GNU_SOURCE
#include "jail.h"
#include "../core/wire/frame.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(RBRUN_SANITIZE) || defined(RBRUN_NO_SECCOMP)
#define JAIL_LOOSE 1
#else
#define JAIL_LOOSE 0
#endif

#if defined(__x86_64__)
#include "jail_calls_x86_64.h"
#elif defined(__aarch64__)
#include "jail_calls_aarch64.h"
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
#ifdef RBRUN_JAIL_TRAP
#define KILL BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP)
#else
#define KILL BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
#endif
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/*
 * seccomp(2), struct seccomp_data, little-endian: the low half of an
 * argument comes first. A call through another one's table is killed first. An
 * x32 number has a bit set and equals none of these.
 */
static const struct sock_filter filter[] = {
    LOAD(OFFSET(arch)),
    EQUAL(JAIL_ARCH, 1, 0),
    KILL,
    LOAD(OFFSET(nr)),
    /* read and write: descriptor 3 only */
    EQUAL(CALL_READ, 1, 0),
    EQUAL(CALL_WRITE, 0, 4),
    LOAD(ARGUMENT(0)),
    EQUAL(3, 0, 1),
    ALLOW,
    KILL,
    /* memory without a file behind it that nobody can execute */
    EQUAL(CALL_MMAP, 0, 6),
    LOAD(ARGUMENT(2)),
    ANY_BIT(~(PROT_READ | PROT_WRITE), 3, 0),
    LOAD(ARGUMENT(3)),
    ANY_BIT(MAP_ANONYMOUS, 0, 1),
    ALLOW,
    KILL,
    EQUAL(CALL_BRK, 3, 0),
    EQUAL(CALL_MUNMAP, 2, 0),
    EQUAL(CALL_MREMAP, 1, 0),
    EQUAL(CALL_EXIT_GROUP, 0, 1),
    ALLOW,
    KILL,
};

static int limit(int what, rlim_t soft, rlim_t hard)
{
    struct rlimit old, r = {soft, hard};
    int rc = getrlimit((__rlimit_resource_t)what, &old);
    if (!rc && old.rlim_max < r.rlim_max) /* only root may raise it */
        r.rlim_max = old.rlim_max;
    if (r.rlim_cur > r.rlim_max)
        r.rlim_cur = r.rlim_max;
    return rc || setrlimit((__rlimit_resource_t)what, &r);
}

static int set_limits(size_t memory, int64_t cpu)
{
    static const int none[] = {RLIMIT_CORE,    RLIMIT_FSIZE,    RLIMIT_NPROC,
                               RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE,
#ifndef RBRUN_VALGRIND /* it keeps descriptors of its own */
                               RLIMIT_NOFILE
#endif
    };
    rlim_t space = memory + JAIL_ROOM, seconds = (rlim_t)cpu;
    int failed = limit(RLIMIT_CPU, seconds, seconds + 1);
    if (!JAIL_LOOSE)
        failed |= limit(RLIMIT_AS, space, space);
    /* Lua and lpeg recurse in C: less would crash them. */
    failed |= limit(RLIMIT_STACK, 8u << 20, 8u << 20);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        failed |= limit(none[i], 0, 0);
    return failed;
}

/*
 * landlock(7): no file, no network port, no abstract socket and no signal to
 * anybody outside, as far as this kernel's version of it knows them. The
 * structure grew with the versions (landlock_create_ruleset(2)).
 */
static int set_landlock(void)
{
    struct {
        uint64_t fs, net, scoped;
    } all = {(1u << 13) - 1, 3, 3};
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
    size_t size = version < 4 ? 8 : version < 6 ? 16 : 24;
    int fd, failed;
    if (version < 1)
        return -1;
    all.fs |= version >= 2 ? 1u << 13 : 0;
    all.fs |= version >= 3 ? 1u << 14 : 0;
    all.fs |= version >= 5 ? 1u << 15 : 0;
    fd = (int)syscall(SYS_landlock_create_ruleset, &all, size, 0);
    if (fd < 0)
        return -1;
    failed = syscall(SYS_landlock_restrict_self, fd, 0) != 0;
    close(fd);
    return failed;
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

static int set_filter(void)
{
    struct sock_fprog program = {sizeof filter / sizeof *filter,
                                 (struct sock_filter *)filter};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

unsigned jail_close(size_t memory, int64_t cpu)
{
    unsigned layers = 0;
    warm_up();
    if (!prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) &&
        !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        layers |= JAIL_NO_NEW_PRIVS;
    if (!JAIL_LOOSE && !set_landlock())
        layers |= JAIL_LANDLOCK;
    if (!set_limits(memory, cpu))
        layers |= JAIL_RLIMITS;
    if (!JAIL_LOOSE && !set_filter())
        layers |= JAIL_SECCOMP;
    return layers;
}

#ifdef RBRUN_JAIL_TRAP
static uint32_t *refused_call;

static void on_trap(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    *refused_call = (uint32_t)info->si_syscall;
    _exit(WORKER_TRAPPED);
}

void jail_trap(uint32_t *refused)
{
    struct sigaction act = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    refused_call = refused;
    sigaction(SIGSYS, &act, NULL);
}
#else
void jail_trap(uint32_t *refused)
{
    (void)refused;
}
#endif
