/*
 * What a jailed process can still do, one process a row. Whatever is not
 * allowed must end it by SIGSYS.
 */
#define _GNU_SOURCE
#include "../../lua/jail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORY ((size_t)64 << 20)

static void do_open(void)
{
    syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
}

static void do_socket(void)
{
    syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static void do_fork(void)
{
    syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void do_exec(void)
{
    syscall(SYS_execve, "/bin/true", NULL, NULL);
}

static void do_kill(void)
{
    syscall(SYS_kill, 1, 0);
}

static void do_ptrace(void)
{
    syscall(SYS_ptrace, 0, 0, 0, 0);
}

static void do_write_stdout(void)
{
    syscall(SYS_write, 1, "x", 1);
}

static void do_read_stdin(void)
{
    char c;
    syscall(SYS_read, 0, &c, 1);
}

static void do_write_high(void)
{
    syscall(SYS_write, 0x7fffffff, "x", 1);
}

static void do_map_code(void)
{
    syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void do_map_file(void)
{
    syscall(SYS_mmap, NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0);
}

static void do_mprotect(void)
{
    static char page[8192];
    syscall(SYS_mprotect, (uintptr_t)page & ~(uintptr_t)4095, 4096,
            PROT_READ | PROT_EXEC);
}

static void do_ioctl(void)
{
    syscall(SYS_ioctl, 3, 0x5401, NULL);
}

static void do_send(void)
{
    syscall(SYS_sendto, 3, "x", 1, 0, NULL, 0);
}

static void do_dup(void)
{
    syscall(SYS_dup, 3);
}

static void do_getpid(void)
{
    syscall(SYS_getpid);
}

static void do_sleep(void)
{
    struct timespec t = {0, 1};
    syscall(SYS_nanosleep, &t, NULL);
}

static void do_prctl(void)
{
    syscall(SYS_prctl, 1, 0, 0, 0, 0);
}

static void do_setrlimit(void)
{
    syscall(SYS_prlimit64, 0, 0, NULL, NULL);
}

static void do_exit_thread(void)
{
    syscall(SYS_exit, 0);
}

static void do_io_uring(void)
{
    syscall(SYS_io_uring_setup, 1, NULL);
}

#ifdef __x86_64__
/* getpid by the 32 bit table: another architecture to the filter. */
static void do_int80(void)
{
    long number = 20;
    __asm__ volatile("int $0x80" : "+a"(number) : : "memory", "cc");
}

/* read(3) by an x32 number */
static void do_x32(void)
{
    syscall(0x40000000 | SYS_read, 3, NULL, 0);
}
#endif

static void do_nothing(void)
{
}

static void do_talk(void)
{
    char c = 0;
    if (write(3, "x", 1) != 1 || read(3, &c, 1) != 1 || c != 'y')
        _exit(1);
}

static void do_memory(void)
{
    char *block = malloc(1 << 20), *more;
    if (!block)
        _exit(1);
    memset(block, 1, 1 << 20);
    more = realloc(block, 16 << 20);
    if (!more || more[4095] != 1)
        _exit(1);
    free(more);
    for (int i = 0; i < 1000; i++)
        if (!malloc(1000))
            _exit(1);
}

static void do_too_much_memory(void)
{
    char *volatile block = malloc(MEMORY * 8);
    if (block)
        _exit(1);
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void do_sort(void)
{
    static int numbers[100000];
    for (int i = 0; i < 100000; i++)
        numbers[i] = i * 7919 % 100003;
    qsort(numbers, 100000, sizeof *numbers, compare);
}

static void do_json(void)
{
    json_t *value = json_pack("{s:i,s:[f]}", "a", 1, "b", 0.5);
    char *text = json_dumps(value, 0);
    if (!text)
        _exit(1);
    free(text);
    json_decref(value);
}

static const struct row {
    const char *name;
    void (*act)(void);
    int signal; /* 0: the process goes on */
} rows[] = {
    {"nothing", do_nothing, 0},
    {"read and write 3", do_talk, 0},
    {"memory", do_memory, 0},
    {"a large sort", do_sort, 0},
    {"json", do_json, 0},
    {"open", do_open, SIGSYS},
    {"socket", do_socket, SIGSYS},
    {"fork", do_fork, SIGSYS},
    {"exec", do_exec, SIGSYS},
    {"kill", do_kill, SIGSYS},
    {"ptrace", do_ptrace, SIGSYS},
    {"write 1", do_write_stdout, SIGSYS},
    {"read 0", do_read_stdin, SIGSYS},
    {"write to a high number", do_write_high, SIGSYS},
    {"map code", do_map_code, SIGSYS},
    {"map a file", do_map_file, SIGSYS},
    {"mprotect", do_mprotect, SIGSYS},
    {"ioctl", do_ioctl, SIGSYS},
    {"send", do_send, SIGSYS},
    {"dup", do_dup, SIGSYS},
    {"getpid", do_getpid, SIGSYS},
    {"sleep", do_sleep, SIGSYS},
    {"prctl", do_prctl, SIGSYS},
    {"rlimits", do_setrlimit, SIGSYS},
    {"exit of a thread", do_exit_thread, SIGSYS},
    {"io_uring", do_io_uring, SIGSYS},
#ifdef __x86_64__
    {"int 0x80", do_int80, SIGSYS},
    {"an x32 number", do_x32, SIGSYS},
#endif
};

static int is_tight(void)
{
#if defined(RBRUN_SANITIZE) || defined(RBRUN_NO_SECCOMP)
    return 0;
#else
    return 1;
#endif
}

/* Layers that any kernel with which this is tested has, and that are not
   there. Landlock is another matter. */
static unsigned missing(unsigned layers)
{
    return JAIL_ESSENTIAL & ~(is_tight() ? 0u : (unsigned)JAIL_SECCOMP) &
           ~layers;
}

/* Run act in a jailed process with a socket on 3; returns its status. */
static int jailed(void (*act)(void), int cpu)
{
    int pair[2], status = 0;
    pid_t pid;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        dup2(pair[1], 3);
        if (missing(jail_close(MEMORY, cpu)))
            _exit(99);
        act();
        _exit(0);
    }
    assert_int_equal(write(pair[0], "y", 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(pair[0]);
    close(pair[1]);
    return status;
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        int status;
        if (r->signal && !is_tight())
            continue; /* that build says so in its layers: below */
        status = jailed(r->act, 10);
        if (r->signal ? !WIFSIGNALED(status) || WTERMSIG(status) != r->signal
                      : !WIFEXITED(status) || WEXITSTATUS(status) != 0)
            fail_msg("%s ended with status %#x", r->name, (unsigned)status);
    }
}

static void test_memory(void **state)
{
    (void)state;
    if (is_tight())
        assert_int_equal(jailed(do_too_much_memory, 10), 0);
}

static void do_loop(void)
{
    for (volatile unsigned long i = 0;; i++)
        ;
}

static void test_cpu(void **state)
{
    int status;
    (void)state;
    status = jailed(do_loop, 1);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGXCPU);
}

static void check_layers(void)
{
    /* in a process of its own: the jail cannot be left */
    unsigned layers = jail_close(MEMORY, 10);
    _exit(!missing(layers) &&
                  (is_tight() || !(layers & (JAIL_SECCOMP | JAIL_LANDLOCK)))
              ? 0
              : 1);
}

static void test_layers(void **state)
{
    int status = 0;
    pid_t pid;
    (void)state;
    pid = fork();
    if (!pid)
        check_layers();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_cpu),
        cmocka_unit_test(test_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
