/* Versions and ranges: core/drivers/git_semver.h. */
#include "../../core/drivers/git_semver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void versions_are_told_from_others(void **state)
{
    static const char *const good[] = {"0.0.0",
                                       "1.2.3",
                                       "v1.2.3",
                                       "10.20.30",
                                       "1.0.0-alpha",
                                       "1.0.0-alpha.1",
                                       "1.0.0-0.3.7",
                                       "1.0.0-x.7.z.92",
                                       "1.0.0-x-y-z.--",
                                       "1.0.0+20130313144700",
                                       "1.0.0-beta+exp.sha.5114f85",
                                       "1.0.0+21AF26D3----117B344092BD",
                                       "1.0.0-0A.is.legal",
                                       "9007199254740991.0.0",
                                       "1.2.3+001"};
    static const char *const bad[] = {"",
                                      "1",
                                      "1.2",
                                      "1.2.3.4",
                                      "01.2.3",
                                      "1.02.3",
                                      "1.2.3-",
                                      "1.2.3-01",
                                      "1.2.3-a..b",
                                      "1.2.3+",
                                      "1.2.3-a_b",
                                      "vv1.2.3",
                                      "V1.2.3",
                                      "1.2.3 ",
                                      " 1.2.3",
                                      "-1.2.3",
                                      "1.2.x",
                                      "release-1.2.3",
                                      "1.2.3+a+b",
                                      "9007199254740992.0.0",
                                      "99999999999999999999.0.0"};
    struct git_semver v;
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        if (git_semver_parse(good[i], &v) != 0)
            fail_msg("%s is a version", good[i]);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (git_semver_parse(bad[i], &v) == 0)
            fail_msg("\"%s\" is not a version", bad[i]);
    }
}

static void a_prerelease_too_long_is_refused(void **state)
{
    struct git_semver v;
    char text[300] = "1.0.0-";
    (void)state;
    memset(text + 6, 'a', 127);
    assert_int_equal(git_semver_parse(text, &v), 0);
    assert_int_equal(strlen(v.prerelease), 127);
    text[6 + 127] = 'a';
    assert_int_equal(git_semver_parse(text, &v), RB_INVALID);
}

/* The specification's own order (section 11), and what it implies. */
static void precedence_is_that_of_the_specification(void **state)
{
    static const char *const rising[] = {"0.9.9",
                                         "1.0.0-0",
                                         "1.0.0-2",
                                         "1.0.0-11",
                                         "1.0.0-99999999999999999999",
                                         "1.0.0-100000000000000000000",
                                         "1.0.0-alpha",
                                         "1.0.0-alpha.1",
                                         "1.0.0-alpha.beta",
                                         "1.0.0-beta",
                                         "1.0.0-beta.2",
                                         "1.0.0-beta.11",
                                         "1.0.0-rc.1",
                                         "1.0.0",
                                         "1.0.1",
                                         "1.9.0",
                                         "1.10.0",
                                         "2.0.0",
                                         "2.1.0",
                                         "2.1.1",
                                         "11.0.0"};
    struct git_semver a, b;
    (void)state;
    for (size_t i = 0; i < COUNT(rising); i++) {
        for (size_t j = 0; j < COUNT(rising); j++) {
            int want = (i > j) - (i < j), got;
            assert_int_equal(git_semver_parse(rising[i], &a), 0);
            assert_int_equal(git_semver_parse(rising[j], &b), 0);
            got = git_semver_compare(&a, &b);
            if ((got > 0) - (got < 0) != want)
                fail_msg("%s against %s: %d", rising[i], rising[j], got);
        }
    }
}

static void build_metadata_has_no_precedence(void **state)
{
    struct git_semver a, b;
    (void)state;
    assert_int_equal(git_semver_parse("1.0.0+a", &a), 0);
    assert_int_equal(git_semver_parse("1.0.0+b.9", &b), 0);
    assert_int_equal(git_semver_compare(&a, &b), 0);
}

struct row {
    const char *range, *in, *out; /* blank separated versions */
};

static const struct row rows[] = {
    {"latest", "0.0.1 1.0.0 99.9.9", "1.0.0-rc.1"},
    {"*", "0.0.0 1.0.0", "1.0.0-0"},
    {"x", "0.0.0 1.0.0", "1.0.0-0"},
    {"2", "2.0.0 2.99.99", "1.9.9 3.0.0 2.1.0-rc.1 2.0.0-rc.1"},
    {"2.x", "2.0.0 2.99.99", "1.9.9 3.0.0 3.0.0-0"},
    {"v2.x", "2.0.0", "3.0.0"},
    {"2.X.x", "2.0.0", "3.0.0"},
    {"2.4.*", "2.4.0 2.4.77", "2.5.0 2.3.9"},
    {"2.4.1", "2.4.1 2.4.1+b", "2.4.0 2.4.2 2.4.1-rc.1"},
    {"=2.4.1", "2.4.1", "2.4.2"},
    {">=2.3 <3", "2.3.0 2.99.0", "2.2.9 3.0.0 3.0.0-alpha"},
    {">2.3", "2.4.0 3.0.0", "2.3.0 2.3.99"},
    {">2", "3.0.0", "2.0.0 2.99.99"},
    {">2.3.1", "2.3.2", "2.3.1"},
    {"<2.3", "2.2.99", "2.3.0 2.3.0-rc.1"},
    {"<=2.3", "2.3.0 2.3.99 1.0.0", "2.4.0"},
    {"<=2.3.1", "2.3.1", "2.3.2"},
    {"~2.4.1", "2.4.1 2.4.9", "2.4.0 2.5.0 2.5.0-0"},
    {"~2.4", "2.4.0 2.4.9", "2.5.0"},
    {"~2", "2.0.0 2.9.0", "3.0.0"},
    {"^2.4.1", "2.4.1 2.9.0", "2.4.0 3.0.0 3.0.0-rc.1"},
    {"^0.2.3", "0.2.3 0.2.9", "0.3.0 0.2.2"},
    {"^0.0.3", "0.0.3", "0.0.4 0.0.2"},
    {"^0.0", "0.0.0 0.0.9", "0.1.0"},
    {"^0", "0.0.0 0.9.9", "1.0.0"},
    {"1.x || 3.x", "1.5.0 3.0.0", "2.0.0 4.0.0"},
    {"  2.x   <2.5  ", "2.4.9", "2.5.0"},
    {">=2.5.0-rc.1", "2.5.0-rc.1 2.5.0-rc.2 2.5.0 3.0.0",
     "2.5.0-beta 2.6.0-rc.1 3.0.0-rc.1"},
    {"~2.5.0-rc.1", "2.5.0-rc.2 2.5.0 2.5.3", "2.5.1-rc.1 2.6.0"},
    {"2.5.0-rc.1", "2.5.0-rc.1", "2.5.0-rc.2 2.5.0"},
};

static void each_word(const struct row *row, const char *words, int want)
{
    struct git_semver_range range;
    struct error err = {0};
    if (git_semver_range(row->range, &range, &err) != 0)
        fail_msg("%s: %s", row->range, err.message);
    while (*words) {
        char word[64] = "";
        struct git_semver v;
        size_t n = strcspn(words, " ");
        memcpy(word, words, n);
        words += n + strspn(words + n, " ");
        assert_int_equal(git_semver_parse(word, &v), 0);
        if (git_semver_in(&v, &range) != want)
            fail_msg("%s is %s \"%s\"", word, want ? "in" : "not in",
                     row->range);
    }
}

static void ranges_hold_what_they_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        each_word(&rows[i], rows[i].in, 1);
        each_word(&rows[i], rows[i].out, 0);
    }
}

static void malformed_ranges_are_refused(void **state)
{
    static const char *const bad[] = {
        "",        "   ", "||",     "1.x ||", "|| 1.x", "a",     ">",
        ">= 2",    "2.",  ".2",     "2.x.1",  "2..1",   ">x",    "<*",
        "2.4.1.0", "02",  "2.4-",   "!2",     "2,3",    "1.x,2", "Latest",
        "^",       "~",   "2.4.1-", "==2.4.1"};
    struct git_semver_range range;
    struct error err;
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (git_semver_range(bad[i], &range, &err) != RB_INVALID)
            fail_msg("\"%s\" is not a range", bad[i]);
        assert_non_null(strstr(err.message, "not understood"));
    }
}

/* Its last character counts, however long it is. */
static void a_long_condition_is_not_cut(void **state)
{
    struct git_semver_range range;
    struct error err = {0};
    char text[400] = "1.2.3+";
    (void)state;
    memset(text + 6, 'a', 200);
    assert_int_equal(git_semver_range(text, &range, &err), 0);
    text[206] = '!';
    assert_int_equal(git_semver_range(text, &range, &err), RB_INVALID);
    memset(text + 6, 'a', 300);
    assert_int_equal(git_semver_range(text, &range, &err), RB_INVALID);
}

static void a_range_has_a_maximum(void **state)
{
    struct git_semver_range range;
    struct error err = {0};
    char text[4 * (GIT_SEMVER_MAX + 1) + 1] = "";
    (void)state;
    for (int i = 0; i < GIT_SEMVER_MAX; i++)
        strcat(text, ">=1 ");
    assert_int_equal(git_semver_range(text, &range, &err), 0);
    strcat(text, ">=1 ");
    assert_int_equal(git_semver_range(text, &range, &err), RB_INVALID);
    assert_non_null(strstr(err.message, "more than 16"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_told_from_others),
        cmocka_unit_test(a_prerelease_too_long_is_refused),
        cmocka_unit_test(precedence_is_that_of_the_specification),
        cmocka_unit_test(build_metadata_has_no_precedence),
        cmocka_unit_test(ranges_hold_what_they_should),
        cmocka_unit_test(malformed_ranges_are_refused),
        cmocka_unit_test(a_long_condition_is_not_cut),
        cmocka_unit_test(a_range_has_a_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
