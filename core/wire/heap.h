/*
 * Memory from the heap, or the end of the process: nothing here returns
 * NULL. A process that has run out of memory is ended where it stands, which
 * is safe because nothing relies on a process that goes on: the engine may be
 * killed at any moment, a driver process and a worker are judged by how they
 * ended. What is had from here is given back with free().
 */
#ifndef RBRUN_WIRE_HEAP_H
#define RBRUN_WIRE_HEAP_H

#include <stddef.h>

void *heap_get(size_t size);
void *heap_zeroed(size_t count, size_t size);
void *heap_grow(void *block, size_t size); /* keeps the contents, moves */
char *heap_text(const char *text);         /* a copy */
char *heap_textf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Let end() be called when there is no more; it says what there is to say
 * without asking for memory, and does not return. Jansson's values come from
 * this heap, too, from then on. Without an end, and should it return, the
 * process is aborted.
 */
void heap_on_end(void (*end)(void));

/* There is no more: for those who ask a library for memory. */
_Noreturn void heap_end(void);

#endif
