/* Time, as the engine and its drivers see it; clock_source.h has its table. */
#ifndef RBRUN_WIRE_CLOCK_H
#define RBRUN_WIRE_CLOCK_H

#include <stdint.h>

/* Milliseconds since 1970, and of a clock that nobody sets. */
int64_t clock_wall(void);
int64_t clock_steady(void);

/* Always the system's: a driver that pauses lets its peer work. */
void clock_sleep(int64_t milliseconds);

#endif
