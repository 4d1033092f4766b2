/* Durations, values and messages: core/wire without frames. */
#include "../../core/wire/utf8.h"
#include "../../core/wire/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void durations_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"250ms", 250},    {"30s", 30000},     {"5m", 300000},
        {"2h", 7200000},   {"1d", 86400000},   {"1h30m", 5400000},
        {"1.5h", 5400000}, {"0s", 0},          {"0.4ms", 0},
        {"007s", 7000},    {"1h30m", 5400000}, {"365d", 31536000000},
        {"2m05s", 125000}, {"0.0005s", 1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct error err = {0};
        int64_t ms = -1;
        if (duration_parse(rows[i].text, &ms, &err) != 0 || ms != rows[i].ms)
            fail_msg("%s: %lld %s", rows[i].text, (long long)ms, err.message);
    }
}

static void other_texts_are_no_durations(void **state)
{
    static const char *const rows[] = {
        "",    "5",    "s",    "-1s",  "+1s",    " 1s",     "1s ",    "1 s",
        "1S",  "1sec", ".5s",  "1.s",  "1e3s",   "0x10m",   "0x1p3s", "inf",
        "nan", "infs", "1h30", "366d", "1e400s", "365d1ms", "1h-5m",  "1,5s",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct error err = {0};
        int64_t ms = -1;
        if (duration_parse(rows[i], &ms, &err) != RB_INVALID || ms != -1)
            fail_msg("\"%s\" is %lld ms", rows[i], (long long)ms);
        assert_non_null(strstr(err.message, "no duration"));
    }
}

static json_t *read(const char *text);

/* 0 is what is no whole number. */
static void whole_numbers_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t number;
    } rows[] = {
        {"7", 7},
        {"-7", -7},
        {"50.0", 50},
        {"-3.0", -3},
        {"1e3", 1000},
        {"0.5", 0},
        {"1e300", 0},
        {"-1e300", 0},
        {"9e18", 0},
        {"\"7\"", 0},
        {"true", 0},
        {"[7]", 0},
        {"9223372036854775807", INT64_MAX},
        {"9007199254740992.0", 9007199254740992},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *object = json_object();
        json_object_set_new(object, "n", read(rows[i].text));
        if (value_int(object, "n", 0) != rows[i].number)
            fail_msg("%s: %lld", rows[i].text,
                     (long long)value_int(object, "n", 0));
        json_decref(object);
    }
}

static json_t *read(const char *text)
{
    struct error err = {0};
    json_t *value = NULL;
    if (value_decode(text, strlen(text), &value, &err) != 0)
        fail_msg("%s: %s", text, err.message);
    return value;
}

static void equal_values_have_equal_text(void **state)
{
    static const struct {
        const char *a, *b;
        int equal;
    } rows[] = {
        {"{\"a\":1,\"b\":[null]}", " {\"b\" : [ null ], \"a\" : 1 } ", 1},
        {"1", "1.0", 0},
        {"1.0", "1e0", 1},
        {"0.0", "-0.0", 0},
        {"[0.0]", "[-0.0]", 0},
        {"0", "-0", 1},
        {"\"\\u00e9\"", "\"\xc3\xa9\"", 1},
        {"\"a\\u0000b\"", "\"a\"", 0},
        {"{}", "[]", 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *a = read(rows[i].a), *b = read(rows[i].b);
        if (value_equal(a, b) != rows[i].equal)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
        json_decref(a);
        json_decref(b);
    }
}

static int is_whole(const char *text)
{
    size_t left = strlen(text), length;
    for (; left; text += length, left -= length) {
        length = utf8_length(text, left);
        if (!length)
            return 0;
    }
    return 1;
}

/* Each of the maxima falls into the middle of a character for one of them. */
static void a_long_message_ends_with_a_whole_character(void **state)
{
    char text[3001] = "", prefix[900] = "";
    (void)state;
    while (strlen(text) < 2990)
        strcat(text, "\xe2\x82\xac");
    while (strlen(prefix) < 890)
        strcat(prefix, "\xc3\xa9");
    for (size_t i = 0; i < 4; i++) {
        static const char shift[] = "xxx";
        struct error err = {0};
        error_set(&err, RB_IO, "%s%s", shift + i, text);
        assert_true(is_whole(err.message));
        error_next(&err, "%s%s", shift + i, text);
        assert_true(is_whole(err.next));
        error_prefix(&err, "%s%s: ", shift + i, prefix);
        assert_true(is_whole(err.message));
        assert_true(strlen(err.message) > 1500);
        assert_int_equal(err.code, RB_IO);
    }
}

static void a_prefix_stands_before_the_message(void **state)
{
    struct error err = {0};
    (void)state;
    error_set(&err, RB_INVALID, "it is \x1b[2J\xe2\x80\xae%s", "odd");
    error_next(&err, "try again");
    error_prefix(&err, "the file \"%s\": ", "a\x07");
    assert_string_equal(err.message, "the file \"a\\x07\": it is "
                                     "\\x1b[2J\\xe2\\x80\\xaeodd");
    assert_string_equal(err.next, "try again");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read),
        cmocka_unit_test(other_texts_are_no_durations),
        cmocka_unit_test(whole_numbers_are_read),
        cmocka_unit_test(equal_values_have_equal_text),
        cmocka_unit_test(a_long_message_ends_with_a_whole_character),
        cmocka_unit_test(a_prefix_stands_before_the_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
