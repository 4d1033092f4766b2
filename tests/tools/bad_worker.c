/*
 * A worker that dies on request: it stands between the engine and the real
 * one (beside it, as real-worker) and passes everything on, until the engine
 * has sent the first RESULT of a live run; then it does what the file `how`
 * beside it says. For tests/crash/workers.py only.
 */
#define _GNU_SOURCE
#include "../../core/wire/frame.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEADER 16

static char how[32];

static void die(void)
{
    char junk[64];
    memset(junk, 'x', sizeof junk);
    if (strcmp(how, "crash") == 0)
        abort();
    if (strcmp(how, "violation") == 0)
        raise(SIGSYS);
    if (strcmp(how, "garbage") == 0 && write(3, junk, sizeof junk) > 0)
        pause();
    if (strcmp(how, "order") == 0) {
        /* A RESULT is the engine's to send. */
        static const char frame[HEADER + 2] = {2, 0, 0, 0, 0, 0, 0, 0,   7,
                                               1, 0, 0, 0, 0, 0, 0, '{', '}'};
        if (write(3, frame, sizeof frame) > 0)
            pause();
    }
    _exit(0);
}

static void whole(int fd, void *bytes, size_t size, int out)
{
    char *at = bytes;
    while (size) {
        ssize_t n = out ? write(fd, at, size) : read(fd, at, size);
        if (n <= 0)
            _exit(0);
        at += n;
        size -= (size_t)n;
    }
}

static size_t number(const unsigned char *at)
{
    return (size_t)at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 |
           (size_t)at[3] << 24;
}

/* One frame from the engine. A live run's START says so in its document. */
static void pass_on(int real, int *live)
{
    unsigned char head[HEADER];
    size_t size;
    char *rest;
    whole(3, head, HEADER, 0);
    size = number(head) + number(head + 4);
    rest = calloc(1, size + 1);
    if (!rest)
        abort();
    whole(3, rest, size, 0);
    if (head[8] == FRAME_START)
        *live = strstr(rest, "\"mode\":\"live\"") != NULL;
    if (head[8] == FRAME_RESULT && *live)
        die();
    whole(real, head, HEADER, 1);
    whole(real, rest, size, 1);
    free(rest);
}

static int start_real(const char *directory, char **argv)
{
    char path[4200];
    int pair[2];
    snprintf(path, sizeof path, "%s/real-worker", directory);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        abort();
    if (fork() == 0) {
        char *const none[] = {NULL};
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pair[0]);
        dup2(pair[1], 3);
        close_range(5, ~0u, 0);
        execve(path, argv, none);
        _exit(127);
    }
    close(pair[1]);
    return pair[0];
}

static void read_how(const char *directory)
{
    char path[4200];
    FILE *file;
    snprintf(path, sizeof path, "%s/how", directory);
    file = fopen(path, "r");
    if (!file || !fgets(how, sizeof how, file))
        abort();
    fclose(file);
}

int main(int argc, char **argv)
{
    char directory[4096], bytes[65536];
    int real, live = 0;
    (void)argc;
    snprintf(directory, sizeof directory, "%s", argv[0]);
    *strrchr(directory, '/') = '\0';
    read_how(directory);
    real = start_real(directory, argv);
    for (;;) {
        struct pollfd fds[2] = {{3, POLLIN, 0}, {real, POLLIN, 0}};
        ssize_t got;
        poll(fds, 2, -1);
        if (fds[1].revents) {
            int status = 0;
            got = read(real, bytes, sizeof bytes);
            if (got <= 0) {
                wait(&status);
                _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
            }
            whole(3, bytes, (size_t)got, 1);
        }
        if (fds[0].revents)
            pass_on(real, &live);
    }
}
