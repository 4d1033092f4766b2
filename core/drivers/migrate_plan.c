#define _GNU_SOURCE
#include "migrate_plan.h"
#include "migrate_sql.h"

#include <stdio.h>
#include <string.h>

#define READ_TIMEOUT (20 * 1000)

static int goes(const struct migrate_file *f, enum migrate_direction direction)
{
    return f->direction == direction || f->direction == MIGRATE_BOTH;
}

static void choose(struct migrate_plan *plan, const json_t *entry,
                   const struct migrate_file *file)
{
    const json_t *content = json_object_get(entry, "content");
    plan->file = *file;
    plan->path = value_text(entry, "path", "");
    plan->content = json_string_value(content);
    plan->content_size = content ? json_string_length(content) : 0;
}

/* Two files of one version and direction: every tool refuses them, or runs
   one that we cannot foresee. */
static int twice(const struct migrate_plan *plan, const char *path,
                 struct error *err)
{
    return error_set(err, RB_INVALID, "%s and %s are both of version %s",
                     plan->path, path, plan->file.version);
}

/* The file of exactly the current version; for golang-migrate also the
   version that is current afterwards (source.Prev). */
static int choose_down(const json_t *files, const struct migrate_ledger *l,
                       struct migrate_plan *plan, struct error *err)
{
    struct migrate_file f;
    json_t *entry;
    size_t i;
    if (!l->version[0])
        return error_set(err, RB_NOTFOUND,
                         "nothing is applied: there is "
                         "nothing to take back");
    if (l->tool == TOOL_GOOSE &&
        migrate_version_compare(l->last, l->version) != 0)
        return error_set(err, RB_INVALID,
                         "version %s is the newest, but goose applied %s "
                         "last and would take that back",
                         l->version, l->last);
    json_array_foreach(files, i, entry)
    {
        int order;
        if (migrate_file_parse(l->tool, value_text(entry, "path", ""), &f))
            continue;
        order = migrate_version_compare(f.version, l->version);
        if (order == 0 && goes(&f, MIGRATE_DOWN) && plan->path)
            return twice(plan, value_text(entry, "path", ""), err);
        if (order == 0 && goes(&f, MIGRATE_DOWN))
            choose(plan, entry, &f);
        if (order < 0 && f.direction != MIGRATE_REPEATABLE &&
            migrate_version_compare(f.version, plan->previous) > 0)
            snprintf(plan->previous, sizeof plan->previous, "%s", f.version);
    }
    if (!plan->path)
        return error_set(err, RB_NOTFOUND,
                         "there is no file that takes version %s back",
                         l->version);
    return 0;
}

/* Whether the tool would run this file next: golang-migrate looks above the
   current version only, the others at what the ledger does not list. */
static int pending(const struct migrate_ledger *l, const struct migrate_file *f)
{
    if (!goes(f, MIGRATE_UP) || migrate_ledger_holds(l, f))
        return 0;
    return l->tool != TOOL_GOLANG_MIGRATE || !l->version[0] ||
           migrate_version_compare(f->version, l->version) > 0;
}

static int choose_up(const json_t *files, const struct migrate_ledger *l,
                     struct migrate_plan *plan, struct error *err)
{
    struct migrate_file f;
    json_t *entry;
    const char *also = NULL;
    size_t i;
    int known = !l->version[0];
    json_array_foreach(files, i, entry)
    {
        int order;
        if (migrate_file_parse(l->tool, value_text(entry, "path", ""), &f) ||
            f.direction == MIGRATE_REPEATABLE)
            continue;
        known |= migrate_version_compare(f.version, l->version) == 0;
        if (!pending(l, &f))
            continue;
        order = plan->path
                    ? migrate_version_compare(f.version, plan->file.version)
                    : -1;
        also = order < 0 ? NULL : order ? also : value_text(entry, "path", "");
        if (order < 0)
            choose(plan, entry, &f);
    }
    if (also)
        return twice(plan, also, err);
    if (!known)
        return error_set(err, RB_INVALID,
                         "it has no file of the ledger's version %s: it is "
                         "not the version that is being reached",
                         l->version);
    if (!plan->path)
        return error_set(err, RB_NOTFOUND,
                         "there is no migration after version %s",
                         l->version[0] ? l->version : "(none)");
    if ((l->tool == TOOL_GOOSE || l->tool == TOOL_FLYWAY) && l->version[0] &&
        migrate_version_compare(plan->file.version, l->version) < 0)
        return error_set(err, RB_INVALID,
                         "%s was never applied and sorts before the current "
                         "version %s; %s refuses that by default",
                         plan->path, l->version, migrate_tool_name(l->tool));
    return 0;
}

int migrate_plan_choose(const json_t *files, const struct migrate_ledger *l,
                        enum migrate_direction direction,
                        struct migrate_plan *plan, struct error *err)
{
    memset(plan, 0, sizeof *plan);
    plan->direction = direction;
    return direction == MIGRATE_DOWN ? choose_down(files, l, plan, err)
                                     : choose_up(files, l, plan, err);
}

static int transaction_control(const json_t *statement)
{
    return strcmp(value_text(statement, "kind", ""), "transaction") == 0;
}

/* "BEGIN", "START TRANSACTION" or "COMMIT", "END" with nothing behind that
   would change its meaning. */
static int says(const json_t *statement, const char *const *words)
{
    const char *text = value_text(statement, "sql", "");
    for (; *words; words++) {
        size_t n = strlen(*words);
        if (strncasecmp(text, *words, n) == 0 &&
            text[n + strspn(text + n, " ;\t\r\n")] == '\0')
            return 1;
    }
    return 0;
}

static void unwrap(json_t *statements)
{
    static const char *const begin[] = {
        "BEGIN", "BEGIN TRANSACTION", "BEGIN WORK", "START TRANSACTION", NULL};
    static const char *const end[] = {"COMMIT",          "COMMIT TRANSACTION",
                                      "COMMIT WORK",     "END",
                                      "END TRANSACTION", NULL};
    size_t count = json_array_size(statements);
    if (count < 2 || !says(json_array_get(statements, 0), begin) ||
        !says(json_array_get(statements, count - 1), end))
        return;
    json_array_remove(statements, count - 1);
    json_array_remove(statements, 0);
}

/* A server of a later version may know grammar that the parser does not;
   but what cannot be read cannot be cut into statements either. */
static int check_parsed(const json_t *file, struct error *err)
{
    json_t *s;
    size_t i;
    if (!value_bool(file, "parsed", 0))
        return error_set(err, RB_INVALID, "PostgreSQL's parser: %s",
                         value_text(file, "error", "not SQL"));
    json_array_foreach(json_object_get(file, "statements"), i, s)
    {
        if (strcmp(value_text(s, "kind", ""), "unparsable") == 0)
            return error_set(err, RB_INVALID,
                             "line %lld: PostgreSQL's parser does not read it",
                             (long long)value_int(s, "line", 0));
    }
    return 0;
}

static int check_statements(struct migrate_plan *plan, struct error *err)
{
    size_t i, count = json_array_size(plan->statements);
    json_t *s;
    plan->transaction = !plan->section.no_transaction;
    if (count == 0)
        return error_set(err, RB_INVALID,
                         "it holds no statement: the ledger would move and "
                         "the schema would not");
    json_array_foreach(plan->statements, i, s)
    {
        if (transaction_control(s))
            return error_set(err, RB_INVALID,
                             "line %lld ends or begins a transaction of its "
                             "own",
                             (long long)value_int(s, "line", 0));
        if (!value_bool(s, "transaction", 0))
            plan->transaction = 0;
    }
    return 0;
}

int migrate_plan_read(const struct migrate_ledger *l, struct migrate_plan *plan,
                      struct error *err)
{
    struct migrate_sql sql = {.name = plan->path,
                              .down = plan->direction == MIGRATE_DOWN};
    json_t *reply = NULL, *file;
    int rc;
    if (!plan->file.sql || !plan->content)
        return error_set(err, RB_INVALID,
                         "it is not SQL: only %s itself can run it",
                         migrate_tool_name(l->tool));
    if (!migrate_ledger_moves(l->tool, plan->direction))
        return error_set(err, RB_INVALID,
                         "rbrun does not know all that %s writes into its "
                         "ledger: only the tool itself can run it",
                         migrate_tool_name(l->tool));
    rc = migrate_file_section(l->tool, plan->direction, plan->content,
                              plan->content_size, &plan->section, err);
    if (rc)
        return rc;
    sql.text = buf_text(&plan->section.text);
    sql.size = plan->section.text.size;
    rc = migrate_sql_read(&sql, 1, 1, READ_TIMEOUT, &reply, err);
    if (rc)
        return rc == RB_NOTFOUND ? RB_IO : rc;
    file = json_array_get(json_object_get(reply, "files"), 0);
    rc = check_parsed(file, err);
    plan->statements = json_incref(json_object_get(file, "statements"));
    json_decref(reply);
    unwrap(plan->statements);
    return rc ? rc : check_statements(plan, err);
}

void migrate_plan_free(struct migrate_plan *plan)
{
    buf_free(&plan->section.text);
    json_decref(plan->statements);
    plan->statements = NULL;
}
