#define _GNU_SOURCE
#include "assess.h"
#include "run.h"
#include "../drivers/process.h"
#include "../drivers/registry.h"
#include "../store/io.h"
#include "../wire/heap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MODULE "rbrun-pg.so"
#define LINE_MAX_BYTES (128u << 20)
#define GRACE 10000  /* ms that a scratch database has to go away in */
#define NO_MEMORY 11 /* exit status; as a driver process ends */

typedef int answer_function(const struct assess_question *, assess_tell *,
                            void *, struct error *);

/* -- the process that asks ---------------------------------------------- */

static void end_without_memory(void)
{
    _exit(NO_MEMORY);
}

static int write_line(void *data, json_t *line)
{
    int fd = *(int *)data, rc = RB_CLOSED;
    char *text;
    if (!line) /* a text in it is no text */
        return RB_INVALID;
    text = json_dumps(line, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(line);
    if (text) {
        size_t size = strlen(text);
        text[size] = '\n'; /* in the place of the end */
        rc = io_write_all(fd, text, size + 1) == 0 ? 0 : RB_CLOSED;
    }
    free(text);
    return rc;
}

static int answer_of(answer_function **out, struct error *err)
{
    void *symbol = driver_symbol(MODULE, "assess_answer", err);
    memcpy(out, &symbol, sizeof symbol);
    return symbol ? 0 : RB_IO;
}

static _Noreturn void asker(const struct assess_question *q, int fd,
                            pid_t parent)
{
    struct error err = {0};
    answer_function *answer = NULL;
    sigset_t none;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), rc;
    heap_on_end(end_without_memory);
    setpgid(0, 0);
    process_end_on_term();
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
    for (int i = 0; i < 3 && null >= 0; i++)
        dup2(null, i);
    rc = answer_of(&answer, &err);
    if (!rc)
        rc = answer(q, write_line, &fd, &err);
    if (rc == RB_INVALID && !err.message[0]) {
        error_set(&err, rc, "a name of a folder or file is not UTF-8");
        error_next(&err, "rename it: what is judged is told in UTF-8");
    }
    if (rc) /* in vain where the one who waits is gone */
        write_line(&fd,
                   json_pack("{s:s, s:i, s:s, s:s}", "is", "failed", "code", rc,
                             "message", err.message, "next", err.next));
    else if (!rc)
        write_line(&fd, json_pack("{s:s}", "is", "done"));
    _exit(0);
}

/* -- the one who waits -------------------------------------------------- */

struct hearing {
    pid_t pid;
    int fd;
    struct buf text;
    size_t searched; /* no end of a line before it */
    int done;        /* its last line has come */
    assess_take *take;
    void *data;
};

static int start(const struct assess_question *q, struct hearing *h,
                 struct error *err)
{
    int ends[2];
    pid_t parent = getpid();
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set_errno(err, RB_IO, "no pipe for an assessment");
    fflush(NULL);
    h->pid = fork();
    if (h->pid == 0) {
        close(ends[0]);
        asker(q, ends[1], parent);
    }
    close(ends[1]);
    h->fd = ends[0];
    if (h->pid < 0)
        return error_set_errno(err, RB_IO, "cannot start an assessment");
    setpgid(h->pid, h->pid);
    return 0;
}

static int failed(const json_t *line, struct error *err)
{
    int code = (int)value_int(line, "code", RB_IO);
    error_set(err, code, "%s", value_text(line, "message", "?"));
    if (value_text(line, "next", "")[0])
        error_next(err, "%s", value_text(line, "next", ""));
    return code;
}

static int hear_line(struct hearing *h, const char *text, size_t size,
                     struct error *err)
{
    json_error_t where;
    json_t *line = json_loadb(text, size, 0, &where);
    const char *is = value_text(line, "is", "");
    int rc = 0;
    if (!line)
        rc = error_set(err, RB_IO, "the assessment talks nonsense: %s",
                       where.text);
    else if (strcmp(is, "failed") == 0)
        rc = failed(line, err);
    else if (strcmp(is, "done") == 0)
        h->done = 1;
    else
        rc = h->take(h->data, line);
    json_decref(line);
    return rc;
}

static int hear_lines(struct hearing *h, struct error *err)
{
    int rc = 0;
    while (!rc) {
        size_t left = h->text.size - h->searched;
        char *end =
            left ? memchr(h->text.data + h->searched, '\n', left) : NULL;
        size_t size = end ? (size_t)(end - h->text.data) : 0;
        if (!end) {
            h->searched = h->text.size;
            return 0;
        }
        rc = hear_line(h, h->text.data, size, err);
        buf_consume(&h->text, size + 1);
        h->searched = 0;
    }
    return rc;
}

/* One look at the pipe: 1 when it has ended. */
static int hear(struct hearing *h, struct error *err, int *rc)
{
    struct pollfd wait = {h->fd, POLLIN, 0};
    char bytes[65536];
    ssize_t got;
    if (run_stop_requested()) {
        *rc = error_set(err, RB_CLOSED, "interrupted: nothing is judged");
        return 1;
    }
    if (poll(&wait, 1, 200) <= 0)
        return 0;
    got = read(h->fd, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR)
        return 0;
    if (got <= 0)
        return 1;
    if (buf_add(&h->text, bytes, (size_t)got) != 0)
        *rc = error_set(err, RB_TOOBIG, "a migration's answer is too large");
    else
        *rc = hear_lines(h, err);
    return *rc != 0;
}

/* It ends what it has started when it is told to; the grace is for that. */
static int wait_for(struct hearing *h, int stop)
{
    int64_t until = clock_steady() + GRACE;
    int status = 0;
    if (stop)
        kill(h->pid, SIGTERM);
    while (waitpid(h->pid, &status, stop ? WNOHANG : 0) == 0) {
        if (clock_steady() > until) {
            kill(-h->pid, SIGKILL);
            kill(h->pid, SIGKILL);
            stop = 0;
        }
        poll(NULL, 0, 5);
    }
    return status;
}

static int post_mortem(int status, struct error *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_MEMORY)
        error_set(err, RB_TOOBIG, "there is no memory left for them");
    else if (WIFSIGNALED(status))
        error_set(err, RB_IO, "the assessment was ended by signal %d (%s)",
                  WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        error_set(err, RB_IO,
                  "the assessment ended with status %d and no "
                  "word",
                  WEXITSTATUS(status));
    error_next(err, "judge fewer migrations at a time: rbrun help assess");
    return err->code;
}

int assess_ask(const struct assess_question *q, assess_take *take, void *data,
               struct error *err)
{
    struct hearing h = {.fd = -1, .take = take, .data = data};
    int rc = 0, status;
    h.text.max = LINE_MAX_BYTES;
    rc = start(q, &h, err);
    if (rc)
        return rc;
    while (!hear(&h, err, &rc))
        continue;
    status = wait_for(&h, rc != 0);
    close(h.fd);
    buf_free(&h.text);
    if (!rc && !h.done)
        rc = post_mortem(status, err);
    return rc;
}
