/*
 * The value that crosses every boundary: jansson's json_t, written in one
 * canonical form (DESIGN: sorted keys, no white space, integers and reals
 * distinct, valid UTF-8, no NaN), so that equal values have equal bytes and
 * equal hashes. Reals are written with the fewest digits that read back as
 * the same IEEE double.
 */
#ifndef RBRUN_WIRE_VALUE_H
#define RBRUN_WIRE_VALUE_H

#include "buf.h"
#include "error.h"

#include <jansson.h>
#include <stdint.h>

#define VALUE_MAX_DEPTH 32
#define VALUE_MAX_BYTES (1u << 20)

/*
 * Append the canonical text of value to out.
 * Returns 0, RB_NOMEM, RB_TOOBIG (out's maximum) or RB_INVALID (too deep).
 */
int value_encode(const json_t *value, struct buf *out);

/*
 * Read one value. Refuses duplicate keys, bad UTF-8, trailing bytes and more
 * than VALUE_MAX_DEPTH levels. *out is a new reference.
 * Returns 0, RB_INVALID (err says where) or RB_NOMEM.
 */
int value_decode(const char *text, size_t size, json_t **out,
                 struct error *err);

/* value_decode, and refuse any text that value_encode would not write. */
int value_decode_canonical(const char *text, size_t size, json_t **out,
                           struct error *err);

/* Whether two values have the same canonical text, of at most 8 MiB. */
int value_equal(const json_t *a, const json_t *b);

/* Whether value is a whole number, as an integer or as a real of at most
   2^53 (Lua's 100 / 2 is 50.0), and which. */
int value_whole(const json_t *value, int64_t *out);

/* Read a member of an object; the default when it is missing or of another
   type. The text and the object are borrowed from the value. */
const char *value_text(const json_t *object, const char *key,
                       const char *otherwise);
int64_t value_int(const json_t *object, const char *key, int64_t otherwise);
double value_number(const json_t *object, const char *key, double otherwise);
int value_bool(const json_t *object, const char *key, int otherwise);

/*
 * A duration "250ms", "30s", "5m", "2h", "1d", "1h30m", as runbooks write
 * it, in milliseconds. A bare number is refused: it has no unit.
 * Returns 0 or RB_INVALID (negative, no unit, unknown unit, over 365 days).
 */
int duration_parse(const char *text, int64_t *milliseconds, struct error *err);

/* The reverse, for people: "1h30m", "4.2s", "250ms". */
void duration_format(int64_t milliseconds, char *out, size_t size);

#endif
