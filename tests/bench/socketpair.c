/*
 * bench-socketpair COUNT THERE BACK: two processes, one socketpair; COUNT
 * times THERE bytes go one way and BACK bytes come back, each side sleeping
 * in read until the other has written. Prints microseconds a round trip.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SIZE_MAX_BYTES 65536

static char bytes[SIZE_MAX_BYTES];

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int take(int fd, long size)
{
    while (size > 0) {
        ssize_t got = read(fd, bytes, (size_t)size);
        if (got <= 0)
            return -1;
        size -= got;
    }
    return 0;
}

static void answer(int fd, long there, long back)
{
    while (take(fd, there) == 0) {
        if (write(fd, bytes, (size_t)back) != back)
            _exit(1);
    }
    _exit(0);
}

int main(int argc, char **argv)
{
    long count = argc == 4 ? atol(argv[1]) : 0;
    long there = argc == 4 ? atol(argv[2]) : 0;
    long back = argc == 4 ? atol(argv[3]) : 0;
    int pair[2];
    double begin;
    pid_t pid;
    if (count < 1 || there < 1 || back < 1 || there > SIZE_MAX_BYTES ||
        back > SIZE_MAX_BYTES) {
        fputs("usage: bench-socketpair COUNT THERE BACK\n", stderr);
        return 2;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || (pid = fork()) < 0) {
        perror("bench-socketpair");
        return 1;
    }
    if (pid == 0) {
        close(pair[0]);
        answer(pair[1], there, back);
    }
    close(pair[1]);
    begin = now_us();
    for (long i = 0; i < count; i++) {
        if (write(pair[0], bytes, (size_t)there) != there ||
            take(pair[0], back) != 0) {
            perror("bench-socketpair");
            return 1;
        }
    }
    printf("%.2f\n", (now_us() - begin) / (double)count);
    close(pair[0]);
    waitpid(pid, NULL, 0);
    return 0;
}
