#define _GNU_SOURCE
#include "migrate_prepare.h"
#include "migrate_source.h"
#include "migrate_tool.h"

#include <string.h>

enum migrate_direction migrate_direction_of(const struct driver_call *c)
{
    int up = strcmp(value_text(c->args, "direction", "down"), "up") == 0;
    return up ? MIGRATE_UP : MIGRATE_DOWN;
}

int migrate_prepare_primary(struct migrate_prepared *p, struct driver_answer *a)
{
    char replica[8];
    if (pg_value(&p->db, "ask whether it is a replica",
                 "SELECT pg_is_in_recovery()", 0, NULL, replica, sizeof replica,
                 a) != 0)
        return 1;
    if (replica[0] != 't')
        return 0;
    answer_fail(a, OUTCOME_REJECTED,
                "%s is a replica (in recovery): it cannot be written; let "
                "`url` name the primary",
                p->db.name);
    return 1;
}

static int several_heads(struct migrate_prepared *p, struct driver_answer *a)
{
    size_t heads = json_array_size(p->ledger.heads);
    if (heads < 2)
        return 0;
    answer_fail(a, OUTCOME_CONFLICT,
                "%s: its ledger has %zu heads, %s and %s among them: one step "
                "from there has no one meaning; merge them with %s itself",
                p->db.name, heads,
                json_string_value(json_array_get(p->ledger.heads, 0)),
                json_string_value(json_array_get(p->ledger.heads, 1)),
                migrate_tool_name(p->ledger.tool));
    return 1;
}

int migrate_prepare_ledger(struct migrate_prepared *p, struct driver_answer *a)
{
    const char *expect = value_text(p->call->args, "expect", "");
    const struct migrate_ledger *l = &p->ledger;
    if (migrate_ledger_read(&p->db, &p->ledger, a) != 0 ||
        several_heads(p, a) != 0)
        return 1;
    if (l->dirty)
        return answer_fail(a, OUTCOME_CONFLICT,
                           "%s: its ledger is dirty: version %s failed "
                           "half-way, and somebody has to look first",
                           p->db.name, l->version),
               1;
    if (migrate_version_compare(expect, l->version) != 0)
        return answer_fail(a, OUTCOME_CONFLICT,
                           "%s: its ledger is at version %s, %s was expected; "
                           "nothing was changed",
                           p->db.name, l->version[0] ? l->version : "(none)",
                           expect[0] ? expect : "(none)"),
               1;
    return 0;
}

static int failed(struct migrate_prepared *p, int rc, const char *path,
                  const struct error *err, struct driver_answer *a)
{
    answer_fail(a, rc == RB_NOTFOUND ? OUTCOME_NOT_FOUND : OUTCOME_REJECTED,
                "%s: %s%sat %s: %s", p->db.name, path ? path : "",
                path ? " " : "", value_text(p->call->args, "at", ""),
                err->message);
    return 1;
}

/* The file comes from the revision that the caller names: a checkout that
   lacks the newest migration would take back the one before it. */
int migrate_prepare_plan(struct migrate_prepared *p, struct driver_answer *a)
{
    const char *at = value_text(p->call->args, "at", "");
    struct error err = {0};
    int rc;
    if (migrate_source_at(p->call, at, &p->files, a) != 0)
        return 1;
    if (migrate_tool_configured(p->call, p->direction)) {
        rc = migrate_tool_choose(p->files, &p->ledger, p->direction, &p->plan,
                                 &err);
        return rc ? failed(p, rc, NULL, &err, a) : 0;
    }
    rc =
        migrate_plan_choose(p->files, &p->ledger, p->direction, &p->plan, &err);
    if (rc)
        return failed(p, rc, NULL, &err, a);
    rc = migrate_plan_read(&p->ledger, &p->plan, &err);
    return rc ? failed(p, rc, p->plan.path, &err, a) : 0;
}

int migrate_prepare(struct migrate_prepared *p, struct driver_answer *a)
{
    return pg_open(&p->db, p->call, a) != 0 ||
           migrate_ledger_find(&p->db, &p->ledger, a) != 0 ||
           migrate_prepare_ledger(p, a) != 0 || migrate_prepare_plan(p, a) != 0;
}

void migrate_prepared_free(struct migrate_prepared *p)
{
    migrate_plan_free(&p->plan);
    migrate_ledger_free(&p->ledger);
    json_decref(p->files);
    p->files = NULL;
    pg_close(&p->db);
}
