/* Which file is the next step, and what lies between two versions. */
#include "../../core/drivers/migrate_plan.h"
#include "../../core/drivers/migrate_ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static json_t *file_list(const char *const *paths)
{
    json_t *list = json_array();
    for (; *paths; paths++)
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "path", *paths, "content", "x"));
    return list;
}

static struct migrate_ledger ledger_at(enum migrate_tool tool,
                                       const char *versions)
{
    struct migrate_ledger l;
    json_t *list = json_loads(versions, 0, NULL), *one;
    size_t i;
    memset(&l, 0, sizeof l);
    l.tool = tool;
    migrate_ledger_begin(&l);
    json_array_foreach(list, i, one)
    {
        const char *const row[6] = {json_string_value(one), "applied"};
        migrate_ledger_take(&l, row);
    }
    migrate_ledger_end(&l);
    json_decref(list);
    return l;
}

static const char *const golang_files[] = {"m/1_a.up.sql",
                                           "m/1_a.down.sql",
                                           "m/9_c.up.sql",
                                           "m/9_c.down.sql",
                                           "m/10_d.up.sql",
                                           "m/readme.md",
                                           NULL};

static int chosen(enum migrate_tool tool, const char *applied,
                  const char *const *paths, enum migrate_direction direction,
                  const char *want, const char *previous)
{
    struct migrate_ledger l = ledger_at(tool, applied);
    struct migrate_plan plan;
    struct error err = {0};
    json_t *files = file_list(paths);
    int rc = migrate_plan_choose(files, &l, direction, &plan, &err);
    if (!rc) {
        assert_string_equal(plan.path, want);
        assert_string_equal(plan.previous, previous);
    }
    migrate_ledger_free(&l);
    json_decref(files);
    return rc;
}

static void golang_steps_by_number(void **state)
{
    enum migrate_tool t = TOOL_GOLANG_MIGRATE;
    (void)state;
    assert_int_equal(
        chosen(t, "[\"9\"]", golang_files, MIGRATE_DOWN, "m/9_c.down.sql", "1"),
        0);
    assert_int_equal(
        chosen(t, "[\"1\"]", golang_files, MIGRATE_DOWN, "m/1_a.down.sql", ""),
        0);
    assert_int_equal(
        chosen(t, "[\"1\"]", golang_files, MIGRATE_UP, "m/9_c.up.sql", ""), 0);
    assert_int_equal(
        chosen(t, "[]", golang_files, MIGRATE_UP, "m/1_a.up.sql", ""), 0);
    assert_int_equal(chosen(t, "[\"10\"]", golang_files, MIGRATE_DOWN, "", ""),
                     RB_NOTFOUND);
    assert_int_equal(chosen(t, "[\"10\"]", golang_files, MIGRATE_UP, "", ""),
                     RB_NOTFOUND);
    assert_int_equal(chosen(t, "[\"5\"]", golang_files, MIGRATE_UP, "", ""),
                     RB_INVALID);
    assert_int_equal(chosen(t, "[]", golang_files, MIGRATE_DOWN, "", ""),
                     RB_NOTFOUND);
}

static void the_others_step_by_set(void **state)
{
    static const char *const files[] = {"1_a.sql", "2_b.sql", "3_c.sql", NULL};
    static const char *const flyway[] = {"V1__a.sql", "V2__b.sql", "U2__b.sql",
                                         "R__v.sql", NULL};
    (void)state;
    assert_int_equal(
        chosen(TOOL_DBMATE, "[\"1\",\"3\"]", files, MIGRATE_UP, "2_b.sql", ""),
        0);
    assert_int_equal(
        chosen(TOOL_GOOSE, "[\"1\",\"3\"]", files, MIGRATE_UP, "", ""),
        RB_INVALID);
    assert_int_equal(
        chosen(TOOL_GOOSE, "[\"1\",\"2\"]", files, MIGRATE_UP, "3_c.sql", ""),
        0);
    assert_int_equal(chosen(TOOL_FLYWAY, "[\"1\",\"2\"]", flyway, MIGRATE_DOWN,
                            "U2__b.sql", "1"),
                     0);
    assert_int_equal(
        chosen(TOOL_FLYWAY, "[\"1\"]", flyway, MIGRATE_DOWN, "", ""),
        RB_NOTFOUND);
}

static void no_two_files_of_one_version(void **state)
{
    static const char *const same[] = {
        "1_a.up.sql",   "002_b.up.sql", "2_c.up.sql",  "002_b.down.sql",
        "2_c.down.sql", "3_d.up.sql",   "03_e.up.sql", NULL};
    enum migrate_tool t = TOOL_GOLANG_MIGRATE;
    (void)state;
    assert_int_equal(chosen(t, "[\"1\"]", same, MIGRATE_UP, "", ""),
                     RB_INVALID);
    assert_int_equal(chosen(t, "[\"2\"]", same, MIGRATE_DOWN, "", ""),
                     RB_INVALID);
    assert_int_equal(chosen(t, "[]", same, MIGRATE_UP, "1_a.up.sql", ""), 0);
}

static void goose_takes_back_what_came_last(void **state)
{
    static const char *const files[] = {"1_a.sql", "2_b.sql", NULL};
    struct migrate_ledger l = ledger_at(TOOL_GOOSE, "[\"1\",\"2\"]");
    struct migrate_plan plan;
    struct error err = {0};
    json_t *list = file_list(files);
    (void)state;
    strcpy(l.last, "1");
    assert_int_equal(migrate_plan_choose(list, &l, MIGRATE_DOWN, &plan, &err),
                     RB_INVALID);
    assert_non_null(strstr(err.message, "applied 1 last"));
    migrate_ledger_free(&l);
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golang_steps_by_number),
        cmocka_unit_test(the_others_step_by_set),
        cmocka_unit_test(no_two_files_of_one_version),
        cmocka_unit_test(goose_takes_back_what_came_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
