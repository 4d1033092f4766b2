/*
 * What the fuzz targets share: the input taken apart, and a check that ends
 * the process with the input kept. A target states what must hold for every
 * input; whatever the sanitizers see comes on top.
 */
#ifndef RBRUN_TESTS_FUZZ_H
#define RBRUN_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__,  \
                    #condition);                                               \
            abort();                                                           \
        }                                                                      \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at;
    size_t left;
};

/* The next byte, 0 when there is none. */
static inline unsigned input_byte(struct input *in)
{
    if (!in->left)
        return 0;
    in->left--;
    return *in->at++;
}

/* The next size bytes, or all, in memory of just that size and NUL-terminated:
   reading one byte further is seen. The caller frees it. */
static inline char *input_bytes(struct input *in, size_t size)
{
    char *out;
    size = size < in->left ? size : in->left;
    out = malloc(size + 1);
    CHECK(out);
    if (size)
        memcpy(out, in->at, size);
    out[size] = '\0';
    in->at += size;
    in->left -= size;
    return out;
}

/* What comes before the next end byte, as text; the caller frees it. */
static inline char *input_text(struct input *in, char end)
{
    const uint8_t *stop = in->left ? memchr(in->at, end, in->left) : NULL;
    char *out = input_bytes(in, stop ? (size_t)(stop - in->at) : in->left);
    input_byte(in);
    return out;
}

#endif
