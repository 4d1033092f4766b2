/* Which file is the next step, and what lies between two versions. */
#include "../../core/drivers/migrate_plan.h"
#include "../../core/drivers/migrate_range.h"

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

static size_t count_reasons(enum migrate_tool tool, const char *applied,
                            const char *const *paths)
{
    struct migrate_ledger l = ledger_at(tool, applied);
    struct migrate_range range = {NULL, 0};
    json_t *files = file_list(paths), *reasons = json_array();
    size_t count;
    migrate_range_ledger(files, &l, &range, reasons);
    count = json_array_size(reasons);
    migrate_ledger_free(&l);
    json_decref(files);
    json_decref(reasons);
    return count;
}

static void what_no_file_explains_is_told(void **state)
{
    static const char *const files[] = {"2_b.sql", "3_c.sql", "5_e.sql", NULL};
    (void)state;
    assert_int_equal(count_reasons(TOOL_GOOSE, "[\"2\",\"3\"]", files), 0);
    assert_int_equal(count_reasons(TOOL_GOOSE, "[\"2\",\"4\"]", files), 1);
    assert_int_equal(count_reasons(TOOL_GOOSE, "[\"2\",\"6\"]", files), 1);
    /* Cleared away long ago. */
    assert_int_equal(count_reasons(TOOL_GOOSE, "[\"1\",\"2\"]", files), 0);
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

static json_t *changes(const char *text)
{
    json_error_t error;
    json_t *list = json_loads(text, 0, &error);
    if (!list)
        fail_msg("%s", error.text);
    return list;
}

static void check_item(const struct migrate_range *range, size_t i,
                       const char *path, int applied, const char *code)
{
    const struct migrate_item *item = &range->items[i];
    assert_true(i < range->count);
    assert_string_equal(item->path, path);
    assert_int_equal(item->applied, applied);
    assert_string_equal(
        value_text(json_array_get(item->reasons, 0), "code", ""), code);
    assert_string_equal(item->verdict, code[0] ? "unknown" : "compatible");
    assert_int_equal(item->text != NULL, code[0] == '\0');
}

static void a_range_is_a_difference(void **state)
{
    struct migrate_ledger l = ledger_at(TOOL_GOLANG_MIGRATE, "[\"5\"]");
    struct migrate_range r;
    struct error err;
    json_t *files = changes(
        "[{\"path\":\"10_e.up.sql\",\"change\":\"added\",\"content\":\"x\"},"
        "{\"path\":\"10_e.down.sql\",\"change\":\"added\",\"content\":\"x\"},"
        "{\"path\":\"3_b.up.sql\",\"change\":\"modified\",\"content\":\"x\","
        "\"old_content\":\"y\"},"
        "{\"path\":\"3_b.down.sql\",\"change\":\"modified\",\"content\":\"x\","
        "\"old_content\":\"y\"},"
        "{\"path\":\"2_a.up.sql\",\"change\":\"removed\",\"old_content\":"
        "\"x\"},"
        "{\"path\":\"4_new.up.sql\",\"change\":\"renamed\",\"old_path\":"
        "\"4_old.up.sql\",\"content\":\"x\",\"old_content\":\"x\"},"
        "{\"path\":\"5_n.up.sql\",\"change\":\"renamed\",\"old_path\":"
        "\"6_n.up.sql\",\"content\":\"x\",\"old_content\":\"x\"},"
        "{\"path\":\"old/z.sql\",\"change\":\"renamed\",\"old_path\":"
        "\"1_z.up.sql\",\"content\":\"x\",\"old_content\":\"x\"},"
        "{\"path\":\"1_z.sql.old\",\"change\":\"renamed\",\"old_path\":"
        "\"1_z.down.sql\",\"content\":\"x\",\"old_content\":\"x\"},"
        "{\"path\":\"4_bin.up.sql\",\"change\":\"added\",\"binary\":true},"
        "{\"path\":\"README\",\"change\":\"modified\",\"content\":\"x\","
        "\"old_content\":\"y\"}]");
    (void)state;
    assert_int_equal(migrate_range_collect(files, &l, &r, &err), 0);
    assert_int_equal(r.count, 6);
    check_item(&r, 0, "1_z.up.sql", 1, "migration_removed");
    check_item(&r, 1, "2_a.up.sql", 1, "migration_removed");
    check_item(&r, 2, "3_b.up.sql", 1, "migration_changed");
    check_item(&r, 3, "4_bin.up.sql", 1, "not_text");
    check_item(&r, 4, "5_n.up.sql", 1, "migration_renamed");
    check_item(&r, 5, "10_e.up.sql", 0, "");
    migrate_range_free(&r);
    migrate_ledger_free(&l);
    json_decref(files);
}

/* goose keeps both directions in one file: only the up part counts. */
static void an_edited_down_part_is_no_change(void **state)
{
    struct migrate_ledger l = ledger_at(TOOL_GOOSE, "[\"1\"]");
    struct migrate_range r;
    struct error err;
    json_t *files = changes(
        "[{\"path\":\"1_a.sql\",\"change\":\"modified\","
        "\"content\":\"-- +goose Up\\nx;\\n-- +goose Down\\nnew;\\n\","
        "\"old_content\":\"-- +goose Up\\nx;\\n-- +goose Down\\nold;\\n\"}]");
    (void)state;
    assert_int_equal(migrate_range_collect(files, &l, &r, &err), 0);
    assert_int_equal(r.count, 0);
    migrate_range_free(&r);
    migrate_ledger_free(&l);
    json_decref(files);
}

static void alembic_is_ordered_by_its_files(void **state)
{
    struct migrate_ledger l = ledger_at(TOOL_ALEMBIC, "[]");
    struct migrate_range r;
    struct error err;
    json_t *reasons = json_array();
    json_t *all =
        changes("[{\"path\":\"a.py\",\"change\":\"added\",\"content\":"
                "\"revision='a'\\ndown_revision=None\\n\"},"
                "{\"path\":\"b.py\",\"change\":\"added\",\"content\":"
                "\"revision='b'\\ndown_revision='a'\\n\"},"
                "{\"path\":\"c.py\",\"change\":\"added\",\"content\":"
                "\"revision='c'\\ndown_revision='b'\\n\"}]");
    (void)state;
    json_array_append_new(l.heads, json_string("b"));
    assert_int_equal(migrate_range_collect(all, &l, &r, &err), 0);
    migrate_range_ledger(all, &l, &r, reasons);
    assert_int_equal(json_array_size(reasons), 0);
    assert_int_equal(r.count, 3);
    assert_true(r.items[0].applied && r.items[1].applied);
    assert_false(r.items[2].applied);
    json_array_append_new(l.heads, json_string("gone"));
    migrate_range_ledger(all, &l, &r, reasons);
    assert_string_equal(value_text(json_array_get(reasons, 0), "code", ""),
                        "ledger_ahead");
    assert_true(r.items[2].applied);
    migrate_range_free(&r);
    migrate_ledger_free(&l);
    json_decref(all);
    json_decref(reasons);
}

static void a_ledger_ahead_is_told(void **state)
{
    static const char *const files[] = {"1_a.up.sql", "2_b.up.sql", NULL};
    struct migrate_ledger l = ledger_at(TOOL_GOLANG_MIGRATE, "[\"3\"]");
    struct migrate_range r = {NULL, 0};
    json_t *reasons = json_array(), *all = file_list(files);
    (void)state;
    migrate_range_ledger(all, &l, &r, reasons);
    assert_int_equal(json_array_size(reasons), 1);
    strcpy(l.version, "2");
    json_array_clear(reasons);
    migrate_range_ledger(all, &l, &r, reasons);
    assert_int_equal(json_array_size(reasons), 0);
    l.dirty = 1;
    migrate_range_ledger(all, &l, &r, reasons);
    assert_string_equal(value_text(json_array_get(reasons, 0), "code", ""),
                        "ledger_dirty");
    migrate_ledger_free(&l);
    json_decref(all);
    json_decref(reasons);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golang_steps_by_number),
        cmocka_unit_test(the_others_step_by_set),
        cmocka_unit_test(no_two_files_of_one_version),
        cmocka_unit_test(what_no_file_explains_is_told),
        cmocka_unit_test(goose_takes_back_what_came_last),
        cmocka_unit_test(a_range_is_a_difference),
        cmocka_unit_test(an_edited_down_part_is_no_change),
        cmocka_unit_test(alembic_is_ordered_by_its_files),
        cmocka_unit_test(a_ledger_ahead_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
