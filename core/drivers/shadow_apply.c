#define _GNU_SOURCE
#include "shadow_apply.h"

#include <stdio.h>
#include <string.h>

static int lost(struct pg *db, struct driver_answer *a)
{
    if (PQstatus(db->conn) == CONNECTION_OK)
        return 0;
    return pg_fail(db, "apply a migration to the scratch database", NULL, a), 1;
}

/* Statements of no interest: the answer, or an error, of each is enough. A
   COPY from the client has no rows here and is ended. */
static int run(struct pg *db, const char *sql, char state[6], char *text,
               size_t size)
{
    PGresult *r = PQexec(db->conn, sql);
    ExecStatusType status = PQresultStatus(r);
    const char *code = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *words = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    int bad = status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE;
    if (status == PGRES_COPY_IN) {
        PQputCopyEnd(db->conn, "rows of a COPY are not read here");
        words = "COPY reads rows from its client, which are not applied here";
        bad = 1;
    }
    snprintf(state, 6, "%s", code ? code : "");
    if (bad)
        snprintf(text, size, "%s", words ? words : PQerrorMessage(db->conn));
    PQclear(r);
    while ((r = PQgetResult(db->conn)) != NULL)
        PQclear(r);
    return bad;
}

/* role "app_ro" does not exist: a cluster of our own has none but ours. */
static int make_role(struct pg *db, const char *state, const char *text)
{
    const char *begin = strstr(text, "role \""), *end;
    char name[64], quoted[160], sql[200], ignored[6], words[200];
    char *safe;
    if (strcmp(state, "42704") != 0 || !begin)
        return 0;
    begin += 6;
    end = strstr(begin, "\" does not exist");
    if (!end || end == begin || (size_t)(end - begin) >= sizeof name)
        return 0;
    snprintf(name, sizeof name, "%.*s", (int)(end - begin), begin);
    safe = PQescapeIdentifier(db->conn, name, strlen(name));
    if (!safe)
        return 0;
    snprintf(quoted, sizeof quoted, "%s", safe);
    PQfreemem(safe);
    snprintf(sql, sizeof sql, "CREATE ROLE %s", quoted);
    return !run(db, sql, ignored, words, sizeof words);
}

static void note_failure(const json_t *statement, const char *text,
                         struct shadow_applied *out)
{
    const char *sql = value_text(statement, "sql", "");
    out->failed = 1;
    out->line = value_int(statement, "line", 0);
    snprintf(out->text, sizeof out->text, "%s", text);
    snprintf(out->statement, sizeof out->statement, "%s",
             value_text(statement, "text", sql));
}

/* All of them, up to the first that fails. state: why it did. */
static int run_all(struct pg *db, const json_t *list, int transaction,
                   char state[6], struct shadow_applied *out)
{
    const json_t *statement;
    char text[900];
    size_t i;
    out->failed = 0;
    if (transaction)
        run(db, "BEGIN", state, text, sizeof text);
    json_array_foreach(list, i, statement)
    {
        const char *sql = value_text(statement, "sql", NULL);
        if (!sql) {
            snprintf(text, sizeof text,
                     "what it runs is not known from its text");
            state[0] = '\0';
        } else if (!run(db, sql, state, text, sizeof text)) {
            continue;
        }
        note_failure(statement, text, out);
        break;
    }
    if (transaction && !out->failed &&
        run(db, "COMMIT", state, text, sizeof text))
        note_failure(NULL, text, out);
    if (PQtransactionStatus(db->conn) != PQTRANS_IDLE) {
        char ignored[6];
        run(db, "ROLLBACK", ignored, text, sizeof text);
    }
    return out->failed;
}

/* Of statements that run one by one, those before the failure stand: only
   the rest is tried again. */
static json_t *rest_of(const json_t *list, int64_t line)
{
    json_t *rest = json_array(), *statement;
    size_t i;
    int found = 0;
    json_array_foreach((json_t *)(uintptr_t)list, i, statement)
    {
        found |= value_int(statement, "line", 0) == line;
        if (found)
            json_array_append(rest, statement);
    }
    return rest;
}

int shadow_apply(struct pg *db, const json_t *file, int transaction,
                 struct shadow_applied *out, struct driver_answer *a)
{
    json_t *list = json_incref(json_object_get(file, "statements"));
    char state[6] = "", ignored[6], text[400];
    memset(out, 0, sizeof *out);
    for (int made = 0; made < SHADOW_ROLES; made++) {
        json_t *rest;
        if (!run_all(db, list, transaction, state, out) ||
            !make_role(db, state, out->text))
            break;
        rest = transaction ? json_incref(list) : rest_of(list, out->line);
        json_decref(list);
        list = rest;
    }
    json_decref(list);
    if (lost(db, a))
        return 1;
    /* What it has set for its session goes with it. */
    run(db, "DISCARD ALL", ignored, text, sizeof text);
    return lost(db, a);
}
