/*
 * bench-disk FILE COUNT SIZE: append COUNT records of SIZE bytes to FILE,
 * each made durable with fdatasync before the next, as a journal does that
 * does nothing else. Prints microseconds a record.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SIZE_MAX_BYTES 65536

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
    static char record[SIZE_MAX_BYTES];
    long count = argc == 4 ? atol(argv[2]) : 0;
    long size = argc == 4 ? atol(argv[3]) : 0;
    double begin;
    int fd;
    if (count < 1 || size < 1 || size > SIZE_MAX_BYTES) {
        fputs("usage: bench-disk FILE COUNT SIZE\n", stderr);
        return 2;
    }
    memset(record, 'x', (size_t)size);
    fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    begin = now_us();
    for (long i = 0; i < count; i++) {
        if (fd < 0 || write(fd, record, (size_t)size) != size ||
            fdatasync(fd) < 0) {
            perror(argv[1]);
            return 1;
        }
    }
    printf("%.1f\n", (now_us() - begin) / (double)count);
    close(fd);
    return 0;
}
