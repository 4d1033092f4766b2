#define _GNU_SOURCE
#include "clock_source.h"

#include <errno.h>
#include <time.h>

static int64_t system_read(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t system_wall(void)
{
    return system_read(CLOCK_REALTIME);
}

static int64_t system_steady(void)
{
    return system_read(CLOCK_MONOTONIC);
}

static int system_wait(struct pollfd *fds, nfds_t count, int64_t ms, int idle,
                       const sigset_t *mask)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    (void)idle;
    return ppoll(fds, count, &t, mask);
}

const struct clock_source clock_system = {
    .wall = system_wall,
    .steady = system_steady,
    .wait = system_wait,
};

const struct clock_source *clock_source = &clock_system;

int64_t clock_wall(void)
{
    return clock_source->wall();
}

int64_t clock_steady(void)
{
    return clock_source->steady();
}

void clock_sleep(int64_t milliseconds)
{
    struct timespec t = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (milliseconds > 0 && nanosleep(&t, &t) < 0 && errno == EINTR)
        continue;
}
