/*
 * Time is read and waited for through one table, so that a test can put
 * another one in its place, in which time passes only while nobody works
 * (tests/tools/faulty_clock.c). The shipped program has one table and no
 * switch to change it.
 */
#ifndef RBRUN_WIRE_CLOCK_SOURCE_H
#define RBRUN_WIRE_CLOCK_SOURCE_H

#include "clock.h"

#include <poll.h>
#include <signal.h>

struct clock_source {
    int64_t (*wall)(void);   /* ms since 1970 */
    int64_t (*steady)(void); /* ms, of a clock that nobody sets */
    /* ppoll for at most ms. idle: nobody works for us, so that only time or
       a signal can end it. */
    int (*wait)(struct pollfd *fds, nfds_t count, int64_t ms, int idle,
                const sigset_t *mask);
};

/* The one in use. Only a test's main() assigns it. */
extern const struct clock_source *clock_source;

/* The system's own. */
extern const struct clock_source clock_system;

#endif
