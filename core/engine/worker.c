#define _GNU_SOURCE
#include "run.h"
#include "../drivers/driver.h"
#include "../drivers/registry.h"
#include "../wire/layer.h"

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
#include <unistd.h>

#define STEP_MAX 1000  /* ms between two looks at a worker that thinks */
#define FRAME_COST 200 /* bytes that a frame costs elsewhere, small or not */
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

static void init(struct worker *w, const struct worker_job *job)
{
    memset(w, 0, sizeof *w);
    w->fd = -1;
    w->in.max = w->out.max = IN_MAX;
    w->what = job->what;
    w->file = job->file;
    w->limits = job->limits;
}

static int start_process(struct worker *w, const char *role, struct error *err)
{
    char path[4200];
    int pair[2], page, rc;
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
    return 0;
}

int worker_start(struct worker *w, const struct worker_job *job,
                 struct error *err)
{
    const struct buf *body = job->body;
    int rc;
    init(w, job);
    if (body->size > (size_t)w->limits.value[LIMIT_SOURCE])
        return worker_reached(w, LIMIT_SOURCE, (double)body->size,
                              value_text(job->start, "source_name", ""), err);
    json_object_set_new(job->start, "limits", limits_document(&w->limits));
    json_object_set_new(job->start, "require",
                        json_integer(job->require_jail ? JAIL_ALL : 0));
    rc = start_process(w, job->role, err);
    return rc ? rc
              : worker_send(w, FRAME_START, 0, job->start, buf_text(body),
                            body->size, err);
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
    w->counted_until = clock_steady();
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

/* What a worker says is limited in all, and each frame of it. An honest one
   has ended itself before it says too much at once (lua/link.c). */
static int count_said(struct worker *w, size_t used, size_t body,
                      struct error *err)
{
    size_t document = used - body - FRAME_HEADER;
    w->said += FRAME_COST + used;
    if (document > (size_t)w->limits.value[LIMIT_FRAME])
        return worker_reached(w, LIMIT_FRAME, (double)document, NULL, err);
    if (w->said > (uint64_t)w->limits.value[LIMIT_OUTPUT])
        return worker_reached(w, LIMIT_OUTPUT, (double)w->said, NULL, err);
    return 0;
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
    rc = count_said(w, used, f->body_size, err);
    if (rc)
        frame_free(f);
    return rc;
}

/* A part of a frame is nothing to take: its rest has to be waited for. */
int worker_has_next(const struct worker *w)
{
    return w->in.data &&
           frame_is_whole(w->in.data + w->consumed, w->in.size - w->consumed);
}

int worker_said_more(const struct worker *w)
{
    return w->in.size > w->consumed;
}

int worker_account(struct worker *w, struct error *err)
{
    struct pollfd p = {w->fd, POLLIN, 0};
    int64_t now = clock_steady(), passed = now - w->counted_until;
    int64_t most = w->limits.value[LIMIT_WALL] * 1000;
    if (w->blocked || !w->pid)
        return 0;
    w->counted_until = now;
    w->thought += passed < STEP_MAX ? passed : STEP_MAX;
    /* What it has said is heard first: it may have waited for us. */
    if (w->thought <= most || worker_has_next(w) || poll(&p, 1, 0) != 0)
        return 0;
    return worker_reached(w, LIMIT_WALL, (double)w->thought / 1000, NULL, err);
}

int worker_await(struct worker *w, struct frame *f, struct error *err)
{
    int got = 0, rc = 0;
    while (!rc) {
        struct pollfd p = {w->fd, POLLIN, 0};
        rc = worker_next(w, f, &got, err);
        if (rc || got)
            break;
        if (w->stoppable && run_stop_requested())
            return error_set(err, RB_IO, "interrupted while %s was loaded",
                             w->what);
        poll(&p, 1, STEP_MAX / 2);
        if (p.revents)
            rc = worker_receive(w, err);
        if (!rc)
            rc = worker_account(w, err);
    }
    return rc;
}
