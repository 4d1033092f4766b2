/* status, history, verify: one line a run. */
#define _GNU_SOURCE
#include "options.h"
#include "../engine/session.h"
#include "../ui/phrase.h"
#include "../ui/view.h"
#include "../wire/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void when(int64_t ms, char *out, size_t size)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm local;
    localtime_r(&seconds, &local);
    strftime(out, size, "%Y-%m-%d %H:%M:%S", &local);
}

const char *way_out(const struct run_state *st, const char *id, char *out,
                    size_t size)
{
    if (strcmp(st->state, "in doubt") == 0)
        snprintf(out, size,
                 "rbrun resume %s, or rbrun resolve %s %u applied|not-applied "
                 "--because \"...\"",
                 id, id, st->call);
    else if (strcmp(st->state, "running") == 0)
        snprintf(out, size, "rbrun show %s", id);
    else
        snprintf(out, size, "rbrun %s %s",
                 strcmp(st->state, "ended") == 0 ? "show" : "resume", id);
    return out;
}

static void print_json(struct session *s, const struct run_state *st,
                       const char *next)
{
    struct error ignored;
    const json_t *begun = record_value(&s->tape.records[0], &ignored);
    const char *book =
        value_text(json_object_get(begun, "runbook"), "name", "");
    json_t *line = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:I, s:s}", "run", s->run.id, "state",
        st->state, "runbook", book, "environment", s->environment.name,
        "service", value_text(s->run.header, "service", ""), "records",
        (json_int_t)s->tape.count, "next", next);
    if (st->exit >= 0)
        json_object_set_new(line, "exit", json_integer(st->exit));
    if (st->question[0])
        json_object_set_new(line, "question", json_string(st->question));
    view_json("state", line);
}

/* "exit 0 after 2s: recovered, v2.4.0 is live": how, and what that means. */
static void say_end(const struct session *s, const struct run_state *st)
{
    struct error ignored;
    struct record *end = &s->tape.records[s->tape.count - 1];
    const json_t *result =
        json_object_get(record_value(end, &ignored), "result");
    const char *as = value_text(result, "as", NULL);
    struct buf because = BUF_INIT(1000);
    char took[32];
    duration_format(end->at - s->tape.records[0].at, took, sizeof took);
    phrase_clean(value_text(result, "because", ""), 200, &because);
    printf(", exit %d after %s: %s%s%s", st->exit, took,
           as ? as : exit_meaning(st->exit), because.size ? ", " : "",
           buf_text(&because));
    buf_free(&because);
}

static void print_text(const struct session *s, const struct run_state *st,
                       const char *next, int detail)
{
    char start[32];
    struct buf clean = BUF_INIT(8000);
    when(s->tape.records[0].at, start, sizeof start);
    phrase_clean(value_text(s->run.header, "service", "?"), 60, &clean);
    printf("%s  %s  %-11s  %s in %s", s->run.id, start, st->state,
           buf_text(&clean), s->environment.name);
    if (st->exit >= 0)
        say_end(s, st);
    putchar('\n');
    buf_clear(&clean);
    phrase_clean(st->question, 600, &clean);
    if (st->question[0])
        printf("    %s: %s\n", st->state, buf_text(&clean));
    if (detail || st->exit < 0)
        printf("    next: %s\n", next);
    buf_free(&clean);
}

static int open_named(struct session *s, const char *id, int detail)
{
    struct error err = {0};
    int rc;
    session_init(s, NULL);
    rc = session_reopen(s, id, MODE_CHECK, NULL, NULL, &err);
    /* In a list, a run that never started is a run that never was. */
    if (rc && (rc != RB_NOTFOUND || detail))
        say_error(&err);
    if (rc)
        session_free(s);
    return rc;
}

/* 0, or the error of a run that cannot be read. */
static int print_run(const char *id, int only_open, int json, int detail)
{
    struct session s;
    struct run_state st;
    char next[400];
    int rc = open_named(&s, id, detail);
    if (rc)
        return rc;
    session_state(&s, &st);
    if (!only_open || st.exit < 0) {
        way_out(&st, s.run.id, next, sizeof next);
        if (json)
            print_json(&s, &st, next);
        else
            print_text(&s, &st, next, detail);
    }
    session_free(&s);
    return 0;
}

struct begun {
    char id[RUN_ID];
    int64_t at; /* ms since 1970 of its first record */
};

static int by_begin(const void *a, const void *b)
{
    const struct begun *x = a, *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return strcmp(x->id, y->id);
}

/* The ids of a day are random: the order is that of the first records. What
   cannot be read comes first, with its message. */
static struct begun *in_order(char (*ids)[RUN_ID], size_t count)
{
    struct begun *list = heap_zeroed(count + 1, sizeof *list);
    char path[PLACE_PATH + 64] = "";
    struct error ignored;
    size_t used;
    place_root(path, PLACE_PATH, &ignored);
    used = strlen(path);
    for (size_t i = 0; i < count; i++) {
        struct tape t = {0};
        strcpy(list[i].id, ids[i]);
        snprintf(path + used, sizeof path - used, "/runs/%s", ids[i]);
        if (tape_load(&t, path, &ignored) == 0 && t.count)
            list[i].at = t.records[0].at;
        tape_free(&t);
    }
    qsort(list, count, sizeof *list, by_begin);
    return list;
}

static int print_all(int only_open, int json)
{
    char(*ids)[RUN_ID];
    struct begun *list;
    size_t count;
    struct error err = {0};
    int worst = EXIT_GOAL;
    if (place_list_runs(&ids, &count, &err) != 0) {
        say_error(&err);
        return EXIT_REFUSED;
    }
    list = in_order(ids, count);
    for (size_t i = 0; i < count; i++) {
        int rc = print_run(list[i].id, only_open, json, 0);
        if (rc == RB_CORRUPT || rc == RB_INVALID)
            worst = EXIT_REFUSED;
    }
    free(list);
    free(ids);
    return worst;
}

int cmd_status(const struct options *o)
{
    if (o->operand_count)
        return print_run(o->operands[0], 0, o->json, 1) == 0 ? EXIT_GOAL
                                                             : EXIT_REFUSED;
    return print_all(1, o->json);
}

int cmd_history(const struct options *o)
{
    return print_all(0, o->json);
}

/* The stored sources, too: each program that a record describes. */
static int verify_programs(const struct tape *t, const char *directory,
                           struct error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < t->count; i++) {
        struct record *rec = &t->records[i];
        struct program p;
        const json_t *v;
        int note = rec->kind == RECORD_NOTE;
        /* Notes are many, and few of them name a program. */
        if (note ? !memmem(rec->text, rec->size, "\"program\":{", 11)
                 : rec->kind != RECORD_STARTED)
            continue;
        v = record_value(rec, err);
        v = note ? json_object_get(v, "program") : v;
        if (!v)
            continue;
        rc = program_load(&p, directory, v, err);
        program_free(&p);
    }
    return rc;
}

static int verify_one(const char *name, int json)
{
    struct tape t;
    struct error err = {0};
    char id[RUN_ID], path[PLACE_PATH];
    int rc = place_find_run(name, id, path, sizeof path, &err);
    if (!rc) {
        rc = tape_load(&t, path, &err);
        if (!rc && (rc = verify_programs(&t, path, &err)) != 0)
            tape_free(&t);
        if (rc)
            error_prefix(&err, "run %s: ", id);
        if (rc && !err.next[0])
            error_next(&err,
                       "keep the directory %s as it is, and find out who "
                       "wrote to it",
                       path);
    }
    if (rc) {
        if (json)
            view_json("verify", json_pack("{s:s, s:b, s:s}", "run", name,
                                          "whole", 0, "error", err.message));
        else
            say_error(&err);
        return rc;
    }
    if (json)
        view_json("verify",
                  json_pack("{s:s, s:b, s:I, s:b, s:s}", "run", id, "whole", 1,
                            "records", (json_int_t)t.count, "sealed", t.sealed,
                            "last", t.last));
    else
        printf("%s  whole: %zu records, %s%s, last %.12s\n", id, t.count,
               t.sealed ? "sealed" : "not ended",
               t.torn ? ", a torn last line is left out" : "", t.last);
    tape_free(&t);
    return 0;
}

int cmd_verify(const struct options *o)
{
    char(*ids)[RUN_ID] = NULL;
    size_t count = 0;
    struct error err = {0};
    int bad = 0;
    for (size_t i = 0; i < o->operand_count; i++)
        bad |= verify_one(o->operands[i], o->json) != 0;
    if (!o->operand_count) {
        if (place_list_runs(&ids, &count, &err) != 0) {
            say_error(&err);
            return EXIT_REFUSED;
        }
        for (size_t i = 0; i < count; i++)
            bad |= verify_one(ids[i], o->json) != 0;
        free(ids);
    }
    return bad ? EXIT_REFUSED : EXIT_GOAL;
}
