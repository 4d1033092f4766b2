/*
 * A history of migrations read from its text, against libpg_query parsing
 * the same text and nothing else:
 *
 *   bench-history MIGRATIONS ROUNDS
 *
 * The migrations are made here: tables with keys, columns, indexes, foreign
 * keys, defaults and comments, in the proportions that real histories have.
 * Ours is the whole of it: the jailed reader is started, given the files,
 * judges each in the context of those before it, and its reply is taken
 * apart. Prints one line: the median of ours and of theirs in milliseconds,
 * the median of the ratios, and the bytes of text.
 */
#define _GNU_SOURCE
#include "../../core/drivers/migrate_sql.h"
#include "../../core/wire/buf.h"

#include <pg_query.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS_MAX 1000
#define FILES_MAX 100000
#define TABLE_EVERY 10

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void new_table(struct buf *b, int n)
{
    buf_addf(b,
             "CREATE TABLE orders_%d (\n  id bigserial PRIMARY KEY,\n"
             "  customer_id bigint NOT NULL,\n  name varchar(255) NOT NULL,\n"
             "  state text NOT NULL DEFAULT 'new',\n  total numeric(12,2),\n"
             "  created_at timestamptz NOT NULL DEFAULT now(),\n"
             "  updated_at timestamptz NOT NULL DEFAULT now(),\n"
             "  CONSTRAINT orders_%d_state CHECK (state IN ('new', 'paid', "
             "'sent'))\n);\n"
             "CREATE INDEX orders_%d_customer_idx ON orders_%d (customer_id, "
             "created_at);\n",
             n, n, n, n);
    if (n > 0)
        buf_addf(b,
                 "ALTER TABLE orders_%d ADD COLUMN parent_id bigint "
                 "REFERENCES orders_%d (id) ON DELETE CASCADE;\n",
                 n, n - 1);
}

static const char *const changes[] = {
    "ALTER TABLE orders_%1$d ADD COLUMN note_%2$d text;\n"
    "COMMENT ON COLUMN orders_%1$d.note_%2$d IS 'what the customer said';\n",
    "CREATE INDEX CONCURRENTLY orders_%1$d_name_%2$d ON orders_%1$d "
    "(lower(name)) WHERE state <> 'sent';\n",
    "ALTER TABLE orders_%1$d ADD COLUMN flag_%2$d boolean NOT NULL DEFAULT "
    "false;\nUPDATE orders_%1$d SET flag_%2$d = true WHERE total > 100;\n",
    "ALTER TABLE orders_%1$d ALTER COLUMN name TYPE text;\n"
    "ALTER TABLE orders_%1$d ALTER COLUMN total SET DEFAULT 0;\n",
    "CREATE OR REPLACE FUNCTION touch_%1$d() RETURNS trigger LANGUAGE plpgsql "
    "AS $$\nBEGIN\n  NEW.updated_at := now();\n  RETURN NEW;\nEND $$;\n"
    "DROP TRIGGER IF EXISTS touch ON orders_%1$d;\n"
    "CREATE TRIGGER touch BEFORE UPDATE ON orders_%1$d FOR EACH ROW EXECUTE "
    "FUNCTION touch_%1$d();\n",
    "ALTER TABLE orders_%1$d ADD CONSTRAINT orders_%1$d_total_%2$d CHECK "
    "(total >= 0) NOT VALID;\nALTER TABLE orders_%1$d VALIDATE CONSTRAINT "
    "orders_%1$d_total_%2$d;\n",
    "ALTER TABLE orders_%1$d DROP COLUMN IF EXISTS note_%2$d;\n",
    "CREATE VIEW orders_%1$d_view_%2$d AS SELECT id, name, state, total FROM "
    "orders_%1$d WHERE state <> 'sent';\n",
    "INSERT INTO orders_%1$d (customer_id, name) VALUES (1, 'first'), (2, "
    "'second'), (3, 'third');\n",
};

#define CHANGES (sizeof changes / sizeof *changes)

/* The formats are those above. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void change(struct buf *b, int n)
{
    int table = n / TABLE_EVERY, which = n % TABLE_EVERY - 1;
    char text[1024];
    snprintf(text, sizeof text, changes[(size_t)which % CHANGES], table, which);
    buf_adds(b, text);
}
#pragma GCC diagnostic pop

static size_t make(struct migrate_sql *files, struct buf *texts, int count)
{
    size_t bytes = 0;
    for (int i = 0; i < count; i++) {
        struct buf *b = &texts[i];
        *b = (struct buf)BUF_INIT(1u << 20);
        if (i % TABLE_EVERY == 0)
            new_table(b, i / TABLE_EVERY);
        else
            change(b, i);
        files[i] = (struct migrate_sql){
            .name = "m.sql", .text = buf_text(b), .size = b->size};
        bytes += b->size;
    }
    return bytes;
}

static double ours(const struct migrate_sql *files, size_t count)
{
    struct migrate_question q = {
        .mode = MIGRATE_HISTORY, .files = files, .count = count, .closed = 1};
    struct error err = {0};
    json_t *reply = NULL;
    double begin = now_ms();
    if (migrate_sql_ask(&q, 600000, &reply, &err) != 0) {
        fprintf(stderr, "bench-history: %s\n", err.message);
        exit(1);
    }
    json_decref(reply);
    return now_ms() - begin;
}

static double theirs(const struct migrate_sql *files, size_t count)
{
    double begin = now_ms();
    for (size_t i = 0; i < count; i++) {
        PgQueryParseResult r = pg_query_parse(files[i].text);
        if (r.error) {
            fprintf(stderr, "bench-history: %s\n", r.error->message);
            exit(1);
        }
        pg_query_free_parse_result(r);
    }
    return now_ms() - begin;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

int main(int argc, char **argv)
{
    static double a[ROUNDS_MAX], b[ROUNDS_MAX], ratios[ROUNDS_MAX];
    int count = argc > 1 ? atoi(argv[1]) : 0;
    int rounds = argc > 2 ? atoi(argv[2]) : 0;
    struct migrate_sql *files;
    struct buf *texts;
    size_t bytes;
    if (count < 1 || count > FILES_MAX || rounds < 1 || rounds > ROUNDS_MAX) {
        fputs("usage: bench-history MIGRATIONS ROUNDS\n", stderr);
        return 2;
    }
    files = calloc((size_t)count, sizeof *files);
    texts = calloc((size_t)count, sizeof *texts);
    if (!files || !texts)
        return 1;
    bytes = make(files, texts, count);
    theirs(files, (size_t)count); /* the parser's own memory, once */
    for (int i = 0; i < rounds; i++) {
        a[i] = ours(files, (size_t)count);
        b[i] = theirs(files, (size_t)count);
        ratios[i] = a[i] / b[i];
    }
    printf("%.1f %.1f %.2f %zu\n", median(a, rounds), median(b, rounds),
           median(ratios, rounds), bytes);
    for (int i = 0; i < count; i++)
        buf_free(&texts[i]);
    free(texts);
    free(files);
    return 0;
}
