/* The roles of a live server, made again in a scratch one: a step is tried
   with the rights that its role really has. No password is read. */
#define _GNU_SOURCE
#include "migrate_copy.h"

static const char roles_sql[] =
    "SELECT format('CREATE ROLE %I %s %s %s %s %s LOGIN', rolname,"
    " CASE WHEN rolsuper THEN 'SUPERUSER' ELSE '' END,"
    " CASE WHEN rolinherit THEN '' ELSE 'NOINHERIT' END,"
    " CASE WHEN rolcreaterole THEN 'CREATEROLE' ELSE '' END,"
    " CASE WHEN rolcreatedb THEN 'CREATEDB' ELSE '' END,"
    " CASE WHEN rolbypassrls THEN 'BYPASSRLS' ELSE '' END)"
    " FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> '" SCRATCH_USER "'"
    " ORDER BY oid LIMIT 20000";

static const char members_sql[] =
    "SELECT format('GRANT %I TO %I', g.rolname, m.rolname)"
    " FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid"
    " JOIN pg_roles m ON m.oid = a.member"
    " WHERE m.rolname !~ '^pg_' ORDER BY 1 LIMIT 100000";

/* A membership that this version does not know is left out: a step that
   needs it fails in the rehearsal, which is told. */
static int say_each(struct pg *admin, const PGresult *r, int must,
                    struct driver_answer *a)
{
    struct driver_answer ignored = {OUTCOME_UNKNOWN, NULL, ""};
    for (int row = 0; row < PQntuples(r); row++) {
        if (pg_do(admin, "make a role", PQgetvalue(r, row, 0), 0, NULL,
                  must ? a : &ignored) != 0 &&
            must)
            return 1;
    }
    return 0;
}

int migrate_copy_roles(struct pg *live, struct pg *admin,
                       struct driver_answer *a)
{
    PGresult *r = NULL;
    int rc = pg_query(live, "read its roles", roles_sql, 0, NULL, &r, a) != 0 ||
             say_each(admin, r, 1, a) != 0;
    PQclear(r);
    r = NULL;
    if (!rc)
        rc = pg_query(live, "read its roles", members_sql, 0, NULL, &r, a) !=
                 0 ||
             say_each(admin, r, 0, a) != 0;
    PQclear(r);
    return rc;
}

/* A copied schema holds its foreign servers too, with the passwords for them.
   A step that is only tried must not write to those. */
int migrate_copy_lock_in(struct pg *admin, struct driver_answer *a)
{
    PGresult *r = NULL;
    int rc = pg_query(admin, "look for user mappings",
                      "SELECT format('DROP USER MAPPING FOR %s SERVER %I',"
                      " CASE umuser WHEN 0 THEN 'PUBLIC'"
                      " ELSE quote_ident(usename) END, srvname)"
                      " FROM pg_user_mappings",
                      0, NULL, &r, a) != 0 ||
             say_each(admin, r, 1, a) != 0;
    PQclear(r);
    return rc;
}
