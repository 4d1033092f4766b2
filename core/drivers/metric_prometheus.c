/*
 * metric.query, metric.range and metric.await on Prometheus. A value is
 * believed only when it is finite, of one series (or folded), fresh, and,
 * after a change of this run, made of samples from after the change.
 */
#define _GNU_SOURCE
#include "metric_prometheus_ask.h"
#include "http_binding.h"
#include "metric_promql.h"
#include "metric_statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRAPE_INTERVAL 15000 /* ms */
#define LOOK_BACK 300000      /* ms, Prometheus' own default */
#define MARGIN 200            /* ms between our limit and the engine's */
#define SHORTEST_POLL 200     /* ms */
#define MAX_POINTS 1000
#define MAX_SAMPLES 100000 /* of an instant answer, to say what it is */

/* A number and what is known about it. */
struct measure {
    double value, at, age; /* at: s since 1970; age: s */
    size_t series;
};

/* A call's arguments, read once. */
struct metric_call {
    const struct driver_call *c;
    struct driver_answer *a;
    const char *expr, *fold;
    struct promql scan;
    int64_t interval, max_age;     /* ms */
    int64_t begun, deadline, hard; /* ms of the steady clock */
};

static void begin(struct metric_call *m, const struct driver_call *c,
                  struct driver_answer *a, const char *limit)
{
    int64_t most = c->timeout - MARGIN;
    int64_t asked = arg_duration(c, limit, most);
    m->c = c;
    m->a = a;
    m->expr = value_text(c->args, "expr", "");
    m->fold = value_text(c->args, "fold", NULL);
    promql_scan(m->expr, &m->scan);
    m->scan.reach = arg_duration(c, "window", m->scan.reach);
    m->interval = option_duration(c, "scrape_interval", SCRAPE_INTERVAL);
    m->max_age = option_duration(c, "max_age", 5 * m->interval);
    m->begun = clock_steady();
    m->hard = m->begun + most;
    m->deadline = m->begun + (asked < most ? asked : most);
}

static const char *show_duration(int64_t ms, char out[40])
{
    duration_format(ms, out, 40);
    return out;
}

/* The fold is checked here, because the reader would only see another text. */
static int check_fold(struct metric_call *m)
{
    static const char *const folds[] = {"sum", "max", "min", "mean"};
    if (!m->fold)
        return 0;
    for (size_t i = 0; i < sizeof folds / sizeof *folds; i++) {
        if (strcmp(folds[i], m->fold) == 0)
            return 0;
    }
    answer_fail(m->a, OUTCOME_REJECTED,
                "%s: fold = \"%s\" is not one of sum, max, min, mean",
                m->c->verb, m->fold);
    return RB_INVALID;
}

/*
 * Wait until no rate window of the expression holds a sample from before the
 * run's last write: its reach, and one scrape on top. 0, or RB_BUSY with the
 * answer filled when that is later than the deadline.
 */
static int settle(struct metric_call *m)
{
    int64_t need = m->scan.reach + m->interval, left;
    char reach[40], interval[40], wait[40], limit[40];
    if (m->c->changed_at <= 0)
        return 0;
    left = m->c->changed_at + need - clock_wall();
    show_duration(m->scan.reach, reach);
    show_duration(m->interval, interval);
    show_duration(left, wait);
    if (left > 0 && clock_steady() + left > m->deadline) {
        show_duration(m->deadline - m->begun, limit);
        answer_fail(m->a, OUTCOME_TIMEOUT,
                    "metric source %s: `%s` looks back %s and a scrape takes "
                    "%s, so samples from before this run's last change are "
                    "in it for another %s, beyond the limit of %s; allow "
                    "more time, or use metric.await",
                    m->c->system, m->expr, reach, interval, wait, limit);
        return RB_BUSY;
    }
    while (left > 0) {
        driver_progress(m->c,
                        "waiting %s until a window of %s and a scrape of %s "
                        "hold nothing from before the change",
                        show_duration(left, wait), reach, interval);
        clock_sleep(left < 1000 ? left : 1000);
        left = m->c->changed_at + need - clock_wall();
    }
    return 0;
}

/* Seconds without the noise below a millisecond that a difference brings. */
static double to_ms(double seconds)
{
    return fmax(0, round(seconds * 1000) / 1000);
}

static enum outcome ask_number(struct metric_call *m, const char *expr,
                               struct measure *out)
{
    struct prometheus_question q = {.expr = expr, .fold = m->fold};
    struct prometheus_reply r;
    enum outcome o;
    q.max_points = MAX_SAMPLES;
    q.timeout = http_poll_timeout(m->c, m->deadline, m->hard);
    o = prometheus_ask(m->c, &q, &r, m->a);
    if (o == OUTCOME_OK) {
        out->at = r.pairs[0];
        out->value = r.pairs[1];
        out->series = r.series > 0 ? r.series : 1;
    }
    prometheus_reply_free(&r);
    return o;
}

/*
 * Prometheus stamps an instant value with the time of the evaluation. The
 * age of the samples behind it is a question of its own. An expression
 * without a selector, or one whose selectors match nothing now ("or
 * vector(0)"), is as old as its evaluation.
 */
static enum outcome ask_age(struct metric_call *m, struct measure *out)
{
    struct buf query = BUF_INIT(64u << 10);
    struct measure newest = {0};
    int64_t window = m->scan.reach > LOOK_BACK ? m->scan.reach : LOOK_BACK;
    int64_t step = window / 100 > m->interval ? window / 100 : m->interval;
    enum outcome o = OUTCOME_OK;
    int rc = promql_age_query(&m->scan, window, step > 0 ? step : 1, &query);
    out->age = 0;
    if (rc && rc != RB_NOTFOUND) {
        o = OUTCOME_REJECTED;
        answer_fail(m->a, o,
                    "metric source %s: the expression has more than %d "
                    "selectors, or too long ones: the age of its samples "
                    "cannot be asked; use a recording rule",
                    m->c->system, PROMQL_MAX_SELECTORS);
    } else if (rc == 0) {
        o = ask_number(m, buf_text(&query), &newest);
        if (o == OUTCOME_OK) {
            out->age = to_ms(newest.at - newest.value);
            out->at = newest.value;
        }
    }
    buf_free(&query);
    return o == OUTCOME_NO_DATA ? OUTCOME_OK : o;
}

static enum outcome no_number(struct metric_call *m, double value)
{
    answer_fail(m->a, OUTCOME_NO_DATA, "metric source %s: `%s` is %s: %s",
                m->c->system, m->expr,
                isnan(value) ? "not a number" : "infinite",
                isnan(value) ? "0/0, most often a rate over no traffic"
                             : "something is divided by 0");
    return OUTCOME_NO_DATA;
}

static enum outcome too_old(struct metric_call *m, const struct measure *x)
{
    char age[40], most[40];
    show_duration((int64_t)(x->age * 1000), age);
    show_duration(m->max_age, most);
    answer_fail(m->a, OUTCOME_NO_DATA,
                "metric source %s: the newest sample behind `%s` is %s old, "
                "over %s: is its target still scraped?",
                m->c->system, m->expr, age, most);
    return OUTCOME_NO_DATA;
}

/* Ask once; OUTCOME_OK fills *out, everything else has filled the answer. */
static enum outcome measure(struct metric_call *m, struct measure *out)
{
    enum outcome o = ask_number(m, m->expr, out);
    if (o != OUTCOME_OK)
        return o;
    if (!isfinite(out->value))
        return no_number(m, out->value);
    o = ask_age(m, out);
    if (o != OUTCOME_OK)
        return o;
    if (out->age * 1000 > (double)m->max_age)
        return too_old(m, out);
    if (out->at * 1000 < (double)m->c->changed_at) {
        answer_fail(m->a, OUTCOME_NO_DATA,
                    "metric source %s: the newest sample behind `%s` is from "
                    "before this run's last change",
                    m->c->system, m->expr);
        return OUTCOME_NO_DATA;
    }
    return OUTCOME_OK;
}

static int metric_query(const struct driver_call *c, struct driver_answer *a)
{
    struct metric_call m;
    struct measure x = {0};
    begin(&m, c, a, "timeout");
    if (check_fold(&m) != 0 || settle(&m) != 0 || measure(&m, &x) != OUTCOME_OK)
        return 0;
    return answer_ok(a, json_pack("{s:f, s:f, s:f, s:I, s:s}", "value", x.value,
                                  "age", x.age, "at", x.at, "series",
                                  (json_int_t)x.series, "expr", m.expr));
}

/* Whether the value is where it should be, and how to say that. */
struct wanted {
    int below;
    double bound;
};

static int read_wanted(struct metric_call *m, struct wanted *w)
{
    const json_t *below = json_object_get(m->c->args, "below");
    const json_t *above = json_object_get(m->c->args, "above");
    w->below = below != NULL;
    w->bound = json_number_value(below ? below : above);
    if (!below == !above) {
        answer_fail(m->a, OUTCOME_REJECTED,
                    "metric.await: give exactly one of below and above");
        return RB_INVALID;
    }
    if (arg_duration(m->c, "holds", 0) > m->deadline - m->begun) {
        answer_fail(m->a, OUTCOME_REJECTED,
                    "metric.await: holds is longer than within allows");
        return RB_INVALID;
    }
    return 0;
}

/* The state of one metric.await. */
struct await {
    struct metric_call *m;
    struct wanted wanted;
    int64_t holds;
    int64_t since; /* steady ms since when it has held, -1: it does not */
    int seen;      /* a value was ever seen: last is it */
    int fresh;     /* the last question gave a value */
    struct measure last;
};

static int is_final(enum outcome o)
{
    return o == OUTCOME_REJECTED || o == OUTCOME_AUTH || o == OUTCOME_NOT_FOUND;
}

static enum outcome watch(struct await *w)
{
    struct metric_call *m = w->m;
    struct measure now = {0};
    enum outcome o = measure(m, &now);
    int good;
    w->fresh = o == OUTCOME_OK;
    if (o != OUTCOME_OK) {
        w->since = -1;
        driver_progress(m->c, "%s: %s", outcome_name(o), m->a->message);
        return o;
    }
    w->seen = 1;
    w->last = now;
    good = w->wanted.below ? now.value <= w->wanted.bound
                           : now.value >= w->wanted.bound;
    if (!good)
        w->since = -1;
    else if (w->since < 0)
        w->since = clock_steady();
    driver_progress(m->c, "%.6g, wanted %s %.6g%s", now.value,
                    w->wanted.below ? "at most" : "at least", w->wanted.bound,
                    good ? ", holding" : "");
    return o;
}

static int not_reached(struct await *w)
{
    struct metric_call *m = w->m;
    char waited[40], trouble[sizeof m->a->message];
    show_duration(clock_steady() - m->begun, waited);
    snprintf(trouble, sizeof trouble, "%s", m->a->message);
    if (!w->seen)
        return answer_fail(m->a, m->a->outcome,
                           "no value in %s of waiting; at last: %s", waited,
                           trouble);
    return answer_fail(
        m->a, OUTCOME_NOT_REACHED,
        "metric source %s: `%s` %s %.6g after %s, wanted %s "
        "%.6g%s%s%s",
        m->c->system, m->expr, w->fresh ? "is" : "was", w->last.value, waited,
        w->wanted.below ? "at most" : "at least", w->wanted.bound,
        w->since >= 0 ? ", not for long enough" : "",
        w->fresh ? "" : "; at last: ", w->fresh ? "" : trouble);
}

static int reached(struct await *w)
{
    struct metric_call *m = w->m;
    double took = (double)(clock_steady() - m->begun) / 1000;
    return answer_ok(m->a, json_pack("{s:f, s:f, s:f, s:s}", "value",
                                     w->last.value, "age", w->last.age, "took",
                                     took, "expr", m->expr));
}

/* Until the next question: a scrape, or the end of the hold, or the limit. */
static void pause_watch(const struct await *w)
{
    int64_t now = clock_steady(), next = w->m->interval;
    if (next < SHORTEST_POLL)
        next = SHORTEST_POLL;
    next += now;
    if (w->since >= 0 && w->since + w->holds < next)
        next = w->since + w->holds;
    if (next > w->m->deadline)
        next = w->m->deadline;
    clock_sleep(next - now);
}

static int metric_await(const struct driver_call *c, struct driver_answer *a)
{
    struct metric_call m;
    struct await w = {.m = &m, .since = -1};
    begin(&m, c, a, "within");
    w.holds = arg_duration(c, "holds", 0);
    if (read_wanted(&m, &w.wanted) != 0 || check_fold(&m) != 0 ||
        settle(&m) != 0)
        return 0;
    for (;;) {
        int64_t asked = clock_steady();
        if (is_final(watch(&w)))
            return 0;
        if (w.since >= 0 && clock_steady() - w.since >= w.holds)
            return reached(&w);
        if (asked >= m.deadline)
            return not_reached(&w);
        pause_watch(&w);
    }
}

static json_t *summary(const struct metric_call *m, const double *values,
                       size_t count, double *scratch)
{
    struct metric_statistics s;
    json_t *points = json_array();
    metric_statistics(values, count, scratch, &s);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(points, json_real(values[i]));
    return json_pack("{s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:o, s:s}",
                     "count", (json_int_t)count, "first", s.first, "last",
                     s.last, "min", s.min, "max", s.max, "mean", s.mean,
                     "median", s.median, "p95", s.p95, "points", points, "expr",
                     m->expr);
}

/* The finite values of the reply; the others have no place in a summary. */
static int answer_range(struct metric_call *m, const struct prometheus_reply *r,
                        double end)
{
    double *values = calloc(r->points, 2 * sizeof *values);
    json_t *out = NULL;
    size_t count = 0;
    double newest = 0;
    for (size_t i = 0; values && i < r->points; i++) {
        if (!isfinite(r->pairs[2 * i + 1]))
            continue;
        newest = r->pairs[2 * i];
        values[count++] = r->pairs[2 * i + 1];
    }
    if (values && count == 0) {
        no_number(m, r->pairs[1]);
    } else if (values) {
        out = summary(m, values, count, values + r->points);
        json_object_set_new(out, "age", json_real(to_ms(end - newest)));
        json_object_set_new(out, "series", json_integer((json_int_t)r->series));
        answer_ok(m->a, out);
    } else {
        answer_fail(m->a, OUTCOME_RETRYABLE, "no memory for %zu points",
                    r->points);
    }
    free(values);
    return 0;
}

static int metric_range(const struct driver_call *c, struct driver_answer *a)
{
    struct metric_call m;
    struct prometheus_question q = {.range = 1, .max_points = MAX_POINTS};
    struct prometheus_reply r;
    int64_t last = arg_duration(c, "last", 0),
            step = arg_duration(c, "step", 0);
    char least[40];
    begin(&m, c, a, "timeout");
    if (check_fold(&m) != 0)
        return 0;
    if (step <= 0 || last < step || last / step >= MAX_POINTS)
        return answer_fail(a, OUTCOME_REJECTED,
                           "metric.range: last / step must give 1 to %d "
                           "points; for this last the step is at least %s",
                           MAX_POINTS,
                           show_duration(last / (MAX_POINTS - 1) + 1, least));
    q.expr = m.expr;
    q.fold = m.fold;
    q.end = (double)clock_wall() / 1000;
    q.start = q.end - (double)last / 1000;
    q.step = (double)step / 1000;
    q.timeout = http_try_timeout(c, m.deadline);
    if (prometheus_ask(c, &q, &r, a) == OUTCOME_OK)
        answer_range(&m, &r, q.end);
    prometheus_reply_free(&r);
    return 0;
}

static const struct driver_option options[] = {
    {"url", "url", 1, "address of Prometheus, with a path prefix if any"},
    {"scrape_interval", "duration", 0,
     "how often its targets are scraped (default 15s)"},
    {"max_age", "duration", 0,
     "an older sample is no data (default 5 scrape intervals)"},
    {"headers", "table", 0, "name = text, sent with every request"},
    HTTP_OPTIONS,
    {NULL, NULL, 0, NULL},
};

static const struct driver_verb verbs[] = {
    {"metric.query", SETTLE_PURE, metric_query, NULL},
    {"metric.range", SETTLE_PURE, metric_range, NULL},
    {"metric.await", SETTLE_PURE, metric_await, NULL},
    {NULL, SETTLE_PURE, NULL, NULL},
};

extern const struct driver metric_prometheus;
const struct driver metric_prometheus = {
    .family = "metric",
    .name = "prometheus",
    .text = "Prometheus and what speaks its HTTP API",
    .options = options,
    .verbs = verbs,
    .check = NULL,
    .quick = 0,
};
