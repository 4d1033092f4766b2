#define _GNU_SOURCE
#include "metric_promql.h"
#include "../wire/error.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_DEPTH 64
#define MAX_DURATION (10LL * 365 * 86400000)

struct scan {
    const char *p;
    struct promql *out;
};

static int is_name_start(char c)
{
    return isalpha((unsigned char)c) || c == '_' || c == ':';
}

static int is_name(char c)
{
    return is_name_start(c) || isdigit((unsigned char)c);
}

static void skip_space(struct scan *s)
{
    for (;;) {
        while (isspace((unsigned char)*s->p))
            s->p++;
        if (*s->p != '#')
            return;
        s->p += strcspn(s->p, "\n");
    }
}

/* At a quote; behind the closing one afterwards, or at the end. */
static void skip_string(struct scan *s)
{
    char quote = *s->p++;
    while (*s->p && *s->p != quote) {
        if (*s->p == '\\' && quote != '`' && s->p[1])
            s->p++;
        s->p++;
    }
    if (*s->p)
        s->p++;
}

/* At an opening bracket of either kind; behind its partner afterwards. */
static void skip_pair(struct scan *s, char close)
{
    s->p++;
    while (*s->p && *s->p != close) {
        if (strchr("\"'`", *s->p))
            skip_string(s);
        else
            s->p++;
    }
    if (*s->p)
        s->p++;
}

static int64_t unit(const char *p, size_t *size)
{
    *size = 1;
    switch (*p) {
    case 'm':
        *size = p[1] == 's' ? 2 : 1;
        return p[1] == 's' ? 1 : 60000;
    case 's':
        return 1000;
    case 'h':
        return 3600000;
    case 'd':
        return 86400000;
    case 'w':
        return 7 * 86400000LL;
    case 'y':
        return 365 * 86400000LL;
    default:
        return 0;
    }
}

/* "1h30m" in ms, and s->p behind it; 0 when there is none. */
static int64_t read_duration(struct scan *s)
{
    int64_t total = 0;
    while (isdigit((unsigned char)*s->p)) {
        int64_t n = 0, scale;
        size_t size;
        for (; isdigit((unsigned char)*s->p); s->p++)
            n = n < MAX_DURATION ? n * 10 + (*s->p - '0') : n;
        scale = unit(s->p, &size);
        if (scale == 0)
            break;
        s->p += size;
        if (n > MAX_DURATION / scale || total > MAX_DURATION)
            return MAX_DURATION;
        total += n * scale;
    }
    return total;
}

static int64_t bare_seconds(const char *digits)
{
    double seconds = strtod(digits, NULL);
    return seconds < (double)MAX_DURATION / 1000 ? (int64_t)(seconds * 1000)
                                                 : MAX_DURATION;
}

/* At '[': the range of "[5m]" or "[5m:30s]", s->p behind the bracket. */
static int64_t read_range(struct scan *s)
{
    const char *digits;
    int64_t ms;
    s->p++;
    skip_space(s);
    digits = s->p;
    ms = read_duration(s);
    /* Since Prometheus 3 a bare number is a count of seconds. */
    if (ms == 0 && s->p > digits)
        ms = bare_seconds(digits);
    while (*s->p && *s->p != ']')
        s->p++;
    if (*s->p)
        s->p++;
    return ms;
}

/* Behind "offset": its length where it is a delay, 0 for a comparison. */
static int64_t read_offset(struct scan *s)
{
    int64_t ms;
    int negative;
    skip_space(s);
    negative = *s->p == '-';
    s->p += negative;
    skip_space(s);
    ms = read_duration(s);
    return negative || ms > PROMQL_DELAY_OFFSET ? 0 : ms;
}

/* The window in the name of a recording rule: "job:errors:rate5m".
   https://prometheus.io/docs/practices/rules/ */
static int64_t rule_window(const char *name, size_t size)
{
    const char *end = name + size, *digits = end, *colon;
    struct scan s = {NULL, NULL};
    int64_t ms;
    colon = memrchr(name, ':', size);
    if (!colon)
        return 0;
    while (digits > colon + 1 && is_name(digits[-1]) && digits[-1] != '_')
        digits--;
    while (digits < end && !isdigit((unsigned char)*digits))
        digits++;
    s.p = digits;
    ms = read_duration(&s);
    return s.p == end ? ms : 0;
}

static void add_selector(struct scan *s, const char *start)
{
    struct promql *q = s->out;
    size_t size = (size_t)(s->p - start);
    for (size_t i = 0; i < q->count; i++) {
        if (q->selectors[i].size == size &&
            memcmp(q->selectors[i].text, start, size) == 0)
            return;
    }
    if (q->count == PROMQL_MAX_SELECTORS) {
        q->too_many = 1;
        return;
    }
    q->selectors[q->count].text = start;
    q->selectors[q->count++].size = size;
}

static int is_one_of(const char *name, size_t size, const char *const *list)
{
    for (; *list; list++) {
        if (strlen(*list) == size && strncasecmp(name, *list, size) == 0)
            return 1;
    }
    return 0;
}

static const char *const grouping[] = {
    "by", "without", "on", "ignoring", "group_left", "group_right", NULL};
static const char *const words[] = {"and",  "or",  "unless", "atan2",
                                    "bool", "inf", "nan",    NULL};

/* Whether the next word is "by" or "without": this one is an aggregation. */
static int is_aggregation(const char *p)
{
    size_t size = 0;
    while (is_name(p[size]))
        size++;
    return (size == 2 && strncasecmp(p, "by", 2) == 0) ||
           (size == 7 && strncasecmp(p, "without", 7) == 0);
}

/* At a word: what it adds to the reach of the operand that it is part of.
 *last is that operand's reach so far. */
static void read_word(struct scan *s, int64_t *last)
{
    const char *start = s->p, *end;
    size_t size;
    while (is_name(*s->p))
        s->p++;
    size = (size_t)(s->p - start);
    end = s->p;
    if (size == 6 && strncasecmp(start, "offset", 6) == 0) {
        *last += read_offset(s);
        return;
    }
    skip_space(s);
    if (is_one_of(start, size, grouping)) {
        if (*s->p == '(')
            skip_pair(s, ')');
        return;
    }
    if (is_one_of(start, size, words) || *s->p == '(' || is_aggregation(s->p))
        return;
    *last = rule_window(start, size);
    if (*s->p == '{')
        skip_pair(s, '}');
    else
        s->p = end;
    add_selector(s, start);
}

static void skip_number(struct scan *s)
{
    while (is_name(*s->p) || *s->p == '.' ||
           (strchr("+-", *s->p) && *s->p && strchr("eE", s->p[-1])))
        s->p++;
}

static int64_t read_group(struct scan *s, int depth);

/* One token; *last is the reach of the operand that it ends or extends. */
static void read_token(struct scan *s, int64_t *last, int depth)
{
    const char *start = s->p;
    if (strchr("\"'`", *s->p)) {
        skip_string(s);
    } else if (*s->p == '(') {
        s->p++;
        *last = read_group(s, depth + 1);
    } else if (*s->p == '[') {
        *last += read_range(s);
    } else if (*s->p == '{') {
        *last = 0;
        skip_pair(s, '}');
        add_selector(s, start);
    } else if (is_name_start(*s->p)) {
        read_word(s, last);
    } else if (isdigit((unsigned char)*s->p)) {
        s->p++;
        skip_number(s);
    } else {
        s->p++;
    }
}

/* Until the closing parenthesis: the widest reach in it. */
static int64_t read_group(struct scan *s, int depth)
{
    int64_t last = 0, widest = 0;
    for (;;) {
        skip_space(s);
        s->out->too_many |= depth > MAX_DEPTH;
        if (!*s->p || depth > MAX_DEPTH)
            return widest;
        if (*s->p == ')') {
            s->p++;
            if (depth > 0)
                return widest;
            continue;
        }
        read_token(s, &last, depth);
        if (last > widest)
            widest = last;
    }
}

void promql_scan(const char *expr, struct promql *out)
{
    struct scan s = {expr, out};
    memset(out, 0, sizeof *out);
    out->reach = read_group(&s, 0);
}

static int add_age(const struct promql *q, size_t i, int64_t window,
                   int64_t step, struct buf *out)
{
    int size = (int)q->selectors[i].size;
    const char *text = q->selectors[i].text;
    return buf_addf(out,
                    "%slabel_replace(max(timestamp(%.*s)) or "
                    "max(max_over_time(timestamp(%.*s)[%lldms:%lldms])),"
                    "\"selector\",\"%zu\",\"\",\"\")",
                    i ? " or " : "", size, text, size, text, (long long)window,
                    (long long)step, i);
}

int promql_age_query(const struct promql *q, int64_t window, int64_t step,
                     struct buf *out)
{
    int rc = q->too_many ? RB_TOOBIG
             : q->count  ? buf_adds(out, "min(")
                         : RB_NOTFOUND;
    for (size_t i = 0; i < q->count && rc == 0; i++)
        rc = add_age(q, i, window, step, out);
    return rc == 0 ? buf_addc(out, ')') : rc;
}
