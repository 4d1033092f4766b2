/* What an environment may be called, and that no pattern of a grant is cut. */
#define _GNU_SOURCE
#include "../../core/engine/environment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define FILE_NAME "/etc/rbrun/lab.lua"

static int take(json_t *table, struct environment *e, struct error *err)
{
    int rc;
    memset(e, 0, sizeof *e);
    rc = environment_take(e, FILE_NAME, table, err);
    json_decref(table);
    return rc;
}

static void a_name_can_be_typed(void **state)
{
    static const char *const bad[] = {"", "\x1b[2J", "lab\n", "l\xc2\x9b",
                                      "\xe2\x80\xaelab"};
    struct environment e;
    struct error err = {0};
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(take(json_pack("{s:s}", "name", bad[i]), &e, &err),
                         RB_INVALID);
        assert_non_null(strstr(err.message, FILE_NAME ": name must be"));
    }
    assert_int_equal(take(json_pack("{s:s}", "name",
                                    "l\xc3\xa4"
                                    "b 1"),
                          &e, &err),
                     0);
    assert_string_equal(e.name, "l\xc3\xa4"
                                "b 1");
    environment_free(&e);
}

static void a_long_name_is_not_cut(void **state)
{
    char longest[65] = "";
    struct environment e;
    struct error err = {0};
    (void)state;
    memset(longest, 'n', sizeof longest - 1);
    assert_int_equal(take(json_pack("{s:s}", "name", longest), &e, &err),
                     RB_INVALID);
    longest[63] = '\0';
    assert_int_equal(take(json_pack("{s:s}", "name", longest), &e, &err), 0);
    assert_string_equal(e.name, longest);
    environment_free(&e);
}

/* Cut at 127 bytes it would have ended in a "*". */
static void a_long_system_is_not_cut(void **state)
{
    char grant[200] = "deploy.release ";
    struct environment e;
    struct error err = {0};
    (void)state;
    memset(grant + 15, 'a', 126);
    strcpy(grant + 15 + 126, "*b");
    assert_int_equal(take(json_pack("{s:s, s:{s:[s]}}", "name", "lab", "grants",
                                    "api.lua", grant),
                          &e, &err),
                     RB_INVALID);
    assert_non_null(strstr(err.message, "grants[\"api.lua\"]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_can_be_typed),
        cmocka_unit_test(a_long_name_is_not_cut),
        cmocka_unit_test(a_long_system_is_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
