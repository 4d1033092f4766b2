#define _GNU_SOURCE
#include "worker.h"
#include "../drivers/driver.h"
#include "../drivers/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define IN_MAX (FRAME_MAX_DOCUMENT + FRAME_MAX_BODY + (1u << 20))

static int empty_page(struct worker *w, struct error *err)
{
    int fd = memfd_create("rbrun-worker", MFD_CLOEXEC);
    void *page;
    if (fd < 0 || ftruncate(fd, 4096) < 0) {
        if (fd >= 0)
            close(fd);
        return error_set_errno(err, RB_IO, "no page for a worker");
    }
    page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        close(fd);
        return error_set_errno(err, RB_IO, "cannot map a worker's page");
    }
    w->page = page;
    return fd;
}

/* Those that waited, too: to ignore a signal drops it. */
static void forget_signals(void)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    sigset_t none;
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++) {
        signal(caught[i], SIG_IGN);
        signal(caught[i], SIG_DFL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Everything that the new process must not have is taken away here; the
   worker closes the door behind itself (lua/jail.c). */
static void child(const char *path, const char *role, int sock, int page,
                  pid_t parent)
{
    char *const argv[] = {(char *)path, (char *)role, NULL};
    char *const environment[] = {(char *)"LC_ALL=C", NULL};
    int null = open("/dev/null", O_RDWR);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || null < 0 || chdir("/") < 0)
        _exit(WORKER_JAIL);
    /* Above the range first: 3 and 4 may be each other. */
    sock = fcntl(sock, F_DUPFD, 10);
    page = fcntl(page, F_DUPFD, 10);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    dup2(sock, 3);
    dup2(page, 4);
    close_range(5, ~0u, 0);
    forget_signals();
    execve(path, argv, environment);
    _exit(WORKER_JAIL);
}

/* vfork, which copies nothing: the child has become the worker, or has
   ended, when we go on. Our signal handlers must not run in its place. */
static pid_t split(const char *path, const char *role, int sock, int page)
{
    pid_t parent = getpid(), pid;
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid = vfork();
    if (pid == 0)
        child(path, role, sock, page, parent);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return pid;
}

int worker_start(struct worker *w, const char *role, const json_t *start,
                 const char *body, size_t body_size, struct error *err)
{
    char path[4200];
    int pair[2], page, rc;
    memset(w, 0, sizeof *w);
    w->fd = -1;
    w->in.max = w->out.max = IN_MAX;
    rc = own_file("rbrun-worker", path, sizeof path, err);
    if (rc)
        return rc;
    page = empty_page(w, err);
    if (page < 0)
        return page;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        close(page);
        return error_set_errno(err, RB_IO, "no socket for a worker");
    }
    w->pid = split(path, role, pair[1], page);
    close(pair[1]);
    close(page);
    w->fd = pair[0];
    if (w->pid < 0) {
        w->pid = 0;
        return error_set_errno(err, RB_IO, "cannot start %s", path);
    }
    fcntl(w->fd, F_SETFL, O_NONBLOCK);
    return worker_send(w, FRAME_START, 0, start, body, body_size, err);
}

int worker_push(struct worker *w, struct error *err)
{
    while (w->out.size) {
        ssize_t put = send(w->fd, w->out.data, w->out.size, MSG_NOSIGNAL);
        struct pollfd p = {w->fd, POLLOUT, 0};
        if (put > 0) {
            buf_consume(&w->out, (size_t)put);
            continue;
        }
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && errno != EAGAIN)
            return error_set(err, RB_CLOSED, "the worker is gone");
        /* It reads whenever we may write: a second is a dead worker. */
        if (poll(&p, 1, 5000) == 0)
            return error_set(err, RB_CLOSED, "the worker does not read");
    }
    return 0;
}

int worker_queue(struct worker *w, enum frame_type type, uint32_t call,
                 const json_t *value, const void *body, size_t body_size,
                 struct error *err)
{
    int rc = frame_write(&w->out, type, 0, call, value, body, body_size);
    return rc ? error_set(err, rc, "an answer is too large for a frame") : 0;
}

void worker_goes_on(struct worker *w)
{
    w->blocked = 0;
    w->running_since = clock_steady();
}

int worker_send(struct worker *w, enum frame_type type, uint32_t call,
                const json_t *value, const void *body, size_t body_size,
                struct error *err)
{
    int rc = worker_queue(w, type, call, value, body, body_size, err);
    if (rc)
        return rc;
    worker_goes_on(w);
    return worker_push(w, err);
}

int worker_receive(struct worker *w, struct error *err)
{
    ssize_t got;
    if (w->consumed) {
        buf_consume(&w->in, w->consumed);
        w->consumed = 0;
    }
    if (buf_reserve(&w->in, 65536) != 0)
        return error_set(err, RB_TOOBIG, "the worker floods its socket");
    got = read(w->fd, w->in.data + w->in.size, 65536);
    if (got > 0) {
        w->in.size += (size_t)got;
        return 0;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return error_set(err, RB_CLOSED, "the worker has ended");
}

int worker_next(struct worker *w, struct frame *f, int *got, struct error *err)
{
    size_t used;
    int rc;
    *got = 0;
    if (!w->in.data)
        return 0;
    rc = frame_read(w->in.data + w->consumed, w->in.size - w->consumed, f,
                    &used, err);
    if (rc || !used)
        return rc;
    w->consumed += used;
    *got = 1;
    if (f->flags & FRAME_BLOCKED)
        w->blocked = 1;
    return 0;
}

/* A part of a frame is nothing to take: its rest has to be waited for. */
int worker_has_next(const struct worker *w)
{
    return w->in.data &&
           frame_is_whole(w->in.data + w->consumed, w->in.size - w->consumed);
}

int worker_await(struct worker *w, struct frame *f, int64_t patience,
                 struct error *err)
{
    int64_t end = clock_steady() + patience;
    int got = 0, rc = 0;
    while (!rc) {
        struct pollfd p = {w->fd, POLLIN, 0};
        int64_t left = end - clock_steady();
        rc = worker_next(w, f, &got, err);
        if (rc || got)
            break;
        if (left <= 0)
            return error_set(err, RB_IO, "the worker said nothing for %lld ms",
                             (long long)patience);
        poll(&p, 1, (int)left);
        if (p.revents)
            rc = worker_receive(w, err);
    }
    return rc;
}

void worker_seen(const struct worker *w, char *out, size_t size)
{
    struct worker_page page;
    out[0] = '\0';
    if (!w->page)
        return;
    memcpy(&page, (const void *)w->page, sizeof page);
    page.file[sizeof page.file - 1] = '\0';
    if (page.line)
        snprintf(out, size, "%s:%u", page.file, page.line);
}

/* Its end, without asking again and again; a second is long for an exit. */
static void wait_gently(struct worker *w, int kill_it, int *status)
{
    struct pollfd ended = {pidfd_open(w->pid, 0), POLLIN, 0};
    int64_t end = clock_steady() + 1000, left = 1000;
    int seen = 0;
    while (!kill_it && !seen && left > 0) {
        seen = poll(&ended, 1, (int)left) > 0;
        left = end - clock_steady();
    }
    if (!seen)
        kill(w->pid, SIGKILL);
    while (waitpid(w->pid, status, 0) < 0 && errno == EINTR)
        continue;
    if (ended.fd >= 0)
        close(ended.fd);
}

static enum worker_verdict judge(const struct worker *w, int status,
                                 struct error *err)
{
    char seen[160];
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    worker_seen(w, seen, sizeof seen);
    if (code == 0)
        return VERDICT_FINE;
    if (code == WORKER_INSTRUCTIONS || code == WORKER_MEMORY) {
        error_set(err, RB_TOOBIG,
                  "the runbook used up its limit on %s (last seen at %s; "
                  "%llu instructions, %llu bytes)",
                  code == WORKER_MEMORY ? "memory" : "instructions",
                  seen[0] ? seen : "an unknown line",
                  (unsigned long long)w->page->instructions,
                  (unsigned long long)w->page->memory);
        error_next(err,
                   "look for an endless loop there, or raise limits.%s "
                   "in the environment",
                   code == WORKER_MEMORY ? "memory" : "instructions");
        return VERDICT_LIMIT;
    }
    if (sig == SIGXCPU || sig == SIGPROF || sig == SIGKILL) {
        error_set(err, RB_TOOBIG,
                  "the runbook was ended by its time limit (last seen at %s)",
                  seen[0] ? seen : "an unknown line");
        return VERDICT_TIME;
    }
    if (sig == SIGSYS || code == WORKER_PROTOCOL || code == WORKER_CLOSED) {
        error_set(err, RB_DENIED,
                  "the worker broke out of its rules (%s) at %s: treat the "
                  "runbook as hostile",
                  sig == SIGSYS ? "forbidden system call" : "protocol",
                  seen[0] ? seen : "an unknown line");
        return VERDICT_VIOLATION;
    }
    if (code == WORKER_JAIL)
        error_set(err, RB_IO, "the worker could not lock itself in");
    else
        error_set(err, RB_IO, "the worker crashed (%s %d) at %s",
                  sig ? "signal" : "exit status", sig ? sig : code,
                  seen[0] ? seen : "an unknown line");
    error_next(err, "rbrun doctor");
    return VERDICT_CRASH;
}

enum worker_verdict worker_end(struct worker *w, int kill_it, struct error *err)
{
    enum worker_verdict verdict = VERDICT_FINE;
    int status = 0;
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
    if (w->pid > 0) {
        wait_gently(w, kill_it, &status);
        verdict = judge(w, status, err);
        w->pid = 0;
    }
    if (w->page)
        munmap((void *)w->page, 4096);
    w->page = NULL;
    buf_free(&w->in);
    buf_free(&w->out);
    return verdict;
}
