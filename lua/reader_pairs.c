#include "reader_pairs.h"
#include "reader_number.h"

#include <string.h>

/* No sample that is read here is longer, and no load goes past it. */
#define SAMPLE 128

static const uint64_t powers[] = {1,      10,      100,      1000,     10000,
                                  100000, 1000000, 10000000, 100000000};
/* Below this, that many digits more still fit 64 bits. */
static const uint64_t limits[] = {
    10000000000000000000u, 1000000000000000000u, 100000000000000000u,
    10000000000000000u,    1000000000000000u,    100000000000000u,
    10000000000000u,       1000000000000u,       100000000000u};

static uint64_t load(const char *p)
{
    uint64_t bytes;
    memcpy(&bytes, p, sizeof bytes);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    bytes = __builtin_bswap64(bytes);
#endif
    return bytes;
}

/* Behind the point: at most NUMBER_MAX_SCALE places. */
static const char *read_places(const char *p, uint64_t *digits, unsigned *scale)
{
    unsigned n;
    do {
        uint64_t more;
        n = number_digits8(load(p), &more);
        if (*digits >= limits[n])
            return NULL;
        *digits = *digits * powers[n] + more;
        *scale += n;
        p += n;
    } while (n == 8 && *scale <= NUMBER_MAX_SCALE);
    return *scale > 0 && *scale <= NUMBER_MAX_SCALE ? p : NULL;
}

/* digits[.digits] without a superfluous zero; at most 15 before the point. */
static inline const char *read_decimal(const char *p, double *out)
{
    uint64_t digits;
    unsigned scale = 0, n = number_digits8(load(p), &digits);
    if (n == 0 || (n > 1 && *p == '0'))
        return NULL;
    p += n;
    if (n == 8) {
        uint64_t more;
        n = number_digits8(load(p), &more);
        if (n == 8)
            return NULL;
        digits = digits * powers[n] + more;
        p += n;
    }
    if (*p == '.') {
        p = read_places(p + 1, &digits, &scale);
        if (!p)
            return NULL;
    }
    *out = number_is_exact(digits, scale)
               ? (double)digits / number_powers10[scale]
               : number_scaled(digits, scale);
    return p;
}

/* Returns where the next sample begins, or NULL. */
static inline const char *read_sample(const char *p, double *t, double *v)
{
    int minus;
    p = read_decimal(p + 1, t);
    if (!p || p[0] != ',' || p[1] != '"')
        return NULL;
    minus = p[2] == '-';
    p = read_decimal(p + 2 + minus, v);
    if (!p || p[0] != '"' || p[1] != ']' || p[2] != ',' || p[3] != '[')
        return NULL;
    if (minus)
        *v = -*v;
    return p + 3;
}

/* As long as there is room: the first series, which nothing is folded with.
   Anything unusual is left for fold_point to say. */
static const char *read_alone(struct fold *f, const char *p, const char *end)
{
    struct point *at = f->points + f->count;
    struct point *room = f->points + f->room;
    while (at < room && end - p >= SAMPLE) {
        double t, v;
        const char *next = read_sample(p, &t, &v);
        if (!next || !(t > f->last))
            break;
        f->last = at->t = t;
        at->v = v;
        at++;
        p = next;
    }
    f->count = (size_t)(at - f->points);
    return p;
}

int pairs_read(struct fold *f, const char **at, const char *end,
               struct error *err)
{
    const char *p = *at;
    int rc = 0;
    while (!rc && end - p >= SAMPLE) {
        double t, v;
        const char *next;
        if (f->series == 1 && !f->seen && f->count < f->room)
            p = read_alone(f, p, end);
        next = end - p >= SAMPLE ? read_sample(p, &t, &v) : NULL;
        if (!next)
            break;
        rc = fold_point(f, t, v, err);
        if (!rc)
            p = next;
    }
    *at = p;
    return rc;
}
