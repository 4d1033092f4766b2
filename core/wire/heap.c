#include "heap.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void (*on_end)(void);

void heap_on_end(void (*end)(void))
{
    on_end = end;
    json_set_alloc_funcs(heap_get, free);
}

void heap_end(void)
{
    if (on_end)
        on_end();
    abort();
}

/* Nothing asked for is no failure: malloc(0) may be NULL. */
void *heap_get(size_t size)
{
    void *block = malloc(size ? size : 1);
    if (!block)
        heap_end();
    return block;
}

void *heap_zeroed(size_t count, size_t size)
{
    void *block = calloc(count ? count : 1, size ? size : 1);
    if (!block)
        heap_end();
    return block;
}

void *heap_grow(void *block, size_t size)
{
    void *grown = realloc(block, size ? size : 1);
    if (!grown)
        heap_end();
    return grown;
}

char *heap_text(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(heap_get(size), text, size);
}

char *heap_textf(const char *format, ...)
{
    va_list args, again;
    char *text;
    size_t size;
    va_start(args, format);
    va_copy(again, args);
    size = (size_t)vsnprintf(NULL, 0, format, args) + 1;
    va_end(args);
    text = heap_get(size);
    vsnprintf(text, size, format, again);
    va_end(again);
    return text;
}
