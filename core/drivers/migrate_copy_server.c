/*
 * A scratch database of a server that the environment names. Its owner holds
 * an advisory lock in that server's own database for as long as it lives:
 * one whose lock is free belongs to nobody any more, and is dropped by the
 * next who comes.
 */
#define _GNU_SOURCE
#include "migrate_copy.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "rbrun_scratch_"
#define LIMIT (60 * 1000)

/* The text of a connection string, with its database replaced. */
static int with_database(const char *url, const char *database, char *out,
                         size_t size)
{
    PQconninfoOption *all = PQconninfoParse(url, NULL);
    size_t used = 0;
    for (PQconninfoOption *o = all; o && o->keyword && used < size; o++) {
        const char *value =
            strcmp(o->keyword, "dbname") == 0 ? database : o->val;
        if (!value || !*value)
            continue;
        used += (size_t)snprintf(out + used, size - used, "%s='", o->keyword);
        for (; *value && used + 4 < size; value++) {
            if (*value == '\'' || *value == '\\')
                out[used++] = '\\';
            out[used++] = *value;
        }
        if (used + 4 < size)
            used += (size_t)snprintf(out + used, size - used, "' ");
    }
    PQconninfoFree(all);
    return all && used + 4 < size ? 0 : RB_TOOBIG;
}

static int lock(struct pg *admin, const char *name, int *got,
                struct driver_answer *a)
{
    const char *values[1] = {name};
    char held[8];
    int rc = pg_value(admin, "lock a scratch database",
                      "SELECT pg_try_advisory_lock(hashtextextended($1, 0))", 1,
                      values, held, sizeof held, a);
    *got = !rc && held[0] == 't';
    return rc;
}

static int drop(struct pg *admin, const char *name, struct driver_answer *a)
{
    const char *values[1] = {name};
    char sql[200];
    snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS %s", name);
    return pg_do(admin, "drop a scratch database", sql, 0, NULL, a) != 0 ||
           pg_do(admin, "unlock a scratch database",
                 "SELECT pg_advisory_unlock(hashtextextended($1, 0))", 1,
                 values, a) != 0;
}

/* What the dead have left; another's failure is not ours. */
static void drop_dead(struct pg *admin)
{
    struct driver_answer ignored = {OUTCOME_UNKNOWN, NULL, ""};
    PGresult *r = NULL;
    if (pg_query(admin, "look for scratch databases",
                 "SELECT datname FROM pg_database WHERE datname ~ "
                 "'^" PREFIX "[0-9a-z_]+$' LIMIT 100",
                 0, NULL, &r, &ignored) == 0) {
        for (int i = 0; i < PQntuples(r); i++) {
            const char *name = PQgetvalue(r, i, 0);
            int got = 0;
            if (lock(admin, name, &got, &ignored) == 0 && got)
                drop(admin, name, &ignored);
        }
    }
    PQclear(r);
}

static int connect(struct migrate_copy *copy, const char *url,
                   struct driver_answer *a)
{
    struct driver_call server = copy->call;
    int rc;
    server.binding = json_pack("{s:s}", "url", url);
    rc = pg_open(&copy->admin, &server, a);
    copy->admin.call = &copy->call;
    json_decref((json_t *)server.binding);
    return rc;
}

int migrate_copy_borrow(struct migrate_copy *copy, const char *url,
                        struct driver_answer *a)
{
    char sql[200];
    int got = 0;
    if (connect(copy, url, a) != 0)
        return 1;
    drop_dead(&copy->admin);
    snprintf(copy->database, sizeof copy->database, PREFIX "%.12s_%ld",
             copy->call.key, (long)getpid());
    if (with_database(url, copy->database, copy->url, sizeof copy->url) != 0)
        return answer_fail(a, OUTCOME_REJECTED,
                           "database %s: `scratch` is too long",
                           copy->call.system),
               1;
    snprintf(sql, sizeof sql, "CREATE DATABASE %s TEMPLATE template0",
             copy->database);
    if (lock(&copy->admin, copy->database, &got, a) != 0)
        return 1;
    return pg_do(&copy->admin, "make a scratch database", sql, 0, NULL, a);
}

void migrate_copy_return(struct migrate_copy *copy)
{
    struct driver_answer ignored = {OUTCOME_UNKNOWN, NULL, ""};
    if (copy->database[0] && !pg_lost(&copy->admin))
        drop(&copy->admin, copy->database, &ignored);
    pg_close(&copy->admin);
}
