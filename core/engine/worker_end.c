/* How a worker ended: its exit status decides, not its word. */
#define _GNU_SOURCE
#include "worker.h"
#include "../drivers/driver.h"
#include "../wire/layer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

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

int worker_reached(struct worker *w, enum limit_id id, double used,
                   const char *where, struct error *err)
{
    struct limit_hit *hit = &w->hit;
    memset(hit, 0, sizeof *hit);
    hit->reached = 1;
    hit->id = id;
    hit->value = w->limits.value[id];
    /* The kernel counts processor time otherwise than it tells it. */
    hit->used =
        used > 0 && used < (double)hit->value ? (double)hit->value : used;
    if (where)
        snprintf(hit->where, sizeof hit->where, "%s", where);
    else
        worker_seen(w, hit->where, sizeof hit->where);
    return limit_tell(hit, w->what, w->file, err);
}

/* Its end, without asking again and again; a second is long for an exit. */
static int wait_gently(struct worker *w, int kill_it, int *status,
                       struct rusage *usage)
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
    while (wait4(w->pid, status, 0, usage) < 0 && errno == EINTR)
        continue;
    if (ended.fd >= 0)
        close(ended.fd);
    return !seen;
}

static double cpu_seconds(const struct rusage *u)
{
    return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) +
           (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

/* The limits that it, or the kernel, ends it by. 0 or RB_TOOBIG. */
static int judge_limit(struct worker *w, int code, int sig, double cpu,
                       struct error *err)
{
    if (code == WORKER_INSTRUCTIONS)
        return worker_reached(w, LIMIT_INSTRUCTIONS,
                              (double)w->page->instructions, NULL, err);
    if (code == WORKER_MEMORY)
        return worker_reached(w, LIMIT_MEMORY, (double)w->page->memory, NULL,
                              err);
    if (code == WORKER_FRAME)
        return worker_reached(w, LIMIT_FRAME, (double)w->page->wanted, NULL,
                              err);
    /* The kernel's clock ticks: it may be a little early. */
    if (sig == SIGXCPU ||
        (sig == SIGKILL && cpu > (double)w->limits.value[LIMIT_CPU] - 0.1))
        return worker_reached(w, LIMIT_CPU, cpu, NULL, err);
    return 0;
}

static void tell_violation(const struct worker *w, int sig, const char *seen,
                           struct error *err)
{
    char what[64] = "protocol";
    if (sig == SIGSYS)
        snprintf(what, sizeof what, "forbidden system call");
    if (!sig && w->page->refused)
        snprintf(what, sizeof what, "forbidden system call %u",
                 w->page->refused);
    error_set(err, RB_DENIED,
              "the worker broke out of its rules (%s) at %s: treat the "
              "runbook as hostile",
              what, seen);
}

static void tell_jail(const struct worker *w, struct error *err)
{
    char missing[100];
    layer_names(w->page->missing & JAIL_ALL, missing, sizeof missing);
    error_set(err, RB_DENIED,
              "this machine cannot give %s the jail that --require-jail asks "
              "for: it lacks %s",
              w->what, missing[0] ? missing : "a layer");
    error_next(err, "rbrun doctor");
}

static enum worker_verdict judge(struct worker *w, int status, double cpu,
                                 struct error *err)
{
    char seen[160];
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (code == 0)
        return VERDICT_FINE;
    if (judge_limit(w, code, sig, cpu, err))
        return VERDICT_LIMIT;
    worker_seen(w, seen, sizeof seen);
    if (!seen[0])
        snprintf(seen, sizeof seen, "an unknown line");
    if (sig == SIGSYS || code == WORKER_TRAPPED || code == WORKER_PROTOCOL ||
        code == WORKER_CLOSED) {
        tell_violation(w, sig, seen, err);
        return VERDICT_VIOLATION;
    }
    if (code == WORKER_JAIL && w->page->missing) {
        tell_jail(w, err);
        return VERDICT_CRASH;
    }
    if (code == WORKER_JAIL)
        error_set(err, RB_IO, "the worker could not lock itself in");
    else if (sig == SIGKILL)
        error_set(err, RB_IO,
                  "the worker was killed from outside (no memory left on the "
                  "machine?) at %s",
                  seen);
    else if (code == WORKER_HEAP)
        error_set(err, RB_IO,
                  "the worker was given no more memory by this machine, at %s",
                  seen);
    else
        error_set(err, RB_IO, "the worker crashed (%s %d) at %s",
                  sig ? "signal" : "exit status", sig ? sig : code, seen);
    error_next(err, "rbrun doctor");
    return VERDICT_CRASH;
}

static enum worker_verdict lingers(struct error *err)
{
    error_set(err, RB_DENIED,
              "the worker broke out of its rules (it did not end): treat the "
              "runbook as hostile");
    return VERDICT_VIOLATION;
}

enum worker_verdict worker_end(struct worker *w, int kill_it, struct error *err)
{
    enum worker_verdict verdict = VERDICT_FINE;
    struct rusage usage = {0};
    int status = 0;
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
    if (w->pid > 0) {
        int ours = wait_gently(w, kill_it, &status, &usage);
        /* It was to go: how is no news, unless a limit was first. */
        if (!ours || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
            verdict = judge(w, status, cpu_seconds(&usage), err);
        else if (!kill_it)
            verdict = lingers(err);
        w->pid = 0;
    }
    if (w->page) {
        w->instructions = w->page->instructions;
        munmap((void *)w->page, 4096);
    }
    w->page = NULL;
    buf_free(&w->in);
    buf_free(&w->out);
    return verdict;
}
