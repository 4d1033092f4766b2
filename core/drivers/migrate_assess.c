/*
 * migrate.assess. Three witnesses: the catalog kept for the older release
 * against the live one, the older code's own statements, the migrations in
 * git. What none of them knows is unknown, and unknown is never safe.
 */
#define _GNU_SOURCE
#include "migrate_assess.h"
#include "catalog_store.h"
#include "migrate_assess_parts.h"
#include "migrate_boot.h"
#include "migrate_source.h"
#include "pg_catalog.h"

#include <stdlib.h>
#include <string.h>

#define READ_TIMEOUT (20 * 1000)
#define LOCK_TIMEOUT (5 * 1000)

const char *assessing_worse(const char *a, const char *b)
{
    static const char *const order[] = {"incompatible", "unknown", "caution",
                                        "compatible", "none"};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (strcmp(a, order[i]) == 0 || strcmp(b, order[i]) == 0)
            return order[i];
    }
    return "unknown";
}

void assessing_finding(json_t *list, const char *level, const char *code,
                       const char *object, const char *file, const char *text,
                       const char *safe)
{
    json_array_append_new(list, json_pack("{s:s, s:s, s:s*, s:s*, s:s, s:s*}",
                                          "level", level, "code", code,
                                          "object", object, "file", file,
                                          "text", text, "safe", safe));
}

static int read_ledger(struct assessing *x, struct driver_answer *a)
{
    int rc = pg_begin(&x->db, 1,
                      option_duration(x->call, "lock_timeout", LOCK_TIMEOUT),
                      READ_TIMEOUT, a) != 0 ||
             migrate_ledger_find(&x->db, &x->ledger, a) != 0 ||
             migrate_ledger_read(&x->db, &x->ledger, a) != 0;
    pg_rollback(&x->db);
    return rc;
}

/* The files of both releases: revisions and folders are checked here. */
static int read_sources(struct assessing *x, json_t **older, json_t **newer,
                        struct driver_answer *a)
{
    const char *from = value_text(x->call->args, "from", "");
    const char *to = value_text(x->call->args, "to", "");
    json_t *changed = NULL;
    struct driver_answer ignored = {OUTCOME_UNKNOWN, NULL, ""};
    int rc = migrate_source_between(x->call, from, to, &changed, a) != 0 ||
             migrate_source_commit(x->call, from, x->commit, sizeof x->commit,
                                   a) != 0;
    json_decref(changed);
    if (rc)
        return 1;
    /* On one side there may be no folder yet, or no more. */
    if (migrate_source_at(x->call, to, newer, &ignored) != 0)
        *newer = json_array();
    if (migrate_source_at(x->call, from, older, &ignored) != 0)
        *older = json_array();
    return 0;
}

/* Files that the ledger cannot say of whether they ran. */
static void add_late(struct assessing *x)
{
    json_t *one, *late = migrate_difference_late(
                     &x->ledger, &x->set.older_layout, &x->set.layout);
    size_t i;
    json_array_foreach(late, i, one) assessing_finding(
        x->general, "unknown", "out_of_order", value_text(one, "version", NULL),
        value_text(one, "path", NULL),
        "it was added below migrations that were there "
        "before: golang-migrate passes it over where those "
        "are applied, and its ledger does not say",
        "give it a version above all others");
    json_decref(late);
}

/* In the order in which one needs what the other has found. */
static int hear(struct assessing *x, const json_t *newer,
                struct driver_answer *a)
{
    assessing_ledger(x, newer);
    if (assessing_text(x, a) != 0 || assessing_catalog(x, a) != 0)
        return 1;
    add_late(x);
    assessing_text_judge(x);
    return assessing_statements(x, a);
}

static json_t *boot_of(const struct assessing *x, const json_t *older)
{
    json_t *boot = NULL, *gap = NULL;
    enum boot_mode mode;
    if (migrate_boot_mode(option_text(x->call, "at_start", NULL), &mode) != 0)
        mode = BOOT_MIGRATES;
    migrate_boot(&x->ledger, older, mode, &boot, &gap);
    json_decref(gap);
    return boot;
}

static void release(struct assessing *x)
{
    pg_close(&x->db);
    migrate_ledger_free(&x->ledger);
    migrate_difference_free(&x->gap);
    assess_set_free(&x->set);
    json_decref(x->text);
    json_decref(x->migrations);
    json_decref(x->net);
    json_decref(x->record);
    json_decref(x->catalog);
    json_decref(x->catalog_answer);
    json_decref(x->statements);
    json_decref(x->general);
    buf_free(&x->then);
}

int migrate_assess(const struct driver_call *c, struct driver_answer *a)
{
    struct assessing x = {.call = c,
                          .then = BUF_INIT(CATALOG_STORE_MAX),
                          .migrations = json_array(),
                          .general = json_array()};
    json_t *older = NULL, *newer = NULL;
    if (pg_open(&x.db, c, a) == 0 && read_ledger(&x, a) == 0 &&
        read_sources(&x, &older, &newer, a) == 0 && hear(&x, newer, a) == 0)
        assessing_answer(&x, boot_of(&x, older), a);
    json_decref(older);
    json_decref(newer);
    release(&x);
    return 0;
}
