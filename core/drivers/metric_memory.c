/*
 * A metric system that is only remembered: for drills and tests. Each query
 * has a number, or a list of numbers, oldest first: a stretch of time whose
 * last one is now. It cannot wait, so metric.await looks once.
 */
#include "memory.h"
#include "metric_statistics.h"

#include <stdlib.h>

#define MOST 1000 /* points of an answer */

static const char *const keys[] = {"values", NULL};

static const char *expr_of(const struct driver_call *c)
{
    return value_text(c->args, "expr", "");
}

/* The numbers of the query, as a new array of *count; NULL with the answer
   filled. */
static double *points(const struct memory *m, const struct driver_call *c,
                      size_t *count, struct driver_answer *a)
{
    const json_t *value =
        json_object_get(json_object_get(m->mine, "values"), expr_of(c));
    size_t many = json_is_array(value) ? json_array_size(value) : 1;
    double *all;
    *count = 0;
    if (!value || !many) {
        answer_fail(a, OUTCOME_NO_DATA, "metric %s: no value for %s", c->system,
                    expr_of(c));
        return NULL;
    }
    all = calloc(many, sizeof *all);
    for (size_t i = 0; all && i < many; i++) {
        const json_t *one =
            json_is_array(value) ? json_array_get(value, i) : value;
        if (json_is_number(one))
            all[(*count)++] = json_number_value(one);
    }
    if (!all || *count < many) {
        answer_fail(a, OUTCOME_REJECTED,
                    "metric %s: the values of %s are not all numbers",
                    c->system, expr_of(c));
        free(all);
        all = NULL;
    }
    return all;
}

static json_t *one_value(const struct driver_call *c, double value)
{
    return json_pack("{s:f, s:i, s:f, s:i, s:s}", "value", value, "age", 0,
                     "at", (double)clock_wall() / 1000.0, "series", 1, "expr",
                     expr_of(c));
}

static int query(const struct driver_call *c, struct driver_answer *a)
{
    struct memory m;
    double *all;
    size_t count;
    if (memory_open(&m, c, keys, 0, a) != 0)
        return 0;
    all = points(&m, c, &count, a);
    if (all)
        answer_ok(a, one_value(c, all[count - 1]));
    free(all);
    memory_close(&m);
    return 0;
}

static json_t *summary(const struct driver_call *c, const double *all,
                       size_t count, double *scratch)
{
    struct metric_statistics s;
    json_t *list = json_array();
    metric_statistics(all, count, scratch, &s);
    for (size_t i = count > MOST ? count - MOST : 0; i < count; i++)
        json_array_append_new(list, json_real(all[i]));
    return json_pack(
        "{s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:i, s:i, s:o, s:s}", "count",
        (json_int_t)count, "first", s.first, "last", s.last, "min", s.min,
        "max", s.max, "mean", s.mean, "median", s.median, "p95", s.p95, "age",
        0, "series", 1, "points", list, "expr", expr_of(c));
}

static int range(const struct driver_call *c, struct driver_answer *a)
{
    struct memory m;
    double *all, *scratch;
    size_t count;
    if (memory_open(&m, c, keys, 0, a) != 0)
        return 0;
    all = points(&m, c, &count, a);
    if (all) {
        scratch = calloc(count, sizeof *scratch);
        if (scratch)
            answer_ok(a, summary(c, all, count, scratch));
        else
            answer_fail(a, OUTCOME_RETRYABLE, "no memory");
        free(scratch);
    }
    free(all);
    memory_close(&m);
    return 0;
}

static int await(const struct driver_call *c, struct driver_answer *a)
{
    double value, below, above;
    query(c, a);
    if (a->outcome != OUTCOME_OK)
        return 0;
    value = value_number(a->value, "value", 0);
    below = value_number(c->args, "below", value);
    above = value_number(c->args, "above", value);
    if (value > below || value < above)
        return answer_fail(a, OUTCOME_NOT_REACHED,
                           "metric %s: %s is %g, and stays so", c->system,
                           expr_of(c), value);
    json_object_del(a->value, "at");
    json_object_del(a->value, "series");
    json_object_set_new(a->value, "took", json_integer(0));
    return 0;
}

static const struct driver_option options[] = {
    {"values", "table", 0,
     "query = number, or a list of numbers, oldest first, at the start"},
    MEMORY_OPTIONS,
    {NULL, NULL, 0, NULL},
};

static const struct driver_verb verbs[] = {
    {"metric.query", SETTLE_PURE, query, NULL},
    {"metric.range", SETTLE_PURE, range, NULL},
    {"metric.await", SETTLE_PURE, await, NULL},
    {NULL, SETTLE_PURE, NULL, NULL},
};

const struct driver metric_memory = {
    .family = "metric",
    .name = "memory",
    .text = "numbers that are only remembered, for drills and tests",
    .options = options,
    .verbs = verbs,
    .check = NULL,
    .quick = 1,
};
