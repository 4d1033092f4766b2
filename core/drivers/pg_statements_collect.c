/* The texts that pg_stat_statements has. */
#define _GNU_SOURCE
#include "pg_statements.h"
#include "pg_statements_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char where_is_it[] =
    "SELECT quote_ident(n.nspname), to_regclass(quote_ident(n.nspname) || "
    "'.pg_stat_statements_info') IS NOT NULL FROM pg_extension x "
    "JOIN pg_namespace n ON n.oid = x.extnamespace "
    "WHERE x.extname = 'pg_stat_statements'";

/* One row a text: several roles and nestings have sent the same. Not rbrun's
   own. */
static const char texts[] =
    "SELECT query, sum(calls)::int8 FROM %s.pg_stat_statements WHERE dbid = "
    "(SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND query NOT LIKE '" PG_MARK "%%' "
    "GROUP BY query ORDER BY 2 DESC, 1 LIMIT %d";

static const char reset[] = "SELECT to_char(stats_reset AT TIME ZONE 'UTC', "
                            "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM %s."
                            "pg_stat_statements_info";

/* What the view shows in place of a text that the role may not see. */
static const char hidden_text[] = "<insufficient privilege>";

/* What pg_dump, psql and their like ask for: no application writes it so. */
static const char of_tools[] = "FROM pg_catalog.";

struct collection {
    json_t *list;
    size_t bytes;
    json_int_t skipped, hidden;
    int limited;
};

static int silent(json_t **out, const char *because)
{
    *out = json_pack("{s:b, s:s}", "heard", 0, "because", because);
    return 0;
}

static void take(struct collection *c, const char *query, long long calls)
{
    size_t size = strlen(query);
    json_t *entry;
    if (strcmp(query, hidden_text) == 0)
        c->hidden++;
    else if (!pg_statements_planned(query) || strstr(query, of_tools))
        c->skipped++;
    else if (json_array_size(c->list) >= PG_STATEMENTS_MAX ||
             c->bytes + size > PG_STATEMENTS_MAX_TEXT)
        c->limited = 1;
    else if ((entry = json_pack("{s:s, s:I}", "query", query, "calls",
                                (json_int_t)calls)) != NULL) {
        c->bytes += size;
        json_array_append_new(c->list, entry);
    } else {
        c->hidden++; /* not UTF-8 */
    }
}

static json_t *describe(const struct collection *c, const char *since)
{
    return json_pack("{s:b, s:O, s:s*, s:I, s:I, s:b}", "heard", 1, "list",
                     c->list, "since", since[0] ? since : NULL, "skipped",
                     c->skipped, "hidden", c->hidden, "limited", c->limited);
}

static int read_texts(struct pg *db, const char *schema, const char *since,
                      json_t **out, struct driver_answer *a)
{
    struct collection c = {.list = json_array()};
    char sql[900];
    PGresult *r = NULL;
    int rc;
    snprintf(sql, sizeof sql, texts, schema, PG_STATEMENTS_MAX * 2);
    rc = pg_query(db, "read pg_stat_statements", sql, 0, NULL, &r, a);
    for (int i = 0; !rc && i < PQntuples(r); i++)
        take(&c, PQgetvalue(r, i, 0), atoll(PQgetvalue(r, i, 1)));
    PQclear(r);
    if (!rc)
        *out = describe(&c, since);
    json_decref(c.list);
    return rc;
}

/* A refusal (not loaded, no rights) is an answer; a lost connection is not.
 */
static int refused(struct pg *db, json_t **out, struct driver_answer *a)
{
    const char *why = strstr(a->message, ": cannot ");
    char because[900];
    if (pg_lost(db))
        return 1;
    snprintf(because, sizeof because, "%.800s", why ? why + 2 : a->message);
    if (pg_do(db, "go on without", "ROLLBACK TO SAVEPOINT statements", 0, NULL,
              a) != 0)
        return 1;
    return silent(out, because);
}

int pg_statements_collect(struct pg *db, json_t **out, struct driver_answer *a)
{
    PGresult *r = NULL;
    char schema[300] = "", since[80] = "", sql[600];
    int has_info = 0, rc;
    if (pg_do(db, "go on", "SAVEPOINT statements", 0, NULL, a) != 0)
        return 1;
    rc = pg_query(db, "look for pg_stat_statements", where_is_it, 0, NULL, &r,
                  a);
    if (!rc && PQntuples(r)) {
        snprintf(schema, sizeof schema, "%s", PQgetvalue(r, 0, 0));
        has_info = PQgetvalue(r, 0, 1)[0] == 't';
    }
    PQclear(r);
    if (!rc && !schema[0])
        return silent(out, "the extension pg_stat_statements is not created in "
                           "this database");
    snprintf(sql, sizeof sql, reset, schema);
    if (!rc && has_info)
        rc = pg_value(db, "read pg_stat_statements", sql, 0, NULL, since,
                      sizeof since, a);
    if (!rc)
        rc = read_texts(db, schema, since, out, a);
    return rc ? refused(db, out, a) : 0;
}
