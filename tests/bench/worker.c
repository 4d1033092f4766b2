/*
 * The worker as the engine starts, speaks to and reaps it, and a rival, in
 * turn:
 *
 *   bench-worker start ROUNDS            an empty runbook; /bin/true, started
 *                                        with the same vfork
 *   bench-worker cpu ROUNDS FILE KIND    FILE's run { kind = KIND }; the same
 *                                        in plain lua5.4
 *
 * Prints the median of each in microseconds and the median of the ratios.
 * Of cpu only RUN to DONE is measured.
 */
#define _GNU_SOURCE
#include "../../core/engine/verb.h"
#include "../../core/engine/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 100000

static const char empty[] =
    "runbook { service = \"web\", summary = \"nothing\", uses = {} }\n"
    "function run() end\n";

static struct buf source = BUF_INIT(1 << 20);
static const char *file = "empty.lua", *kind = "";

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what, const struct error *err)
{
    fprintf(stderr, "bench-worker: %s: %s\n", what,
            err ? err->message : strerror(errno));
    exit(1);
}

/* As load.c says it. */
static json_t *start_document(void)
{
    json_t *verbs = json_array();
    for (const struct verb *v = verb_table; v->name; v++)
        json_array_append_new(verbs,
                              json_pack("{s:s, s:s}", "name", v->name, "effect",
                                        effect_name(v->effect)));
    return json_pack("{s:s, s:s, s:s, s:I, s:o}", "role", "run", "mode", "live",
                     "source_name", "empty.lua", "seed", (json_int_t)1, "verbs",
                     verbs);
}

static void expect(struct worker *w, enum frame_type type)
{
    struct frame f = {0};
    struct error err = {0};
    if (worker_await(w, &f, &err))
        die(frame_name(type), &err);
    if (f.type != type ||
        (type == FRAME_DONE &&
         strcmp(value_text(f.value, "ended", ""), "finished") != 0)) {
        error_set(&err, RB_INVALID, "it sent %s: %s", frame_name(f.type),
                  json_dumps(f.value, 0));
        die(frame_name(type), &err);
    }
    frame_free(&f);
}

/* The steps between START and the end of the process; microseconds from RUN
   to DONE. */
static double run_worker(void)
{
    struct worker_job job = {.role = "run", .what = "the runbook"};
    struct worker w;
    struct error err = {0};
    json_t *doc = json_pack("{s:{s:s}}", "input", "kind", kind);
    double begin, end;
    job.body = &source;
    job.start = start_document();
    limits_default(&job.limits);
    if (worker_start(&w, &job, &err))
        die("start", &err);
    expect(&w, FRAME_LOADED);
    begin = now_us();
    if (worker_send(&w, FRAME_RUN, 0, doc, NULL, 0, &err))
        die("run", &err);
    expect(&w, FRAME_DONE);
    end = now_us();
    if (worker_end(&w, 0, &err) != VERDICT_FINE)
        die("end", &err);
    json_decref(job.start);
    json_decref(doc);
    return end - begin;
}

static double run_whole_worker(void)
{
    double begin = now_us();
    run_worker();
    return now_us() - begin;
}

static double run_program(char *const *argv)
{
    char *const none[] = {NULL};
    double begin = now_us();
    int status;
    pid_t pid = vfork();
    if (pid == 0) {
        execve(argv[0], argv, none);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        die(argv[0], NULL);
    return now_us() - begin;
}

static double run_true(void)
{
    char *const argv[] = {(char *)"/bin/true", NULL};
    return run_program(argv);
}

static double run_lua(void)
{
    char text[4400];
    char *const argv[] = {(char *)"/usr/bin/lua5.4", (char *)"-e", text, NULL};
    snprintf(text, sizeof text,
             "function runbook() end dofile('%s') run { kind = '%s' }", file,
             kind);
    return run_program(argv);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *list, int count)
{
    qsort(list, (size_t)count, sizeof *list, by_size);
    return list[count / 2];
}

static void compare(int rounds, double (*ours)(void), double (*theirs)(void))
{
    static double a[ROUNDS_MAX], b[ROUNDS_MAX], ratios[ROUNDS_MAX];
    for (int i = 0; i < rounds; i++) {
        a[i] = ours();
        b[i] = theirs();
        ratios[i] = a[i] / b[i];
    }
    printf("%.0f %.0f %.2f\n", median(a, rounds), median(b, rounds),
           median(ratios, rounds));
}

static void read_source(const char *path)
{
    char text[4096];
    size_t size;
    FILE *f = fopen(path, "r");
    if (!f)
        die(path, NULL);
    while ((size = fread(text, 1, sizeof text, f)) > 0)
        buf_add(&source, text, size);
    fclose(f);
}

int main(int argc, char **argv)
{
    int rounds = argc > 2 ? atoi(argv[2]) : 0;
    int is_start = argc == 3 && strcmp(argv[1], "start") == 0;
    int is_cpu = argc == 5 && strcmp(argv[1], "cpu") == 0;
    if (rounds < 1 || rounds > ROUNDS_MAX || !(is_start || is_cpu)) {
        fputs("usage: bench-worker start ROUNDS | cpu ROUNDS FILE KIND\n",
              stderr);
        return 2;
    }
    if (is_start) {
        buf_adds(&source, empty);
        compare(rounds, run_whole_worker, run_true);
    } else {
        file = argv[3];
        kind = argv[4];
        read_source(file);
        compare(rounds, run_worker, run_lua);
    }
    buf_free(&source);
    return 0;
}
