#include "value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"

static const struct {
    const char *name;
    int64_t milliseconds;
} units[] = {
    {"ms", 1},      {"s", 1000},     {"m", 60000},
    {"h", 3600000}, {"d", 86400000}, {NULL, 0},
};

static int64_t unit_of(const char **text)
{
    size_t size = strspn(*text, "abcdefghijklmnopqrstuvwxyz");
    for (size_t i = 0; units[i].name; i++) {
        if (strlen(units[i].name) == size &&
            strncmp(units[i].name, *text, size) == 0) {
            *text += size;
            return units[i].milliseconds;
        }
    }
    return 0;
}

/* Length of digits ["." digits]; strtod alone would take "0x1" and "1e3". */
static size_t number_size(const char *text)
{
    size_t whole = strspn(text, DIGITS), part;
    if (!whole || text[whole] != '.')
        return whole;
    part = strspn(text + whole + 1, DIGITS);
    return part ? whole + 1 + part : 0;
}

int duration_parse(const char *text, int64_t *milliseconds, struct error *err)
{
    const double most = 365.0 * 86400000.0;
    const char *at = text;
    double sum = 0;
    do {
        size_t size = number_size(at);
        double number;
        int64_t unit;
        if (!size)
            break;
        number = strtod(at, NULL);
        at += size;
        unit = unit_of(&at);
        if (!unit)
            return error_set(err, RB_INVALID,
                             "\"%s\" is no duration: write a number and one "
                             "of ms, s, m, h, d, such as \"30s\"",
                             text);
        sum += number * (double)unit;
    } while (*at && sum <= most);
    if (at == text || *at || sum > most)
        return error_set(err, RB_INVALID,
                         "\"%s\" is no duration of at most 365 days, such as "
                         "\"30s\" or \"1h30m\"",
                         text);
    *milliseconds = (int64_t)(sum + 0.5);
    return 0;
}

void duration_format(int64_t ms, char *out, size_t size)
{
    if (ms < 1000)
        snprintf(out, size, "%dms", (int)(ms < 0 ? 0 : ms));
    else if (ms < 60000 && ms % 1000 >= 50)
        snprintf(out, size, "%.1fs", (double)ms / 1000.0);
    else if (ms < 60000)
        snprintf(out, size, "%ds", (int)(ms / 1000));
    else if (ms < 3600000 && ms / 1000 % 60)
        snprintf(out, size, "%dm%02ds", (int)(ms / 60000),
                 (int)(ms / 1000 % 60));
    else if (ms < 3600000)
        snprintf(out, size, "%dm", (int)(ms / 60000));
    else if (ms < 86400000 * 2)
        snprintf(out, size, "%dh%02dm", (int)(ms / 3600000),
                 (int)(ms / 60000 % 60));
    else
        snprintf(out, size, "%dd", (int)(ms / 86400000));
}
