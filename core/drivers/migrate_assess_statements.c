/*
 * The second witness: what the older code says to the database. From a file
 * that the binding names; else what was kept with the catalog; else what
 * pg_stat_statements has now, which may be the newer code's as well.
 */
#define _GNU_SOURCE
#include "catalog_store.h"
#include "migrate_assess_parts.h"
#include "pg_statements.h"

#include <stdio.h>
#include <string.h>

#define TEST_TIMEOUT (30 * 1000)
#define READ_TIMEOUT (20 * 1000)

static void unheard(struct assessing *x, const char *because)
{
    json_decref(x->statements);
    x->statements = json_pack("{s:b, s:s}", "heard", 0, "because", because);
}

static int read_file(const char *path, struct buf *out, struct error *err)
{
    char bytes[8192];
    FILE *f = fopen(path, "re");
    size_t n = 0;
    int rc = f ? 0 : error_set_errno(err, RB_NOTFOUND, "cannot open %s", path);
    while (!rc && (n = fread(bytes, 1, sizeof bytes, f)) > 0)
        rc = buf_add(out, bytes, n);
    if (rc == RB_TOOBIG)
        error_set(err, rc, "%s is larger than %u MiB", path,
                  PG_STATEMENTS_MAX_TEXT >> 20);
    if (f)
        fclose(f);
    return rc;
}

/* about: what is known of the list besides. */
static json_t *load(struct assessing *x, const char *source, json_t **about)
{
    struct buf text = BUF_INIT(PG_STATEMENTS_MAX_TEXT * 2);
    struct error err = {0};
    json_t *list = NULL;
    char path[4096];
    int rc = strcmp(source, "file") == 0
                 ? option_path(x->call, "statements", path, sizeof path)
                 : 0;
    if (!rc && strcmp(source, "file") == 0)
        rc = read_file(path, &text, &err);
    else if (!rc)
        rc = catalog_store_read(x->call, x->record, "statements", &text, &err);
    if (!rc)
        rc = pg_statements_load(buf_text(&text), text.size, &list, &err);
    if (rc)
        unheard(x, err.message);
    else if (x->record && strcmp(source, "snapshot") == 0)
        *about = json_incref(json_object_get(x->record, "statements"));
    buf_free(&text);
    return list;
}

static int collect(struct assessing *x, json_t **list, json_t **about,
                   struct driver_answer *a)
{
    int rc = pg_begin(&x->db, 1, READ_TIMEOUT, READ_TIMEOUT, a) != 0 ||
             pg_statements_collect(&x->db, about, a) != 0;
    pg_rollback(&x->db);
    if (rc)
        return 1;
    *list = json_incref(json_object_get(*about, "list"));
    if (!*list)
        unheard(x, value_text(*about, "because", "not there"));
    return 0;
}

static void add(json_t *to, const json_t *from, const char *name)
{
    json_t *value = json_object_get(from, name);
    if (value)
        json_object_set(to, name, value);
}

static void describe(struct assessing *x, const char *source,
                     const json_t *about)
{
    static const char *const told[] = {"since", "hidden", "limited", NULL};
    int64_t skipped =
        value_int(x->statements, "skipped", 0) + value_int(about, "skipped", 0);
    json_object_set_new(x->statements, "heard", json_true());
    json_object_set_new(x->statements, "source", json_string(source));
    json_object_set_new(x->statements, "skipped", json_integer(skipped));
    for (size_t i = 0; told[i]; i++)
        add(x->statements, about, told[i]);
    if (x->record && strcmp(source, "snapshot") == 0)
        add(x->statements, x->record, "taken_at");
}

static int has_kept(const struct assessing *x)
{
    return value_text(json_object_get(x->record, "statements"), "sha256",
                      NULL) != NULL;
}

int assessing_statements(struct assessing *x, struct driver_answer *a)
{
    const char *source = option_text(x->call, "statements", NULL) ? "file"
                         : has_kept(x)                            ? "snapshot"
                                                                  : "live";
    json_t *list = NULL, *about = NULL;
    int rc = 0;
    if (strcmp(source, "live") == 0)
        rc = collect(x, &list, &about, a);
    else
        list = load(x, source, &about);
    if (!rc && list && json_array_size(list) == 0)
        unheard(x, "there are no statements");
    else if (!rc && list) {
        json_decref(x->statements);
        x->statements = NULL;
        rc = pg_statements_test(&x->db, list, 0, TEST_TIMEOUT, &x->statements,
                                a);
    }
    if (!rc && value_int(x->statements, "tested", -1) >= 0)
        describe(x, source, about);
    json_decref(list);
    json_decref(about);
    return rc;
}
