#define _GNU_SOURCE
#include "reader.h"
#include "driver.h"
#include "registry.h"
#include "../wire/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHANNEL 3 /* the reader's only descriptor */

struct reader {
    pid_t pid;
    int fd;
    char role[16];
    int closed; /* it does not take more */
};

/* Up to exec nothing but async-signal-safe calls. */
static void become_reader(int fd, pid_t parent, const char *path,
                          const char *role, const char *seconds)
{
    static char *const environment[] = {"LC_ALL=C", NULL};
    char *const argv[] = {"rbrun-reader", (char *)role, (char *)seconds, NULL};
    struct rlimit none = {0, 0};
    sigset_t empty;
    int null = open("/dev/null", O_RDWR);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || null < 0)
        _exit(WORKER_JAIL);
    fd = fcntl(fd, F_DUPFD, 10); /* above what the next lines fill */
    null = fcntl(null, F_DUPFD, 10);
    for (int i = 0; i < CHANNEL; i++)
        dup2(null, i);
    dup2(fd, CHANNEL);
    close_range(CHANNEL + 1, ~0u, 0);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&empty);
    sigprocmask(SIG_SETMASK, &empty, NULL);
    setrlimit(RLIMIT_CORE, &none);
    if (chdir("/") == 0)
        execve(path, argv, environment);
    _exit(WORKER_JAIL);
}

static int start(struct reader *r, const char *path, int64_t seconds,
                 struct error *err)
{
    char text[24];
    int pair[2];
    pid_t parent = getpid();
    snprintf(text, sizeof text, "%lld", (long long)seconds);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return error_set_errno(err, RB_IO, "no socket for a reader");
    r->pid = fork();
    if (r->pid == 0)
        become_reader(pair[1], parent, path, r->role, text);
    close(pair[1]);
    r->fd = pair[0];
    if (r->pid < 0)
        return error_set_errno(err, RB_IO, "cannot start the %s reader",
                               r->role);
    return 0;
}

static int send_options(struct reader *r, const json_t *options,
                        struct error *err)
{
    struct buf out = BUF_INIT(FRAME_HEADER + FRAME_MAX_DOCUMENT);
    json_t *empty = json_object();
    int rc = frame_write(&out, FRAME_START, 0, 0, options ? options : empty,
                         NULL, 0);
    if (rc)
        rc = error_set(err, rc, "the options of the %s reader do not fit",
                       r->role);
    else
        rc = reader_feed(r, out.data, out.size, err);
    json_decref(empty);
    buf_free(&out);
    return rc == RB_CLOSED ? 0 : rc; /* reader_finish will say why */
}

int reader_open(const char *role, const json_t *options, struct reader **out,
                struct error *err)
{
    char path[4200];
    struct reader *r = NULL;
    int rc = own_file("rbrun-reader", path, sizeof path, err);
    if (rc)
        return rc;
    r = calloc(1, sizeof *r);
    if (!r)
        return error_set(err, RB_NOMEM, "no memory for a reader");
    r->fd = r->pid = -1;
    snprintf(r->role, sizeof r->role, "%s", role);
    rc = start(r, path, value_int(options, "cpu_seconds", 20), err);
    if (!rc)
        rc = send_options(r, options, err);
    if (rc) {
        reader_abort(r);
        return rc;
    }
    *out = r;
    return 0;
}

/* The reader takes bytes or dies: its processor time is limited, and it has
   no call to wait in but the one that takes bytes. So this cannot hang. */
int reader_feed(struct reader *r, const void *bytes, size_t size,
                struct error *err)
{
    const char *at = bytes;
    while (!r->closed && size > 0) {
        ssize_t put = send(r->fd, at, size, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            r->closed = 1;
            break;
        }
        at += put;
        size -= (size_t)put;
    }
    if (r->closed)
        return error_set(err, RB_CLOSED, "the %s reader has ended", r->role);
    return 0;
}

static void release(struct reader *r)
{
    if (r->fd >= 0)
        close(r->fd);
    free(r);
}

void reader_abort(struct reader *r)
{
    if (!r)
        return;
    if (r->pid > 0) {
        kill(r->pid, SIGKILL);
        while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    release(r);
}

/* Fill size bytes before the clock says deadline. Returns 0, RB_CLOSED when
   the reader is gone, or RB_BUSY when it is late. */
static int receive(struct reader *r, void *bytes, size_t size, int64_t deadline)
{
    char *at = bytes;
    while (size > 0) {
        struct pollfd wait = {r->fd, POLLIN, 0};
        int64_t left = deadline - clock_steady();
        ssize_t got;
        if (left <= 0)
            return RB_BUSY;
        if (poll(&wait, 1, left > 1000 ? 1000 : (int)left) <= 0)
            continue;
        got = recv(r->fd, at, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return RB_CLOSED;
        at += got;
        size -= (size_t)got;
    }
    return 0;
}

static uint32_t get32(const char *at)
{
    const unsigned char *u = (const unsigned char *)at;
    return (uint32_t)u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 |
           (uint32_t)u[3] << 24;
}

/* The body goes straight to where it will stay, so the frame is read as one
   without a body. */
static int receive_document(struct reader *r, struct frame *f,
                            size_t *body_size, int64_t deadline,
                            struct error *err)
{
    char header[FRAME_HEADER];
    char *bytes = NULL;
    size_t size, used;
    int rc = receive(r, header, sizeof header, deadline);
    if (rc)
        return rc;
    size = get32(header);
    *body_size = get32(header + 4);
    if (size > FRAME_MAX_DOCUMENT || *body_size > FRAME_MAX_BODY)
        return error_set(err, RB_IO, "the %s reader talks nonsense", r->role);
    memset(header + 4, 0, 4);
    bytes = malloc(sizeof header + size);
    if (!bytes)
        return error_set(err, RB_NOMEM, "no memory for a reply");
    memcpy(bytes, header, sizeof header);
    rc = receive(r, bytes + sizeof header, size, deadline);
    if (!rc)
        rc = frame_read(bytes, sizeof header + size, f, &used, err);
    free(bytes);
    if (rc == RB_INVALID)
        rc = error_set(err, RB_IO, "the %s reader talks nonsense", r->role);
    return rc;
}

/* The body, NUL-terminated; NULL when there is none. */
static int receive_body(struct reader *r, size_t size, char **body,
                        int64_t deadline, struct error *err)
{
    int rc;
    if (!size)
        return 0;
    *body = malloc(size + 1);
    if (!*body)
        return error_set(err, RB_NOMEM, "no memory for a reply of %zu bytes",
                         size);
    (*body)[size] = '\0';
    rc = receive(r, *body, size, deadline);
    return rc;
}

static int take_numbers(const struct reader *r, char **body, size_t size,
                        double **numbers, size_t *count, struct error *err)
{
    if (size % sizeof **numbers)
        return error_set(err, RB_IO, "the %s reader talks nonsense", r->role);
    if (!numbers)
        return 0;
    *numbers = *body ? (double *)(void *)*body : calloc(1, sizeof **numbers);
    *body = NULL;
    if (!*numbers)
        return error_set(err, RB_NOMEM, "no memory for numbers");
    *count = size / sizeof **numbers;
    return 0;
}

/* A document that was too large for its frame came as the body. */
static int take_document(const struct reader *r, struct frame *f,
                         const char *body, size_t size, struct error *err)
{
    struct error inner = {0};
    json_t *whole = NULL;
    if (!body || value_decode(body, size, &whole, &inner))
        return error_set(err, RB_IO, "the %s reader talks nonsense", r->role);
    json_decref(f->value);
    f->value = whole;
    return 0;
}

/* What the reader itself says of the text. */
static int told(const struct reader *r, const struct frame *f,
                struct error *err)
{
    int code = (int)value_int(f->value, "code", RB_INVALID);
    if (f->type == FRAME_DONE)
        return 0;
    if (f->type != FRAME_FAIL)
        return error_set(err, RB_IO, "the %s reader talks nonsense", r->role);
    if (code != RB_TOOBIG && code != RB_NOMEM)
        code = RB_INVALID;
    return error_set(err, code == RB_NOMEM ? RB_TOOBIG : code, "%s",
                     value_text(f->value, "message", "malformed"));
}

/* A reader that ended without a word: its status says how. */
static int post_mortem(const struct reader *r, int status, struct error *err)
{
    int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (signal == SIGSYS)
        return error_set(err, RB_IO,
                         "the %s reader was killed by its jail: the text made "
                         "it try a forbidden system call",
                         r->role);
    if (signal == SIGXCPU || signal == SIGKILL)
        return error_set(err, RB_IO,
                         "the %s reader was killed: it used up its time",
                         r->role);
    if (signal)
        return error_set(err, RB_IO,
                         "the %s reader crashed on the text (signal %d, %s)",
                         r->role, signal, strsignal(signal));
    if (code == WORKER_MEMORY)
        return error_set(err, RB_TOOBIG,
                         "the text needs more memory than the %s reader may "
                         "use",
                         r->role);
    if (code == WORKER_JAIL)
        return error_set(err, RB_IO,
                         "the %s reader could not close its jail, or could "
                         "not be started",
                         r->role);
    return error_set(err, RB_IO, "the %s reader ended with status %d", r->role,
                     code);
}

int reader_finish(struct reader *r, int64_t timeout, json_t **reply,
                  double **numbers, size_t *count, struct error *err)
{
    int64_t deadline = clock_steady() + timeout;
    struct frame f = {0};
    char *body = NULL;
    size_t size = 0;
    int status = 0, rc;
    shutdown(r->fd, SHUT_WR);
    rc = receive_document(r, &f, &size, deadline, err);
    if (!rc)
        rc = told(r, &f, err);
    if (!rc)
        rc = receive_body(r, size, &body, deadline, err);
    if (!rc && value_bool(f.value, "in_body", 0))
        rc = take_document(r, &f, body, size, err);
    else if (!rc)
        rc = take_numbers(r, &body, size, numbers, count, err);
    free(body);
    if (rc == RB_BUSY)
        rc = error_set(err, RB_IO, "the %s reader took longer than %lld ms",
                       r->role, (long long)timeout);
    if (rc && rc != RB_CLOSED) /* a dying one is left to say how it died */
        kill(r->pid, SIGKILL);
    while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (rc == RB_CLOSED)
        rc = post_mortem(r, status, err);
    if (!rc)
        *reply = json_incref(f.value);
    frame_free(&f);
    release(r);
    return rc;
}
