/*
 * What the reader's libraries ask of the C library's heap. The parser looks
 * at no NULL, and Lua would go on with half a table: without memory the
 * reader ends where it stands, and says so by its status. Linked with
 * --wrap, so that these stand before the heap's own.
 */
#include "../core/wire/heap.h"

#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);

/* Nothing asked for is no failure: that may be NULL. */
static void *got(void *block, size_t size)
{
    if (!block && size)
        heap_end();
    return block;
}

void *__wrap_malloc(size_t size)
{
    return got(__real_malloc(size), size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return got(__real_calloc(count, size), count && size ? 1 : 0);
}

void *__wrap_realloc(void *block, size_t size)
{
    return got(__real_realloc(block, size), size);
}

/* The C library's own asks its own heap, where that is a shared one. */
char *__wrap_strdup(const char *text)
{
    return heap_text(text);
}
