/*
 * The codec of core/wire/value.c: reading, writing and reading again gives
 * the same, the canonical reader takes just what the writer writes, and
 * equal values are those of equal text. Input: two texts, split at a NUL.
 */
#include "fuzz.h"
#include "../../core/wire/value.h"

static json_t *round_trip(const char *text, size_t size, struct buf *canonical)
{
    json_t *value = NULL, *again = NULL;
    struct error err = {0};
    int rc = value_decode(text, size, &value, &err);
    CHECK(rc == 0 || (rc == err.code && !value && err.message[0]));
    if (rc)
        return NULL;
    CHECK(value_encode(value, canonical) == 0);
    CHECK(value_decode_canonical(canonical->data, canonical->size, &again,
                                 &err) == 0);
    CHECK(value_equal(value, again));
    json_decref(again);
    again = NULL;
    rc = value_decode_canonical(text, size, &again, &err);
    CHECK((rc == 0) == (size == canonical->size &&
                        memcmp(text, canonical->data, size) == 0));
    json_decref(again);
    return value;
}

static void equal_means_equal_text(const json_t *a, const struct buf *at,
                                   const json_t *b, const struct buf *bt)
{
    int same =
        at->size == bt->size && memcmp(at->data, bt->data, at->size) == 0;
    CHECK(!!value_equal(a, b) == same);
    CHECK(!!value_equal(b, a) == same);
}

/* A maximum is kept, and what was there before stays. */
static void too_small(const json_t *value, size_t size)
{
    struct buf small = BUF_INIT(3 + size / 2);
    CHECK(buf_adds(&small, "[x]") == 0);
    CHECK((value_encode(value, &small) == 0) == (size <= size / 2));
    CHECK(small.size >= 3 && memcmp(small.data, "[x]", 3) == 0);
    CHECK(size <= size / 2 || (small.size == 3 && small.data[3] == '\0'));
    buf_free(&small);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct buf first = BUF_INIT(8 * VALUE_MAX_BYTES);
    struct buf second = BUF_INIT(8 * VALUE_MAX_BYTES);
    const uint8_t *split = size ? memchr(data, 0, size) : NULL;
    size_t n = split ? (size_t)(split - data) : size;
    char *text = input_bytes(&in, n), *other;
    json_t *a = round_trip(text, n, &first), *b;
    input_byte(&in);
    n = in.left;
    other = input_bytes(&in, n);
    b = round_trip(other, n, &second);
    if (a && b)
        equal_means_equal_text(a, &first, b, &second);
    if (a)
        too_small(a, first.size);
    json_decref(a);
    json_decref(b);
    buf_free(&first);
    buf_free(&second);
    free(text);
    free(other);
    return 0;
}
