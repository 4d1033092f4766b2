/*
 * The metric reader: a body gives the same answer in whatever pieces it
 * arrives (the short cut for runs of samples needs whole ones, the byte by
 * byte way does not), and what it takes for JSON is JSON to jansson too.
 * Input: how to fold, sizes of pieces, the body.
 */
#include "fuzz.h"
#include "../../lua/reader_metric.h"

struct answer {
    int rc;
    struct error err;
    json_t *reply;
    struct point *points;
    size_t count;
};

static json_t *options(unsigned how)
{
    static const char *const folds[] = {"sum", "max", "min", "mean"};
    json_t *o = json_object();
    if (how & 4)
        json_object_set_new(o, "fold", json_string(folds[how & 3]));
    if (how & 8)
        json_object_set_new(o, "max_points", json_integer(how >> 4));
    return o;
}

/* sizes: of the pieces in turn, 256 standing for the rest of the body. */
static void ask(unsigned how, const char *body, size_t size,
                const uint8_t *sizes, size_t turns, struct answer *a)
{
    json_t *o = options(how);
    struct metric *m = NULL;
    const struct point *points = NULL;
    size_t at = 0;
    memset(a, 0, sizeof *a);
    a->rc = metric_open(o, &m, &a->err);
    for (size_t i = 0; !a->rc && at < size; i++) {
        struct input in = {(const uint8_t *)body + at, size - at};
        size_t n = turns ? sizes[i % turns] + 1u : size;
        char *piece;
        n = n < size - at ? n : size - at;
        piece = input_bytes(&in, n);
        a->rc = metric_push(m, piece, n, &a->err);
        free(piece);
        at += n;
    }
    if (!a->rc)
        a->rc = metric_finish(m, &a->reply, &points, &a->count, &a->err);
    if (!a->rc && a->count) {
        a->points = malloc(a->count * sizeof *points);
        CHECK(a->points);
        memcpy(a->points, points, a->count * sizeof *points);
    }
    metric_free(m);
    json_decref(o);
}

/* Behind "byte N: ", which is where a sample begins or where it is over. */
static const char *cause(const struct answer *a)
{
    const char *colon = strstr(a->err.message, ": ");
    return colon ? colon : a->err.message;
}

static void same(const struct answer *a, const struct answer *b)
{
    CHECK(a->rc == b->rc);
    CHECK(strcmp(cause(a), cause(b)) == 0);
    CHECK(a->count == b->count);
    CHECK(!a->count ||
          memcmp(a->points, b->points, a->count * sizeof *a->points) == 0);
    CHECK(a->rc ? !a->reply && !b->reply : json_equal(a->reply, b->reply));
}

static void in_order(const struct answer *a)
{
    for (size_t i = 1; i < a->count; i++)
        CHECK(a->points[i - 1].t < a->points[i].t);
    CHECK(!a->reply || (size_t)value_int(a->reply, "points", -1) == a->count);
}

/* What only jansson refuses: numbers out of its range, names with a NUL. */
static void is_json(const char *body, size_t size)
{
    json_error_t e;
    json_t *v = json_loadb(
        body, size, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL,
        &e);
    CHECK(v || json_error_code(&e) == json_error_numeric_overflow ||
          json_error_code(&e) == json_error_null_byte_in_key);
    json_decref(v);
}

static void answer_free(struct answer *a)
{
    json_decref(a->reply);
    free(a->points);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t one_byte[] = {0};
    struct input in = {data, size};
    unsigned how = input_byte(&in);
    uint8_t sizes[2] = {(uint8_t)input_byte(&in), (uint8_t)input_byte(&in)};
    size_t left = in.left;
    char *body = input_bytes(&in, left);
    struct answer whole, bytes, pieces;
    ask(how, body, left, NULL, 0, &whole);
    ask(how, body, left, one_byte, 1, &bytes);
    ask(how, body, left, sizes, 2, &pieces);
    same(&whole, &bytes);
    same(&whole, &pieces);
    in_order(&whole);
    if (!whole.rc)
        is_json(body, left);
    answer_free(&whole);
    answer_free(&bytes);
    answer_free(&pieces);
    free(body);
    return 0;
}
