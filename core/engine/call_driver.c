/*
 * A call goes to its driver: at once in the engine for a quick one, else in a
 * process of its own, which holds the secrets of one binding and writes one
 * answer to a pipe.
 */
#define _GNU_SOURCE
#include "../drivers/process.h"
#include "../drivers/registry.h"
#include "../store/io.h"
#include "../store/place.h"
#include "../wire/heap.h"
#include "call_parts.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

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

/* Where things lie that outlive a run; NULL without a place for them. */
static const char *state_directory(void)
{
    static char path[PLACE_PATH];
    struct error ignored;
    return place_root(path, sizeof path, &ignored) == 0 ? path : NULL;
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
    d->state = state_directory();
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
    buf_free(&text);
    json_decref(doc);
}

static void end_without_memory(void)
{
    process_end_program();
    _exit(CALL_NO_MEMORY);
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
    heap_on_end(end_without_memory);
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
    json_decref(a.value);
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
        call_close(c);
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

void call_ask_driver(struct call *c, const struct call_context *x, int probe)
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
