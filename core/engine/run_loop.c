/*
 * The loop: take the worker's burst, record it, start what it asked for,
 * and when it is blocked give it exactly one answer. The order of answers is
 * the order of result records, which is all that replay needs.
 */
#define _GNU_SOURCE
#include "frame_check.h"
#include "run_parts.h"
#include "../wire/clock_source.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THINKS 500     /* ms between two looks at a worker that thinks */
#define FLUSH_AFTER 50 /* ms an unflushed record may wait */
#define POLL_MAX 64

static volatile sig_atomic_t stop_count, stop_signal;

void run_request_stop(int signal)
{
    stop_count++;
    if (!stop_signal)
        stop_signal = signal;
}

int run_stop_requested(void)
{
    return stop_signal;
}

void run_event(struct run *r, const char *kind, json_t *fields)
{
    if (r->observer && r->observer->event)
        r->observer->event(r->observer->data, kind, fields);
    json_decref(fields);
}

/* Delivered calls are forgotten, so that the list stays short. */
static void sweep(struct run *r)
{
    struct call **at = &r->calls;
    while (*at) {
        struct call *c = *at;
        if (c->state == CALL_DONE) {
            *at = c->next;
            call_free(c);
        } else {
            at = &c->next;
        }
    }
}

/* -- stopping ----------------------------------------------------------- */

static void stop_reads(struct run *r)
{
    for (struct call *c = r->calls; c; c = c->next) {
        if (c->state == CALL_RUNNING && (c->verb->effect == EFFECT_READ ||
                                         c->verb->effect == EFFECT_WAIT)) {
            c->interrupted = 1;
            call_stop(c);
        }
    }
}

static const struct call *running_write(const struct run *r)
{
    for (const struct call *c = r->calls; c; c = c->next) {
        if (c->state == CALL_RUNNING && c->verb->effect == EFFECT_WRITE)
            return c;
    }
    return NULL;
}

static void notice_stop(struct run *r)
{
    int count = stop_count;
    const struct call *busy = running_write(r);
    if (count == r->stops)
        return;
    r->signal = stop_signal;
    r->stops = count;
    run_event(r, "stop",
              json_pack("{s:i, s:i, s:s*, s:I}", "count", count, "signal",
                        (int)stop_signal, "busy",
                        busy ? busy->verb->name : NULL, "undo",
                        (json_int_t)r->undo_count));
    if (r->mode != MODE_LIVE || count > 1) {
        struct error why = {0};
        error_set(&why, RB_CLOSED, "left at once%s%s",
                  busy ? "; under way and now in doubt: " : "",
                  busy ? busy->verb->name : "");
        error_next(&why, "rbrun resume %s", r->id);
        run_leave(r, r->signal == SIGTERM ? EXIT_TERMINATED : EXIT_INTERRUPTED,
                  &why);
        return;
    }
    stop_reads(r);
}

/* -- one turn ----------------------------------------------------------- */

static void worker_died(struct run *r)
{
    struct error why = {0};
    enum worker_verdict verdict = worker_end(&r->worker, 0, &why);
    if (verdict == VERDICT_FINE)
        worker_silent(&r->worker, r->program->name, &why);
    run_worker_ended(r, verdict == VERDICT_FINE ? VERDICT_VIOLATION : verdict,
                     &why);
}

static int collect(struct run *r, struct pollfd *fds, struct call **who)
{
    int n = 0;
    fds[n].fd = r->over ? -1 : r->worker.fd;
    fds[n].events = POLLIN;
    who[n++] = NULL;
    for (struct call *c = r->calls; c && n + 2 < POLL_MAX; c = c->next) {
        if (c->answer_fd >= 0) {
            fds[n].fd = c->answer_fd;
            fds[n].events = POLLIN;
            who[n++] = c;
        }
        if (c->progress_fd >= 0) {
            fds[n].fd = c->progress_fd;
            fds[n].events = POLLIN;
            who[n++] = c;
        }
    }
    return n;
}

static int64_t patience(struct run *r)
{
    int64_t best = r->observer && r->observer->tick ? 1000 : 60000;
    for (struct call *c = r->calls; c; c = c->next) {
        int64_t wanted = call_tick(c, &r->context);
        if (wanted >= 0 && wanted < best)
            best = wanted;
        if (r->worker.blocked &&
            (c->state == CALL_READY || c->state == CALL_SETTLED))
            best = 0;
    }
    if (!r->worker.blocked && best > THINKS)
        best = THINKS;
    if (r->journal && r->journal->dirty_since && best > FLUSH_AFTER)
        best = FLUSH_AFTER;
    return best;
}

static void show_progress(struct run *r, struct call *c)
{
    char *line = call_progress(c);
    struct buf text = BUF_INIT(1024);
    if (!line)
        return;
    buf_adds(&text, line);
    secret_redact_text(r->secrets, &text);
    run_event(r, "progress",
              json_pack("{s:I, s:s, s:s}", "call", (json_int_t)c->sequence,
                        "verb", c->verb->name, "text", buf_text(&text)));
    buf_free(&text);
    free(line);
}

static void wait_for_news(struct run *r, const sigset_t *mask)
{
    struct pollfd fds[POLL_MAX];
    struct call *who[POLL_MAX];
    struct error err = {0};
    int n = collect(r, fds, who);
    int64_t ms = patience(r);
    int idle = n == 1 && (r->over || r->worker.blocked);
    int ready = clock_source->wait(fds, (nfds_t)n, ms, idle, mask);
    for (int i = 1; ready > 0 && i < n; i++) {
        if (fds[i].revents && who[i]->state == CALL_RUNNING) {
            call_receive(who[i], &r->context);
            show_progress(r, who[i]);
        }
    }
    if (ready > 0 && fds[0].fd >= 0 && fds[0].revents &&
        worker_receive(&r->worker, &err) != 0)
        worker_died(r);
}

static void housekeeping(struct run *r)
{
    static int64_t ticked;
    struct error err = {0};
    int64_t now = clock_steady();
    if (r->observer && r->observer->tick && now - ticked >= 1000) {
        ticked = now;
        r->observer->tick(r->observer->data);
    }
    if (r->journal && r->journal->dirty_since &&
        now - r->journal->dirty_since >= FLUSH_AFTER &&
        journal_flush(r->journal, &err) != 0)
        run_broke(r, &err);
    if (!r->over && worker_account(&r->worker, &err))
        run_worker_ended(r, VERDICT_LIMIT, &err);
}

/* Nothing is asked for any more; what has left is followed to its end. */
static int wind_down(struct run *r, struct error *err)
{
    int rc;
    if (r->journal && r->journal->broken)
        return 0;
    rc = run_start_doubtful(r, err);
    return rc ? rc : run_settle_ready(r, err);
}

static void turn(struct run *r, const sigset_t *mask)
{
    struct error err = {0};
    int rc = 0;
    run_take_frames(r);
    notice_stop(r);
    if (!r->over && r->worker.blocked)
        rc = run_give_one(r, &err);
    else if (r->over == 2)
        rc = wind_down(r, &err);
    if (!rc && r->over != 1 && !(r->journal && r->journal->broken))
        rc = run_record_rest(r, &err);
    if (rc == RB_CLOSED && !r->over)
        worker_died(r);
    else if (rc)
        run_broke(r, &err);
    sweep(r);
    if (!r->over)
        run_take_recorded_end(r);
    if (r->over == 1 || (r->over == 2 && !run_writing(r)))
        return;
    if (!worker_has_next(&r->worker) || r->worker.blocked)
        wait_for_news(r, mask);
    housekeeping(r);
}

void run_execute(struct run *r)
{
    struct error err = {0};
    sigset_t stops, old;
    json_t *doc = json_pack("{s:O}", "input", r->input);
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGHUP);
    sigprocmask(SIG_BLOCK, &stops, &old);
    r->stops = 0; /* a stop asked for before the loop counts, too */
    if (worker_send(&r->worker, FRAME_RUN, 0, doc, NULL, 0, &err) != 0)
        run_broke(r, &err);
    json_decref(doc);
    while (r->over != 1 && !(r->over == 2 && !run_writing(r)))
        turn(r, &old);
    if (r->over == 2)
        run_finish(r);
    sigprocmask(SIG_SETMASK, &old, NULL);
}
