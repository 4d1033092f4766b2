/* show and export: a run's journal, for people and for programs. */
#define _GNU_SOURCE
#include "options.h"
#include "../engine/session.h"
#include "../ui/phrase.h"
#include "../ui/view.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void stamp(int64_t at)
{
    char text[16];
    time_t seconds = (time_t)(at / 1000);
    struct tm local;
    localtime_r(&seconds, &local);
    strftime(text, sizeof text, "%H:%M:%S", &local);
    printf("%s  ", text);
}

struct story {
    struct tape *tape;
    json_t *names; /* commit = tag */
};

static void say(const char *text, size_t max)
{
    struct buf clean = BUF_INIT(8000);
    phrase_clean(text, max, &clean);
    fputs(buf_text(&clean), stdout);
    buf_free(&clean);
}

static void show_started(const json_t *v)
{
    const char *key;
    json_t *value;
    int count = 0;
    printf("started by %s: ", value_text(v, "by", "?"));
    say(value_text(json_object_get(v, "runbook"), "name", "?"), 200);
    printf(" in ");
    say(value_text(json_object_get(v, "environment"), "name", "?"), 100);
    json_object_foreach(json_object_get(v, "inputs"), key, value)
    {
        struct buf text = BUF_INIT(8000);
        if (json_is_string(value))
            buf_adds(&text, json_string_value(value));
        else if (value_encode(value, &text) != 0)
            buf_adds(&text, "...");
        printf("%s%s=", count++ ? ", " : ", with ", key);
        say(buf_text(&text), 80);
        buf_free(&text);
    }
    putchar('\n');
}

static void show_approval(const json_t *v)
{
    size_t count = json_array_size(json_object_get(v, "foreseen"));
    if (json_object_get(v, "foreseen"))
        printf("approved by %s (%s): plan %s, %zu write%s foreseen\n",
               value_text(v, "by", "?"), value_text(v, "how", "?"),
               value_text(v, "plan", "?"), count, count == 1 ? "" : "s");
    else
        printf("approved (%s): call %lld, %s\n", value_text(v, "how", "?"),
               (long long)value_int(v, "call", 0), value_text(v, "verb", "?"));
}

static const json_t *find_call(struct tape *t, enum record_kind kind,
                               int64_t call)
{
    struct error ignored;
    for (size_t i = 0; i < t->count; i++) {
        const json_t *v;
        if (t->records[i].kind != kind)
            continue;
        v = record_value(&t->records[i], &ignored);
        if (value_int(v, "call", 0) == call)
            return v;
    }
    return NULL;
}

static const char *show_call(const struct story *s, const json_t *intent,
                             struct buf *where)
{
    const json_t *request = json_object_get(intent, "request");
    const char *verb = value_text(request, "verb", "?");
    const char *step = value_text(request, "step", "");
    struct buf text = BUF_INIT(2000);
    phrase_call(verb, value_text(intent, "system", NULL),
                json_object_get(request, "args"), s->names, &text);
    printf("%3lld. %s%s", (long long)value_int(intent, "call", 0),
           value_bool(request, "undoing", 0) ? "undo: " : "", buf_text(&text));
    buf_adds(where, "   [");
    phrase_clean(step, 100, where);
    buf_adds(where, step[0] ? ", " : "");
    phrase_clean(value_text(request, "file", "?"), 100, where);
    buf_addf(where, ":%lld]\n", (long long)value_int(request, "line", 0));
    buf_free(&text);
    return verb;
}

/* A call is told when its result is; one that has none where it was made. */
static void show_intent(const struct story *s, const json_t *v)
{
    struct buf where = BUF_INIT(1000);
    show_call(s, v, &where);
    printf("  =>  no result is recorded%s", buf_text(&where));
    buf_free(&where);
}

static void show_result(const struct story *s, const json_t *v)
{
    struct buf text = BUF_INIT(2000), where = BUF_INIT(1000);
    const json_t *intent =
        find_call(s->tape, RECORD_INTENT, value_int(v, "call", 0));
    const char *verb;
    char took[32];
    phrase_learn(s->names, json_object_get(v, "answer"));
    verb = show_call(s, intent, &where);
    phrase_answer(verb, json_object_get(v, "answer"), &text);
    duration_format(value_int(v, "ms", 0), took, sizeof took);
    printf("  =>  %s  (%s)", buf_text(&text), took);
    if (value_text(v, "settled", NULL)) {
        printf(", settled by %s: ", value_text(v, "by", "?"));
        say(value_text(v, "because", ""), 300);
    }
    fputs(buf_text(&where), stdout);
    buf_free(&text);
    buf_free(&where);
}

static void show_decision(const json_t *v)
{
    const json_t *rules = json_object_get(v, "rules"), *rule;
    size_t i;
    printf("decision: ");
    say(value_text(v, "action", "?"), 60);
    printf(", because ");
    say(value_text(v, "because", ""), 500);
    putchar('\n');
    json_array_foreach(rules, i, rule)
    {
        struct buf text = BUF_INIT(4000);
        if (value_encode(rule, &text) != 0)
            buf_adds(&text, "(long)");
        printf("            rule ");
        say(buf_text(&text), 300);
        putchar('\n');
        buf_free(&text);
    }
}

static void show_other(enum record_kind kind, const json_t *v)
{
    json_t *copy = json_copy((json_t *)v);
    struct buf text = BUF_INIT(8000);
    static const char *const head[] = {"n", "prev", "epoch", "at", "kind"};
    for (size_t i = 0; i < 5; i++)
        json_object_del(copy, head[i]);
    if (value_encode(copy, &text) != 0)
        buf_adds(&text, "(long)");
    printf("%s ", record_name(kind));
    say(buf_text(&text), 300);
    putchar('\n');
    buf_free(&text);
    json_decref(copy);
}

static const struct {
    const char *what;
    const char *before;
    const char *field;
} notes[] = {
    {"log", "", "text"},
    {"undo", "undo step: ", "undo"},
    {"interrupt", "interrupted", NULL},
    {"resumed", "resumed by ", "by"},
    {"held", "not foreseen: held for a person", NULL},
};

static void show_doubt(const json_t *v)
{
    printf("in doubt: call %lld, %s", (long long)value_int(v, "call", 0),
           value_text(v, "verb", "?"));
    if (value_text(v, "message", "")[0]) {
        printf(": ");
        say(value_text(v, "message", ""), 600);
    }
    putchar('\n');
}

/* Calls whose answers the runbook no longer waits for. */
static void show_given_up(const json_t *v)
{
    const json_t *calls = json_object_get(v, "calls"), *one;
    size_t i;
    printf("given up: call%s ", json_array_size(calls) == 1 ? "" : "s");
    json_array_foreach(calls, i, one)
    {
        printf("%s%lld", i ? ", " : "", (long long)json_integer_value(one));
    }
    putchar('\n');
}

static void show_note(const json_t *v)
{
    const char *what = value_text(v, "what", "");
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        if (strcmp(notes[i].what, what) != 0)
            continue;
        fputs(notes[i].before, stdout);
        if (notes[i].field)
            say(value_text(v, notes[i].field, ""), 2000);
        putchar('\n');
        return;
    }
    if (strcmp(what, "in doubt") == 0)
        show_doubt(v);
    else if (strcmp(what, "cancel") == 0)
        show_given_up(v);
    else if (strcmp(what, "left") == 0)
        printf("left, to be resumed: exit %lld, %s\n",
               (long long)value_int(v, "exit", -1),
               exit_meaning((int)value_int(v, "exit", -1)));
    else
        show_other(RECORD_NOTE, v);
}

static void show_limit(const json_t *v)
{
    printf("%s: ", value_text(v, "verdict", "limit"));
    say(value_text(v, "message", ""), 600);
    putchar('\n');
}

static void show_undo_errors(const json_t *v)
{
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(v, "undo_errors"), i, one)
    {
        printf("%s %lld failed: ",
               value_bool(one, "tells", 0) ? "on_failure" : "undo step",
               (long long)value_int(one, "id", 0));
        say(value_text(one, "what", ""), 150);
        printf(": ");
        say(value_text(one, "error", ""), 600);
        printf("\n          ");
    }
}

/* Is that what the record before it, of the limit, has just said? */
static int told_before(const struct story *s, const char *error)
{
    struct error ignored;
    for (size_t i = s->tape->count; i-- > 0;) {
        if (s->tape->records[i].kind == RECORD_LIMIT)
            return strcmp(
                       value_text(record_value(&s->tape->records[i], &ignored),
                                  "message", ""),
                       error) == 0;
    }
    return 0;
}

static void show_ended(const struct story *s, const json_t *v)
{
    const json_t *result = json_object_get(v, "result");
    const char *error = value_text(v, "error", NULL);
    int status = (int)value_int(v, "exit", -1);
    if (error && !told_before(s, error)) {
        printf("failed: ");
        say(error, 600);
        printf("\n          ");
    }
    show_undo_errors(v);
    if (strcmp(value_text(v, "ended", ""), "broken") == 0 &&
        value_int(v, "writes", 0))
        printf("the runbook's process was ended: no undo step ran behind that, "
               "and what was written stands\n          ");
    printf("ended: exit %d, %s", status, exit_meaning(status));
    if (value_text(result, "as", NULL)) {
        printf(": %s, ", value_text(result, "as", ""));
        say(value_text(result, "because", "no reason given"), 500);
    }
    putchar('\n');
}

static void show_record(const struct story *s, struct record *rec)
{
    struct error err = {0};
    const json_t *v = record_value(rec, &err);
    if (rec->kind == RECORD_INTENT &&
        find_call(s->tape, RECORD_RESULT, value_int(v, "call", 0)))
        return;
    stamp(rec->at);
    if (rec->kind == RECORD_STARTED)
        show_started(v);
    else if (rec->kind == RECORD_APPROVAL)
        show_approval(v);
    else if (rec->kind == RECORD_INTENT)
        show_intent(s, v);
    else if (rec->kind == RECORD_RESULT)
        show_result(s, v);
    else if (rec->kind == RECORD_DECISION)
        show_decision(v);
    else if (rec->kind == RECORD_LIMIT)
        show_limit(v);
    else if (rec->kind == RECORD_NOTE)
        show_note(v);
    else if (rec->kind == RECORD_ENDED)
        show_ended(s, v);
    else
        show_other(rec->kind, v);
}

static int open_run(const struct options *o, struct session *s)
{
    struct error err = {0};
    session_init(s, NULL);
    if (session_reopen(s, o->operands[0], MODE_CHECK, NULL, NULL, &err) == 0)
        return 0;
    say_error(&err);
    session_free(s);
    return EXIT_REFUSED;
}

int cmd_show(const struct options *o)
{
    struct session s;
    struct run_state st;
    struct story story = {&s.tape, NULL};
    char next[400];
    int status = open_run(o, &s);
    if (status)
        return status;
    story.names = json_object();
    session_state(&s, &st);
    for (size_t i = 0; i < s.tape.count; i++) {
        if (o->json)
            printf("%.*s\n", (int)s.tape.records[i].size,
                   s.tape.records[i].text);
        else
            show_record(&story, &s.tape.records[i]);
    }
    if (!o->json) {
        printf("run %s is %s%s", s.run.id, st.state,
               st.question[0] ? ": " : "");
        say(st.question, 600);
        putchar('\n');
        if (st.exit < 0)
            printf("next: %s\n", way_out(&st, s.run.id, next, sizeof next));
    }
    json_decref(story.names);
    session_free(&s);
    return EXIT_GOAL;
}

static int export_source(const char *name, const struct buf *source,
                         const char *digest)
{
    struct buf line = BUF_INIT(4u << 20);
    json_t *doc =
        json_pack("{s:s, s:s, s:s, s:s%}", "kind", "source", "name", name,
                  "sha256", digest, "text", buf_text(source), source->size);
    int rc = doc ? value_encode(doc, &line) : RB_INVALID;
    if (!rc)
        puts(buf_text(&line));
    buf_free(&line);
    json_decref(doc);
    return rc;
}

int cmd_export(const struct options *o)
{
    struct session s;
    struct error err = {0};
    int rc, status = open_run(o, &s);
    if (status)
        return status;
    rc = program_load(&s.program, s.run.directory,
                      record_value(&s.tape.records[0], &err), &err);
    if (!rc) {
        printf("{\"kind\":\"run\",\"run\":\"%s\",\"records\":%zu,"
               "\"last\":\"%s\",\"sealed\":%s}\n",
               s.run.id, s.tape.count, s.tape.last,
               s.tape.sealed ? "true" : "false");
        rc = export_source(s.program.name, &s.program.source, s.program.digest);
    }
    for (size_t i = 0; !rc && i < s.program.count; i++)
        rc = export_source(s.program.modules[i].file,
                           &s.program.modules[i].source,
                           s.program.modules[i].digest);
    for (size_t i = 0; !rc && i < s.tape.count; i++)
        printf("%.*s\n", (int)s.tape.records[i].size, s.tape.records[i].text);
    if (rc)
        fprintf(stderr, "rbrun: cannot export run %s: %s\n", s.run.id,
                err.message);
    session_free(&s);
    return rc ? EXIT_REFUSED : EXIT_GOAL;
}
