/*
 * Two commands in turn, so that both meet the same machine:
 *
 *   bench-pair ROUNDS COMMAND... -- COMMAND...
 *
 * Prints one line: the median wall time of each in milliseconds, the median
 * of the ratios (first to second) round by round, and the median processor
 * time (user and system, of the command and all it waited for) of each. The
 * commands' output is thrown away; one that fails ends the bench. The shell
 * text in $BENCH_BEFORE, if any, is run before each round, outside the time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 10000

struct times {
    double wall[ROUNDS_MAX], cpu[ROUNDS_MAX]; /* ms */
};

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double milliseconds(struct timeval t)
{
    return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

static void become(char *const *argv)
{
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    execvp(argv[0], argv);
    _exit(127);
}

static void measure(char *const *argv, struct times *t, int round)
{
    struct rusage used;
    int status;
    double begin = now_ms();
    pid_t pid = vfork();
    if (pid == 0)
        become(argv);
    while (wait4(pid, &status, 0, &used) < 0) {
        if (errno != EINTR) {
            perror("bench-pair");
            exit(1);
        }
    }
    t->wall[round] = now_ms() - begin;
    t->cpu[round] = milliseconds(used.ru_utime) + milliseconds(used.ru_stime);
    if (status != 0) {
        fprintf(stderr, "bench-pair: %s ended with status %d\n", argv[0],
                WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
        exit(1);
    }
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

int main(int argc, char **argv)
{
    static struct times ours, theirs;
    static double ratios[ROUNDS_MAX];
    const char *before = getenv("BENCH_BEFORE");
    int rounds = argc > 1 ? atoi(argv[1]) : 0, middle = 2;
    while (middle < argc && strcmp(argv[middle], "--") != 0)
        middle++;
    if (rounds < 1 || rounds > ROUNDS_MAX || middle == 2 ||
        middle + 1 >= argc) {
        fputs("usage: bench-pair ROUNDS COMMAND... -- COMMAND...\n", stderr);
        return 2;
    }
    argv[middle] = NULL;
    for (int i = 0; i < rounds; i++) {
        if (before && system(before) != 0)
            return 1;
        measure(argv + 2, &ours, i);
        measure(argv + middle + 1, &theirs, i);
        ratios[i] = ours.wall[i] / theirs.wall[i];
    }
    printf("%.3f %.3f %.3f %.3f %.3f\n", median(ours.wall, rounds),
           median(theirs.wall, rounds), median(ratios, rounds),
           median(ours.cpu, rounds), median(theirs.cpu, rounds));
    return 0;
}
