#define _GNU_SOURCE
#include "shortage.h"
#include "run_parts.h"
#include "../wire/heap.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define AGAIN "free memory on this machine (free -m), then: "

static const struct run *watched;
static int in_json;

void shortage_watch(const struct run *r)
{
    watched = r;
}

void shortage_in_json(int wanted)
{
    in_json = wanted;
}

static const struct call *open_write(const struct run *r)
{
    for (const struct call *c = r->calls; c; c = c->next) {
        if (c->verb->effect == EFFECT_WRITE &&
            (c->state == CALL_DOUBT || run_is_open(r, c)))
            return c;
    }
    return NULL;
}

/* What there is to say: without a run that was begun, with one that has
   ended, with one that a resume has not touched yet, with one in its
   middle. */
struct last_words {
    int status;
    char cause[300], state[120], next[120];
};

static void of_no_run(struct last_words *w)
{
    w->status = EXIT_REFUSED;
    snprintf(w->state, sizeof w->state, "refused; nothing was done");
    snprintf(w->next, sizeof w->next, AGAIN "the same command");
}

static void of_ended_run(struct last_words *w, const struct run *r)
{
    w->status = r->status;
    snprintf(w->cause, sizeof w->cause, "; run %s has ended before that",
             r->id);
    snprintf(w->state, sizeof w->state, "%s", exit_meaning(w->status));
    snprintf(w->next, sizeof w->next, "rbrun show %s", r->id);
}

static int holds(const char *text, size_t size, const char *part)
{
    return memmem(text, size, part, strlen(part)) != NULL;
}

/* The number of an intent's call, or of a result's: in the one it comes
   first, in the other behind the answer. */
static long call_of(const struct record *rec, int is_result)
{
    static const char key[] = "\"call\":";
    const char *at = rec->text, *end = rec->text + rec->size, *found = NULL;
    while ((at = memmem(at, (size_t)(end - at), key, sizeof key - 1))) {
        at += sizeof key - 1;
        found = at;
        if (!is_result)
            break;
    }
    return found ? strtol(found, NULL, 10) : 0;
}

/* A write to production, as its intent's text says it. */
static int is_change(const struct record *rec)
{
    return rec->kind == RECORD_INTENT &&
           holds(rec->text, rec->size, "\"effect\":\"write\"") &&
           !holds(rec->text, rec->size, "\"verb\":\"snapshot.");
}

static const struct record *result_of(const struct tape *t, size_t intent)
{
    long call = call_of(&t->records[intent], 0);
    for (size_t i = intent + 1; i < t->count; i++) {
        const struct record *rec = &t->records[i];
        if (rec->kind == RECORD_RESULT && call_of(rec, 1) == call)
            return rec;
    }
    return NULL;
}

/* As record_writes, which would have to ask for memory. */
static void count_writes(const struct tape *t, unsigned *made, unsigned *open)
{
    *made = *open = 0;
    for (size_t i = 0; i < t->count; i++) {
        const struct record *result;
        if (!is_change(&t->records[i]))
            continue;
        result = result_of(t, i);
        *open += !result;
        *made +=
            result && holds(result->text, result->size, "\"answer\":{\"ok\":");
    }
}

static void of_untouched_run(struct last_words *w, const struct run *r)
{
    unsigned made, open;
    count_writes(r->tape, &made, &open);
    w->status = open ? EXIT_IN_DOUBT : made ? EXIT_PARTIAL : EXIT_REFUSED;
    snprintf(w->cause, sizeof w->cause,
             "; nothing was done now; of run %s, %u write%s to production "
             "stand%s, and of %u the outcome is not known",
             r->id, made, made == 1 ? "" : "s", made == 1 ? "s" : "", open);
    snprintf(w->state, sizeof w->state, "%s", exit_meaning(w->status));
    snprintf(w->next, sizeof w->next, AGAIN "rbrun resume %s", r->id);
}

static void of_open_run(struct last_words *w, const struct run *r)
{
    const struct call *c = open_write(r);
    w->status = c ? EXIT_IN_DOUBT : r->writes ? EXIT_PARTIAL : EXIT_REFUSED;
    if (c)
        snprintf(w->cause, sizeof w->cause,
                 "; run %s was left with a write under way: call %u, %s", r->id,
                 c->sequence, c->verb->name);
    else
        snprintf(w->cause, sizeof w->cause,
                 "; run %s was left with %u write%s made", r->id, r->writes,
                 r->writes == 1 ? "" : "s");
    snprintf(w->state, sizeof w->state, "%s", exit_meaning(w->status));
    snprintf(w->next, sizeof w->next, AGAIN "rbrun resume %s", r->id);
}

static void find_words(struct last_words *w)
{
    const struct run *r = watched;
    memset(w, 0, sizeof *w);
    if (!r || r->mode != MODE_LIVE || !r->id[0] || (r->tape && r->tape->sealed))
        of_no_run(w);
    else if (r->sealed)
        of_ended_run(w, r);
    else if (r->tape && (r->resumed || !r->journal))
        of_untouched_run(w, r);
    else if (r->journal && r->journal->count)
        of_open_run(w, r);
    else
        of_no_run(w);
}

/* Past the buffers of stdio, which would be asked to grow. */
static void say(int fd, const char *text, int size)
{
    while (size > 0) {
        ssize_t put = write(fd, text, (size_t)size);
        if (put <= 0)
            return;
        text += put;
        size -= (int)put;
    }
}

static void end(void)
{
    struct last_words w;
    struct timespec t;
    char text[1000];
    find_words(&w);
    /* A live line may stand there. */
    say(2, "\r\33[K", isatty(2) ? 4 : 0);
    say(2, text,
        snprintf(text, sizeof text,
                 "rbrun: out of memory: this machine, or a limit on this "
                 "process, gives no more%s\nstate: %s\nnext:  %s\n",
                 w.cause, w.state, w.next));
    clock_gettime(CLOCK_REALTIME, &t);
    if (in_json)
        say(1, text,
            snprintf(text, sizeof text,
                     "{\"at\":%" PRId64 ",\"event\":\"error\",\"exit\":%d,"
                     "\"meaning\":\"%s\",\"message\":\"out of memory%s\","
                     "\"next\":\"%s\"}\n",
                     (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000, w.status,
                     exit_meaning(w.status), w.cause, w.next));
    _exit(w.status);
}

void shortage_expect(void)
{
    heap_on_end(end);
}
