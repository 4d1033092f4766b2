#include "buf.h"
#include "error.h"
#include "heap.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int buf_reserve(struct buf *b, size_t more)
{
    size_t room;
    if (more > b->max || b->size > b->max - more)
        return RB_TOOBIG;
    if (b->data && b->size + more + 1 <= b->room)
        return 0;
    room = b->room ? b->room : 256;
    while (room < b->size + more + 1)
        room *= 2;
    b->data = heap_grow(b->data, room);
    b->room = room;
    return 0;
}

int buf_add(struct buf *b, const void *bytes, size_t size)
{
    int rc = buf_reserve(b, size);
    if (rc)
        return rc;
    if (size)
        memcpy(b->data + b->size, bytes, size);
    b->size += size;
    b->data[b->size] = '\0';
    return 0;
}

int buf_adds(struct buf *b, const char *text)
{
    return buf_add(b, text, strlen(text));
}

int buf_addc(struct buf *b, char c)
{
    if (b->size + 1 >= b->room || b->size >= b->max)
        return buf_add(b, &c, 1);
    b->data[b->size++] = c;
    b->data[b->size] = '\0';
    return 0;
}

int buf_addf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    int size, rc;
    va_start(args, format);
    va_copy(again, args);
    size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    rc = size < 0 ? RB_INVALID : buf_reserve(b, (size_t)size);
    if (!rc) {
        vsnprintf(b->data + b->size, (size_t)size + 1, format, again);
        b->size += (size_t)size;
    }
    va_end(again);
    return rc;
}

void buf_clear(struct buf *b)
{
    b->size = 0;
    if (b->data)
        b->data[0] = '\0';
}

void buf_consume(struct buf *b, size_t size)
{
    assert(size <= b->size);
    if (!size)
        return;
    memmove(b->data, b->data + size, b->size - size);
    b->size -= size;
    b->data[b->size] = '\0';
}

void buf_free(struct buf *b)
{
    free(b->data);
    b->data = NULL;
    b->size = b->room = 0;
}

const char *buf_text(const struct buf *b)
{
    return b->data ? b->data : "";
}
