#define _GNU_SOURCE
#include "../store/io.h"
#include "../wire/heap.h"
#include "call_parts.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GRACE 3000 /* ms between asking a process to end and ending it */

struct call *call_new(uint32_t sequence, const struct verb *v, json_t *request)
{
    struct call *c = heap_zeroed(1, sizeof *c);
    c->sequence = sequence;
    c->verb = v;
    c->request = json_incref(request);
    c->answer_fd = c->progress_fd = -1;
    c->answer_text.max = ANSWER_MAX;
    c->progress.max = 16384;
    return c;
}

void call_close(struct call *c)
{
    if (c->answer_fd >= 0)
        close(c->answer_fd);
    if (c->progress_fd >= 0)
        close(c->progress_fd);
    c->answer_fd = c->progress_fd = -1;
}

/* It ends its programs when it is told to; the grace is for that. */
static void end_process(pid_t pid)
{
    const struct timespec pause = {0, 2000000};
    int64_t end = clock_steady() + GRACE;
    kill(pid, SIGTERM);
    while (waitpid(pid, NULL, WNOHANG) == 0) {
        if (clock_steady() > end) {
            kill(-pid, SIGKILL);
            kill(pid, SIGKILL);
        }
        nanosleep(&pause, NULL);
    }
}

void call_free(struct call *c)
{
    if (!c)
        return;
    if (c->pid > 0)
        end_process(c->pid);
    call_close(c);
    json_decref(c->request);
    json_decref(c->value);
    buf_free(&c->answer_text);
    buf_free(&c->progress);
    free(c);
}

const json_t *call_args(const struct call *c)
{
    return json_object_get(c->request, "args");
}

int64_t call_timeout(const struct call *c)
{
    int64_t ms = 30000, own;
    const json_t *args = call_args(c);
    const char *text = value_text(args, "timeout", NULL);
    duration_parse(c->verb->timeout, &ms, NULL);
    if (text && duration_parse(text, &own, NULL) == 0)
        ms = own;
    text = value_text(args, "within", NULL);
    /* The driver keeps the time of `within`; ours must not come first. */
    if (text && duration_parse(text, &own, NULL) == 0 && own + 30000 > ms)
        ms = own + 30000;
    return ms;
}

int64_t call_wait_ms(const struct call *c)
{
    const json_t *args = call_args(c);
    const char *text = value_text(args, "duration", NULL);
    const json_t *seconds = json_object_get(args, "seconds");
    int64_t ms = -1;
    if ((text != NULL) == (seconds != NULL))
        return -1;
    if (text)
        return duration_parse(text, &ms, NULL) == 0 ? ms : -1;
    if (json_number_value(seconds) < 0 ||
        json_number_value(seconds) > 365.0 * 86400.0)
        return -1;
    return (int64_t)(json_number_value(seconds) * 1000.0);
}

void call_answer(struct call *c, enum outcome outcome, json_t *value,
                 const char *message)
{
    json_decref(c->value);
    c->outcome = outcome;
    c->value = value;
    snprintf(c->message, sizeof c->message, "%s", message ? message : "");
    c->state = CALL_READY;
}

int call_start(struct call *c, const struct call_context *x, int probe)
{
    c->state = CALL_RUNNING;
    c->started = clock_steady();
    c->deadline = c->started + call_timeout(c);
    if (c->verb->effect == EFFECT_WAIT)
        c->deadline = c->started + call_wait_ms(c) - c->waited;
    c->probing = probe;
    c->terminated = 0;
    buf_clear(&c->answer_text);
    /* A wait that was over while nobody ran comes before what is new. */
    if (c->verb->effect == EFFECT_WAIT)
        call_tick(c, x);
    else if (!call_answer_own(c, x))
        call_ask_driver(c, x, probe);
    return 0;
}

static void take_answer(struct call *c)
{
    struct error err;
    json_t *doc = NULL;
    int64_t outcome;
    if (value_decode(buf_text(&c->answer_text), c->answer_text.size, &doc,
                     &err) != 0)
        return;
    outcome = value_int(doc, "outcome", OUTCOME_UNKNOWN);
    if (outcome < 0 || outcome >= OUTCOMES)
        outcome = OUTCOME_UNKNOWN;
    call_answer(c, (enum outcome)outcome,
                outcome == OUTCOME_OK
                    ? json_incref(json_object_get(doc, "value"))
                    : NULL,
                value_text(doc, "message", ""));
    json_decref(doc);
}

/* The process is gone and said nothing: for a write, nobody knows. */
static void no_answer(struct call *c, int status)
{
    int write = c->verb->effect != EFFECT_READ;
    char text[512], timeout[32];
    duration_format(clock_steady() - c->started, timeout, sizeof timeout);
    if (c->interrupted)
        snprintf(text, sizeof text, "%s was interrupted after %s",
                 c->verb->name, timeout);
    else if (c->terminated)
        snprintf(text, sizeof text, "%s did not answer within %s",
                 c->verb->name, timeout);
    else if (WIFSIGNALED(status))
        snprintf(text, sizeof text,
                 "the driver process of %s was ended by "
                 "signal %d (%s)",
                 c->verb->name, WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(
            text, sizeof text, "the driver process of %s %s", c->verb->name,
            WEXITSTATUS(status) == CALL_NO_MEMORY ? "ran out of memory"
                                                  : "ended without an answer");
    snprintf(c->lost, sizeof c->lost, " (%.250s)", text);
    call_answer(c,
                write           ? OUTCOME_UNKNOWN
                : c->terminated ? OUTCOME_TIMEOUT
                                : OUTCOME_RETRYABLE,
                NULL, text);
}

static void reap(struct call *c)
{
    int status = 0;
    if (c->pid > 0)
        waitpid(c->pid, &status, 0);
    c->pid = 0;
    take_answer(c);
    if (c->state != CALL_READY)
        no_answer(c, status);
    call_close(c);
    io->moment("answered");
}

static int fill_from(int fd, struct buf *into)
{
    char bytes[16384];
    ssize_t got = read(fd, bytes, sizeof bytes);
    if (got > 0) {
        if (buf_add(into, bytes, (size_t)got) != 0)
            buf_clear(into);
        return 1;
    }
    return got < 0 && (errno == EAGAIN || errno == EINTR) ? 1 : 0;
}

void call_receive(struct call *c, const struct call_context *x)
{
    (void)x;
    if (c->progress_fd >= 0)
        fill_from(c->progress_fd, &c->progress);
    if (c->answer_fd >= 0 && !fill_from(c->answer_fd, &c->answer_text))
        reap(c);
}

void call_stop(struct call *c)
{
    if (c->state != CALL_RUNNING)
        return;
    if (c->pid <= 0) {
        call_answer(c, OUTCOME_TIMEOUT, NULL, "interrupted");
        return;
    }
    if (!c->terminated) {
        kill(c->pid, SIGTERM);
        c->terminated = 1;
        c->terminated_at = clock_steady();
    }
}

int64_t call_tick(struct call *c, const struct call_context *x)
{
    int64_t now = clock_steady();
    (void)x;
    if (c->state != CALL_RUNNING)
        return -1;
    if (c->verb->effect == EFFECT_WAIT) {
        if (now < c->deadline)
            return c->deadline - now;
        call_answer(
            c, OUTCOME_OK,
            json_pack("{s:f}", "seconds", (double)call_wait_ms(c) / 1000.0),
            NULL);
        return 0;
    }
    if (c->terminated) {
        if (now - c->terminated_at > GRACE) {
            kill(-c->pid, SIGKILL);
            kill(c->pid, SIGKILL);
        }
        return GRACE;
    }
    if (now >= c->deadline)
        call_stop(c);
    return c->terminated ? GRACE : c->deadline - now;
}

json_t *call_result(const struct call *c)
{
    if (c->misuse)
        return json_pack("{s:s}", "misuse", c->message);
    if (c->outcome == OUTCOME_OK)
        return json_pack("{s:o}", "ok",
                         c->value ? json_incref(c->value) : json_object());
    return json_pack("{s:{s:s, s:s, s:s}}", "err", "outcome",
                     outcome_name(c->outcome), "message", c->message, "verb",
                     c->verb->name);
}

char *call_progress(struct call *c)
{
    char *end, *start, *line;
    if (!c->progress.size)
        return NULL;
    end = memrchr(c->progress.data, '\n', c->progress.size);
    if (!end)
        return NULL;
    *end = '\0';
    start = memrchr(c->progress.data, '\n', (size_t)(end - c->progress.data));
    line = heap_text(start ? start + 1 : c->progress.data);
    buf_consume(&c->progress, (size_t)(end - c->progress.data) + 1);
    return line;
}
