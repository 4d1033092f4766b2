/*
 * How the engine ends when it gets no more memory (core/wire/heap.h): as if
 * it were killed, which is safe at every point, but with words. They say what
 * has become of the run, and the exit status says in what state production
 * is. Asks for no memory itself.
 */
#ifndef RBRUN_ENGINE_SHORTAGE_H
#define RBRUN_ENGINE_SHORTAGE_H

struct run;

/* From here on there is memory, or this process ends like that. */
void shortage_expect(void);

/* The run to tell of, borrowed; NULL for none. */
void shortage_watch(const struct run *r);

/* Tell it as an event on standard output, too (docs/json.md). */
void shortage_in_json(int wanted);

#endif
