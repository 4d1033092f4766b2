#define _GNU_SOURCE
#include "migrate_tool.h"
#include "migrate_effects.h"
#include "migrate_guard.h"
#include "migrate_run.h"
#include "migrate_tool_url.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOOL_TIMEOUT (20 * 60 * 1000LL)
#define HEADROOM 5000 /* ms kept to read the ledger in */

static const char *key_of(enum migrate_direction direction)
{
    return direction == MIGRATE_UP ? "tool_up" : "tool_down";
}

int migrate_tool_configured(const struct driver_call *c,
                            enum migrate_direction direction)
{
    return json_is_array(json_object_get(c->binding, key_of(direction)));
}

static int mentions(const json_t *values, const char *what)
{
    const json_t *one;
    const char *key;
    size_t i;
    json_array_foreach((json_t *)values, i, one)
    {
        if (json_is_string(one) && strstr(json_string_value(one), what))
            return 1;
    }
    json_object_foreach((json_t *)values, key, one)
    {
        if (json_is_string(one) && strstr(json_string_value(one), what))
            return 1;
    }
    return 0;
}

int migrate_tool_movable(const struct driver_call *c,
                         enum migrate_direction direction)
{
    return mentions(json_object_get(c->binding, key_of(direction)), "{url}") ||
           mentions(json_object_get(c->binding, "set"), "{url}");
}

/* What a tool calls the state with nothing applied. */
static const char *nothing(enum migrate_tool tool)
{
    return tool == TOOL_ALEMBIC ? "base" : tool == TOOL_DJANGO ? "zero" : "0";
}

/* The values of `set` may hold {url}, too. */
static json_t *set_with_url(const json_t *binding, const char *uri)
{
    json_t *out = json_object(), *value;
    const char *name;
    json_object_foreach(json_object_get(binding, "set"), name, value)
    {
        const char *text = json_string_value(value);
        const char *at = text ? strstr(text, "{url}") : NULL;
        json_object_set_new(
            out, name,
            at ? json_sprintf("%.*s%s%s", (int)(at - text), text, uri, at + 5)
               : json_incref(value));
    }
    return out;
}

static void keep_output(struct migrate_prepared *p, const char *key,
                        const struct process_result *r)
{
    struct error err = {0};
    if (program_keep(p->call, key, r, &err) != 0)
        driver_progress(p->call, "its output is not kept: %s", err.message);
}

/* Whatever the command says: what came of it is read in the ledger. */
static int ended(struct migrate_prepared *p, const char *key,
                 const struct process_result *r, struct driver_answer *a)
{
    char how[700];
    if (r->status == 0)
        return 0;
    process_describe(r, how, sizeof how);
    answer_fail(a, program_outcome(r), "%s: %s %s (output: call-%u.log)",
                p->db.name, key, how, p->call->sequence);
    return 1;
}

static int run_with(struct migrate_prepared *p, const char *key,
                    const char *uri, const char *folder, struct buf *out,
                    struct driver_answer *a)
{
    const struct driver_call *c = p->call;
    struct program_value values[] = {
        {"url", uri},
        {"version", p->plan.file.version},
        {"previous",
         p->plan.previous[0] ? p->plan.previous : nothing(p->ledger.tool)},
        {"migrations", folder},
        {"at", value_text(c->args, "at", "")},
        {"key", c->key},
        {"run", c->run},
        {"target", c->system},
        {NULL, NULL}};
    struct program program = {json_object_get(c->binding, key), NULL, values,
                              pg_left(&p->db) - HEADROOM};
    struct driver_call with = *c;
    json_t *binding = json_copy((json_t *)c->binding);
    struct process_result r = {0};
    struct error err = {0};
    int rc;
    json_object_set_new(binding, "set", set_with_url(c->binding, uri));
    with.binding = binding;
    if (program.timeout < 1000)
        program.timeout = 1000;
    rc = program_run(&with, &program, &r, &err);
    if (rc) {
        program_not_started(a, rc, &err);
    } else {
        keep_output(p, key, &r);
        rc = ended(p, key, &r, a);
    }
    if (!rc && out)
        buf_add(out, buf_text(&r.out), r.out.size);
    process_result_free(&r);
    json_decref(binding);
    return rc;
}

int migrate_tool_run(struct migrate_prepared *p, const char *key,
                     const char *url, struct buf *out, struct driver_answer *a)
{
    const json_t *argv = json_object_get(p->call->binding, key);
    char uri[4096], folder[4300] = "";
    struct error err = {0};
    int rc = migrate_tool_trap(argv, migrate_tool_name(p->ledger.tool),
                               p->direction, &err);
    if (!rc)
        rc = migrate_tool_url(url, uri, sizeof uri, &err);
    if (!rc &&
        (mentions(argv, "{migrations}") ||
         mentions(json_object_get(p->call->binding, "set"), "{migrations}")))
        rc = migrate_tool_files(p, folder, sizeof folder, &err);
    if (rc)
        return answer_fail(a, OUTCOME_REJECTED, "%s: %s; nothing was run",
                           p->db.name, err.message),
               1;
    return run_with(p, key, uri, folder[0] ? folder : NULL, out, a);
}

static int same(const struct migrate_ledger *l, const char *a, const char *b)
{
    char x[MIGRATE_VERSION], y[MIGRATE_VERSION];
    migrate_ledger_key(l->tool, a, x, sizeof x);
    migrate_ledger_key(l->tool, b, y, sizeof y);
    return strcmp(x, y) == 0;
}

static const char *target(const struct migrate_prepared *p)
{
    return p->direction == MIGRATE_UP ? p->plan.file.version : p->plan.previous;
}

/* These keep where they are, not how they came there. */
static int one_row(enum migrate_tool tool)
{
    return tool == TOOL_ALEMBIC || tool == TOOL_GOLANG_MIGRATE;
}

int migrate_tool_moved(const struct migrate_prepared *p,
                       const struct migrate_ledger *now, struct error *err)
{
    const struct migrate_ledger *l = &p->ledger;
    size_t before = json_array_size(l->applied);
    size_t after = json_array_size(now->applied);
    size_t expected = p->direction == MIGRATE_UP ? before + 1 : before - 1;
    if (!now->dirty && json_equal(now->applied, l->applied))
        return error_set(err, RB_NOTFOUND, "the ledger is as before, at %s",
                         l->version[0] ? l->version : "(none)");
    if (now->dirty || !same(l, now->version, target(p)) ||
        (!one_row(l->tool) && after != expected))
        return error_set(err, RB_INVALID,
                         "the ledger is at version %s%s with %zu applied, not "
                         "at %s with %zu: it was not exactly one step",
                         now->version[0] ? now->version : "(none)",
                         now->dirty ? " (dirty)" : "", after,
                         target(p)[0] ? target(p) : "(none)", expected);
    return 0;
}

/* A version as a word of its own: 7 is not in 17 or 7.1. */
static int has_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    const char *at = n ? strstr(text, word) : NULL;
    for (; at; at = strstr(at + 1, word)) {
        int before = at > text ? (unsigned char)at[-1] : ' ';
        int after = (unsigned char)at[n];
        if (!isalnum(before) && before != '.' && !isalnum(after))
            return 1;
    }
    return 0;
}

int migrate_tool_dry_run(struct migrate_prepared *p, struct driver_answer *a)
{
    struct buf said = BUF_INIT(1u << 20);
    const char *version = p->plan.file.version, *other = NULL;
    json_t *one;
    size_t i;
    int rc;
    if (p->direction != MIGRATE_DOWN ||
        !json_object_get(p->call->binding, "tool_dry_run") ||
        migrate_guard_waived(p->call, "dry_run"))
        return 0;
    rc = migrate_tool_run(p, "tool_dry_run", option_text(p->call, "url", ""),
                          &said, a);
    json_array_foreach(p->ledger.applied, i, one)
    {
        const char *text = json_string_value(one);
        if (!same(&p->ledger, text, version) &&
            !same(&p->ledger, text, p->plan.previous) &&
            has_word(buf_text(&said), text))
            other = text;
    }
    if (!rc && (other || !has_word(buf_text(&said), version))) {
        answer_fail(a, OUTCOME_CONFLICT,
                    "%s: the tool's dry run %s%s, and not %s alone; nothing "
                    "was changed (output: call-%u.log)",
                    p->db.name, other ? "names " : "does not name the version",
                    other ? other : "", version, p->call->sequence);
        rc = 1;
    }
    buf_free(&said);
    return rc;
}

static json_t *answer_of(const struct migrate_prepared *p)
{
    const char *to = target(p);
    return json_pack("{s:s*, s:s, s:s, s:i, s:b}", "version", to[0] ? to : NULL,
                     "before", p->ledger.version, "file", p->plan.path,
                     "statements", 0, "transaction", 0);
}

/* KEY:begun holds the answer, so that a probe knows what to look for. */
static int mark(struct migrate_prepared *p, const json_t *answer,
                struct driver_answer *a)
{
    int64_t limit = pg_left(&p->db);
    if (pg_begin(&p->db, 0, limit, limit, a) != 0 ||
        migrate_effects_plan(&p->db, &p->ledger, answer, a) != 0 ||
        pg_do(&p->db, "commit", "COMMIT", 0, NULL, a) != 0) {
        pg_rollback(&p->db);
        return 1;
    }
    return 0;
}

/* The ledger decides; the marker follows it. */
static int conclude(struct migrate_prepared *p, int ran, const json_t *answer,
                    struct driver_answer *a)
{
    struct migrate_ledger now = {0};
    struct driver_answer own = {OUTCOME_UNKNOWN, NULL, ""};
    struct error err = {0};
    int rc = migrate_run_ledger(&p->db, &p->ledger, &now, &own);
    if (rc) {
        answer_fail(a, OUTCOME_UNKNOWN,
                    "%s: the tool has run, and its ledger cannot be read: "
                    "%.900s",
                    p->db.name, own.message);
    } else if ((rc = migrate_tool_moved(p, &now, &err)) == 0) {
        migrate_effects_done(&p->db, &p->ledger, answer, &own);
        answer_ok(a, json_incref((json_t *)answer));
    } else if (rc == RB_NOTFOUND) {
        migrate_effects_forget(&p->db, &p->ledger, &own);
        if (ran)
            answer_fail(a, OUTCOME_REJECTED,
                        "%s: the tool ended well, and %s (output: "
                        "call-%u.log)",
                        p->db.name, err.message, p->call->sequence);
    } else {
        answer_fail(a, OUTCOME_UNKNOWN,
                    "%s: %s; look at the database before anything else "
                    "(output: call-%u.log)",
                    p->db.name, err.message, p->call->sequence);
    }
    migrate_ledger_free(&now);
    return rc != 0;
}

int migrate_tool_unmoved(struct migrate_prepared *p, const char *why,
                         struct driver_answer *a)
{
    struct migrate_ledger now = {0};
    int rc = migrate_run_ledger(&p->db, &p->ledger, &now, a);
    if (!rc && (now.dirty != p->ledger.dirty ||
                !json_equal(now.applied, p->ledger.applied))) {
        answer_fail(a, OUTCOME_CONFLICT,
                    "%s: its ledger moved from version %s to %s %s", p->db.name,
                    p->ledger.version[0] ? p->ledger.version : "(none)",
                    now.version[0] ? now.version : "(none)", why);
        rc = 1;
    }
    migrate_ledger_free(&now);
    return rc;
}

int migrate_tool_step(struct migrate_prepared *p, struct driver_answer *a)
{
    json_t *answer = answer_of(p);
    int rc = migrate_tool_unmoved(p,
                                  "while the step was prepared; the tool was "
                                  "not run",
                                  a) != 0 ||
             mark(p, answer, a) != 0;
    if (!rc) {
        driver_progress(p->call, "%s: %s", key_of(p->direction),
                        p->plan.file.name);
        rc = migrate_tool_run(p, key_of(p->direction),
                              option_text(p->call, "url", ""), NULL, a);
        rc = conclude(p, rc == 0, answer, a);
    }
    json_decref(answer);
    return rc;
}
