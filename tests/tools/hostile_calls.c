#define _GNU_SOURCE
#include "hostile_calls.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static char bytes[8192];
static struct iovec part = {bytes, 1};
static pid_t parent;

/* A descriptor handed over with a message (cmsg(3)). */
static void pass_descriptor(void)
{
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    int descriptor = 3;
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof descriptor);
    memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
    syscall(SYS_sendmsg, 3, &message, 0);
}

static void receive_descriptor(void)
{
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    syscall(SYS_recvmsg, 3, &message, MSG_DONTWAIT);
}

static void execute(void)
{
    char *const arguments[] = {(char *)"true", NULL};
    syscall(SYS_execve, "/bin/true", arguments, arguments + 1);
}

static void executable_memory(void)
{
    syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void remap_file(void)
{
    syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 3, 0);
}

static void clock_by_call(void)
{
    struct timespec t;
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &t);
}

static void kill_parent(void)
{
    syscall(SYS_kill, parent, SIGTERM);
}

static void kill_group(void)
{
    syscall(SYS_kill, -parent, SIGTERM);
}

static void executable_page(void)
{
    uintptr_t at = ((uintptr_t)bytes + 4095) & ~(uintptr_t)4095;
    syscall(SYS_mprotect, at, 4096, PROT_READ | PROT_EXEC);
}

static void nothing(void)
{
}

#ifdef __x86_64__
/* getpid by the table for 32 bits: another architecture to the filter. */
static void by_32_bits(void)
{
    long number = 20;
    __asm__ volatile("int $0x80" : "+a"(number) : : "memory", "cc");
}
#endif

/* One by number and plain arguments, or a function. */
#define PLAIN(name, number, ...)                                               \
    {                                                                          \
        name, number, {__VA_ARGS__}, NULL                                      \
    }
#define BY(name, function)                                                     \
    {                                                                          \
        name, 0, {0}, function                                                 \
    }

static const struct row {
    const char *name;
    long number;
    long arguments[6];
    void (*act)(void);
} rows[] = {
#ifdef __x86_64__
    BY("32 bits", by_32_bits),
    PLAIN("open", SYS_open, (long)"/etc/passwd", O_RDONLY),
    PLAIN("fork", SYS_fork, 0),
    PLAIN("vfork", SYS_vfork, 0),
    PLAIN("dup2", SYS_dup2, 3, 1),
    PLAIN("arch_prctl", SYS_arch_prctl, 0x1002, 0),
    PLAIN("x32 read", 0x40000000 | SYS_read, 3, 0, 0),
    PLAIN("x32 exit", 0x40000000 | SYS_exit_group, 0),
#endif
    PLAIN("openat", SYS_openat, AT_FDCWD, (long)"/etc/passwd", O_RDONLY),
    PLAIN("openat2", SYS_openat2, AT_FDCWD, (long)"/etc/passwd", 0, 0),
    PLAIN("socket", SYS_socket, AF_INET, SOCK_STREAM, 0),
    PLAIN("socketpair", SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, (long)bytes),
    PLAIN("connect", SYS_connect, 3, (long)bytes, 16),
    PLAIN("clone", SYS_clone, SIGCHLD, 0, 0, 0, 0),
    PLAIN("clone3", SYS_clone3, (long)bytes, 64),
    BY("execve", execute),
    PLAIN("execveat", SYS_execveat, 3, (long)"", 0, 0, 0x1000),
    BY("mmap code", executable_memory),
    BY("mmap file", remap_file),
    BY("mprotect code", executable_page),
    PLAIN("memfd_create", SYS_memfd_create, (long)"x", 0),
    PLAIN("write 0", SYS_write, 0, (long)"x", 1),
    PLAIN("write 1", SYS_write, 1, (long)"x", 1),
    PLAIN("write 2", SYS_write, 2, (long)"x", 1),
    PLAIN("write 4", SYS_write, 4, (long)"x", 1),
    PLAIN("writev", SYS_writev, 3, (long)&part, 1),
    PLAIN("pwrite", SYS_pwrite64, 3, (long)"x", 1, 0),
    PLAIN("read 0", SYS_read, 0, (long)bytes, 1),
    PLAIN("readv", SYS_readv, 3, (long)&part, 1),
    PLAIN("close", SYS_close, 3),
    PLAIN("dup", SYS_dup, 3),
    PLAIN("dup3", SYS_dup3, 3, 1, 0),
    PLAIN("fcntl", SYS_fcntl, 3, F_DUPFD, 1),
    PLAIN("ioctl", SYS_ioctl, 3, 0x5401, 0),
    PLAIN("sendto", SYS_sendto, 3, (long)"x", 1, 0, 0, 0),
    BY("sendmsg", pass_descriptor),
    BY("recvmsg", receive_descriptor),
    BY("kill the parent", kill_parent),
    BY("kill its group", kill_group),
    PLAIN("kill all", SYS_kill, -1, 0),
    PLAIN("tgkill", SYS_tgkill, 1, 1, 0),
    PLAIN("pidfd_send_signal", SYS_pidfd_send_signal, 3, 0, 0, 0),
    PLAIN("ptrace", SYS_ptrace, 0, 0, 0, 0),
    PLAIN("process_vm_readv", SYS_process_vm_readv, 1, (long)&part, 1,
          (long)&part, 1, 0),
    PLAIN("process_vm_writev", SYS_process_vm_writev, 1, (long)&part, 1,
          (long)&part, 1, 0),
    PLAIN("prctl", SYS_prctl, 1, 0, 0, 0, 0),
    PLAIN("seccomp", SYS_seccomp, 0, 0, 0),
    PLAIN("io_uring_setup", SYS_io_uring_setup, 1, (long)bytes),
    PLAIN("userfaultfd", SYS_userfaultfd, 0),
    PLAIN("perf_event_open", SYS_perf_event_open, (long)bytes, 0, -1, -1, 0),
    PLAIN("bpf", SYS_bpf, 0, (long)bytes, 32),
    PLAIN("setrlimit", SYS_setrlimit, 6, (long)bytes),
    PLAIN("prlimit64", SYS_prlimit64, 0, 0, 0, 0),
    PLAIN("getpid", SYS_getpid, 0),
    PLAIN("getppid", SYS_getppid, 0),
    PLAIN("setuid", SYS_setuid, 0),
    PLAIN("unshare", SYS_unshare, CLONE_NEWUSER),
    PLAIN("setsid", SYS_setsid, 0),
    PLAIN("getrandom", SYS_getrandom, (long)bytes, 1, 0),
    BY("clock_gettime", clock_by_call),
    PLAIN("nanosleep", SYS_nanosleep, (long)bytes, 0),
    PLAIN("rt_sigaction", SYS_rt_sigaction, SIGSYS, 0, 0, 8),
    PLAIN("rt_sigreturn", SYS_rt_sigreturn, 0),
    PLAIN("shmget", SYS_shmget, 0, 4096, 01600),
    PLAIN("exit of a thread", SYS_exit, 0),
    PLAIN("no such call", 100000, 0),
    BY("nothing", nothing), /* it comes back, for the test of the test */
};

void hostile_prepare(void)
{
    parent = getppid();
}

int hostile_call(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        if (strcmp(r->name, name) != 0)
            continue;
        if (r->act)
            r->act();
        else
            syscall(r->number, r->arguments[0], r->arguments[1],
                    r->arguments[2], r->arguments[3], r->arguments[4],
                    r->arguments[5]);
        return 0;
    }
    return -1;
}
