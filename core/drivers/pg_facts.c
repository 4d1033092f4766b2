#define _GNU_SOURCE
#include "pg_facts.h"
#include "pg_client.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT (20 * 1000)

int pg_environment(const struct driver_call *c, json_t **out,
                   struct driver_answer *a)
{
    PQconninfoOption *all = PQconninfoParse(option_text(c, "url", ""), NULL);
    if (!all)
        return answer_fail(a, OUTCOME_REJECTED,
                           "snapshot %s: its `url` is neither a connection "
                           "string nor a postgresql:// address",
                           c->system),
               1;
    *out = json_object();
    for (const PQconninfoOption *o = all; o->keyword; o++) {
        if (o->envvar && o->val)
            json_object_set_new(*out, o->envvar, json_string(o->val));
    }
    PQconninfoFree(all);
    return 0;
}

static const char sql[] =
    "SELECT current_database(), current_setting('server_version'),"
    " pg_database_size(current_database()), pg_is_in_recovery()";

/* The cluster's identifier is the same in every copy of it; not everybody
   may ask for it, and a snapshot is as good without. */
static void add_system(struct pg *db, json_t *facts)
{
    struct driver_answer ignored = {OUTCOME_UNKNOWN, NULL, ""};
    char system[40];
    pg_rollback(db);
    if (pg_value(db, "ask which cluster it is",
                 "SELECT system_identifier FROM pg_control_system()", 0, NULL,
                 system, sizeof system, &ignored) == 0)
        json_object_set_new(facts, "system", json_string(system));
}

int pg_facts(const struct driver_call *c, json_t **out, struct driver_answer *a)
{
    struct pg db = {0};
    PGresult *r = NULL;
    int rc = pg_open(&db, c, a) != 0 ||
             pg_begin(&db, 1, LIMIT, LIMIT, a) != 0 ||
             pg_query(&db, "ask what it is", sql, 0, NULL, &r, a) != 0;
    if (!rc) {
        *out = json_pack("{s:s, s:s, s:s, s:I, s:b}", "database",
                         PQgetvalue(r, 0, 0), "host", PQhost(db.conn),
                         "server_version", PQgetvalue(r, 0, 1), "bytes",
                         (json_int_t)atoll(PQgetvalue(r, 0, 2)), "replica",
                         PQgetvalue(r, 0, 3)[0] == 't');
        add_system(&db, *out);
    }
    PQclear(r);
    pg_close(&db);
    return rc;
}
