/* Redaction by value: nothing of a secret is left, nothing else is lost. */
#define _GNU_SOURCE
#include "../../core/engine/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void learn(struct secrets *s, const char *name, const char *value)
{
    char reference[64] = "env:", *read;
    size_t size;
    struct error err = {0};
    strcat(reference, name);
    assert_int_equal(setenv(name, value, 1), 0);
    if (secret_read(s, reference, &read, &size, &err) != 0)
        fail_msg("%s", err.message);
    free(read);
    unsetenv(name);
}

static const struct {
    const char *first, *second, *text, *shown;
} rows[] = {
    {"hunter22", "tok-1234", "a hunter22 b tok-1234.",
     "a [redacted:env:ONE] b [redacted:env:TWO]."},
    {"hunter22", "tok-1234", "nothing in it", "nothing in it"},
    /* one inside the other, whichever was learnt first */
    {"abcd", "abcdefgh", "x abcdefgh y abcd z",
     "x [redacted:env:TWO] y [redacted:env:ONE] z"},
    {"abcdefgh", "cdef", "x abcdefgh y cdef z",
     "x [redacted:env:ONE] y [redacted:env:TWO] z"},
    /* they share bytes: neither leaves the rest of the other */
    {"abcd1234", "1234efgh", "<abcd1234efgh>", "<[redacted:env:ONE]>"},
    {"1234efgh", "abcd1234", "<abcd1234efgh>", "<[redacted:env:TWO]>"},
    {"abab", "zzzz", "<ababab>", "<[redacted:env:ONE]>"},
    {"aaaa", "bbbb", "aaaabbbb", "[redacted:env:ONE]"},
    /* the mark itself is no occurrence */
    {"redacted", "hunter22", "hunter22 redacted",
     "[redacted:env:TWO] [redacted:env:ONE]"},
    /* a password is a secret by itself */
    {"http://u:pass99@h/", "hunter22", "no pass99 at http://u:pass99@h/",
     "no [redacted:env:ONE] at [redacted:env:ONE]"},
    /* too short to be told from words */
    {"abc", "hunter22", "abc hunter22", "abc [redacted:env:TWO]"},
};

static void texts_lose_their_secrets(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct secrets s = {NULL, 0, "/"};
        struct buf b = BUF_INIT(1000);
        learn(&s, "ONE", rows[i].first);
        learn(&s, "TWO", rows[i].second);
        assert_int_equal(buf_adds(&b, rows[i].text), 0);
        secret_redact_text(&s, &b);
        assert_string_equal(buf_text(&b), rows[i].shown);
        buf_free(&b);
        secrets_free(&s);
    }
}

static void no_room_leaves_nothing(void **state)
{
    struct secrets s = {NULL, 0, "/"};
    struct buf b = BUF_INIT(12);
    (void)state;
    learn(&s, "ONE", "hunter22");
    assert_int_equal(buf_adds(&b, "a hunter22 b"), 0);
    secret_redact_text(&s, &b);
    assert_int_equal(b.size, 0);
    assert_string_equal(buf_text(&b), "");
    buf_free(&b);
    secrets_free(&s);
}

static void names_and_texts_of_a_value(void **state)
{
    struct secrets s = {NULL, 0, "/"};
    struct buf out = BUF_INIT(1000);
    json_t *value = json_pack("{s:[s, i, {s:s}], s:s}", "hunter22", "hunter22",
                              1, "x-hunter22", "y", "z", "hunter2");
    json_t *safe;
    (void)state;
    learn(&s, "ONE", "hunter22");
    safe = secret_redact(&s, value);
    assert_int_equal(value_encode(safe, &out), 0);
    assert_string_equal(out.data,
                        "{\"[redacted:env:ONE]\":[\"[redacted:env:ONE]\",1,"
                        "{\"x-[redacted:env:ONE]\":\"y\"}],"
                        "\"z\":\"hunter2\"}");
    json_decref(value);
    json_decref(safe);
    buf_free(&out);
    secrets_free(&s);
}

/* Half a character left over would be a text that no journal can hold. */
static void a_secret_may_end_inside_a_character(void **state)
{
    struct secrets s = {NULL, 0, "/"};
    json_t *value = json_string("<abcd\xc3\xa9>"), *safe;
    (void)state;
    learn(&s, "ONE", "abcd\xc3");
    safe = secret_redact(&s, value);
    assert_string_equal(json_string_value(safe), "[redacted]");
    json_decref(value);
    json_decref(safe);
    secrets_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_lose_their_secrets),
        cmocka_unit_test(no_room_leaves_nothing),
        cmocka_unit_test(names_and_texts_of_a_value),
        cmocka_unit_test(a_secret_may_end_inside_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
