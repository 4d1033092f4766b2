#define _GNU_SOURCE
#include "migrate_rehearse.h"
#include "migrate_copy.h"
#include "migrate_locks.h"
#include "migrate_run.h"
#include "migrate_tool.h"
#include "pg_catalog.h"

#include <stdio.h>
#include <string.h>

#define LOCK_TIMEOUT (5 * 1000)
#define STATEMENT_TIMEOUT (60 * 1000)

/* What a rehearsal holds while it runs. */
struct trial {
    struct migrate_prepared *p;
    struct migrate_rehearsal *out;
    struct migrate_copy copy;
    json_t *held;          /* [{"relation","id","mode"}] */
    json_t *files, *moved; /* {"id": relfilenode}, before and after */
};

const char *migrate_restores_name(enum migrate_restores r)
{
    static const char *const names[] = {"unknown", "yes",
                                        "column_order_differs", "no"};
    return names[r];
}

static int watch(void *self, struct pg *db, struct driver_answer *a)
{
    struct trial *t = self;
    return migrate_locks_held(db, &t->held, a) != 0 ||
           migrate_locks_files(db, &t->moved, a) != 0;
}

/* The tool's own command, pointed at the copy. */
static int apply_tool(struct trial *t, struct migrate_prepared *p,
                      struct driver_answer *a)
{
    struct migrate_prepared there = *p;
    struct migrate_ledger now = {0};
    struct error err = {0};
    int rc;
    there.call = &t->copy.call;
    there.db = t->copy.db;
    rc = migrate_tool_run(&there,
                          p->direction == MIGRATE_UP ? "tool_up" : "tool_down",
                          t->copy.url, NULL, a) != 0 ||
         migrate_run_ledger(&t->copy.db, &p->ledger, &now, a) != 0;
    if (!rc && migrate_tool_moved(p, &now, &err) != 0) {
        answer_fail(a, OUTCOME_CONFLICT, "%s", err.message);
        rc = 1;
    }
    migrate_ledger_free(&now);
    return rc;
}

/* The very step, made in the copy: statements, ledger and key. */
static int apply_sql(struct trial *t, struct migrate_prepared *p, int watched,
                     struct driver_answer *a)
{
    struct migrate_run run = {.db = &t->copy.db,
                              .ledger = &p->ledger,
                              .plan = &p->plan,
                              .lock_ms = LOCK_TIMEOUT,
                              .statement_ms = STATEMENT_TIMEOUT,
                              .watch = watched ? watch : NULL,
                              .self = t};
    int rc = migrate_run_once(&run, a);
    json_decref(a->value);
    a->value = NULL;
    return rc != RUN_DONE;
}

static int apply(struct trial *t, struct migrate_prepared *p, int watched,
                 struct driver_answer *a)
{
    if (migrate_tool_configured(t->p->call, p->direction))
        return apply_tool(t, p, a);
    return apply_sql(t, p, watched, a);
}

static void cannot_tell(struct trial *t, const char *why)
{
    snprintf(t->out->compared, sizeof t->out->compared, "%.240s", why);
}

static enum migrate_restores compare(struct trial *t, const json_t *old,
                                     const json_t *new, json_t **missing,
                                     json_t **extra)
{
    json_t *without = migrate_rehearse_without(&t->p->ledger);
    enum migrate_restores r = migrate_rehearse_compare(
        old, new, without, t->copy.roles, missing, extra);
    json_decref(without);
    return r;
}

/* Statements about rows leave the schema alone, whatever there is. */
static int only_rows(const struct migrate_plan *plan)
{
    static const char *const kinds[] = {"insert", "update",   "delete", "merge",
                                        "copy",   "truncate", "select", NULL};
    json_t *s;
    size_t i;
    if (!plan->statements)
        return 0;
    json_array_foreach(plan->statements, i, s)
    {
        const char *const *k = kinds;
        while (*k && strncmp(value_text(s, "kind", ""), *k, strlen(*k)) != 0)
            k++;
        if (!*k)
            return 0;
    }
    return 1;
}

/* "ADD COLUMN IF NOT EXISTS" comes back to the same schema although nothing
   took the column away: where neither way changes anything, the way up may
   only have stepped over what is there. */
static int changes_nothing(struct trial *t, const struct migrate_plan *plan)
{
    json_t *missing = NULL, *extra = NULL;
    int rc = !only_rows(plan) && compare(t, t->out->before, t->out->after,
                                         &missing, &extra) == RESTORES_YES;
    json_decref(missing);
    json_decref(extra);
    return rc;
}

static void judge_return(struct trial *t, const struct migrate_plan *back,
                         const json_t *end)
{
    struct migrate_rehearsal *r = t->out;
    r->restores = compare(t, r->before, end, &r->missing, &r->extra);
    if (r->restores == RESTORES_YES && changes_nothing(t, back)) {
        r->restores = RESTORES_UNKNOWN;
        cannot_tell(t, "neither down nor up changes the schema as it is");
    } else {
        cannot_tell(t, t->p->direction == MIGRATE_DOWN ? "down and up again"
                                                       : "up and down again");
    }
}

static int plan_back(struct trial *t, struct migrate_prepared *back,
                     struct error *err)
{
    int rc;
    if (migrate_tool_configured(t->p->call, back->direction) &&
        migrate_tool_movable(t->p->call, back->direction))
        return migrate_tool_choose(t->p->files, &back->ledger, back->direction,
                                   &back->plan, err);
    if (migrate_tool_configured(t->p->call, t->p->direction))
        return error_set(err, RB_INVALID,
                         "there is no %s with {url} in it to come back with",
                         back->direction == MIGRATE_UP ? "tool_up"
                                                       : "tool_down");
    rc = migrate_plan_choose(t->p->files, &back->ledger, back->direction,
                             &back->plan, err);
    return rc ? rc : migrate_plan_read(&back->ledger, &back->plan, err);
}

/* The other direction, in the copy, after the step: together they have to
   come back to the schema that the copy began with. */
static void return_trip(struct trial *t)
{
    struct driver_answer a = {OUTCOME_UNKNOWN, NULL, ""};
    struct migrate_prepared back = {.call = t->p->call, .db = t->p->db};
    enum migrate_direction way =
        t->p->direction == MIGRATE_DOWN ? MIGRATE_UP : MIGRATE_DOWN;
    struct error err = {0};
    json_t *end = NULL;
    back.direction = way;
    if (migrate_run_ledger(&t->copy.db, &t->p->ledger, &back.ledger, &a) != 0)
        cannot_tell(t, a.message);
    else if (plan_back(t, &back, &err) != 0)
        cannot_tell(t, err.message);
    else if (strcmp(back.plan.file.version, t->p->plan.file.version) != 0)
        cannot_tell(t, "the next step up would be another version");
    else if (apply(t, &back, 0, &a) != 0)
        cannot_tell(t, a.message), t->out->restores = RESTORES_NO;
    else if (pg_catalog_read(&t->copy.db, &end, &a) != 0)
        cannot_tell(t, a.message);
    else
        judge_return(t, &back.plan, end);
    json_decref(end);
    migrate_plan_free(&back.plan);
    migrate_ledger_free(&back.ledger);
}

/* What the step leads to against what was there before the release: for a
   release whose only migration this is. */
static void against_past(struct trial *t)
{
    struct migrate_rehearsal *r = t->out;
    json_t *past = NULL, *without;
    struct error err = {0};
    if (migrate_rehearse_past(t->p->call, PQdb(t->p->db.conn), &past,
                              r->compared, sizeof r->compared, &err) != 0) {
        cannot_tell(t, err.message);
        return;
    }
    without = migrate_rehearse_without(&t->p->ledger);
    r->restores = migrate_rehearse_compare(past, r->after, without, 0,
                                           &r->missing, &r->extra);
    json_decref(without);
    json_decref(past);
    if (r->restores == RESTORES_YES && changes_nothing(t, &t->p->plan)) {
        r->restores = RESTORES_UNKNOWN;
        cannot_tell(t, "the step changes nothing, and the schema is as the "
                       "kept catalog already, which may have been taken too "
                       "late");
    }
}

static int did_not(struct trial *t, struct driver_answer *a)
{
    snprintf(t->out->error, sizeof t->out->error, "%.1000s", a->message);
    return 0;
}

static int try_it(struct trial *t, struct driver_answer *a)
{
    struct migrate_rehearsal *r = t->out;
    struct pg *db = &t->copy.db;
    json_t *without;
    driver_progress(t->p->call, "rehearsing %s", t->p->plan.file.name);
    if (migrate_effects_ready(db, &t->p->ledger, a) != 0)
        return did_not(t, a);
    if (pg_catalog_read(db, &r->before, a) != 0 ||
        migrate_locks_files(db, &t->files, a) != 0)
        return 1;
    db->writing = 1;
    if (apply(t, t->p, 1, a) != 0)
        return did_not(t, a);
    r->applies = 1;
    if (pg_catalog_read(db, &r->after, a) != 0)
        return 1;
    if (!t->moved && migrate_locks_files(db, &t->moved, a) != 0)
        return 1;
    without = migrate_rehearse_without(&t->p->ledger);
    r->locks = migrate_locks_measured(r->before, r->after, t->held, t->files,
                                      t->moved, without);
    json_decref(without);
    if (value_text(t->p->call->args, "from", NULL))
        against_past(t);
    else
        return_trip(t);
    return 0;
}

/* Without {url} it would work on the live database. */
static int cannot_move(const struct migrate_prepared *p,
                       struct driver_answer *a)
{
    answer_fail(a, OUTCOME_REJECTED,
                "%s: its tool cannot be tried on a copy: write {url} into the "
                "command or a value of `set`, or do without = { "
                "\"rehearsal\" }; nothing was run",
                p->db.name);
    return 1;
}

/* A command that looks for its database elsewhere than where {url} stands
   has worked on the live one. */
static int live_moved(struct migrate_prepared *p, struct driver_answer *a)
{
    return migrate_tool_configured(p->call, p->direction) &&
           migrate_tool_unmoved(
               p,
               "while its tool was to be tried on a copy: either somebody "
               "else migrates, or the command does not take its database from "
               "{url} and has changed the live one; look at the database "
               "before anything else",
               a) != 0;
}

int migrate_rehearse(struct migrate_prepared *p, struct migrate_rehearsal *out,
                     struct driver_answer *a)
{
    struct trial t = {.p = p, .out = out};
    int64_t begun = clock_steady();
    int rc;
    memset(out, 0, sizeof *out);
    if (migrate_tool_configured(p->call, p->direction) &&
        !migrate_tool_movable(p->call, p->direction))
        return cannot_move(p, a);
    rc = migrate_copy_make(&t.copy, &p->db, &p->ledger, a) != 0 ||
         try_it(&t, a) != 0;
    migrate_copy_free(&t.copy);
    if (!rc)
        rc = live_moved(p, a);
    json_decref(t.held);
    json_decref(t.files);
    json_decref(t.moved);
    out->took = clock_steady() - begun;
    return rc;
}

void migrate_rehearsal_free(struct migrate_rehearsal *r)
{
    json_decref(r->before);
    json_decref(r->after);
    json_decref(r->locks);
    json_decref(r->missing);
    json_decref(r->extra);
    memset(r, 0, sizeof *r);
}

static json_t *lines_alone(const struct migrate_plan *plan)
{
    json_t *list = json_array(), *s;
    size_t i;
    if (plan->transaction)
        return list;
    json_array_foreach(plan->statements, i, s)
    {
        json_array_append_new(list, json_integer(value_int(s, "line", 0)));
    }
    return list;
}

static json_t *list_or_empty(const json_t *list)
{
    return list ? json_incref((json_t *)list) : json_array();
}

static json_t *describe(struct migrate_prepared *p,
                        const struct migrate_rehearsal *r, json_t *invalid)
{
    const struct migrate_plan *plan = &p->plan;
    return json_pack(
        "{s:b, s:s*, s:s, s:s, s:o, s:o, s:s, s:s, s:i, s:b, s:o, s:o, s:o, "
        "s:f}",
        "applies", r->applies, "error", r->error[0] ? r->error : NULL,
        "restores", migrate_restores_name(r->restores), "compared", r->compared,
        "missing", list_or_empty(r->missing), "extra", list_or_empty(r->extra),
        "version", plan->file.version, "file", plan->path, "statements",
        (int)json_array_size(plan->statements), "transaction",
        plan->transaction, "alone", lines_alone(plan), "locks",
        list_or_empty(r->locks), "invalid_indexes", invalid, "seconds",
        (double)r->took / 1000.0);
}

int migrate_rehearse_verb(const struct driver_call *c, struct driver_answer *a)
{
    struct migrate_prepared p = {.call = c,
                                 .direction = migrate_direction_of(c)};
    struct migrate_rehearsal r = {0};
    json_t *invalid = NULL;
    if (migrate_prepare(&p, a) == 0 && migrate_rehearse(&p, &r, a) == 0 &&
        migrate_locks_live(&p.db, r.locks, a) == 0 &&
        migrate_locks_invalid(&p.db, &invalid, a) == 0)
        answer_ok(a, describe(&p, &r, invalid));
    migrate_rehearsal_free(&r);
    migrate_prepared_free(&p);
    return 0;
}
