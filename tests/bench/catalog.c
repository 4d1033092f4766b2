/*
 * The catalog of a live database read, and compared with one kept before,
 * against `pg_dump --schema-only` of the same database:
 *
 *   bench-catalog SOCKET_DIRECTORY DATABASE ROUNDS
 *
 * Ours is the whole of what migrate.assess does for it: connect, read the
 * catalog, start the jailed reader, give it both documents, take its verdict.
 * Prints one line: the median of ours and of theirs in milliseconds, the
 * median of the ratios, and the relations in the catalog.
 */
#define _GNU_SOURCE
#include "../../core/drivers/migrate_sql.h"
#include "../../core/drivers/pg_catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 1000

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *list, int count)
{
    qsort(list, (size_t)count, sizeof *list, by_size);
    return list[count / 2];
}

static void stop(const char *why)
{
    fprintf(stderr, "bench-catalog: %s\n", why);
    exit(1);
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void read_catalog(const struct driver_call *c, struct buf *out)
{
    struct driver_answer a = {OUTCOME_UNKNOWN, NULL, ""};
    struct pg db = {0};
    if (pg_open(&db, c, &a) != 0 ||
        pg_catalog_text(&db, 5000, 60000, out, &a) != 0)
        stop(a.message);
    pg_close(&db);
}

static double ours(const struct driver_call *c, const struct buf *kept)
{
    struct buf now = BUF_INIT(PG_CATALOG_MAX);
    struct migrate_question q = {
        .mode = MIGRATE_COMPARE, .before_text = kept, .after_text = &now};
    struct error err = {0};
    json_t *reply = NULL;
    double begun = now_ms();
    read_catalog(c, &now);
    if (migrate_sql_ask(&q, 60000, &reply, &err) != 0)
        stop(err.message);
    if (strcmp(value_text(reply, "verdict", ""), "compatible") != 0)
        stop("the catalog is not equal to itself");
    json_decref(reply);
    buf_free(&now);
    return now_ms() - begun;
}

static double theirs(const char *host, const char *base)
{
    double begun = now_ms();
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stdout))
            _exit(127);
        execlp("pg_dump", "pg_dump", "--schema-only", "-h", host, "-U",
               "postgres", base, (char *)NULL);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
        stop("pg_dump failed");
    return now_ms() - begun;
}

static int relations_of(const struct buf *document)
{
    json_t *v = json_loadb(document->data, document->size, 0, NULL);
    int count = (int)json_array_size(json_object_get(v, "relations"));
    json_decref(v);
    return count;
}

int main(int argc, char **argv)
{
    double our[ROUNDS_MAX], their[ROUNDS_MAX], ratio[ROUNDS_MAX];
    struct driver_call c = {.system = "bench", .timeout = 600 * 1000};
    struct buf kept = BUF_INIT(PG_CATALOG_MAX);
    int rounds = argc == 4 ? atoi(argv[3]) : 0;
    json_t *binding;
    if (rounds < 1 || rounds > ROUNDS_MAX)
        stop("usage: bench-catalog SOCKET_DIRECTORY DATABASE ROUNDS");
    binding = json_pack(
        "{s:o}", "url",
        json_sprintf("host=%s user=postgres dbname=%s", argv[1], argv[2]));
    c.binding = binding;
    read_catalog(&c, &kept);
    for (int i = 0; i < rounds; i++) {
        our[i] = ours(&c, &kept);
        their[i] = theirs(argv[1], argv[2]);
        ratio[i] = our[i] / their[i];
    }
    printf("%.1f %.1f %.2f %d\n", median(our, rounds), median(their, rounds),
           median(ratio, rounds), relations_of(&kept));
    json_decref(binding);
    buf_free(&kept);
    return 0;
}
