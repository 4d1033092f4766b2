/*
 * The third witness: the migrations in git between the two releases, as one
 * net change of what of them is applied. The schema they begin with is the
 * catalog kept for the older release where there is one, else what the files
 * before them make of it.
 */
#define _GNU_SOURCE
#include "migrate_assess_parts.h"
#include "migrate_source.h"
#include "../wire/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lists of the reader's reply, and what of them is a file's. */
static const char *const lists[] = {"reasons", "cautions"};

static void unheard(struct assessing *x, const char *because)
{
    json_decref(x->text);
    x->text = json_pack("{s:b, s:s}", "heard", 0, "because", because);
}

static char *full_path(const struct assessing *x, const char *path)
{
    const char *base = x->set.base;
    return heap_textf("%s%s%s", base, base[0] ? "/" : "", path);
}

/* Alembic's ledger holds heads: what is applied is what they build on, which
   the comparison with the newer files has found. */
static int is_applied(const struct assessing *x, const struct assess_unit *u,
                      const char *path)
{
    const json_t *one;
    size_t i;
    if (u->problem && strcmp(u->problem, "migration_removed") == 0)
        return x->ledger.tool == TOOL_ALEMBIC ||
               migrate_difference_applied(&x->ledger, u->file);
    json_array_foreach(x->gap.pending, i, one)
    {
        if (strcmp(value_text(one, "path", ""), path) == 0)
            return 0;
    }
    return 1;
}

static const char *why_unreadable(const struct assess_unit *u)
{
    if (!u->up || u->up->binary)
        return "its contents are not text";
    if (strcmp(u->format, "program") == 0)
        return "it is a program in a language that is not read here: what it "
               "does to the schema is not known before it runs";
    return NULL;
}

static const struct {
    const char *problem, *text;
} problems[] = {
    {"migration_changed",
     "an existing migration was edited: what ran may be neither the old nor "
     "the new text"},
    {"migration_removed", "an existing migration was removed"},
};

/* Its checksum in the ledger is another: of an older migration that says
   nothing of this release, of one of its own it does. */
static void add_changed(const struct assessing *x, json_t *reasons,
                        const char *path)
{
    const json_t *one;
    size_t i;
    json_array_foreach(x->gap.changed, i, one)
    {
        if (strcmp(value_text(one, "path", ""), path) == 0)
            assessing_finding(reasons, "unknown", "modified_after_applied",
                              NULL, path,
                              value_text(one, "text", "its checksum differs"),
                              "write another migration instead");
    }
}

static json_t *item_of(struct assessing *x, const struct assess_unit *u)
{
    char *path = full_path(x, u->path);
    json_t *item =
        json_pack("{s:s, s:s, s:s, s:b, s:[], s:[]}", "file", path, "version",
                  value_text(u->file, "version", ""), "verdict", "compatible",
                  "applied", is_applied(x, u, path), "reasons", "cautions");
    json_t *reasons = json_object_get(item, "reasons");
    const char *why = why_unreadable(u);
    if (why)
        assessing_finding(reasons, "unknown", "not_sql", NULL, path, why,
                          "assess it on a catalog: snapshot.catalog before a "
                          "deploy");
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
        if (u->problem && strcmp(u->problem, problems[i].problem) == 0)
            assessing_finding(reasons, "unknown", u->problem, NULL, path,
                              problems[i].text,
                              "write another migration instead");
    }
    add_changed(x, reasons, path);
    /* The older release had it, too: it says nothing of when it ran. */
    if (u->problem)
        json_object_set_new(item, "before", json_true());
    free(path);
    return item;
}

/* The part of a file that runs upwards, where it holds both directions. */
static int same_up(const struct assessing *x, const struct assess_text *a,
                   const struct assess_text *b)
{
    const struct assess_text *sides[2] = {a, b};
    struct migrate_section part[2];
    struct error ignored;
    int rc = 0, same;
    memset(part, 0, sizeof part);
    for (int i = 0; i < 2; i++)
        rc |= !sides[i] || sides[i]->binary ||
              migrate_file_section(x->ledger.tool, MIGRATE_UP, sides[i]->bytes,
                                   sides[i]->size, &part[i], &ignored) != 0;
    same = !rc && strcmp(buf_text(&part[0].text), buf_text(&part[1].text)) == 0;
    buf_free(&part[0].text);
    buf_free(&part[1].text);
    return same;
}

/* A migration whose way down was edited is the same migration. */
static void drop_unchanged(struct assessing *x)
{
    size_t kept = 0;
    for (size_t i = 0; i < x->set.count; i++) {
        const struct assess_unit *u = &x->set.units[i];
        if (u->problem && strcmp(u->problem, "migration_changed") == 0 &&
            same_up(x, u->up, assess_texts_find(&x->set.older, u->path)))
            continue;
        x->set.units[kept++] = x->set.units[i];
    }
    x->set.count = kept;
}

static void list_items(struct assessing *x)
{
    drop_unchanged(x);
    for (size_t i = 0; i < x->set.count; i++) {
        const struct assess_unit *u = &x->set.units[i];
        json_t *item;
        if (u->context)
            continue;
        item = item_of(x, u);
        x->applied += (size_t)value_bool(item, "applied", 0);
        json_array_append_new(x->migrations, item);
    }
}

struct asking {
    struct migrate_sql *files;
    char **names; /* owned */
    size_t count;
    int complete, judged;
};

static void add_file(struct asking *q, const struct assess_unit *u, char *name,
                     int context)
{
    q->names[q->count] = name;
    q->files[q->count++] = (struct migrate_sql){
        name, u->up->bytes, u->up->size, 0, u->format, context, 0, NULL};
    q->judged += !context;
}

/* Those before come first; then what is applied, and what is not. */
static void collect(const struct assessing *x, int applied, struct asking *q)
{
    size_t item = 0;
    q->files = heap_zeroed(x->set.count + 1, sizeof *q->files);
    q->names = heap_zeroed(x->set.count + 1, sizeof *q->names);
    q->complete = x->set.complete;
    for (size_t i = 0; i < x->set.count; i++) {
        const struct assess_unit *u = &x->set.units[i];
        const json_t *of =
            u->context ? NULL : json_array_get(x->migrations, item++);
        int is = value_bool(of, "applied", 0);
        int context = u->context || (is && !applied);
        if (u->problem && strcmp(u->problem, "migration_removed") == 0)
            continue;
        if (why_unreadable(u))
            q->complete = 0;
        else if (u->context ? !x->then.size : is || !applied)
            add_file(q, u, full_path(x, u->path), context);
    }
}

static void forget(struct asking *q)
{
    for (size_t i = 0; i < q->count; i++)
        free(q->names[i]);
    free(q->names);
    free(q->files);
}

/* The findings of the net change that come from this file. */
static void take_findings(json_t *item, const json_t *reply)
{
    const char *file = value_text(item, "file", "");
    json_t *finding;
    size_t i;
    for (size_t l = 0; l < 2; l++) {
        json_array_foreach(json_object_get(reply, lists[l]), i, finding)
        {
            if (strcmp(value_text(finding, "file", ""), file) == 0)
                json_array_append(json_object_get(item, lists[l]), finding);
        }
    }
}

static void judge_item(json_t *item)
{
    const char *verdict = "compatible";
    json_t *finding;
    size_t i;
    json_array_foreach(json_object_get(item, "reasons"), i, finding)
    {
        verdict =
            assessing_worse(verdict, value_text(finding, "level", "unknown"));
    }
    if (json_array_size(json_object_get(item, "cautions")))
        verdict = assessing_worse(verdict, "caution");
    json_object_set_new(item, "verdict", json_string(verdict));
}

/* The reader could not say: then nothing is known of any of them. */
static void add_failure(json_t *item, const struct error *err)
{
    assessing_finding(json_object_get(item, "reasons"), "unknown", "unreadable",
                      NULL, value_text(item, "file", ""), err->message, NULL);
}

static json_t *judge(struct assessing *x, int applied)
{
    struct asking q = {0};
    struct migrate_question question = {.mode = MIGRATE_RELEASE};
    struct error err = {0};
    json_t *reply = NULL, *item;
    size_t i;
    collect(x, applied, &q);
    question.files = q.files;
    question.count = q.count;
    question.closed = q.complete;
    question.before_text = x->then.size ? &x->then : NULL;
    if (q.judged &&
        migrate_sql_ask(&question, ASSESS_TIMEOUT, &reply, &err) != 0)
        reply = NULL;
    json_array_foreach(x->migrations, i, item)
    {
        if (value_bool(item, "applied", 0) != applied)
            continue;
        if (err.code)
            add_failure(item, &err);
        take_findings(item, reply);
        judge_item(item);
    }
    forget(&q);
    return reply;
}

/* Of what is applied: the net change's own verdict, and what of the files
   nobody could read. */
static void conclude(struct assessing *x)
{
    const char *verdict = value_text(x->net, "verdict", "none");
    const json_t *item;
    size_t i;
    json_array_foreach(x->migrations, i, item)
    {
        if (value_bool(item, "applied", 0))
            verdict = assessing_worse(
                verdict, assessing_worse(value_text(item, "verdict", "unknown"),
                                         "compatible"));
    }
    json_decref(x->text);
    x->text = json_pack("{s:b, s:s}", "heard", 1, "verdict", verdict);
}

static int read_set(struct assessing *x, struct driver_answer *a)
{
    struct assess_question q = {.mode = ASSESS_RANGE};
    struct error err = {0};
    char repo[4096];
    int rc;
    if (migrate_source_place(x->call, repo, sizeof repo, &q.directory, a) != 0)
        return 1;
    q.repository = repo;
    q.from = value_text(x->call->args, "from", "");
    q.to = value_text(x->call->args, "to", "");
    q.tool = migrate_tool_name(x->ledger.tool);
    rc = assess_set_read(&q, &x->set, &err);
    if (rc)
        unheard(x, err.message);
    return 0;
}

int assessing_text(struct assessing *x, struct driver_answer *a)
{
    if (read_set(x, a) != 0)
        return 1;
    list_items(x);
    return 0;
}

void assessing_text_judge(struct assessing *x)
{
    if (x->text)
        return;
    x->net = judge(x, 1);
    json_decref(judge(x, 0));
    conclude(x);
}
