#define _GNU_SOURCE
#include "migrate_copy.h"

#include <stdio.h>
#include <string.h>

#define START_TIMEOUT (120 * 1000)
#define DATABASE "rehearsal"

/* What the copy has to have of the live one besides its schema. */
struct live {
    int major;
    char user[256], owner[256], encoding[64], search_path[1024];
};

static int ask_live(struct pg *db, struct live *l, struct driver_answer *a)
{
    PGresult *r = NULL;
    if (pg_query(db, "ask what it is",
                 "SELECT current_user, pg_encoding_to_char(encoding),"
                 " current_setting('search_path'), pg_get_userbyid(datdba)"
                 " FROM pg_database"
                 " WHERE datname = current_database()",
                 0, NULL, &r, a) != 0)
        return 1;
    l->major = PQserverVersion(db->conn) / 10000;
    snprintf(l->user, sizeof l->user, "%s", PQgetvalue(r, 0, 0));
    snprintf(l->encoding, sizeof l->encoding, "%s", PQgetvalue(r, 0, 1));
    snprintf(l->search_path, sizeof l->search_path, "%s", PQgetvalue(r, 0, 2));
    snprintf(l->owner, sizeof l->owner, "%s", PQgetvalue(r, 0, 3));
    PQclear(r);
    return 0;
}

static int not_started(const struct driver_call *c, int rc,
                       const struct error *err, struct driver_answer *a)
{
    answer_fail(a, rc == RB_NOTFOUND ? OUTCOME_NOT_FOUND : OUTCOME_RETRYABLE,
                "database %s: no copy of its schema to rehearse on: %s; %s, or "
                "set `scratch` (url of a server where databases may be made) "
                "or `pg_bin`",
                c->system, err->message,
                err->next[0] ? err->next : "set `scratch_directory`");
    return 1;
}

static int start(struct migrate_copy *copy, const struct live *l,
                 struct driver_answer *a)
{
    const struct driver_call *c = &copy->call;
    char directory[4096], bin[1024];
    struct error err = {0};
    struct scratch_options o = {.user = option_text(c, "scratch_user", NULL),
                                .major = l->major,
                                .timeout = START_TIMEOUT};
    int rc;
    if (option_path(c, "scratch_directory", directory, sizeof directory) == 0)
        o.directory = directory;
    if (option_path(c, "pg_bin", bin, sizeof bin) == 0)
        o.bin = bin;
    if (o.timeout > c->timeout)
        o.timeout = c->timeout;
    driver_progress(c, "starting a scratch PostgreSQL");
    rc = scratch_start(&o, &copy->scratch, &err);
    if (rc)
        return not_started(c, rc, &err, a);
    snprintf(copy->bin, sizeof copy->bin, "%s", scratch_bin(copy->scratch));
    copy->roles = 1;
    return 0;
}

void migrate_copy_admin_url(const struct migrate_copy *copy, char *url,
                            size_t size)
{
    if (copy->scratch)
        scratch_url(copy->scratch, copy->database, url, size);
    else
        snprintf(url, size, "%s", copy->url);
}

/* A connection of the copy's owner, or to "postgres" before there is one. */
static int open_admin(struct migrate_copy *copy, struct pg *admin,
                      struct driver_answer *a)
{
    struct driver_call c = copy->call;
    char url[1400];
    int rc;
    if (copy->database[0])
        migrate_copy_admin_url(copy, url, sizeof url);
    else
        scratch_url(copy->scratch, NULL, url, sizeof url);
    c.binding = json_pack("{s:s}", "url", url);
    rc = pg_open(admin, &c, a);
    admin->call = &copy->call;
    json_decref((json_t *)c.binding);
    return rc;
}

/* Who owns a database may do more in it: from PostgreSQL 15 on, make tables
   in the schema public. */
static int give_away(struct pg *admin, const struct live *l,
                     struct driver_answer *a)
{
    static const char sql[] =
        "SELECT format('ALTER DATABASE " DATABASE " OWNER TO %I', $1::text)";
    const char *values[1] = {l->owner};
    char command[600];
    return pg_value(admin, "name its owner", sql, 1, values, command,
                    sizeof command, a) != 0 ||
           pg_do(admin, "name its owner", command, 0, NULL, a) != 0;
}

static int make_database(struct migrate_copy *copy, struct pg *live,
                         const struct live *l, struct driver_answer *a)
{
    struct pg admin = {0};
    char sql[400];
    int rc;
    snprintf(sql, sizeof sql,
             "CREATE DATABASE " DATABASE " TEMPLATE template0 ENCODING '%.60s'"
             " LC_COLLATE 'C' LC_CTYPE 'C'",
             l->encoding);
    rc = open_admin(copy, &admin, a) != 0 ||
         migrate_copy_roles(live, &admin, a) != 0 ||
         pg_do(&admin, "make a scratch database", sql, 0, NULL, a) != 0 ||
         give_away(&admin, l, a) != 0;
    pg_close(&admin);
    snprintf(copy->database, sizeof copy->database, DATABASE);
    return rc;
}

/* Its url is the live role's; in the private cluster nobody is asked for a
   password. */
static void set_url(struct migrate_copy *copy, const struct live *l)
{
    size_t n;
    if (!copy->scratch)
        return;
    n = (size_t)snprintf(copy->url, sizeof copy->url,
                         "host=%s port=5432 dbname=" DATABASE " user='",
                         scratch_directory(copy->scratch));
    for (const char *p = l->user; *p && n + 4 < sizeof copy->url; p++) {
        if (*p == '\'' || *p == '\\')
            copy->url[n++] = '\\';
        copy->url[n++] = *p;
    }
    snprintf(copy->url + n, sizeof copy->url - n, "'");
}

/* Before a step is tried: what it must not reach is put away, and names
   without a schema have to mean the same as in the live database, for
   a tool that connects itself, too. The list is quoted by the server. */
static int settle(struct migrate_copy *copy, const struct live *l,
                  struct driver_answer *a)
{
    const char *values[2] = {copy->database, l->search_path};
    static const char sql[] =
        "SELECT format('ALTER DATABASE %I SET search_path = %s', $1::text,"
        " $2::text)";
    struct pg admin = {0};
    char command[1400];
    int rc;
    rc = open_admin(copy, &admin, a) != 0 ||
         migrate_copy_lock_in(&admin, a) != 0 ||
         pg_value(&admin, "set the search path", sql, 2, values, command,
                  sizeof command, a) != 0 ||
         (l->search_path[0] &&
          pg_do(&admin, "set the search path", command, 0, NULL, a) != 0);
    pg_close(&admin);
    return rc;
}

static int open_copy(struct migrate_copy *copy, struct driver_answer *a)
{
    json_object_set_new(copy->binding, "url", json_string(copy->url));
    if (pg_open(&copy->db, &copy->call, a) != 0)
        return 1;
    snprintf(copy->db.name, sizeof copy->db.name,
             "a copy of the schema of database %s", copy->call.system);
    return 0;
}

static int send_rows(struct pg *live, struct pg *copy, const char *quoted,
                     struct driver_answer *a)
{
    char sql[900], *row = NULL;
    PGresult *r;
    int n, rc = 0;
    snprintf(sql, sizeof sql, "COPY %s TO STDOUT", quoted);
    r = PQexec(live->conn, sql);
    if (PQresultStatus(r) != PGRES_COPY_OUT)
        rc = pg_fail(live, "read the ledger", r, a);
    PQclear(r);
    while (!rc && (n = PQgetCopyData(live->conn, &row, 0)) > 0) {
        rc = PQputCopyData(copy->conn, row, n) != 1;
        PQfreemem(row);
    }
    while ((r = PQgetResult(live->conn)) != NULL) {
        if (!rc && PQresultStatus(r) != PGRES_COMMAND_OK)
            rc = pg_fail(live, "read the ledger", r, a);
        PQclear(r);
    }
    return rc;
}

static int take_rows(struct pg *copy, struct pg *live, const char *quoted,
                     struct driver_answer *a)
{
    char sql[900];
    PGresult *r;
    int rc = 0;
    snprintf(sql, sizeof sql, "COPY %s FROM STDIN", quoted);
    r = PQexec(copy->conn, sql);
    if (PQresultStatus(r) != PGRES_COPY_IN)
        rc = pg_fail(copy, "copy the ledger", r, a);
    PQclear(r);
    if (rc)
        return rc;
    rc = send_rows(live, copy, quoted, a);
    PQputCopyEnd(copy->conn, rc ? "the ledger was not read" : NULL);
    while ((r = PQgetResult(copy->conn)) != NULL) {
        if (!rc && PQresultStatus(r) != PGRES_COMMAND_OK)
            rc = pg_fail(copy, "copy the ledger", r, a);
        PQclear(r);
    }
    return rc;
}

/* The ledger is the only table whose rows are copied: a step is tried from
   where the live database is. */
static int copy_ledger(struct migrate_copy *copy, struct pg *live,
                       const struct migrate_ledger *l, struct driver_answer *a)
{
    struct pg admin = {0};
    int rc = open_admin(copy, &admin, a) != 0 ||
             take_rows(&admin, live, l->quoted, a) != 0;
    pg_close(&admin);
    return rc;
}

static int prepare(struct migrate_copy *copy, struct pg *live,
                   const struct live *l, struct driver_answer *a)
{
    const char *server = option_text(&copy->call, "scratch", NULL);
    if (server)
        return migrate_copy_borrow(copy, server, a);
    return start(copy, l, a) != 0 || make_database(copy, live, l, a) != 0;
}

int migrate_copy_make(struct migrate_copy *copy, struct pg *live,
                      const struct migrate_ledger *ledger,
                      struct driver_answer *a)
{
    struct live l = {0};
    memset(copy, 0, sizeof *copy);
    copy->call = *live->call;
    copy->call.timeout = pg_left(live);
    copy->binding = json_copy((json_t *)live->call->binding);
    copy->call.binding = copy->binding;
    if (ask_live(live, &l, a) != 0 || prepare(copy, live, &l, a) != 0)
        return 1;
    set_url(copy, &l);
    driver_progress(live->call, "copying the schema");
    return migrate_copy_schema(copy, live, a) != 0 ||
           settle(copy, &l, a) != 0 || open_copy(copy, a) != 0 ||
           copy_ledger(copy, live, ledger, a) != 0;
}

void migrate_copy_free(struct migrate_copy *copy)
{
    pg_close(&copy->db);
    if (copy->admin.conn)
        migrate_copy_return(copy);
    scratch_stop(copy->scratch);
    json_decref(copy->binding);
    memset(copy, 0, sizeof *copy);
}
