/* Secrets: references, what they name, and redaction by value. */
#define _GNU_SOURCE
#include "../../core/engine/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_place.h"

static void references(void **state)
{
    (void)state;
    assert_true(secret_is_reference("env:TOKEN"));
    assert_true(secret_is_reference("file:token"));
    assert_true(secret_is_reference("credential:token"));
    assert_false(secret_is_reference("environment"));
    assert_false(secret_is_reference("https://example.com"));
}

static void read_them(void **state)
{
    struct secrets s = {NULL, 0, place};
    struct error err = {0};
    char *value = NULL;
    size_t size;
    (void)state;
    file_put("token", "of the file\n", 12);
    assert_int_equal(secret_read(&s, "file:token", &value, &size, &err), 0);
    assert_int_equal(size, 11); /* its final newline is not the secret's */
    assert_string_equal(value, "of the file");
    free(value);
    setenv("UNIT_TOKEN", "of the environment", 1);
    assert_int_equal(secret_read(&s, "env:UNIT_TOKEN", &value, &size, &err), 0);
    assert_string_equal(value, "of the environment");
    free(value);
    assert_int_equal(secret_read(&s, "env:UNIT_NONE", &value, &size, &err),
                     RB_NOTFOUND);
    assert_non_null(strstr(err.message, "UNIT_NONE"));
    assert_int_equal(secret_read(&s, "file:none", &value, &size, &err),
                     RB_NOTFOUND);
    secrets_free(&s);
}

/* Everywhere, in names too; touching and overlapping ones in one mark. */
static void redact(void **state)
{
    struct secrets s = {NULL, 0, place};
    struct error err = {0};
    struct buf text = BUF_INIT(1000);
    json_t *plain, *hidden;
    char *value = NULL;
    size_t size;
    (void)state;
    setenv("UNIT_ONE", "hunter2222", 1);
    setenv("UNIT_TWO", "2222swordfish", 1);
    assert_int_equal(secret_read(&s, "env:UNIT_ONE", &value, &size, &err), 0);
    free(value);
    assert_int_equal(secret_read(&s, "env:UNIT_TWO", &value, &size, &err), 0);
    free(value);
    plain = json_pack("{s:[s, {s:s}], s:i}", "list", "x hunter2222 y",
                      "2222swordfish", "hunter2222swordfish", "n", 7);
    hidden = secret_redact(&s, plain);
    assert_int_equal(value_encode(hidden, &text), 0);
    assert_null(strstr(buf_text(&text), "hunter"));
    assert_null(strstr(buf_text(&text), "swordfish"));
    assert_non_null(strstr(buf_text(&text), "x [redacted:"));
    assert_non_null(strstr(buf_text(&text), "\"n\":7"));
    buf_clear(&text);
    buf_adds(&text, "password hunter2222 is wrong");
    secret_redact_text(&s, &text);
    assert_null(strstr(buf_text(&text), "hunter"));
    json_decref(hidden);
    json_decref(plain);
    buf_free(&text);
    secrets_free(&s);
}

static void resolve(void **state)
{
    struct secrets s = {NULL, 0, place};
    struct error err = {0};
    json_t *binding = json_pack("{s:s, s:{s:s}}", "url", "http://x", "set",
                                "TOKEN", "env:UNIT_ONE");
    json_t *bad = json_pack("{s:s}", "token", "env:UNIT_NONE"), *out = NULL;
    (void)state;
    setenv("UNIT_ONE", "hunter2222", 1);
    assert_int_equal(secret_resolve(&s, binding, &out, &err), 0);
    assert_string_equal(value_text(json_object_get(out, "set"), "TOKEN", ""),
                        "hunter2222");
    assert_string_equal(value_text(out, "url", ""), "http://x");
    /* The environment's own table still holds the reference only. */
    assert_string_equal(
        value_text(json_object_get(binding, "set"), "TOKEN", ""),
        "env:UNIT_ONE");
    json_decref(out);
    out = NULL;
    assert_int_not_equal(secret_resolve(&s, bad, &out, &err), 0);
    assert_non_null(strstr(err.message, "UNIT_NONE"));
    json_decref(binding);
    json_decref(bad);
    secrets_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references),
        cmocka_unit_test(read_them),
        cmocka_unit_test(redact),
        cmocka_unit_test(resolve),
    };
    return cmocka_run_group_tests(tests, place_make, place_remove);
}
