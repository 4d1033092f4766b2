#define _GNU_SOURCE
#include "call.h"
#include "../drivers/process.h"
#include "../drivers/registry.h"
#include "../store/io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX (8u << 20)
#define GRACE 3000 /* ms between asking a process to end and ending it */

struct call *call_new(uint32_t sequence, const struct verb *v, json_t *request)
{
    struct call *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->sequence = sequence;
    c->verb = v;
    c->request = json_incref(request);
    c->answer_fd = c->progress_fd = -1;
    c->answer_text.max = ANSWER_MAX;
    c->progress.max = 16384;
    return c;
}

static void close_fds(struct call *c)
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
    close_fds(c);
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

static const struct driver *driver_of(const struct call *c, struct error *err)
{
    const struct driver *d = NULL;
    char noun[32];
    snprintf(noun, sizeof noun, "%.*s", (int)verb_noun(c->verb->name),
             c->verb->name);
    if (driver_find(noun, value_text(c->binding, "driver", ""), &d, err) != 0)
        return NULL;
    return d;
}

enum settle call_settle(const struct call *c)
{
    struct error err;
    const struct driver *d;
    const struct driver_verb *row;
    if (c->verb->effect == EFFECT_READ || !c->verb->system)
        return SETTLE_PURE;
    d = driver_of(c, &err);
    row = d ? driver_verb(d, c->verb->name) : NULL;
    return row ? row->settle : SETTLE_MANUAL;
}

/* Verbs that the engine answers itself. */
static void answer_clock(struct call *c)
{
    char text[32];
    int64_t now = clock_wall();
    time_t seconds = (time_t)(now / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    call_answer(
        c, OUTCOME_OK,
        json_pack("{s:f, s:s}", "seconds", (double)now / 1000.0, "text", text),
        NULL);
}

/* "noun.binding.key" in the environment, or the reference itself. */
static const char *find_reference(const struct environment *e, const char *name)
{
    char copy[256], *rest = copy, *part;
    const json_t *at = e->table;
    if (secret_is_reference(name))
        return name;
    snprintf(copy, sizeof copy, "%s", name);
    while (at && (part = strsep(&rest, ".")))
        at = json_object_get(at, part);
    name = json_string_value(at);
    return name && secret_is_reference(name) ? name : NULL;
}

/* Only what the environment refers to: a runbook cannot feel its way
   through the engine's variables and files. */
static int refers(const json_t *in, const char *reference)
{
    const char *key;
    json_t *member;
    size_t i;
    if (json_is_string(in))
        return strcmp(json_string_value(in), reference) == 0;
    json_object_foreach((json_t *)in, key, member)
    {
        if (refers(member, reference))
            return 1;
    }
    json_array_foreach(in, i, member)
    {
        if (refers(member, reference))
            return 1;
    }
    return 0;
}

static void answer_secret(struct call *c, const struct call_context *x)
{
    const char *asked = value_text(call_args(c), "secret", "");
    const char *reference = find_reference(x->environment, asked);
    struct error err;
    char *value;
    size_t size;
    if (!reference || !refers(x->environment->table, reference)) {
        snprintf(err.message, sizeof err.message,
                 "environment %s refers to no secret \"%s\"",
                 x->environment->name, asked);
        call_answer(c, OUTCOME_NOT_FOUND, NULL, err.message);
        return;
    }
    if (secret_read(x->secrets, reference, &value, &size, &err) != 0) {
        call_answer(c, OUTCOME_NOT_FOUND, NULL, err.message);
        return;
    }
    explicit_bzero(value, size);
    free(value);
    call_answer(
        c, OUTCOME_OK,
        json_pack("{s:b, s:I}", "present", 1, "bytes", (json_int_t)size), NULL);
}

static void fill(struct driver_call *d, const struct call *c,
                 const struct call_context *x, const json_t *binding)
{
    memset(d, 0, sizeof *d);
    d->verb = c->verb->name;
    d->system = c->system;
    d->args = call_args(c);
    d->binding = binding;
    d->key = c->key;
    d->run = x->run;
    d->service = x->service;
    d->environment = x->environment->name;
    d->root = x->environment->root;
    d->artifacts = x->artifacts;
    d->sequence = c->sequence;
    d->changed_at = x->changed_at;
    d->timeout = call_timeout(c);
    d->progress_fd = -1;
}

static void ask(const struct driver_verb *row, const struct driver_call *d,
                int probe, struct driver_answer *a)
{
    memset(a, 0, sizeof *a);
    a->outcome = OUTCOME_UNKNOWN;
    if (!probe)
        row->call(d, a);
    else if (row->probe)
        row->probe(d, a);
    else
        answer_fail(a, OUTCOME_UNKNOWN, "%s cannot be asked about", d->verb);
}

static void write_answer(int fd, const struct driver_answer *a)
{
    struct buf text = BUF_INIT(ANSWER_MAX);
    json_t *doc = json_object();
    json_object_set_new(doc, "outcome", json_integer(a->outcome));
    json_object_set(doc, "value", a->value ? a->value : json_null());
    json_object_set_new(doc, "message", json_string(a->message));
    if (value_encode(doc, &text) == 0)
        io_write_all(fd, buf_text(&text), text.size);
    /* else: an answer over the maximum is no answer; the engine says so */
}

/* The child: a fork of the engine that keeps the lock's descriptor (the run
   is not free while an effect is under way) and lets go of the rest. */
static void driver_process(struct call *c, const struct call_context *x,
                           const struct driver_verb *row, json_t *binding,
                           int answer, int progress, int probe, pid_t parent)
{
    struct driver_call d;
    struct driver_answer a;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    sigset_t none;
    setpgid(0, 0);
    process_end_on_term();
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1); /* the engine died before it could be told so */
    for (int fd = 0; fd < 3 && null >= 0; fd++)
        dup2(null, fd);
    secrets_free(x->secrets);
    fill(&d, c, x, binding);
    d.progress_fd = progress;
    ask(row, &d, probe, &a);
    write_answer(answer, &a);
    _exit(0);
}

static int start_process(struct call *c, const struct call_context *x,
                         const struct driver_verb *row, json_t *binding,
                         int probe, struct error *err)
{
    int answer[2], progress[2];
    pid_t parent = getpid();
    if (pipe2(answer, O_CLOEXEC) < 0)
        return error_set_errno(err, RB_IO, "no pipe for a driver");
    if (pipe2(progress, O_CLOEXEC | O_NONBLOCK) < 0) {
        close(answer[0]);
        close(answer[1]);
        return error_set_errno(err, RB_IO, "no pipe for a driver");
    }
    c->pid = fork();
    if (c->pid == 0)
        driver_process(c, x, row, binding, answer[1], progress[1], probe,
                       parent);
    close(answer[1]);
    close(progress[1]);
    c->answer_fd = answer[0];
    c->progress_fd = progress[0];
    fcntl(c->answer_fd, F_SETFL, O_NONBLOCK);
    if (c->pid < 0) {
        c->pid = 0;
        close_fds(c);
        return error_set_errno(err, RB_IO, "cannot start a driver process");
    }
    setpgid(c->pid, c->pid);
    return 0;
}

static void answer_quickly(struct call *c, const struct call_context *x,
                           const struct driver_verb *row, json_t *binding,
                           int probe)
{
    struct driver_call d;
    struct driver_answer a;
    fill(&d, c, x, binding);
    ask(row, &d, probe, &a);
    call_answer(c, a.outcome, a.value, a.message);
}

static void start_driver(struct call *c, const struct call_context *x,
                         int probe)
{
    struct error err = {0};
    const struct driver *d = driver_of(c, &err);
    const struct driver_verb *row = d ? driver_verb(d, c->verb->name) : NULL;
    json_t *binding = NULL;
    int rc;
    if (!row) {
        call_answer(c, OUTCOME_UNAVAILABLE, NULL, err.message);
        return;
    }
    rc = secret_resolve(x->secrets, c->binding, &binding, &err);
    if (rc) {
        if (err.next[0])
            error_set(&err, rc, "%s (%s)", err.message, err.next);
        call_answer(c, OUTCOME_AUTH, NULL, err.message);
        return;
    }
    io->moment(probe ? "probe" : "effect");
    if (d->quick)
        answer_quickly(c, x, row, binding, probe);
    else if (start_process(c, x, row, binding, probe, &err) != 0)
        call_answer(c, OUTCOME_RETRYABLE, NULL, err.message);
    json_decref(binding);
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
    if (strcmp(c->verb->name, "clock.now") == 0)
        answer_clock(c);
    else if (strcmp(c->verb->name, "secret.check") == 0)
        answer_secret(c, x);
    else if (c->verb->effect != EFFECT_WAIT)
        start_driver(c, x, probe);
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
        snprintf(text, sizeof text,
                 "the driver process of %s ended without "
                 "an answer",
                 c->verb->name);
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
    close_fds(c);
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
    line = strdup(start ? start + 1 : c->progress.data);
    buf_consume(&c->progress, (size_t)(end - c->progress.data) + 1);
    return line;
}
