#define _GNU_SOURCE
#include "process.h"
#include "driver.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEP_DEFAULT (64u << 10)

/* A program that has ended may have left others behind that hold its pipes:
   they are heard until they are silent this long, at most so long in all. */
#define SILENCE_MS 250
#define LINGER_MS 2000

static volatile sig_atomic_t running_group;

/* Kill the group and wait until all of it is gone: a killed process may
   still be in the middle of a write, and our own end says that there is
   nobody left to write. Orphans of the group are ours, see
   process_end_on_term. Async-signal-safe. */
static void end_group(pid_t group)
{
    kill(-group, SIGKILL);
    kill(group, SIGKILL);
    for (;;) {
        pid_t pid = waitpid(-group, NULL, 0);
        if (pid < 0 && errno != EINTR)
            return;
    }
}

void process_end_program(void)
{
    if (running_group > 0)
        end_group((pid_t)running_group);
}

static void on_term(int signal)
{
    process_end_program();
    _exit(128 + signal);
}

void process_end_on_term(void)
{
    struct sigaction act;
    memset(&act, 0, sizeof act);
    act.sa_handler = on_term;
    sigaction(SIGTERM, &act, NULL);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

struct pipes {
    int in[2], out[2], err[2];
};

/* Why a child did not become the program. It writes here itself, in our
   memory, which the compiler does not foresee: always volatile. */
struct failure {
    int entered; /* it got into the directory */
    int number;  /* errno, 0 when it did */
};

static void close_pair(int pair[2])
{
    for (int i = 0; i < 2; i++) {
        if (pair[i] >= 0)
            close(pair[i]);
        pair[i] = -1;
    }
}

/* Both ends above 2, or the child's dup2 calls would run over them when
   our own standard streams are closed. */
static int open_pair(int pair[2])
{
    int low[2], saved;
    if (pipe2(low, O_CLOEXEC) < 0)
        return -1;
    if (low[0] > 2 && low[1] > 2) {
        pair[0] = low[0];
        pair[1] = low[1];
        return 0;
    }
    pair[0] = fcntl(low[0], F_DUPFD_CLOEXEC, 3);
    pair[1] = fcntl(low[1], F_DUPFD_CLOEXEC, 3);
    saved = errno;
    close_pair(low);
    errno = saved;
    return pair[0] < 0 || pair[1] < 0 ? -1 : 0;
}

static int open_pipes(struct pipes *p, struct error *err)
{
    int(*all[])[2] = {&p->in, &p->out, &p->err};
    for (size_t i = 0; i < 3; i++)
        (*all[i])[0] = (*all[i])[1] = -1;
    for (size_t i = 0; i < 3; i++) {
        if (open_pair(*all[i]) < 0)
            return error_set_errno(err, RB_IO, "no pipe for a program");
    }
    return 0;
}

static void close_pipes(struct pipes *p)
{
    close_pair(p->in);
    close_pair(p->out);
    close_pair(p->err);
}

static void restore_signals(void)
{
    sigset_t none;
    for (int i = 1; i < NSIG; i++) {
        if (i != SIGKILL && i != SIGSTOP)
            signal(i, SIG_DFL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void connect_streams(const struct process *p, const struct pipes *pipes)
{
    dup2(p->input_fd ? p->input_fd : pipes->in[0], 0);
    dup2(p->output_fd ? p->output_fd : pipes->out[1], 1);
    dup2(pipes->err[1], 2);
    /* Whatever else the engine holds (a lock, a journal, a socket) is not
       the program's, however it was opened. */
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
}

/* A session of its own: its group can be killed as a whole, and a program
   that would ask for a password finds no terminal instead of waiting. */
static void child(const struct process *p, const struct pipes *pipes,
                  pid_t parent, volatile struct failure *bad)
{
    static const char *const bare[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL=C", NULL};
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    restore_signals();
    connect_streams(p, pipes);
    /* execvp searches the PATH that the program will have, not ours. */
    environ = (char **)(p->environment ? p->environment : bare);
    if (!p->directory || chdir(p->directory) == 0) {
        bad->entered = 1;
        execvp(p->argv[0], (char *const *)p->argv);
    }
    bad->number = errno;
    _exit(127);
}

/*
 * vfork: the child runs in our memory while we stand still, until it has
 * become the program. A copy of our page tables would cost more than all
 * the rest. What it changes in our memory is put back; signals wait until
 * it is out again, since our handler must not run in its place.
 */
static pid_t split(const struct process *p, const struct pipes *pipes,
                   volatile struct failure *bad)
{
    char **own = environ;
    pid_t parent = getpid(), pid;
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid = vfork();
    if (pid == 0)
        child(p, pipes, parent, bad);
    environ = own;
    running_group = pid > 0 && !bad->number ? pid : 0;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return pid;
}

static int not_started(const struct process *p,
                       const volatile struct failure *bad, struct error *err)
{
    errno = bad->number;
    if (!bad->entered)
        return error_set_errno(err, RB_IO, "cannot start %s in %s", p->argv[0],
                               p->directory);
    return error_set_errno(err, bad->number == ENOENT ? RB_NOTFOUND : RB_IO,
                           "cannot start %s", p->argv[0]);
}

static int start(const struct process *p, const struct pipes *pipes, pid_t *pid,
                 struct error *err)
{
    volatile struct failure bad = {0, 0};
    *pid = split(p, pipes, &bad);
    if (*pid < 0)
        return error_set_errno(err, RB_IO, "cannot start %s", p->argv[0]);
    if (!bad.number)
        return 0;
    while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    return not_started(p, &bad, err);
}

/* Keep the tail: the last lines are the ones that say what went wrong. */
static void keep(struct buf *b, const char *bytes, size_t size, int *cut)
{
    if (size > b->max) {
        bytes += size - b->max;
        size = b->max;
        *cut = 1;
    }
    if (b->size + size > b->max) {
        buf_consume(b, b->size + size - b->max);
        *cut = 1;
    }
    buf_add(b, bytes, size);
}

static int drain(int *fd, struct buf *b, int *cut)
{
    char bytes[16384];
    ssize_t got = read(*fd, bytes, sizeof bytes);
    if (got > 0) {
        keep(b, bytes, (size_t)got, cut);
        return 1;
    }
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return 1;
    close(*fd);
    *fd = -1;
    return 0;
}

static void feed(const struct process *p, int *fd, size_t *fed)
{
    ssize_t put =
        write(*fd, (const char *)p->input + *fed, p->input_size - *fed);
    if (put > 0)
        *fed += (size_t)put;
    if ((put < 0 && errno != EINTR && errno != EAGAIN) ||
        *fed == p->input_size) {
        close(*fd);
        *fd = -1;
    }
}

/* A running program as process_run sees it. */
struct watch {
    const struct process *p;
    struct pipes *pipes;
    struct process_result *r;
    pid_t pid;
    int ended_fd; /* becomes readable when the program has ended */
    size_t fed;   /* bytes of the input written so far */
    int64_t begin, gone, heard; /* ms of clock_steady */
};

/* How long poll may sleep; negative is for ever. */
static int64_t patience(const struct watch *w, int64_t now)
{
    int64_t left;
    if (w->gone) {
        left = w->heard + SILENCE_MS - now;
        if (left > w->gone + LINGER_MS - now)
            left = w->gone + LINGER_MS - now;
        return left > 0 ? left : 0;
    }
    if (!w->p->timeout || w->r->timed_out)
        return -1;
    left = w->begin + w->p->timeout - now;
    return left > 0 ? left : 0;
}

static void serve(struct watch *w, const struct pollfd fds[4])
{
    if (fds[0].revents &&
        drain(&w->pipes->out[0], &w->r->out, &w->r->truncated))
        w->heard = clock_steady();
    if (fds[1].revents &&
        drain(&w->pipes->err[0], &w->r->err, &w->r->truncated))
        w->heard = clock_steady();
    if (fds[2].revents)
        feed(w->p, &w->pipes->in[1], &w->fed);
    if (fds[3].revents && !w->gone) {
        /* Not reaped yet, so the number is still the program's. What it
           left running is an effect of it, and no longer ours to kill. */
        running_group = 0;
        w->gone = w->heard = clock_steady();
        close(w->ended_fd);
        w->ended_fd = -1;
    }
}

/* Until the program has ended and its pipes are closed or silent. */
static void attend(struct watch *w)
{
    while (!w->gone || w->pipes->out[0] >= 0 || w->pipes->err[0] >= 0) {
        struct pollfd fds[4] = {{w->pipes->out[0], POLLIN, 0},
                                {w->pipes->err[0], POLLIN, 0},
                                {w->pipes->in[1], POLLOUT, 0},
                                {w->ended_fd, POLLIN, 0}};
        int64_t left = patience(w, clock_steady());
        if (left == 0 && w->gone)
            break;
        if (left == 0) {
            w->r->timed_out = 1;
            kill(-w->pid, SIGKILL);
            continue;
        }
        if (poll(fds, 4, left > INT_MAX ? INT_MAX : (int)left) > 0)
            serve(w, fds);
    }
}

/* Collect the status; of a killed program also the rest of its group, whose
   orphans are ours. */
static void collect(struct watch *w)
{
    pid_t which = w->r->timed_out ? -w->pid : w->pid;
    int status;
    if (w->r->timed_out)
        kill(which, SIGKILL); /* what it forked since; it is not reaped yet */
    for (;;) {
        pid_t got = waitpid(which, &status, 0);
        if (got < 0 && errno != EINTR)
            break;
        if (got == w->pid && WIFEXITED(status))
            w->r->status = WEXITSTATUS(status);
        else if (got == w->pid && WIFSIGNALED(status))
            w->r->signal = WTERMSIG(status);
        if (got == w->pid && which > 0)
            break;
    }
    if (w->r->status >= 0)
        w->r->timed_out = 0; /* it was a moment faster than the limit */
    w->r->took = clock_steady() - w->begin;
}

static void close_child_ends(const struct process *p, struct pipes *pipes)
{
    int *ends[] = {&pipes->in[0], &pipes->out[1], &pipes->err[1]};
    for (size_t i = 0; i < 3; i++) {
        close(*ends[i]);
        *ends[i] = -1;
    }
    if (!p->input_size || p->input_fd) {
        close(pipes->in[1]);
        pipes->in[1] = -1;
    } else {
        fcntl(pipes->in[1], F_SETFL, O_NONBLOCK);
    }
}

int process_run(const struct process *p, struct process_result *r,
                struct error *err)
{
    struct pipes pipes;
    struct watch w = {p, &pipes, r, -1, -1, 0, clock_steady(), 0, 0};
    int rc;
    memset(r, 0, sizeof *r);
    r->out.max = r->err.max = p->keep ? p->keep : KEEP_DEFAULT;
    r->status = -1;
    signal(SIGCHLD, SIG_DFL); /* ignored, the status would be lost */
    rc = open_pipes(&pipes, err);
    if (!rc)
        rc = start(p, &pipes, &w.pid, err);
    if (rc)
        goto out;
    signal(SIGPIPE, SIG_IGN);
    close_child_ends(p, &pipes);
    w.ended_fd = pidfd_open(w.pid, 0);
    if (w.ended_fd < 0) {
        rc = error_set_errno(err, RB_IO, "cannot watch %s", p->argv[0]);
        end_group(w.pid);
        running_group = 0;
        goto out;
    }
    attend(&w);
    collect(&w);
out:
    close_pipes(&pipes);
    return rc;
}

void process_result_free(struct process_result *r)
{
    buf_free(&r->out);
    buf_free(&r->err);
}

/* The last line of b that is not blank, without its line end. */
static void last_line(const struct buf *b, char *out, size_t size)
{
    const char *text = buf_text(b), *end = text + b->size, *start;
    while (end > text && strchr(" \t\r\n", end[-1]))
        end--;
    for (start = end; start > text && start[-1] != '\n';)
        start--;
    snprintf(out, size, "%.*s", (int)(end - start), start);
}

void process_describe(const struct process_result *r, char *out, size_t size)
{
    char line[400];
    size_t used;
    last_line(&r->err, line, sizeof line);
    if (!line[0])
        last_line(&r->out, line, sizeof line);
    if (r->timed_out)
        snprintf(out, size, "was killed after %lld ms", (long long)r->took);
    else if (r->signal)
        snprintf(out, size, "was ended by signal %d (%s)", r->signal,
                 strsignal(r->signal));
    else
        snprintf(out, size, "exited with %d", r->status);
    used = strlen(out);
    if (line[0])
        snprintf(out + used, size - used, ": %s", line);
}
