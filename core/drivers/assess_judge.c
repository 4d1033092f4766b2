#define _GNU_SOURCE
#include "assess_judge.h"
#include "migrate_sql.h"
#include "../wire/heap.h"

#include <stdlib.h>
#include <string.h>

#define READ_TIMEOUT (300 * 1000) /* ms for all of a history */

const char *assess_worse(const char *a, const char *b)
{
    static const char *const order[] = {"incompatible", "unknown", "caution",
                                        "compatible", "none"};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (strcmp(a, order[i]) == 0 || strcmp(b, order[i]) == 0)
            return order[i];
    }
    return "unknown";
}

static json_t *list_of(json_t *entry, const char *name)
{
    json_t *list = json_object_get(entry, name);
    if (!json_is_array(list)) {
        list = json_array();
        json_object_set_new(entry, name, list);
    }
    return list;
}

void assess_judge_reason(json_t *entry, const char *level, const char *code,
                         const char *object, int64_t line, const char *text,
                         const char *safe)
{
    json_t *one =
        json_pack("{s:s, s:s, s:s, s:s*, s:s, s:s*}", "level", level, "code",
                  code, "object", object, "file",
                  value_text(entry, "file", NULL), "text", text, "safe", safe);
    if (line)
        json_object_set_new(one, "line", json_integer(line));
    json_array_append_new(list_of(entry, "reasons"), one);
    json_object_set_new(entry, "verdict",
                        json_string(assess_worse(
                            level, value_text(entry, "verdict", "unknown"))));
}

/* Why a unit cannot be read at all; NULL: it can. */
static const char *unreadable(const struct assess_unit *u)
{
    if (u->up->binary)
        return "is not UTF-8 text, or is no plain file in the commit";
    if (strcmp(u->format, "program") == 0)
        return "is a program in a language that is not read here";
    return NULL;
}

static const struct {
    const char *problem, *text, *safe;
} problems[] = {
    {"migration_changed",
     "it was changed after the older release: what of it ran, and where, "
     "cannot be told from git",
     "never change a migration that was released: write another one"},
    {"migration_removed",
     "the newer commit no longer has it: databases that ran it keep what it "
     "did, new ones never get it",
     "keep released migrations, or take a squash as a release of its own"},
};

static void say_problems(const struct assess_unit *u, json_t *entry)
{
    const char *why = unreadable(u);
    struct buf text = BUF_INIT(1000);
    if (why) {
        buf_addf(&text, "the file %s", why);
        assess_judge_reason(entry, "unknown", "unreadable", u->path, 0,
                            buf_text(&text),
                            "judge it on a database: rbrun assess "
                            "--environment, with a catalog kept before the "
                            "deploy");
    }
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
        if (u->problem && strcmp(problems[i].problem, u->problem) == 0)
            assess_judge_reason(entry, "unknown", u->problem, u->path, 0,
                                problems[i].text, problems[i].safe);
    }
    buf_free(&text);
}

static void copy_fields(json_t *entry, const json_t *from)
{
    static const char *const fields[] = {
        "verdict", "caution_kinds", "reasons", "cautions",    "notes",  "locks",
        "data",    "parsed",        "error",   "transaction", "format", "down"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        json_t *value = json_object_get(from, fields[i]);
        if (value)
            json_object_set(entry, fields[i], value);
    }
}

static json_t *name_of(const struct assess_set *set,
                       const struct assess_unit *u)
{
    json_t *entry = json_pack(
        "{s:s, s:s, s:[], s:[], s:[], s:[], s:[]}", "file", u->path, "verdict",
        "compatible", "reasons", "cautions", "caution_kinds", "notes", "locks");
    struct buf path = BUF_INIT(16000);
    buf_addf(&path, "%s%s%s", set->base, set->base[0] ? "/" : "", u->path);
    json_object_set_new(entry, "path", json_string(buf_text(&path)));
    json_object_set_new(entry, "format", json_string(u->format));
    if (u->file && value_text(u->file, "version", "")[0])
        json_object_set_new(entry, "version",
                            json_string(value_text(u->file, "version", "")));
    if (set->layout.tool)
        json_object_set_new(entry, "tool", json_string(set->layout.tool));
    buf_free(&path);
    return entry;
}

/* What the reader said of a file, or why it was not asked. */
static json_t *entry_of(const struct assess_set *set,
                        const struct assess_unit *u, const json_t *read)
{
    json_t *entry = name_of(set, u);
    if (read)
        copy_fields(entry, read);
    json_object_set_new(entry, "statements",
                        json_integer((json_int_t)json_array_size(
                            json_object_get(read, "statements"))));
    if (read && value_bool(u->file, "autocommit", 0))
        json_object_set_new(entry, "transaction", json_false());
    say_problems(u, entry);
    json_object_set_new(entry, "witnesses",
                        json_pack("{s:{s:b, s:s}}", "text", "heard",
                                  read != NULL, "verdict",
                                  value_text(entry, "verdict", "unknown")));
    if (u->down && !json_is_object(json_object_get(entry, "down")))
        json_object_set_new(entry, "down", json_pack("{s:b}", "present", 1));
    if (!u->down)
        json_object_set_new(entry, "down", json_null());
    return entry;
}

struct asking {
    struct migrate_sql *files;
    size_t count;
    size_t *place; /* of each unit: its file here, from 1; 0: not asked */
    int complete;  /* everything that ran before is known */
    char *below;   /* where the paths begin, from the root of all; or NULL */
};

/* The units that can be read, in their order, and behind each its way down
   where that is asked for. A removed migration is told, and not judged: it
   ran with those before. */
static void collect(const struct assess_set *set, int downs, struct asking *a)
{
    a->files = heap_zeroed(2 * set->count + 1, sizeof *a->files);
    a->place = heap_zeroed(set->count + 1, sizeof *a->place);
    a->complete = 1;
    for (size_t i = 0; i < set->count; i++) {
        const struct assess_unit *u = &set->units[i];
        if (u->problem && strcmp(u->problem, "migration_removed") == 0)
            continue;
        if (unreadable(u)) {
            a->complete = 0;
            continue;
        }
        a->files[a->count++] = (struct migrate_sql){
            u->path,   u->up->bytes, u->up->size, 0,
            u->format, u->context,   0,           a->below};
        a->place[i] = a->count;
        if (downs && u->down && u->down->bytes && !u->context)
            a->files[a->count++] = (struct migrate_sql){
                u->path, u->down->bytes, u->down->size, 1, u->format,
                0,       a->place[i],    a->below};
    }
}

static int ask(const struct assess_set *set, enum migrate_mode mode,
               struct asking *a, json_t **reply, struct error *err)
{
    struct migrate_question q = {.mode = mode};
    int rc;
    a->below = set->texts.root && set->texts.root[0]
                   ? realpath(set->texts.root, NULL)
                   : NULL;
    collect(set, mode == MIGRATE_HISTORY, a);
    q.files = a->files;
    q.count = a->count;
    q.closed = a->complete && set->complete;
    *reply = NULL;
    rc = a->count ? migrate_sql_ask(&q, READ_TIMEOUT, reply, err) : 0;
    if (rc)
        error_next(err, "judge a release without all of its history: rbrun "
                        "assess --release FILE...");
    return rc;
}

static void forget(struct asking *a, json_t *reply)
{
    free(a->files);
    free(a->place);
    free(a->below);
    json_decref(reply);
}

int assess_judge_each(const struct assess_set *set, json_t **entries,
                      struct error *err)
{
    struct asking a = {0};
    json_t *reply, *list = json_array();
    const json_t *files;
    size_t next = 0;
    int rc = ask(set, MIGRATE_HISTORY, &a, &reply, err);
    files = json_object_get(reply, "files");
    for (size_t i = 0; !rc && i < set->count; i++) {
        const struct assess_unit *u = &set->units[i];
        const json_t *read = a.place[i] ? json_array_get(files, next++) : NULL;
        if (!u->context)
            json_array_append_new(list, entry_of(set, u, read));
    }
    forget(&a, reply);
    *entries = rc ? NULL : list;
    if (rc)
        json_decref(list);
    return rc;
}

static json_t *judged_files(const struct assess_set *set)
{
    json_t *list = json_array();
    for (size_t i = 0; i < set->count; i++) {
        if (!set->units[i].context)
            json_array_append_new(list, json_string(set->units[i].path));
    }
    return list;
}

int assess_judge_net(const struct assess_set *set, json_t **net,
                     struct error *err)
{
    struct asking a = {0};
    json_t *reply, *out;
    int rc = ask(set, MIGRATE_RELEASE, &a, &reply, err);
    if (!rc) {
        out = json_pack("{s:b, s:s, s:[], s:[], s:[], s:[]}", "release", 1,
                        "verdict", set->judged ? "compatible" : "none",
                        "reasons", "cautions", "caution_kinds", "notes");
        if (reply && set->judged)
            copy_fields(out, reply);
        for (size_t i = 0; i < set->count; i++) {
            if (!set->units[i].context)
                say_problems(&set->units[i], out);
        }
        json_object_set_new(out, "files", judged_files(set));
        json_object_set_new(out, "witnesses",
                            json_pack("{s:{s:b, s:s}}", "text", "heard",
                                      reply != NULL, "verdict",
                                      value_text(out, "verdict", "unknown")));
        *net = out;
    }
    forget(&a, reply);
    return rc;
}
