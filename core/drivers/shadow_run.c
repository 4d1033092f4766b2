#define _GNU_SOURCE
#include "shadow_run.h"
#include "assess_judge.h"
#include "migrate_sql.h"
#include "pg_catalog.h"
#include "scratch.h"
#include "shadow_apply.h"
#include "shadow_statements.h"
#include "../wire/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_TIMEOUT (120 * 1000)  /* ms for the scratch server */
#define SPLIT_TIMEOUT (300 * 1000)  /* ms for the text of a history */
#define COMPARE_TIMEOUT (60 * 1000) /* ms for two catalogs */
#define PROGRESS_EVERY 5            /* migrations */

struct shadow {
    const struct assess_set *set;
    struct scratch *scratch;
    struct driver_call call; /* of a database that no environment binds */
    json_t *binding;
    struct pg db;
    json_t *split;  /* the reader's entries, in the order of place */
    size_t *place;  /* of each unit: its entry in split, from 1; 0: none */
    json_t *before; /* the catalog before the unit under way */
    json_t *list;   /* the older code's statements, or NULL */
    json_t *first;  /* the catalog before the first judged one */
    size_t broken;  /* units before the judged ones that did not apply */
    char why[1200]; /* the first of them */
};

/* -- the scratch database ----------------------------------------------- */

static int gone(const struct driver_answer *a, struct error *err)
{
    error_set(err, RB_IO, "the scratch PostgreSQL: %s", a->message);
    error_next(err, "rbrun assess without --shadow judges the text alone");
    return RB_IO;
}

static int open_database(struct shadow *s, struct error *err)
{
    struct scratch_options o = {.timeout = START_TIMEOUT};
    struct driver_answer a = {0};
    char url[512];
    int rc = scratch_start(&o, &s->scratch, err);
    if (rc) {
        if (!err->next[0])
            error_next(err, "install a PostgreSQL server (its programs alone: "
                            "postgresql-15), or judge the text: rbrun assess "
                            "without --shadow");
        return rc;
    }
    s->binding = json_pack("{s:s}", "url",
                           scratch_url(s->scratch, NULL, url, sizeof url));
    s->call.verb = "migrate.assess";
    s->call.system = "scratch";
    s->call.binding = s->binding;
    s->call.args = s->binding;
    s->call.timeout = 24 * 3600 * 1000;
    s->call.progress_fd = -1;
    if (pg_open(&s->db, &s->call, &a) != 0)
        return gone(&a, err);
    return 0;
}

static void close_database(struct shadow *s)
{
    pg_close(&s->db);
    scratch_stop(s->scratch);
    json_decref(s->binding);
    json_decref(s->split);
    json_decref(s->before);
    json_decref(s->first);
    json_decref(s->list);
    free(s->place);
}

static int read_catalog(struct shadow *s, json_t **out, struct error *err)
{
    struct driver_answer a = {0};
    *out = NULL;
    return pg_catalog_read(&s->db, out, &a) != 0 ? gone(&a, err) : 0;
}

/* -- the pieces --------------------------------------------------------- */

/* A migration that the newer commit no longer has ran with those before. */
static int told_only(const struct assess_unit *u)
{
    return u->up->binary || strcmp(u->format, "program") == 0 ||
           (u->problem && strcmp(u->problem, "migration_removed") == 0);
}

static int split(struct shadow *s, struct error *err)
{
    const struct assess_set *set = s->set;
    struct migrate_sql *files = heap_zeroed(set->count + 1, sizeof *files);
    struct migrate_question q = {
        .mode = MIGRATE_SPLIT, .files = files, .want_text = 1};
    json_t *reply = NULL;
    int rc;
    s->place = heap_zeroed(set->count + 1, sizeof *s->place);
    for (size_t i = 0; i < set->count; i++) {
        const struct assess_unit *u = &set->units[i];
        if (told_only(u))
            continue;
        files[q.count++] = (struct migrate_sql){
            u->path, u->up->bytes, u->up->size, 0, u->format, 0, 0, NULL};
        s->place[i] = q.count;
    }
    rc = q.count ? migrate_sql_ask(&q, SPLIT_TIMEOUT, &reply, err) : 0;
    if (!rc && reply)
        s->split = json_incref(json_object_get(reply, "files"));
    json_decref(reply);
    free(files);
    return rc;
}

/* What the parser of version 15 does not read, the server may. */
static json_t *piece_of(const struct shadow *s, size_t i)
{
    const struct assess_unit *u = &s->set->units[i];
    json_t *file =
        s->place[i] ? json_array_get(s->split, s->place[i] - 1) : NULL;
    if (!file)
        return NULL;
    if (!value_bool(file, "parsed", 1) &&
        json_array_size(json_object_get(file, "statements")) == 0 &&
        strcmp(u->format, "plain") == 0)
        return json_pack("{s:[{s:s%, s:i}], s:b}", "statements", "sql",
                         u->up->bytes, u->up->size, "line", 1, "transaction",
                         1);
    return json_incref(file);
}

static int apply(struct shadow *s, size_t i, struct shadow_applied *out,
                 struct error *err)
{
    const struct assess_unit *u = &s->set->units[i];
    struct driver_answer a = {0};
    json_t *piece = piece_of(s, i);
    int transaction, rc;
    memset(out, 0, sizeof *out);
    if (!piece) {
        out->failed = 1;
        snprintf(out->text, sizeof out->text,
                 "its text is not SQL that could be run here");
        return 0;
    }
    transaction = value_bool(piece, "transaction", 1) &&
                  !value_bool(u->file, "autocommit", 0);
    rc = shadow_apply(&s->db, piece, transaction, out, &a);
    json_decref(piece);
    return rc ? gone(&a, err) : 0;
}

/* -- verdicts ----------------------------------------------------------- */

static void say_failure(json_t *entry, const struct shadow_applied *how)
{
    struct buf text = BUF_INIT(2000);
    buf_addf(&text, "it does not apply to the scratch database: %s", how->text);
    if (how->statement[0])
        buf_addf(&text, " (%s)", how->statement);
    assess_judge_reason(entry, "unknown", "does_not_apply",
                        value_text(entry, "file", "?"), how->line,
                        buf_text(&text),
                        "mend it, or give what it needs: the history before "
                        "it (--history), an extension");
    buf_free(&text);
}

static int compare(const json_t *before, const json_t *after, json_t *entry,
                   struct error *err)
{
    struct migrate_question q = {
        .mode = MIGRATE_COMPARE, .before = before, .after = after};
    json_t *reply = NULL;
    int rc;
    rc = migrate_sql_ask(&q, COMPARE_TIMEOUT, &reply, err);
    if (!rc)
        assess_judge_merge(entry, reply);
    json_decref(reply);
    return rc;
}

static int tell_progress(const struct shadow *s, size_t i, assess_tell *tell,
                         void *data)
{
    char text[80];
    if (i % PROGRESS_EVERY != 0)
        return 0;
    snprintf(text, sizeof text, "applying migration %zu of %zu", i + 1,
             s->set->count);
    return tell(data, json_pack("{s:s, s:s}", "is", "progress", "text", text));
}

/* Here the older code lives: what it can say now, it has to go on saying. Of
   a whole history the older schema is empty and takes none. */
static int begin_judging(struct shadow *s, struct error *err)
{
    struct driver_answer a = {0};
    s->first = json_incref(s->before);
    if (!s->list || s->set->judged == s->set->count)
        return 0;
    return shadow_statements_mark(&s->db, s->list, &a) ? gone(&a, err) : 0;
}

/* One that is judged: the catalog before it is known, that after it is
   read. */
static int judge_one(struct shadow *s, size_t i, json_t *entry,
                     struct error *err)
{
    struct shadow_applied how;
    json_t *after = NULL;
    int rc = 0;
    if (!s->before)
        rc = read_catalog(s, &s->before, err);
    if (!rc && !s->first)
        rc = begin_judging(s, err);
    if (!rc)
        rc = apply(s, i, &how, err);
    if (!rc)
        rc = read_catalog(s, &after, err);
    if (!rc)
        rc = compare(s->before, after, entry, err);
    if (!rc && how.failed)
        say_failure(entry, &how);
    json_decref(s->before);
    s->before = after;
    return rc;
}

static int run_before(struct shadow *s, size_t i, struct error *err)
{
    struct shadow_applied how;
    int rc = apply(s, i, &how, err);
    if (!rc && how.failed && s->broken++ == 0)
        snprintf(s->why, sizeof s->why, "%s:%lld: %s", s->set->units[i].path,
                 (long long)how.line, how.text);
    return rc;
}

static int walk(struct shadow *s, json_t *entries, assess_tell *tell,
                void *data, struct error *err)
{
    size_t next = 0;
    int rc = 0;
    for (size_t i = 0; !rc && i < s->set->count; i++) {
        const struct assess_unit *u = &s->set->units[i];
        json_t *entry = u->context ? NULL : json_array_get(entries, next++);
        rc = tell_progress(s, i, tell, data);
        if (rc || (u->problem && told_only(u)))
            continue;
        rc = entry ? judge_one(s, i, entry, err) : run_before(s, i, err);
    }
    return rc;
}

/* Nothing is safe on a ground that has holes. */
static void say_ground(const struct shadow *s, json_t *entry)
{
    struct buf text = BUF_INIT(2000);
    buf_addf(&text,
             "%zu migration%s of the history before it %s not apply to the "
             "scratch database: %s",
             s->broken, s->broken == 1 ? "" : "s",
             s->broken == 1 ? "does" : "do", s->why);
    assess_judge_reason(entry, "unknown", "history_does_not_apply", "history",
                        0, buf_text(&text), "mend the history first");
    buf_free(&text);
}

/* What did not apply counts for the whole, too. */
static void take_failures(json_t *net, const json_t *entry)
{
    const json_t *reason;
    size_t i;
    json_array_foreach(json_object_get(entry, "reasons"), i, reason)
    {
        if (strcmp(value_text(reason, "code", ""), "does_not_apply") == 0)
            assess_judge_reason(net, "unknown", "does_not_apply",
                                value_text(reason, "object", "?"),
                                value_int(reason, "line", 0),
                                value_text(reason, "text", ""),
                                value_text(reason, "safe", NULL));
    }
}

static int conclude(struct shadow *s, json_t *entries, json_t *net,
                    struct error *err)
{
    json_t *entry;
    size_t i;
    int rc = 0;
    if (net && s->first)
        rc = compare(s->first, s->before, net, err);
    json_array_foreach(entries, i, entry)
    {
        if (net)
            take_failures(net, entry);
        if (s->broken)
            say_ground(s, entry);
    }
    if (net && s->broken)
        say_ground(s, net);
    return rc;
}

static json_t *last_of(json_t *entries)
{
    return json_array_get(entries, json_array_size(entries) - 1);
}

static int test_statements(struct shadow *s, json_t *entry, struct error *err)
{
    struct driver_answer a = {0};
    return shadow_statements_test(&s->db, s->list, entry, &a) ? gone(&a, err)
                                                              : 0;
}

int shadow_run(const struct assess_question *q, const struct assess_set *set,
               json_t *entries, json_t *net, assess_tell *tell, void *data,
               struct error *err)
{
    struct shadow s = {.set = set};
    int rc = tell(data, json_pack("{s:s, s:s}", "is", "progress", "text",
                                  "starting a scratch PostgreSQL"));
    if (!rc && q->statements)
        rc = shadow_statements_load(q->statements, &s.list, err);
    if (!rc)
        rc = split(&s, err);
    if (!rc)
        rc = open_database(&s, err);
    if (!rc)
        rc = walk(&s, entries, tell, data, err);
    if (!rc)
        rc = conclude(&s, entries, net, err);
    if (!rc && s.list)
        rc = test_statements(&s, net ? net : last_of(entries), err);
    close_database(&s);
    return rc;
}
