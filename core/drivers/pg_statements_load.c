/* The older code's statements from a file: what an application's log or a
   tool gives, one JSON object a line, or SQL. */
#define _GNU_SOURCE
#include "migrate_sql.h"
#include "pg_statements.h"

#include <string.h>

#define SPLIT_TIMEOUT (30 * 1000)

static int full(const json_t *list, size_t bytes, struct error *err)
{
    if (json_array_size(list) < PG_STATEMENTS_MAX &&
        bytes <= PG_STATEMENTS_MAX_TEXT)
        return 0;
    return error_set(err, RB_TOOBIG,
                     "more than %d statements, or %u MiB of them; leave the "
                     "rare ones out",
                     PG_STATEMENTS_MAX, PG_STATEMENTS_MAX_TEXT >> 20);
}

/* What pg_statements_test has written into an entry comes with it. */
static int add_line(json_t *list, const char *line, size_t size, size_t number,
                    struct error *err)
{
    json_t *value = NULL, *query;
    int rc = value_decode(line, size, &value, err);
    query = rc ? NULL : json_object_get(value, "query");
    if (!rc && !json_is_string(query))
        rc = error_set(err, RB_INVALID, "no text \"query\" in it");
    if (rc)
        error_prefix(err, "line %zu: ", number);
    else
        json_array_append(list, value);
    json_decref(value);
    return rc;
}

static int load_lines(const char *text, size_t size, json_t *list,
                      struct error *err)
{
    size_t number = 1;
    int rc = 0;
    for (size_t at = 0; !rc && at < size; number++) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end ? (size_t)(end - text) - at : size - at;
        if (strspn(text + at, " \t\r") < length)
            rc = add_line(list, text + at, length, number, err);
        at += length + 1;
        if (!rc)
            rc = full(list, at, err);
    }
    return rc;
}

/* Where a statement ends only its grammar can tell: the jailed reader. */
static int load_sql(const char *text, size_t size, json_t *list,
                    struct error *err)
{
    struct migrate_sql file = {
        .name = "statements", .text = text, .size = size};
    struct migrate_question q = {
        .mode = MIGRATE_SPLIT, .files = &file, .count = 1, .want_text = 1};
    json_t *reply = NULL, *one;
    const json_t *entry;
    size_t i;
    int rc = migrate_sql_ask(&q, SPLIT_TIMEOUT, &reply, err);
    if (rc)
        return rc;
    entry = json_array_get(json_object_get(reply, "files"), 0);
    if (!value_bool(entry, "parsed", 1))
        rc = error_set(err, RB_INVALID, "%s",
                       value_text(entry, "error", "it is not SQL"));
    json_array_foreach(json_object_get(entry, "statements"), i, one)
    {
        if (rc || (rc = full(list, size, err)) != 0)
            break;
        json_array_append_new(list, json_pack("{s:s, s:I}", "query",
                                              value_text(one, "sql", ""),
                                              "calls", (json_int_t)0));
    }
    json_decref(reply);
    return rc;
}

int pg_statements_load(const char *text, size_t size, json_t **list,
                       struct error *err)
{
    size_t blank = 0;
    int rc;
    while (blank < size && strchr(" \t\r\n", text[blank]) && text[blank])
        blank++;
    *list = json_array();
    rc = blank < size && text[blank] == '{' ? load_lines(text, size, *list, err)
                                            : load_sql(text, size, *list, err);
    if (rc) {
        json_decref(*list);
        *list = NULL;
    }
    return rc;
}
