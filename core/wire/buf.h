/*
 * A growing byte buffer that is born with a maximum. Does not own anything
 * but its bytes. All functions return 0 or RB_TOOBIG; after a failure the
 * contents are as before.
 */
#ifndef RBRUN_WIRE_BUF_H
#define RBRUN_WIRE_BUF_H

#include <stddef.h>

struct buf {
    char *data;  /* NULL while empty; always NUL-terminated otherwise */
    size_t size; /* bytes in use, without the NUL */
    size_t room; /* bytes allocated */
    size_t max;  /* never more than this many bytes */
};

#define BUF_INIT(maximum)                                                      \
    {                                                                          \
        NULL, 0, 0, (maximum)                                                  \
    }

int buf_reserve(struct buf *b, size_t more);
int buf_add(struct buf *b, const void *bytes, size_t size);
int buf_adds(struct buf *b, const char *text);
int buf_addc(struct buf *b, char c);
int buf_addf(struct buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buf_clear(struct buf *b);                /* keeps the memory */
void buf_consume(struct buf *b, size_t size); /* drops from the front */
void buf_free(struct buf *b);                 /* takes an empty one too */
const char *buf_text(const struct buf *b);    /* "" when empty */

#endif
