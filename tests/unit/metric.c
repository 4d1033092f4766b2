/* What rbrun reads out of PromQL, and its statistics. */
#include "../../core/drivers/metric_promql.h"
#include "../../core/drivers/metric_statistics.h"
#include "../../core/wire/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S 1000LL
#define M 60000LL
#define H 3600000LL

static const struct {
    const char *expr;
    int64_t reach;         /* ms */
    const char *selectors; /* joined by a line feed */
} cases[] = {
    {"", 0, ""},
    {"3 + 4.5e-3 - 0x1F * Inf", 0, ""},
    {"up", 0, "up"},
    {"up{job=\"a[5m]\"}", 0, "up{job=\"a[5m]\"}"},
    {"up {job='}'}[5m]", 5 * M, "up {job='}'}"},
    {"{__name__=~`a\\`}", 0, "{__name__=~`a\\`}"},
    {"rate(a[1m])", M, "a"},
    {"rate(a[1m]) / rate(b{x=\"y\"}[1h30m])", 90 * M, "a\nb{x=\"y\"}"},
    {"sum by (job, code) (rate(a[90s]))", 90 * S, "a"},
    {"sum(rate(a[1m])) by (job)", M, "a"},
    {"sum without(job)(a) > bool 3", 0, "a"},
    {"a / on(x) group_left(y) b and c unless d", 0, "a\nb\nc\nd"},
    {"a * IGNORING (x) GROUP_RIGHT b", 0, "a\nb"},
    {"max_over_time(rate(a[1m])[5m:30s])", 6 * M, "a"},
    {"(a + rate(b[2m]))[10m:]", 12 * M, "a\nb"},
    {"rate(a[1m]) + max_over_time(b[30s])", M, "a\nb"},
    {"rate(a[1m] offset 30s)", 90 * S, "a"},
    {"rate(a[1m]) / rate(a[1m] offset 1w)", M, "a"},
    {"a offset -5m", 0, "a"},
    {"a @ end()", 0, "a"},
    {"a[5m] @ 1609746000 + b", 5 * M, "a\nb"},
    {"job:errors:rate5m", 5 * M, "job:errors:rate5m"},
    {"job:errors:rate1h30m / x", 90 * M, "job:errors:rate1h30m\nx"},
    {"job:errors:ratio", 0, "job:errors:ratio"},
    {"job:http_5xx:sum", 0, "job:http_5xx:sum"},
    {"p99_5m", 0, "p99_5m"},
    {"a # b[5h]\n + c", 0, "a\nc"},
    {"label_replace(a, \"x\", \"$1\", \"y\", \"(.*)\")", 0, "a"},
    {"a + a + a", 0, "a"},
    {"histogram_quantile(0.99, sum by (le) (rate(a_bucket[5m])))", 5 * M,
     "a_bucket"},
    {"quantile_over_time(0.5, a[1d])", 24 * H, "a"},
    {"a[1y]", 365 * 24 * H, "a"},
    {"a[100ms]", 100, "a"},
    {"rate(a[300])", 5 * M, "a"}, /* seconds, since Prometheus 3 */
    {"max_over_time(rate(a[60])[300.5:30])", 360500, "a"},
    {"a[99999999999999999999]", 10 * 365 * 24 * H, "a"},
    {"a[99999999999999999999y]", 10 * 365 * 24 * H, "a"},
    /* Prometheus refuses these; they must only end. */
    {"a[5m", 5 * M, "a"},
    {"a{x=\"", 0, "a{x=\""},
    {"((((", 0, ""},
    {")))a", 0, "a"},
    {"a[", 0, "a"},
    {"\"", 0, ""},
    {"offset", 0, ""},
    {"a offset", 0, "a"},
};

static void test_scan(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf got = BUF_INIT(4096);
        struct promql q;
        promql_scan(cases[i].expr, &q);
        for (size_t j = 0; j < q.count; j++)
            buf_addf(&got, "%s%.*s", j ? "\n" : "", (int)q.selectors[j].size,
                     q.selectors[j].text);
        if (q.reach != cases[i].reach)
            print_error("%s\n", cases[i].expr);
        assert_int_equal(q.reach, cases[i].reach);
        assert_string_equal(buf_text(&got), cases[i].selectors);
        buf_free(&got);
    }
}

static void test_depth(void **state)
{
    static char deep[1 << 20];
    struct promql q;
    (void)state;
    memset(deep, '(', sizeof deep - 1);
    promql_scan(deep, &q);
    assert_int_equal(q.count, 0);
    assert_true(q.too_many);
}

static void test_many_selectors(void **state)
{
    struct buf expr = BUF_INIT(4096), out = BUF_INIT(65536);
    struct promql q;
    (void)state;
    for (int i = 0; i < 50; i++)
        buf_addf(&expr, "a%d + ", i);
    promql_scan(buf_text(&expr), &q);
    assert_int_equal(q.count, PROMQL_MAX_SELECTORS);
    /* Never the age of some of them only. */
    assert_int_equal(promql_age_query(&q, 1, 1, &out), RB_TOOBIG);
    buf_free(&expr);
    buf_free(&out);
}

static void test_age_query(void **state)
{
    struct buf out = BUF_INIT(4096), small = BUF_INIT(20);
    struct promql q;
    (void)state;
    promql_scan("1 + 2", &q);
    assert_int_equal(promql_age_query(&q, 1, 1, &out), RB_NOTFOUND);
    promql_scan("rate(a[1m])", &q);
    assert_int_equal(promql_age_query(&q, 300000, 1000, &out), 0);
    assert_string_equal(buf_text(&out),
                        "min(label_replace(max(timestamp(a)) or "
                        "max(max_over_time(timestamp(a)[300000ms:1000ms])),"
                        "\"selector\",\"0\",\"\",\"\"))");
    assert_int_equal(promql_age_query(&q, 1, 1, &small), RB_TOOBIG);
    buf_free(&out);
    buf_free(&small);
}

static void test_statistics(void **state)
{
    double values[101], scratch[101];
    struct metric_statistics s;
    (void)state;
    for (int i = 0; i < 101; i++)
        values[i] = (i * 37) % 101; /* 0..100 in another order */
    metric_statistics(values, 101, scratch, &s);
    assert_true(s.first == 0 && s.last == values[100]);
    assert_true(s.min == 0 && s.max == 100);
    assert_true(s.mean > 49.999999 && s.mean < 50.000001);
    assert_true(s.median == 50 && s.p95 == 95);
    metric_statistics(values + 1, 1, scratch, &s);
    assert_true(s.p95 == 37 && s.median == 37 && s.mean == 37);
    values[0] = 1;
    values[1] = 2;
    metric_statistics(values, 2, scratch, &s);
    assert_true(s.median == 1.5);
    assert_true(s.p95 > 1.949 && s.p95 < 1.951);
    values[0] = values[1] = 1.5e308;
    metric_statistics(values, 2, scratch, &s);
    assert_true(s.mean == 1.5e308);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan),           cmocka_unit_test(test_depth),
        cmocka_unit_test(test_many_selectors), cmocka_unit_test(test_age_query),
        cmocka_unit_test(test_statistics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
