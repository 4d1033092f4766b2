#define _GNU_SOURCE
#include "migrate_guard.h"
#include "migrate_loss.h"
#include "migrate_tool.h"
#include "snapshot_manifest.h"

#include <stdio.h>
#include <string.h>

#define SNAPSHOT_AGE (24 * 60 * 60 * 1000LL)

static const char *const guards[] = {"rehearsal", "loss", "snapshot", "dry_run",
                                     NULL};

int migrate_guard_waived(const struct driver_call *c, const char *guard)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(c->binding, "without"), i, one)
    {
        if (strcmp(json_string_value(one), guard) == 0)
            return 1;
    }
    return 0;
}

int migrate_guard_check(const json_t *binding, struct error *err)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(binding, "without"), i, one)
    {
        const char *const *g = guards;
        while (*g && strcmp(*g, json_string_value(one)) != 0)
            g++;
        if (*g)
            continue;
        error_set(err, RB_INVALID,
                  "without = { \"%s\" }: there is no such "
                  "guard",
                  json_string_value(one));
        error_next(err, "one of " MIGRATE_GUARDS);
        return RB_INVALID;
    }
    return 0;
}

/* How many rows the caller says may go with an object; -1 when nothing is
   said, INT64_MAX for "any". */
static int64_t accepted(const struct driver_call *c, const char *object)
{
    const json_t *value =
        json_object_get(json_object_get(c->args, "accept_loss"), object);
    double most = json_number_value(value);
    if (json_is_number(value)) /* a runbook's 200 may be a 200.0 */
        return most < 0 ? -1 : most < 1e15 ? (int64_t)most : INT64_MAX;
    if (json_is_string(value) && strcmp(json_string_value(value), "any") == 0)
        return INT64_MAX;
    return -1;
}

static int is_loss(const json_t *item)
{
    static const char *const kinds[] = {"table_dropped",
                                        "column_dropped",
                                        "type_changed",
                                        "enum_value_removed",
                                        "sequence_dropped",
                                        "rows_changed",
                                        NULL};
    const char *const *k = kinds;
    while (*k && strcmp(*k, value_text(item, "kind", "")) != 0)
        k++;
    return *k != NULL;
}

static void how_many(const json_t *item, char *out, size_t size)
{
    if (!json_object_get(item, "rows"))
        snprintf(out, size, "an unknown number of rows");
    else
        snprintf(out, size, "%s%lld rows",
                 value_bool(item, "exact", 0) ? "" : "up to about ",
                 (long long)value_int(item, "rows", 0));
}

/* Nobody has agreed to lose this much. */
static int too_much(struct migrate_prepared *p, const json_t *item,
                    struct driver_answer *a)
{
    const char *object = value_text(item, "object", "");
    int64_t most = accepted(p->call, object);
    char rows[80], said[80] = "nothing was said of it";
    how_many(item, rows, sizeof rows);
    if (most >= 0)
        snprintf(said, sizeof said, "at most %lld were accepted",
                 (long long)most);
    answer_fail(a, OUTCOME_CONFLICT,
                "%s: %s would lose %s of %s (%s), and %s; nothing was "
                "changed. Whoever may decide that says accept_loss = { "
                "[\"%s\"] = N }",
                p->db.name, p->plan.path, rows, object,
                value_text(item, "kind", ""), said, object);
    return 1;
}

static int check_refusing(struct migrate_prepared *p, const json_t *item,
                          struct driver_answer *a)
{
    if (!value_bool(item, "fails", 0))
        return 0;
    answer_fail(a, OUTCOME_CONFLICT,
                "%s: %s would fail: %lld rows of %s: %s; nothing was "
                "changed. Set those rows right first",
                p->db.name, p->plan.path, (long long)value_int(item, "rows", 0),
                value_text(item, "object", ""), value_text(item, "text", ""));
    return 1;
}

static int check_item(struct migrate_prepared *p, const json_t *item,
                      struct driver_answer *a)
{
    int known = json_object_get(item, "rows") != NULL;
    int64_t rows = value_int(item, "rows", 0);
    int64_t most = accepted(p->call, value_text(item, "object", ""));
    if (p->direction != MIGRATE_DOWN || !is_loss(item))
        return 0;
    if (known ? rows > (most < 0 ? 0 : most) : most != INT64_MAX)
        return too_much(p, item, a);
    return 0;
}

static int check_loss(struct migrate_prepared *p,
                      const struct migrate_rehearsal *r,
                      struct driver_answer *a)
{
    struct migrate_loss loss = {0};
    json_t *item;
    size_t i;
    int rc = migrate_loss(p, r, &loss, a);
    json_array_foreach(loss.items, i, item)
    {
        if (!rc)
            rc = check_refusing(p, item, a);
    }
    json_array_foreach(loss.items, i, item)
    {
        if (!rc)
            rc = check_item(p, item, a);
    }
    migrate_loss_free(&loss);
    return rc;
}

static int does_not_apply(struct migrate_prepared *p,
                          const struct migrate_rehearsal *r,
                          struct driver_answer *a)
{
    answer_fail(a, OUTCOME_CONFLICT,
                "%s: %s does not apply to a copy of its schema; nothing was "
                "changed: %.1000s",
                p->db.name, p->plan.path, r->error);
    return 1;
}

/* A way back that leads elsewhere is not the way back. */
static int does_not_restore(struct migrate_prepared *p,
                            const struct migrate_rehearsal *r,
                            struct driver_answer *a)
{
    const json_t *first = json_array_get(r->missing, 0);
    if (!first)
        first = json_array_get(r->extra, 0);
    answer_fail(
        a, OUTCOME_CONFLICT,
        "%s: %s %s the older schema (%s)%s%.400s; nothing was "
        "changed. accept_loss = { schema = \"any\" } goes on all the "
        "same",
        p->db.name, p->plan.path,
        r->restores == RESTORES_NO ? "does not restore" : "may not restore",
        r->compared, first ? ": " : "", first ? json_string_value(first) : "");
    return 1;
}

static int check_rehearsal(struct migrate_prepared *p, struct driver_answer *a)
{
    struct migrate_rehearsal r = {0};
    int rc;
    if (migrate_guard_waived(p->call, "rehearsal"))
        return 0;
    rc = migrate_rehearse(p, &r, a);
    if (!rc && !r.applies)
        rc = does_not_apply(p, &r, a);
    if (!rc && p->direction == MIGRATE_DOWN &&
        (r.restores == RESTORES_NO || r.restores == RESTORES_UNKNOWN) &&
        accepted(p->call, "schema") != INT64_MAX)
        rc = does_not_restore(p, &r, a);
    if (!rc && !migrate_guard_waived(p->call, "loss"))
        rc = check_loss(p, &r, a);
    migrate_rehearsal_free(&r);
    return rc;
}

/* The snapshot is read by its files; which driver wrote it does not matter,
   but its manifest says of which database it is. */
static int open_snapshot(struct migrate_prepared *p, struct snapshot *s,
                         const char *id, struct error *err)
{
    static const char *const kinds[] = {"pg_dump", "command", "http"};
    struct driver_call c = *p->call;
    char place[4096];
    json_t *args = json_pack("{s:s}", "id", id), *binding = json_object();
    int rc = RB_INVALID;
    if (option_path(p->call, "snapshots", place, sizeof place) == 0)
        json_object_set_new(binding, "directory", json_string(place));
    c.args = args;
    c.binding = binding;
    for (size_t i = 0; i < 3 && rc == RB_INVALID; i++) {
        snapshot_free(s);
        rc = snapshot_check(s, &c, kinds[i], err);
    }
    s->call = p->call;
    json_decref(args);
    json_decref(binding);
    return rc;
}

static int of_this_database(struct migrate_prepared *p,
                            const struct snapshot *s, struct driver_answer *a)
{
    const json_t *source =
        json_object_get(json_object_get(s->manifest, "about"), "source");
    const char *database = value_text(source, "database", NULL);
    int64_t limit = option_duration(p->call, "snapshot_age", SNAPSHOT_AGE);
    int64_t age = clock_wall() - value_int(s->manifest, "taken_ms", 0);
    if (database && strcmp(database, PQdb(p->db.conn)) != 0)
        return answer_fail(a, OUTCOME_CONFLICT,
                           "%s: snapshot %s is of the database %s; nothing "
                           "was changed",
                           p->db.name, s->id, database),
               1;
    if (age <= limit)
        return 0;
    answer_fail(a, OUTCOME_CONFLICT,
                "%s: snapshot %s is %lld minutes old, older than "
                "`snapshot_age`; nothing was changed. Take one now: what was "
                "written since is not in it",
                p->db.name, s->id, (long long)age / 60000);
    return 1;
}

static int check_snapshot(struct migrate_prepared *p, struct driver_answer *a)
{
    const char *id = value_text(p->call->args, "snapshot", NULL);
    struct snapshot s = {0};
    struct error err = {0};
    int rc;
    if (p->direction != MIGRATE_DOWN ||
        migrate_guard_waived(p->call, "snapshot"))
        return 0;
    if (!id)
        return answer_fail(a, OUTCOME_CONFLICT,
                           "%s: a step down needs a snapshot that can be read "
                           "back (snapshot = the id that snapshot.take gave); "
                           "nothing was changed",
                           p->db.name),
               1;
    driver_progress(p->call, "reading the snapshot back");
    rc = open_snapshot(p, &s, id, &err);
    if (rc)
        answer_fail(a, OUTCOME_CONFLICT,
                    "%s: the snapshot that a step down needs: %.900s; nothing "
                    "was changed",
                    p->db.name, err.message);
    else
        rc = of_this_database(p, &s, a);
    snapshot_free(&s);
    return rc != 0;
}

int migrate_guard(struct migrate_prepared *p, struct driver_answer *a)
{
    return migrate_tool_dry_run(p, a) != 0 || check_rehearsal(p, a) != 0 ||
           check_snapshot(p, a) != 0;
}
