#define _GNU_SOURCE
#include "pg_client.h"
#include "../wire/heap.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT (10 * 1000)
#define MARGIN 1500 /* ms kept back from the engine's limit to answer in */

/* What a SQLSTATE means for the caller; the longest prefix counts.
   PostgreSQL 15, appendix A. */
struct state {
    const char *prefix;
    enum outcome read, write;
};
static const struct state states[] = {
    {"42501", OUTCOME_AUTH, OUTCOME_AUTH},
    {"28", OUTCOME_AUTH, OUTCOME_AUTH},
    {"3D000", OUTCOME_NOT_FOUND, OUTCOME_NOT_FOUND},
    {"55P03", OUTCOME_RETRYABLE, OUTCOME_RETRYABLE}, /* lock_timeout */
    {"57014", OUTCOME_TIMEOUT, OUTCOME_RETRYABLE},   /* statement_timeout */
    {"40003", OUTCOME_UNKNOWN, OUTCOME_UNKNOWN}, /* from a pooler's failover */
    {"08007", OUTCOME_UNKNOWN, OUTCOME_UNKNOWN},
    {"40", OUTCOME_RETRYABLE, OUTCOME_RETRYABLE},
    {"53", OUTCOME_RETRYABLE, OUTCOME_RETRYABLE},
    {"57P", OUTCOME_UNAVAILABLE, OUTCOME_RETRYABLE},
    {"08", OUTCOME_UNAVAILABLE, OUTCOME_RETRYABLE},
    {NULL, OUTCOME_REJECTED, OUTCOME_REJECTED},
};

static enum outcome outcome_of(const char *state, int writing)
{
    const struct state *s = states;
    while (s->prefix && strncmp(state, s->prefix, strlen(s->prefix)) != 0)
        s++;
    return writing ? s->write : s->read;
}

/* One line of a server's message, without its "ERROR:  " and LOCATION. */
static void first_line(const char *text, char *out, size_t size)
{
    size_t n = strcspn(text, "\n");
    snprintf(out, size, "%.*s", (int)(n < size ? n : size - 1), text);
}

/* A failed connection has no result to ask; with verbose errors its text
   holds ":  28P01: " (libpq, PQsetErrorVerbosity). Cuts it out of text. */
static void take_state(char *text, char state[6])
{
    state[0] = '\0';
    for (char *p = strstr(text, ":  "); p; p = strstr(p + 1, ":  ")) {
        size_t n = strspn(p + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (n != 5 || strncmp(p + 8, ": ", 2) != 0)
            continue;
        memcpy(state, p + 3, 5);
        state[5] = '\0';
        memmove(p + 1, p + 9, strlen(p + 9) + 1);
        return;
    }
}

static void set_name(struct pg *db)
{
    const char *host = db->conn ? PQhost(db->conn) : NULL;
    const char *base = db->conn ? PQdb(db->conn) : NULL;
    if (host && *host && base && *base)
        snprintf(db->name, sizeof db->name, "database %s (%s at %s)",
                 db->call->system, base, host);
}

static int refuse(struct pg *db, struct driver_answer *a)
{
    char line[800];
    enum outcome outcome = OUTCOME_UNAVAILABLE;
    first_line(PQerrorMessage(db->conn), line, sizeof line);
    take_state(line, db->state);
    if (db->state[0])
        outcome = outcome_of(db->state, 0);
    else if (PQconnectionNeedsPassword(db->conn))
        outcome = OUTCOME_AUTH;
    if (outcome == OUTCOME_REJECTED)
        outcome = OUTCOME_UNAVAILABLE;
    return answer_fail(a, outcome, "%s: %s", db->name, line), 1;
}

/* Wait for the socket; RB_IO at the time limit. */
static int ready(PGconn *conn, PostgresPollingStatusType want, int64_t until)
{
    struct pollfd fd = {PQsocket(conn),
                        want == PGRES_POLLING_READING ? POLLIN : POLLOUT, 0};
    for (;;) {
        int64_t left = until - clock_steady();
        int n = left > 0 ? poll(&fd, 1, (int)left) : 0;
        if (n > 0)
            return 0;
        if (n == 0 || errno != EINTR)
            return RB_IO;
    }
}

static int handshake(struct pg *db, int64_t limit, struct driver_answer *a)
{
    int64_t until = clock_steady() + limit;
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    if (PQstatus(db->conn) == CONNECTION_BAD)
        return refuse(db, a);
    PQsetErrorVerbosity(db->conn, PQERRORS_VERBOSE);
    while (next != PGRES_POLLING_OK) {
        if (ready(db->conn, next, until) != 0) {
            answer_fail(a, OUTCOME_UNAVAILABLE,
                        "%s: no answer within %lld ms while connecting",
                        db->name, (long long)limit);
            return 1;
        }
        next = PQconnectPoll(db->conn);
        set_name(db);
        if (next == PGRES_POLLING_FAILED)
            return refuse(db, a);
    }
    PQsetErrorVerbosity(db->conn, PQERRORS_DEFAULT);
    return 0;
}

static void silent(void *unused, const char *text)
{
    (void)unused;
    (void)text;
}

/* A database without an encoding converts nothing, and refuses to send what
   is not UTF-8: its bytes are taken as they are. */
static void take_bytes(struct pg *db)
{
    const char *encoding = PQparameterStatus(db->conn, "server_encoding");
    if (encoding && strcmp(encoding, "SQL_ASCII") == 0)
        PQsetClientEncoding(db->conn, encoding);
}

int pg_open(struct pg *db, const struct driver_call *c, struct driver_answer *a)
{
    const char *url = option_text(c, "url", "");
    /* Files, values and messages are UTF-8, whatever the database is. */
    const char *const names[] = {"dbname", "fallback_application_name",
                                 "client_encoding", NULL};
    const char *const values[] = {url, "rbrun", "UTF8", NULL};
    PQconninfoOption *parsed = PQconninfoParse(url, NULL);
    memset(db, 0, sizeof *db);
    db->call = c;
    db->deadline = clock_steady() + c->timeout - MARGIN;
    snprintf(db->name, sizeof db->name, "database %s", c->system);
    /* libpq's own words about a malformed string quote it, password too. */
    if (!parsed) {
        answer_fail(a, OUTCOME_REJECTED,
                    "%s: its `url` is neither a connection string "
                    "(\"host=.. dbname=..\") nor a postgresql:// address",
                    db->name);
        return 1;
    }
    PQconninfoFree(parsed);
    db->conn = PQconnectStartParams(names, values, 1);
    if (!db->conn)
        return answer_fail(a, OUTCOME_RETRYABLE, "%s: no memory", db->name), 1;
    PQsetNoticeProcessor(db->conn, silent, NULL);
    set_name(db);
    if (handshake(db, option_duration(c, "connect_timeout", CONNECT_TIMEOUT),
                  a) != 0)
        return 1;
    take_bytes(db);
    return 0;
}

void pg_close(struct pg *db)
{
    PQfinish(db->conn);
    db->conn = NULL;
}

int pg_lost(const struct pg *db)
{
    return !db->conn || PQstatus(db->conn) == CONNECTION_BAD;
}

int64_t pg_left(const struct pg *db)
{
    int64_t left = db->deadline - clock_steady();
    return left > 1 ? left : 1;
}

/* "ERROR: x", and the server's own hint where it gives one. */
static void server_text(const struct pg *db, const PGresult *r, char *out,
                        size_t size)
{
    const char *main = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL);
    char line[400];
    if (main && detail) {
        first_line(detail, line, sizeof line);
        snprintf(out, size, "%.700s (%s)", main, line);
    } else {
        first_line(main ? main : PQerrorMessage(db->conn), out, size);
    }
}

int pg_fail(struct pg *db, const char *what, const PGresult *result,
            struct driver_answer *a)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    char text[1200];
    enum outcome outcome;
    server_text(db, result, text, sizeof text);
    if (!state)
        state = "08006";
    memcpy(db->state, state, 5);
    outcome = outcome_of(db->state, db->writing);
    answer_fail(a, outcome, "%s: cannot %s: %s", db->name, what,
                text[0] ? text : "the connection is gone");
    return 1;
}

int pg_query(struct pg *db, const char *what, const char *sql, int count,
             const char *const *values, PGresult **out, struct driver_answer *a)
{
    char *marked = heap_textf(PG_MARK "%s", sql);
    PGresult *r =
        PQexecParams(db->conn, marked, count, NULL, values, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(r);
    free(marked);
    db->state[0] = '\0';
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        *out = r;
        return 0;
    }
    pg_fail(db, what, r, a);
    PQclear(r);
    return 1;
}

int pg_do(struct pg *db, const char *what, const char *sql, int count,
          const char *const *values, struct driver_answer *a)
{
    PGresult *r = NULL;
    int rc = pg_query(db, what, sql, count, values, &r, a);
    PQclear(r);
    return rc;
}

int pg_value(struct pg *db, const char *what, const char *sql, int count,
             const char *const *values, char *out, size_t size,
             struct driver_answer *a)
{
    PGresult *r = NULL;
    int rc = pg_query(db, what, sql, count, values, &r, a);
    if (!rc)
        snprintf(out, size, "%s", PQntuples(r) ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    return rc;
}

int pg_begin(struct pg *db, int read_only, int64_t lock_ms,
             int64_t statement_ms, struct driver_answer *a)
{
    static const char set[] =
        "SELECT set_config('lock_timeout', $1, true), "
        "set_config('statement_timeout', $2, true), "
        "set_config('idle_in_transaction_session_timeout', '0', true)";
    /* The server looks for a vanished client while a statement runs; since
       PostgreSQL 14, "client_connection_check_interval". */
    static const char watch[] =
        "SELECT set_config('client_connection_check_interval', '1s', true)";
    char lock[32], statement[32];
    const char *values[2] = {lock, statement};
    snprintf(lock, sizeof lock, "%lld", (long long)lock_ms);
    snprintf(statement, sizeof statement, "%lld", (long long)statement_ms);
    if (pg_do(db, "begin", read_only ? "BEGIN READ ONLY" : "BEGIN", 0, NULL,
              a) != 0 ||
        pg_do(db, "set the time limits", set, 2, values, a) != 0)
        return 1;
    if (PQserverVersion(db->conn) < 140000)
        return 0;
    return pg_do(db, "set the time limits", watch, 0, NULL, a);
}

void pg_rollback(struct pg *db)
{
    if (!pg_lost(db))
        PQclear(PQexec(db->conn, "ROLLBACK"));
}

int pg_quote(struct pg *db, const char *schema, const char *name, char *out,
             size_t size)
{
    char *s = PQescapeIdentifier(db->conn, schema, strlen(schema));
    char *n = PQescapeIdentifier(db->conn, name, strlen(name));
    int used = s && n ? snprintf(out, size, "%s.%s", s, n) : -1;
    PQfreemem(s);
    PQfreemem(n);
    return used < 0 || (size_t)used >= size ? RB_TOOBIG : 0;
}
