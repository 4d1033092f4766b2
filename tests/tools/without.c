/*
 * without LAYER[,LAYER] COMMAND...: runs a command as a kernel without these
 * layers of the jail would (landlock, seccomp, no_new_privs): a seccomp
 * filter of this program refuses the system calls that switch them on. The
 * filter is inherited, and cannot be taken off.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(field)                                                            \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS,                                         \
             (unsigned)offsetof(struct seccomp_data, field))
#define UNLESS(value, skip)                                                    \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), 0, (skip))
#define FAIL(number)                                                           \
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)(number))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static int install(struct sock_filter *code, unsigned short size)
{
    struct sock_fprog program = {size, code};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

/* No such system call. */
static int no_call(int number)
{
    struct sock_filter code[] = {LOAD(nr), UNLESS(number, 1), FAIL(ENOSYS),
                                 ALLOW};
    return install(code, 4);
}

/* prctl(2) does not know this option. */
static int no_option(int option)
{
    struct sock_filter code[] = {LOAD(nr),      UNLESS(SYS_prctl, 3),
                                 LOAD(args[0]), UNLESS(option, 1),
                                 FAIL(EINVAL),  ALLOW};
    return install(code, 6);
}

static int leave_out(const char *layer)
{
    if (strcmp(layer, "landlock") == 0)
        return no_call(SYS_landlock_create_ruleset);
    if (strcmp(layer, "no_new_privs") == 0)
        return no_option(PR_SET_NO_NEW_PRIVS);
    if (strcmp(layer, "seccomp") == 0)
        return no_option(PR_SET_SECCOMP);
    return -1;
}

int main(int argc, char **argv)
{
    /* The filter that refuses filters has to be the last one. */
    static const char *const order[] = {"landlock", "no_new_privs", "seccomp"};
    if (argc < 3 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
        fputs("usage: without LAYER[,LAYER] COMMAND...\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < 3; i++) {
        if (strstr(argv[1], order[i]) && leave_out(order[i])) {
            perror(order[i]);
            return 2;
        }
    }
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 127;
}
