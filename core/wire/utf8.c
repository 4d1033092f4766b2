#include "utf8.h"

static int between(unsigned char c, unsigned low, unsigned high)
{
    return c >= low && c <= high;
}

/* Bytes that should follow the lead byte; the second has limits of its own
   behind four lead bytes, which is what keeps out overlong forms,
   surrogates and numbers above U+10FFFF. */
static size_t follow(unsigned char lead, unsigned *low, unsigned *high)
{
    *low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    *high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (between(lead, 0xc2, 0xdf))
        return 1;
    if (between(lead, 0xe0, 0xef))
        return 2;
    return between(lead, 0xf0, 0xf4) ? 3 : 0;
}

/* C1 controls, the marks, embeddings, overrides and isolates of the
   bidirectional algorithm (UAX 9, table 4), line and paragraph separators. */
static int commands(unsigned long c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c ||
           (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

int utf8_commands(const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text;
    unsigned long c = at[0];
    if (length > 1)
        c &= 0xffu >> (length + 1);
    for (size_t i = 1; i < length; i++)
        c = c << 6 | (at[i] & 0x3f);
    return commands(c);
}

size_t utf8_length(const char *text, size_t size)
{
    const unsigned char *at = (const unsigned char *)text;
    unsigned low, high;
    size_t more;
    if (!size)
        return 0;
    if (at[0] < 0x80)
        return 1;
    more = follow(at[0], &low, &high);
    if (!more || size <= more || !between(at[1], low, high))
        return 0;
    for (size_t i = 2; i <= more; i++) {
        if (!between(at[i], 0x80, 0xbf))
            return 0;
    }
    return more + 1;
}
