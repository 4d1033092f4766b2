/*
 * Decimal text to the nearest double, ties to even: what strtod gives in the
 * C locale, for the short decimals of a metric body. Knows nothing of JSON.
 */
#ifndef RBRUN_LUA_READER_NUMBER_H
#define RBRUN_LUA_READER_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#define NUMBER_MAX_SCALE 27 /* 5^27 is the last power of 5 below 2^63 */

/* Fill the table of reciprocals; call it once before number_scaled. */
void number_init(void);

#define NUMBER_EXACT_POWER 22 /* 10^22 is the last that a double holds */
extern const double number_powers10[NUMBER_EXACT_POWER + 1];

/* Are digits and 10^scale doubles? Then one division rounds once, rightly
   (Clinger, "How to read floating point numbers accurately", 1990). */
static inline int number_is_exact(uint64_t digits, unsigned scale)
{
    return digits >> 53 == 0 && scale <= NUMBER_EXACT_POWER;
}

/*
 * digits / 10^scale, correctly rounded. scale: 0..NUMBER_MAX_SCALE.
 */
double number_scaled(uint64_t digits, unsigned scale);

/*
 * Count the decimal digits that 8 bytes begin with (little-endian, as they
 * lie in memory), and *value of those digits: eight at a time, joined to
 * pairs, fours, and one. Inline, for it is the loop that all time goes to.
 */
static inline unsigned number_digits8(uint64_t bytes, uint64_t *value)
{
    uint64_t d = bytes ^ 0x3030303030303030u;
    uint64_t other = (d | (d + 0x7676767676767676u)) & 0x8080808080808080u;
    unsigned count = other ? (unsigned)__builtin_ctzll(other) / 8 : 8;
    if (count == 0) {
        *value = 0;
        return 0;
    }
    d <<= 8 * (8 - count); /* leading zeros instead of what follows */
    d = (d * 10 + (d >> 8)) & 0x00ff00ff00ff00ffu;
    d = (d * 100 + (d >> 16)) & 0x0000ffff0000ffffu;
    *value = (d * 10000 + (d >> 32)) & 0xffffffffu;
    return count;
}

/*
 * Read a whole text of the form Prometheus writes a sample value in:
 * [+-]digits[.digits][e[+-]digits], "NaN", "Inf", "+Inf" or "-Inf"
 * (https://prometheus.io/docs/prometheus/latest/querying/api/, "Expression
 * query result formats"). text is NUL-terminated after size bytes.
 * Returns 1, or 0 when it is anything else.
 */
int number_sample(const char *text, size_t size, double *out);

/* The same for a number of RFC 8259 section 6. */
int number_json(const char *text, size_t size, double *out);

#endif
