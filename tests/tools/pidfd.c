/*
 * pidfd_open for valgrind, which does not know it (before 3.21): a thread
 * waits for the child's end and closes a pipe then. Linked into the build of
 * tests/valgrind only.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

int __wrap_pidfd_open(pid_t pid, unsigned flags);

struct waiting {
    pid_t pid;
    int end;
};

static void *wait_for_end(void *data)
{
    struct waiting *w = data;
    siginfo_t seen;
    waitid(P_PID, (id_t)w->pid, &seen, WEXITED | WNOWAIT);
    close(w->end);
    free(w);
    return NULL;
}

/* No signal may find this thread: the others' handlers wake the others. */
static int start(struct waiting *w)
{
    pthread_t thread;
    sigset_t all, before;
    int rc;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&thread, NULL, wait_for_end, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!rc)
        pthread_detach(thread);
    return rc;
}

int __wrap_pidfd_open(pid_t pid, unsigned flags)
{
    int pair[2];
    struct waiting *w = malloc(sizeof *w);
    (void)flags;
    if (!w || pipe2(pair, O_CLOEXEC) < 0)
        abort();
    w->pid = pid;
    w->end = pair[1];
    if (start(w))
        abort();
    return pair[0];
}
