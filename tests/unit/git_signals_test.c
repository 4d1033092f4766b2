/* What CI results amount to, and how notes are read. */
#include "../../core/drivers/git_signals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

struct row {
    const char *note;
    const char *state;
    size_t signals;
};

static const struct row rows[] = {
    {"", "unknown", 0},
    {"\n\n# a comment\n", "unknown", 0},
    {"build: success", "green", 1},
    {"build: success\n", "green", 1},
    {"  build :\tsuccess \r\n", "green", 1},
    {"build: success\ntest: success\n", "green", 2},
    {"build: success\ntest: failure\n", "red", 2},
    {"build: success\ntest: pending\n", "pending", 2},
    {"a: pending\nb: failure\n", "red", 2},
    {"build: success\ntest: errored\n", "unknown", 2},
    {"build: pending\ntest: errored\n", "pending", 2},
    {"build: SUCCESS\n", "unknown", 1},
    {"build: success maybe\n", "unknown", 1},
    {"all good\n", "unknown", 1},
    {"success\n", "unknown", 1},
    {"build:\n", "unknown", 1},
    {"https://ci.example.org/1: success\n", "green", 1},
    /* merged notes: the order of lines says nothing, so a failure stays */
    {"test: failure\ntest: success\n", "red", 2},
    {"{\"name\":\"build\",\"state\":\"success\"}\n", "green", 1},
    {"{\"name\":\"build\",\"state\":\"failure\",\"url\":\"x\"}", "red", 1},
    {"{\"name\":\"build\"}", "unknown", 1},
    {"{\"state\":\"success\"}", "unknown", 1},
    {"{\"name\":\"build\",\"state\":\"success\"", "unknown", 1},
    {"{\"name\":\"a\",\"state\":\"success\\u0000 not\"}", "unknown", 1},
    {"{\"name\":\"a\",\"state\":\"failure\",\"state\":\"success\"}", "unknown",
     1},
};

static void notes_amount_to_a_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct git_signals s = GIT_SIGNALS_INIT;
        const char *note = rows[i].note;
        assert_int_equal(git_signals_note(&s, note, strlen(note)), 0);
        if (strcmp(git_signals_state(&s), rows[i].state) != 0 ||
            json_array_size(s.list) != rows[i].signals)
            fail_msg("%s: %s, %zu signals", note, git_signals_state(&s),
                     json_array_size(s.list));
        git_signals_free(&s);
    }
}

static void names_may_hold_colons_and_any_bytes(void **state)
{
    static const char note[] = "ci: unit: success\n\xff: success\n";
    struct git_signals s = GIT_SIGNALS_INIT;
    (void)state;
    assert_int_equal(git_signals_note(&s, note, sizeof note - 1), 0);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(s.list, 0), "name")),
        "ci: unit");
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(s.list, 1), "name")),
        "\xef\xbf\xbd");
    git_signals_free(&s);
}

static void too_many_signals_are_an_error(void **state)
{
    struct git_signals s = GIT_SIGNALS_INIT;
    (void)state;
    for (int i = 0; i < GIT_SIGNALS_MAX; i++)
        assert_int_equal(git_signals_note(&s, "a: success", 10), 0);
    assert_int_equal(git_signals_note(&s, "a: success", 10), RB_TOOBIG);
    git_signals_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes_amount_to_a_state),
        cmocka_unit_test(names_may_hold_colons_and_any_bytes),
        cmocka_unit_test(too_many_signals_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
