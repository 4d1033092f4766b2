/* The metric reader and its number conversion, as pure code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>

#include "../../lua/reader_metric.h"
#include "../../lua/reader_number.h"

#define RANDOM_NUMBERS 2000000
#define RANDOM_BODIES 20000

/* xorshift64 (Marsaglia 2003): the same numbers in every run. */
static uint64_t seed = 88172645463325252u;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

struct answer {
    int rc;
    struct error err;
    json_t *reply;
    double numbers[64];
    size_t count;
};

/* Read text in chunks of at most chunk bytes. */
static void answer(const char *text, size_t size, size_t chunk,
                   const char *options, struct answer *a)
{
    struct metric *m = NULL;
    const struct point *points = NULL;
    json_t *o = json_loads(options, 0, NULL);
    memset(a, 0, sizeof *a);
    a->rc = metric_open(o, &m, &a->err);
    for (size_t at = 0; !a->rc && at < size; at += chunk)
        a->rc = metric_push(m, text + at, size - at < chunk ? size - at : chunk,
                            &a->err);
    if (!a->rc)
        a->rc = metric_finish(m, &a->reply, &points, &a->count, &a->err);
    if (!a->rc) {
        assert_true(a->count <= 32);
        for (size_t i = 0; i < a->count; i++) {
            a->numbers[2 * i] = points[i].t;
            a->numbers[2 * i + 1] = points[i].v;
        }
    }
    metric_free(m);
    json_decref(o);
}

#define ANSWER(type, result)                                                   \
    "{\"status\":\"success\",\"data\":{\"resultType\":\"" type                 \
    "\",\"result\":" result "}}"

#define RANGE                                                                  \
    ANSWER("matrix",                                                           \
           "[{\"metric\":{\"__name__\":\"up\",\"job\":\"sh\\u00f6p\"},"        \
           "\"values\":[[1763700000,\"1\"],[1763700001.5,\"-0.25\"],"          \
           "[1763700002,\"NaN\"],[1763700003,\"+Inf\"],"                       \
           "[1763700004,\"0.30000000000000004\"],[1763700005,\"1e-7\"],"       \
           "[1763700006,\"123456789012345680000\"],[1763700007,\"-Inf\"]]}]")

static void check_range(const struct answer *a)
{
    static const double want[] = {1763700000,   1,
                                  1763700001.5, -0.25,
                                  1763700002,   NAN,
                                  1763700003,   INFINITY,
                                  1763700004,   0.30000000000000004,
                                  1763700005,   1e-7,
                                  1763700006,   123456789012345680000.0,
                                  1763700007,   -INFINITY};
    assert_int_equal(a->rc, 0);
    assert_int_equal(a->count, 8);
    for (size_t i = 0; i < 16; i++)
        assert_true(a->numbers[i] == want[i] ||
                    (isnan(a->numbers[i]) && isnan(want[i])));
    assert_string_equal(json_string_value(json_array_get(
                            json_object_get(a->reply, "names"), 0)),
                        "up{job=\"sh\xc3\xb6p\"}");
}

static void every_chunk_size_reads_the_same(void **state)
{
    (void)state;
    for (size_t chunk = 1; chunk <= sizeof RANGE; chunk++) {
        struct answer a;
        answer(RANGE, sizeof RANGE - 1, chunk, "{}", &a);
        check_range(&a);
        json_decref(a.reply);
    }
}

static void every_prefix_is_refused(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof RANGE - 1; size++) {
        struct answer a;
        answer(RANGE, size, size + 1, "{}", &a);
        assert_int_equal(a.rc, RB_INVALID);
        assert_non_null(strstr(a.err.message, "byte "));
    }
}

/* A run long enough for the short cut, against one read byte by byte. */
static void short_cut_and_long_way_agree(void **state)
{
    struct answer a, b;
    char text[4096];
    size_t size;
    (void)state;
    for (int round = 0; round < 2000; round++) {
        size = (size_t)snprintf(text, sizeof text, "%s",
                                "{\"status\":\"success\",\"data\":{"
                                "\"resultType\":\"matrix\",\"result\":"
                                "[{\"metric\":{},\"values\":[");
        for (int i = 0; i < 30; i++) {
            double v =
                (double)next_random() / (double)(1u << next_random() % 31);
            size += (size_t)snprintf(
                text + size, sizeof text - size, "%s[%d%s,\"%s%.*g\"]",
                i ? "," : "", 1763700000 + i, i % 3 ? "" : ".125",
                next_random() & 1 ? "-" : "", (int)(next_random() % 17) + 1, v);
        }
        size += (size_t)snprintf(text + size, sizeof text - size, "]}]}}");
        answer(text, size, size, "{}", &a);
        answer(text, size, 1, "{}", &b);
        assert_int_equal(a.rc, 0);
        assert_int_equal(b.rc, 0);
        assert_int_equal(a.count, 30);
        assert_memory_equal(a.numbers, b.numbers, sizeof a.numbers);
        json_decref(a.reply);
        json_decref(b.reply);
    }
}

static const struct {
    const char *text, *message;
} malformed[] = {
    {"", "ends too early"},
    {"x", "a value is due"},
    {"[]", "not what Prometheus answers"},
    {"{}", "the status"},
    {"{\"status\":\"success\"}", "without a result"},
    {"{\"status\":\"success\",\"data\":{}}", "without a result"},
    {"{\"status\":\"odd\"}", "the status"},
    {"{\"status\":\"success\",}", "a key is due"},
    {"{\"status\":\"success\" \"a\":1}", "','"},
    {"{\"status\" \"success\"}", "':'"},
    {"{\"status\":\"a\",\"status\":\"b\"}", "stands twice"},
    {ANSWER("vector", "[]") "x", "the end of the text"},
    {ANSWER("vector", "[]") "{}", "the end of the text"},
    {ANSWER("vector", "[1763700000,\"1\"]"), "of another form"},
    {ANSWER("scalar", "[]"), "of another form"},
    {ANSWER("scalar", "[1763700000,\"abc\"]"), "the scalar value"},
    {ANSWER("scalar", "[1763700000]"), "1 parts"},
    {ANSWER("odd", "[]"), "the result type"},
    {ANSWER("vector", "[{\"value\":[1,\"1\",2]}]"), "another form"},
    {ANSWER("vector", "[{\"value\":[\"1\",\"1\"]}]"), "another form"},
    {ANSWER("vector", "[{\"value\":[1,2]}]"), "another form"},
    {ANSWER("vector", "[{\"value\":[1,\"0x10\"]}]"), "the sample value"},
    {ANSWER("vector", "[{\"value\":[1,\"1 \"]}]"), "the sample value"},
    {ANSWER("vector", "[{\"value\":[1,\"\"]}]"), "the sample value"},
    {ANSWER("vector", "[{\"value\":[01,\"1\"]}]"), "malformed number"},
    {ANSWER("vector", "[{\"value\":[1.,\"1\"]}]"), "malformed number"},
    {ANSWER("vector", "[{\"value\":[1e999,\"1\"]}]"), "malformed number"},
    {ANSWER("vector", "[{\"value\":[-,\"1\"]}]"), "malformed number"},
    {ANSWER("vector", "[{\"values\":[1]}]"), "not what Prometheus"},
    {ANSWER("vector", "{}"), "not what Prometheus"},
    {ANSWER("matrix", "[{\"values\":[[2,\"1\"],[1,\"1\"]]}]"), "ascend"},
    {ANSWER("matrix", "[{\"values\":[[1,\"1\"],[1,\"1\"]]}]"), "ascend"},
    {"{\"infos\":tru}", "unknown word"},
    {"{\"infos\":\"\\x\"}", "escape"},
    {"{\"infos\":\"\\u12g4\"}", "\\u escape"},
    {"{\"infos\":\"\\ud800\"}", "surrogate"},
    {"{\"infos\":\"\\udc00\"}", "surrogate"},
    {"{\"infos\":\"\\ud800\\u0041\"}", "surrogate"},
    {"{\"infos\":\"\x01\"}", "control character"},
    {"{\"infos\":\"\xff\"}", "UTF-8"},
    {"{\"infos\":\"\xc0\x80\"}", "UTF-8"},
    {"{\"infos\":\"\xed\xa0\x80\"}", "UTF-8"},
    {"{\"infos\":\"\xe2\x82\"}", "UTF-8"},
    {"{\"infos\":[}", "'}'"},
    {"{\"infos\":[1}", "closing bracket"},
};

static void malformed_is_refused_with_its_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        for (size_t chunk = 1; chunk < 200; chunk += 198) {
            struct answer a;
            answer(malformed[i].text, strlen(malformed[i].text), chunk, "{}",
                   &a);
            if (a.rc != RB_INVALID ||
                !strstr(a.err.message, malformed[i].message))
                fail_msg("%s: %d %s", malformed[i].text, a.rc, a.err.message);
        }
    }
}

static void nesting_is_bounded(void **state)
{
    char text[200] = "{\"infos\":";
    struct answer a;
    (void)state;
    memset(text + 9, '[', 60);
    answer(text, 69, 69, "{}", &a);
    assert_int_equal(a.rc, RB_INVALID);
    assert_non_null(strstr(a.err.message, "byte 40: more than 32 levels"));
}

#define TWO                                                                    \
    ANSWER("matrix",                                                           \
           "[{\"metric\":{\"i\":\"a\"},\"values\":[[10,\"1\"],[20,\"2\"]]},"   \
           "{\"metric\":{\"i\":\"b\"},\"values\":[[5,\"7\"],[20,\"4\"],"       \
           "[30,\"NaN\"]]},"                                                   \
           "{\"metric\":{\"i\":\"c\"},\"values\":[[20,\"NaN\"],[30,\"9\"]]}]")

static void check_fold(const char *options, const double *want, size_t count)
{
    struct answer a;
    answer(TWO, strlen(TWO), 7, options, &a);
    assert_int_equal(a.rc, 0);
    assert_int_equal(a.count, count);
    for (size_t i = 0; i < 2 * count; i++)
        assert_true(a.numbers[i] == want[i] ||
                    (isnan(a.numbers[i]) && isnan(want[i])));
    assert_int_equal(value_int(a.reply, "series", 0), 3);
    json_decref(a.reply);
}

static void series_are_folded_by_time(void **state)
{
    static const double sum[] = {5, 7, 10, 1, 20, NAN, 30, NAN};
    static const double max[] = {5, 7, 10, 1, 20, 4, 30, 9};
    static const double min[] = {5, 7, 10, 1, 20, 2, 30, 9};
    static const double mean[] = {5, 7, 10, 1, 20, NAN, 30, NAN};
    (void)state;
    check_fold("{\"fold\":\"sum\"}", sum, 4);
    check_fold("{\"fold\":\"max\"}", max, 4);
    check_fold("{\"fold\":\"min\"}", min, 4);
    check_fold("{\"fold\":\"mean\"}", mean, 4);
    check_fold("{}", sum, 0); /* nobody said which series is meant */
}

static void mean_counts_the_samples_of_each_time(void **state)
{
    struct answer a;
    const char *text = ANSWER("matrix", "[{\"values\":[[1,\"1\"],[2,\"2\"]]},"
                                        "{\"values\":[[2,\"4\"],[3,\"9\"]]},"
                                        "{\"values\":[[2,\"6\"]]}]");
    (void)state;
    answer(text, strlen(text), 100, "{\"fold\":\"mean\"}", &a);
    assert_int_equal(a.count, 3);
    assert_true(a.numbers[1] == 1 && a.numbers[3] == 4 && a.numbers[5] == 9);
    json_decref(a.reply);
}

static void points_are_bounded(void **state)
{
    struct answer a;
    (void)state;
    answer(RANGE, sizeof RANGE - 1, 4096, "{\"max_points\":7}", &a);
    assert_int_equal(a.rc, RB_TOOBIG);
    answer(RANGE, sizeof RANGE - 1, 4096, "{\"max_points\":8}", &a);
    assert_int_equal(a.rc, 0);
    json_decref(a.reply);
    answer(RANGE, sizeof RANGE - 1, 4096, "{\"max_points\":0}", &a);
    assert_int_equal(a.rc, RB_INVALID);
    answer(RANGE, sizeof RANGE - 1, 4096, "{\"fold\":\"median\"}", &a);
    assert_int_equal(a.rc, RB_INVALID);
}

static void what_is_no_series_is_told(void **state)
{
    struct answer a;
    const char *text =
        "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"no\","
        "\"data\":null,\"warnings\":[\"w\"],\"infos\":[{\"a\":[1,{}]}]}";
    (void)state;
    answer(text, strlen(text), 3, "{}", &a);
    assert_int_equal(a.rc, 0);
    assert_string_equal(value_text(a.reply, "error_type", ""), "bad_data");
    assert_string_equal(value_text(a.reply, "error", ""), "no");
    assert_int_equal(json_array_size(json_object_get(a.reply, "warnings")), 1);
    json_decref(a.reply);
    text = ANSWER("scalar", "[1763700000.25,\"42\"]");
    answer(text, strlen(text), 3, "{}", &a);
    assert_int_equal(a.count, 1);
    assert_true(a.numbers[0] == 1763700000.25 && a.numbers[1] == 42);
    json_decref(a.reply);
    text = ANSWER("string", "[1763700000,\"5\"]");
    answer(text, strlen(text), 3, "{}", &a);
    assert_int_equal(a.count, 0);
    assert_string_equal(value_text(a.reply, "text", ""), "5");
    json_decref(a.reply);
}

static void numbers_are_what_strtod_says(void **state)
{
    (void)state;
    number_init();
    for (int i = 0; i < RANDOM_NUMBERS; i++) {
        uint64_t digits = next_random() >> next_random() % 64;
        unsigned scale = (unsigned)(next_random() % (NUMBER_MAX_SCALE + 1));
        double want, got = number_scaled(digits, scale);
        char text[64];
        snprintf(text, sizeof text, "%llue-%u", (unsigned long long)digits,
                 scale);
        want = strtod(text, NULL);
        if (memcmp(&want, &got, sizeof want) != 0)
            fail_msg("%s: %.17g, not %.17g", text, got, want);
    }
}

/* Halfway between two doubles, and one digit beside it. */
static void ties_are_rounded_to_even(void **state)
{
    static const uint64_t hard[] = {9007199254740993u,     9007199254740992u,
                                    9007199254740995u,     18014398509481990u,
                                    18446744073709551615u, 1};
    (void)state;
    for (size_t i = 0; i < sizeof hard / sizeof *hard; i++) {
        for (unsigned scale = 0; scale <= NUMBER_MAX_SCALE; scale++) {
            double want, got = number_scaled(hard[i], scale);
            char text[64];
            snprintf(text, sizeof text, "%llue-%u", (unsigned long long)hard[i],
                     scale);
            want = strtod(text, NULL);
            assert_memory_equal(&want, &got, sizeof want);
        }
    }
    assert_true(number_scaled(0, 0) == 0 && number_scaled(0, 27) == 0);
}

/* The short cut counts to the sample, the long way to the byte in it. */
static const char *cause(const struct answer *a)
{
    const char *colon = strstr(a->err.message, ": ");
    return colon ? colon : a->err.message;
}

/* Bodies with a few bytes changed: no chunking may change what comes of
   them (and a sanitizer build looks on). */
static void changed_bodies_end_the_same_way(void **state)
{
    char text[sizeof RANGE];
    (void)state;
    for (int i = 0; i < RANDOM_BODIES; i++) {
        struct answer a, b;
        size_t size = sizeof RANGE - 1;
        memcpy(text, RANGE, sizeof RANGE);
        for (int n = 0; n < 3; n++)
            text[next_random() % size] =
                n == 2 ? (char)next_random() : "[]{},:\"0\\e-."[i % 12];
        answer(text, size, size, "{}", &a);
        answer(text, size, 1 + next_random() % 9, "{}", &b);
        assert_int_equal(a.rc, b.rc);
        if (a.rc)
            assert_string_equal(cause(&a), cause(&b));
        else
            assert_memory_equal(a.numbers, b.numbers, sizeof a.numbers);
        json_decref(a.reply);
        json_decref(b.reply);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_chunk_size_reads_the_same),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(short_cut_and_long_way_agree),
        cmocka_unit_test(malformed_is_refused_with_its_reason),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(series_are_folded_by_time),
        cmocka_unit_test(mean_counts_the_samples_of_each_time),
        cmocka_unit_test(points_are_bounded),
        cmocka_unit_test(what_is_no_series_is_told),
        cmocka_unit_test(numbers_are_what_strtod_says),
        cmocka_unit_test(ties_are_rounded_to_even),
        cmocka_unit_test(changed_bodies_end_the_same_way),
    };
    return cmocka_run_group_tests_name("reader_metric", tests, NULL, NULL);
}
