#include "reader_number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifndef __SIZEOF_INT128__
#error "needs a 128-bit integer"
#endif
__extension__ typedef unsigned __int128 wide;

#define DOUBLE_BITS 53
#define TOP 0x8000000000000000u

const double number_powers10[NUMBER_EXACT_POWER + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/*
 * For each scale k: 5^k, and floor(2^reach / 5^k) with its highest bit set.
 */
static struct power {
    uint64_t five;
    uint64_t reciprocal;
    int reach;
} powers[NUMBER_MAX_SCALE + 1];

void number_init(void)
{
    uint64_t five = 1;
    for (int k = 0; k <= NUMBER_MAX_SCALE; k++, five *= 5) {
        int bits = 64 - __builtin_clzll(five);
        /* 2^(63+bits) / five lies in [2^63, 2^64]; 2^64 only for five = 1,
           where number_scaled does not look it up. */
        wide top = (wide)1 << (62 + bits);
        powers[k].five = five;
        powers[k].reach = 63 + bits;
        powers[k].reciprocal =
            (uint64_t)(top / five * 2 + (top % five * 2 >= five));
    }
}

/* mantissa (not 0, with a sticky lowest bit) * 2^exponent, rounded. */
static double round_to_double(uint64_t mantissa, int exponent)
{
    int drop = 64 - DOUBLE_BITS - __builtin_clzll(mantissa);
    uint64_t half = (uint64_t)1 << (drop - 1);
    uint64_t rest = mantissa & (2 * half - 1);
    uint64_t kept = mantissa >> drop;
    kept += rest > half || (rest == half && (kept & 1));
    return ldexp((double)kept, exponent + drop);
}

/* By one long division; the remainder decides what the digits leave open. */
static double divide_exactly(uint64_t digits, unsigned scale)
{
    int up = __builtin_clzll(digits);
    int up5 = __builtin_clzll(powers[scale].five);
    uint64_t five = powers[scale].five << up5;
    wide dividend = (wide)(digits << up) << 62;
    uint64_t quotient = (uint64_t)(dividend / five);
    quotient |= dividend % five != 0;
    return round_to_double(quotient, up5 - up - 62 - (int)scale);
}

/* Build a double in the normal range from its parts. */
static double assemble(uint64_t kept, int exponent)
{
    uint64_t bits;
    double out;
    if (kept >> DOUBLE_BITS) {
        kept >>= 1;
        exponent++;
    }
    bits = (kept & (((uint64_t)1 << (DOUBLE_BITS - 1)) - 1)) |
           (uint64_t)(exponent + 1075) << (DOUBLE_BITS - 1);
    memcpy(&out, &bits, sizeof out);
    return out;
}

/*
 * digits * reciprocal is below the true product by less than one unit of the
 * high word. That decides the rounding unless the dropped bits lie one below
 * the half or on it: then divide.
 */
double number_scaled(uint64_t digits, unsigned scale)
{
    uint64_t high, half, rest;
    int up, drop;
    if (number_is_exact(digits, scale))
        return (double)digits / number_powers10[scale];
    if (scale == 0 || digits == 0)
        return (double)digits;
    up = __builtin_clzll(digits);
    high = (uint64_t)((wide)(digits << up) * powers[scale].reciprocal >> 64);
    drop = high & TOP ? 11 : 10;
    half = (uint64_t)1 << (drop - 1);
    rest = high & (2 * half - 1);
    if (rest == half || rest == half - 1)
        return divide_exactly(digits, scale);
    return assemble((high >> drop) + (rest > half),
                    drop + 64 - up - powers[scale].reach - (int)scale);
}

static const char *skip_digits(const char *p)
{
    while (*p >= '0' && *p <= '9')
        p++;
    return p;
}

/* digits[.digits][e[+-]digits]; NULL when it is not one. */
static const char *skip_decimal(const char *p)
{
    const char *start = p;
    p = skip_digits(p);
    if (p == start)
        return NULL;
    if (*p == '.') {
        start = ++p;
        p = skip_digits(p);
        if (p == start)
            return NULL;
    }
    if (*p == 'e' || *p == 'E') {
        p += p[1] == '+' || p[1] == '-' ? 2 : 1;
        start = p;
        p = skip_digits(p);
        if (p == start)
            return NULL;
    }
    return p;
}

int number_sample(const char *text, size_t size, double *out)
{
    const char *p = text + (*text == '-' || *text == '+');
    if (strcmp(text, "NaN") == 0) {
        *out = NAN;
        return size == 3;
    }
    if (strcmp(p, "Inf") == 0) {
        *out = *text == '-' ? -INFINITY : INFINITY;
        return size == (size_t)(p - text) + 3;
    }
    p = skip_decimal(p);
    if (!p || p != text + size)
        return 0;
    *out = strtod(text, NULL);
    return 1;
}

int number_json(const char *text, size_t size, double *out)
{
    const char *p = text + (*text == '-');
    if (*p == '0' && p[1] >= '0' && p[1] <= '9')
        return 0;
    p = skip_decimal(p);
    if (!p || p != text + size)
        return 0;
    *out = strtod(text, NULL);
    return isfinite(*out);
}
