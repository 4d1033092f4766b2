/*
 * duration_parse against the grammar of its comment, written down once more:
 * one or more of digits ["." digits] unit, at most 365 days in all. What
 * duration_format shows of it can be typed again.
 */
#include "fuzz.h"
#include "../../core/wire/value.h"

#define DIGITS "0123456789"
#define YEAR (365LL * 86400000)

static double unit_size(const char **p)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = {{"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"h", 36e5}, {"d", 864e5}};
    size_t n = strspn(*p, "abcdefghijklmnopqrstuvwxyz");
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strlen(units[i].name) == n && strncmp(*p, units[i].name, n) == 0) {
            *p += n;
            return units[i].ms;
        }
    }
    return 0;
}

/* One part of it in ms, *p behind it; negative when it is none. */
static double part(const char **p)
{
    const char *start = *p;
    size_t n = strspn(*p, DIGITS);
    double number, unit;
    if (!n)
        return -1;
    *p += n;
    if (**p == '.') {
        n = strspn(*p + 1, DIGITS);
        if (!n)
            return -1;
        *p += 1 + n;
    }
    number = strtod(start, NULL);
    unit = unit_size(p);
    return unit > 0 ? number * unit : -1;
}

static double by_grammar(const char *p)
{
    double sum = 0, one;
    if (!*p)
        return -1;
    for (; *p; sum += one) {
        one = part(&p);
        if (one < 0)
            return -1;
    }
    return sum <= (double)YEAR ? sum : -1;
}

/* Shown with its larger units only; never wrong by as much as the next. */
static void shown_again(int64_t ms)
{
    char text[64];
    struct error err = {0};
    int64_t again = -1, off;
    duration_format(ms, text, sizeof text);
    CHECK(duration_parse(text, &again, &err) == 0);
    off = again > ms ? again - ms : ms - again;
    CHECK(off <= (ms < 1000        ? 0
                  : ms < 60000     ? 50
                  : ms < 3600000   ? 999
                  : ms < 172800000 ? 59999
                                   : 86399999));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    char *text = input_bytes(&in, size);
    struct error err = {0};
    int64_t ms = -1;
    double want = by_grammar(text);
    int rc = duration_parse(text, &ms, &err);
    CHECK((rc == 0) == (want >= 0));
    if (rc == 0) {
        CHECK(ms >= 0 && ms <= YEAR);
        CHECK((double)ms > want - 1 && (double)ms < want + 1);
        shown_again(ms);
    } else {
        CHECK(rc == RB_INVALID && err.message[0]);
    }
    free(text);
    return 0;
}
