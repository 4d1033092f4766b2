#define _GNU_SOURCE
#include "faulty_clock.h"
#include "../../core/store/io.h"
#include "../../core/wire/clock_source.h"

#include <stdint.h>
#include <stdlib.h>

#define STEADY_START 1000000 /* nobody's deadline may be 0 */

static int64_t wall_start, passed;

static int64_t still_wall(void)
{
    return wall_start + passed;
}

static int64_t still_steady(void)
{
    return STEADY_START + passed;
}

/* Signals come in as they do in the shipped program: while it waits. */
static int still_wait(struct pollfd *fds, nfds_t count, int64_t ms, int idle,
                      const sigset_t *mask)
{
    int ready = clock_system.wait(fds, count, idle ? 0 : ms, idle, mask);
    if (!ready && idle)
        passed += ms;
    return ready;
}

static const struct clock_source clock_still = {
    .wall = still_wall,
    .steady = still_steady,
    .wait = still_wait,
};

void faulty_clock_set(void)
{
    const char *start = getenv("FAULT_CLOCK");
    if (!start)
        return;
    wall_start = atoll(start);
    clock_source = &clock_still;
}

/* splitmix64, by Sebastiano Vigna (public domain): any seed will do. */
static uint64_t next_number(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

ssize_t faulty_random(void *bytes, size_t size)
{
    static uint64_t state;
    const char *seed = getenv("FAULT_SEED");
    unsigned char *at = bytes;
    if (!seed)
        return io_system.random(bytes, size);
    if (!state)
        state = strtoull(seed, NULL, 10);
    for (size_t i = 0; i < size; i++)
        at[i] = (unsigned char)(next_number(&state) >> 24);
    return (ssize_t)size;
}
