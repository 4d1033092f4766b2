/* Whose migrations a directory holds, and in which order they run. */
#include "../../core/drivers/migrate_layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* {path, contents, path, contents, NULL}; contents may be NULL. */
static json_t *directory(const char *const *pairs)
{
    json_t *list = json_array();
    for (; *pairs; pairs += 2)
        json_array_append_new(list, json_pack("{s:s, s:s*}", "path", pairs[0],
                                              "content", pairs[1]));
    return list;
}

static int lay(const char *const *pairs, const char *tool,
               struct migrate_layout *out, struct error *err)
{
    json_t *files = directory(pairs);
    int rc = migrate_layout(files, tool, NULL, NULL, out, err);
    json_decref(files);
    return rc;
}

/* The versions, parted by blanks. */
static void check_versions(const json_t *files, const char *want)
{
    char got[1000] = "";
    json_t *entry;
    size_t i;
    json_array_foreach(files, i, entry)
    {
        strcat(got, i ? " " : "");
        strcat(got, json_is_string(entry) ? json_string_value(entry)
                                          : value_text(entry, "version", "?"));
    }
    assert_string_equal(got, want);
}

static const char *entry_text(const struct migrate_layout *l, size_t i,
                              const char *key)
{
    return value_text(json_array_get(l->files, i), key, "");
}

struct told {
    const char *tool, *versions, *format;
    const char *const files[9];
};

#define GOOSE "-- +goose Up\nx;\n"
static const struct told rows[] = {
    {"golang-migrate",
     "2 10",
     "plain",
     {"10_b.up.sql", "x", "2_a.up.sql", "x", "2_a.down.sql", "x", NULL}},
    {"sqlx",
     "2 10",
     "plain",
     {"10_b.sql", "x", "2_a.up.sql", "x", "2_a.down.sql", "x", NULL}},
    {"pop",
     "1 2",
     "plain",
     {"1_a.postgres.up.sql", "x", "2_b.up.sql", "x", "1_a.mysql.up.sql", "x",
      NULL}},
    {"flyway",
     "1 1.2 1.10 ",
     "plain",
     {"R__v.sql", "x", "V1_10__c.sql", "x", "V1_2__b.sql", "x", "V1__a.sql",
      "x", NULL}},
    {"refinery", "1 2", "program", {"V1__a.rs", "x", "V2__b.sql", "x", NULL}},
    {"goose", "1 2", "goose", {"2_b.sql", GOOSE, "1_a.sql", GOOSE, NULL}},
    {"dbmate",
     "01 02",
     "dbmate",
     {"02_b.sql", "--migrate:up\n", "01_a.sql", "-- migrate:up\n", "schema.sql",
      "x", NULL}},
    {"sql-migrate",
     "1_a.sql 10_b.sql",
     "sql-migrate",
     {"10_b.sql", "-- +migrate Up\n", "1_a.sql", "-- +migrate Up\n", NULL}},
    {"node-pg-migrate",
     "1704067201000_a 1704067201001_b",
     "node-pg-migrate",
     {"1704067201000_a.sql", "-- Up Migration\n", "1704067201001_b.js",
      "exports.up = (pgm) => {}", NULL}},
    {"knex",
     "20240101000001_a.js 20240102000001_b.ts",
     "program",
     {"20240102000001_b.ts", "", "20240101000001_a.js", "knex.schema", NULL}},
    {"sequelize",
     "20240101000001-a.js",
     "program",
     {"20240101000001-a.js", "queryInterface", NULL}},
    {"typeorm",
     "1704067201000",
     "program",
     {"1704067201000-A.ts", "implements MigrationInterface", NULL}},
    {"rails",
     "1 20240101000001",
     "rails",
     {"20240101000001_b.rb", "x", "001_a.rb", "x", "README.md", "x", NULL}},
    {"ecto",
     "20240101000001",
     "program",
     {"20240101000001_b.exs", "x", ".formatter.exs", "x", NULL}},
    {"ef-core",
     "20240101000001_A",
     "program",
     {"20240101000001_A.cs", "x", "20240101000001_A.Designer.cs", "x",
      "ShopModelSnapshot.cs", "x", NULL}},
    {"diesel",
     "00000000000000 20240207112955",
     "plain",
     {"2024-02-07-112955_b/up.sql", "x", "2024-02-07-112955_b/down.sql", "x",
      "00000000000000_a/up.sql", "x", NULL}},
    {"prisma",
     "20240101_a 20240102_b",
     "plain",
     {"20240102_b/migration.sql", "x", "20240101_a/migration.sql", "x",
      "migration_lock.toml", "x", NULL}},
    {"atlas",
     "20240101 20240102",
     "plain",
     {"20240102_b.sql", "x", "20240101_a.sql", "x", "atlas.sum", "h1:x\n",
      NULL}},
    {"plain",
     "1-a 2 V03-c",
     "plain",
     {"2.sql", "x", "V03-c.sql", "x", "1-a.sql", "x", "seed.sql", "x", NULL}},
};

static void a_tool_is_told_by_its_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct migrate_layout l;
        struct error err = {0};
        if (lay(rows[i].files, NULL, &l, &err) != 0)
            fail_msg("%s: %s", rows[i].tool, err.message);
        assert_string_equal(l.tool, rows[i].tool);
        check_versions(l.files, rows[i].versions);
        assert_string_equal(entry_text(&l, 0, "format"), rows[i].format);
        migrate_layout_free(&l);
    }
}

static void two_tools_or_none_are_refused(void **state)
{
    static const char *const two[] = {"1_a.up.sql", "x", "V1__a.sql", "x",
                                      NULL};
    static const char *const none[] = {"README.md", "x", "seed.sql", "x", NULL};
    struct migrate_layout l;
    struct error err = {0};
    (void)state;
    assert_int_equal(lay(two, NULL, &l, &err), RB_INVALID);
    assert_non_null(strstr(err.message, "golang-migrate (1_a.up.sql) and "
                                        "flyway (V1__a.sql)"));
    assert_int_equal(lay(two, "flyway", &l, &err), 0);
    check_versions(l.files, "1");
    migrate_layout_free(&l);
    assert_int_equal(lay(none, NULL, &l, &err), RB_NOTFOUND);
    assert_int_equal(lay(none, "goose", &l, &err), RB_NOTFOUND);
    assert_int_equal(lay(none, "sql-migrate", &l, &err), 0);
    migrate_layout_free(&l);
    assert_int_equal(lay(none, "rails", &l, &err), RB_NOTFOUND);
    assert_int_equal(lay(none, "nonesuch", &l, &err), RB_NOTFOUND);
    assert_non_null(strstr(err.next, "golang-migrate, rails"));
}

static void ways_back_are_paired(void **state)
{
    static const char *const files[] = {"1_a.up.sql", "x", "1_a.down.sql", "x",
                                        "2_b.up.sql", "x", "3_c.down.sql", "x",
                                        NULL};
    static const char *const goose[] = {"1_a.sql", GOOSE, NULL};
    struct migrate_layout l;
    struct error err = {0};
    (void)state;
    assert_int_equal(lay(files, NULL, &l, &err), 0);
    check_versions(l.files, "1 2");
    assert_string_equal(entry_text(&l, 0, "down_path"), "1_a.down.sql");
    assert_string_equal(entry_text(&l, 1, "down_path"), "");
    assert_string_equal(value_text(json_array_get(l.problems, 0), "code", ""),
                        "file_missing");
    migrate_layout_free(&l);
    assert_int_equal(lay(goose, NULL, &l, &err), 0);
    assert_string_equal(entry_text(&l, 0, "down_path"), "1_a.sql");
    migrate_layout_free(&l);
}

static void two_files_of_a_version_are_refused(void **state)
{
    static const char *const files[] = {"1_a.up.sql", "x", "01_b.up.sql", "x",
                                        NULL};
    static const char *const pop[] = {
        "1_a.up.sql", "x", "1_a.postgres.up.sql", "x", "1_a.sqlite3.up.sql",
        "x",          NULL};
    struct migrate_layout l;
    struct error err = {0};
    (void)state;
    assert_int_equal(lay(files, NULL, &l, &err), RB_INVALID);
    assert_non_null(strstr(err.message, "both of version"));
    /* The dialect's file beats the generic one. */
    assert_int_equal(lay(pop, NULL, &l, &err), 0);
    assert_int_equal(json_array_size(l.files), 1);
    assert_string_equal(entry_text(&l, 0, "path"), "1_a.postgres.up.sql");
    migrate_layout_free(&l);
}

static void files_say_that_they_need_no_transaction(void **state)
{
    static const char *const diesel[] = {"1_a/up.sql",
                                         "x",
                                         "1_a/metadata.toml",
                                         "run_in_transaction = false\n",
                                         "2_b/up.sql",
                                         "x",
                                         NULL};
    static const char *const pop[] = {"1_a.autocommit.up.sql", "x", NULL};
    struct migrate_layout l;
    struct error err = {0};
    (void)state;
    assert_int_equal(lay(diesel, NULL, &l, &err), 0);
    assert_true(value_bool(json_array_get(l.files, 0), "autocommit", 0));
    assert_false(value_bool(json_array_get(l.files, 1), "autocommit", 0));
    migrate_layout_free(&l);
    assert_int_equal(lay(pop, NULL, &l, &err), 0);
    assert_true(value_bool(json_array_get(l.files, 0), "autocommit", 0));
    migrate_layout_free(&l);
}

#define REVISION(name, parent)                                                 \
    "revision = '" name "'\ndown_revision = " parent "\n"

static void alembic_runs_parents_first(void **state)
{
    static const char *const files[] = {
        "v/a9.py", REVISION("root", "None"),
        "v/a1.py", REVISION("merge", "('left', \n 'right')"),
        "v/a2.py", REVISION("right", "'root'"),
        "env.py",  "x",
        "v/a3.py", REVISION("left", "'root'\nbranch_labels = ('l',)"),
        "v/a4.py", REVISION("side", "'root'\ndepends_on = 'l'"),
        NULL};
    struct migrate_layout l;
    struct error err = {0};
    (void)state;
    assert_int_equal(lay(files, NULL, &l, &err), 0);
    check_versions(l.files, "root left right merge side");
    check_versions(l.heads, "merge side");
    assert_string_equal(value_text(json_array_get(l.problems, 0), "code", ""),
                        "several_heads");
    migrate_layout_free(&l);
}

static void broken_graphs_are_told(void **state)
{
    static const char *const circle[] = {
        "a.py", REVISION("a", "'c'"), "b.py", REVISION("b", "'a'"),
        "c.py", REVISION("c", "'b'"), NULL};
    static const char *const gone[] = {"a.py", REVISION("a", "'z'"), NULL};
    static const char *const twice[] = {"a.py", REVISION("a", "None"), "b.py",
                                        REVISION("a", "None"), NULL};
    struct migrate_layout l;
    struct error err = {0};
    (void)state;
    assert_int_equal(lay(circle, NULL, &l, &err), RB_INVALID);
    assert_non_null(strstr(err.message, "a builds on c builds on b builds on "
                                        "a"));
    assert_int_equal(lay(gone, NULL, &l, &err), RB_INVALID);
    assert_non_null(strstr(err.message, "a.py builds on z, which no file"));
    assert_int_equal(lay(twice, NULL, &l, &err), RB_INVALID);
    assert_non_null(strstr(err.message, "a.py and b.py are both a"));
}

/* No stack of the process' is used up, and no time either. */
static void a_chain_of_100000_has_an_order(void **state)
{
    json_t *files = json_array();
    struct migrate_layout l;
    struct error err = {0};
    char path[40], parent[24], text[100];
    (void)state;
    for (int i = 0; i < 100000; i++) {
        snprintf(path, sizeof path, "v/%06d.py", 100000 - i);
        snprintf(parent, sizeof parent, i ? "'r%d'" : "None", i - 1);
        snprintf(text, sizeof text, "revision = 'r%d'\ndown_revision = %s\n", i,
                 parent);
        json_array_append_new(
            files, json_pack("{s:s, s:s}", "path", path, "content", text));
    }
    assert_int_equal(migrate_layout(files, NULL, NULL, NULL, &l, &err), 0);
    assert_int_equal(json_array_size(l.files), 100000);
    assert_string_equal(entry_text(&l, 99999, "version"), "r99999");
    migrate_layout_free(&l);
    json_decref(files);
}

#define DJANGO(lines) "class Migration(migrations.Migration):\n" lines

static void django_has_a_graph_by_app(void **state)
{
    static const char *const files[] = {
        "shop/migrations/0002_b.py",
        DJANGO(" dependencies = [('shop', '0001_a'), ('pay', '0001_x')]\n"),
        "shop/migrations/0001_a.py",
        DJANGO(" dependencies = [('auth', '0001_initial')]\n"),
        "shop/migrations/__init__.py",
        "",
        "pay/migrations/0001_x.py",
        DJANGO(" dependencies = []\n"),
        NULL};
    static const char *const squashed[] = {
        "0001_a.py",
        DJANGO(" dependencies = []\n"),
        "0002_b.py",
        DJANGO(" dependencies = [('shop', '0001_a')]\n"),
        "0001_s.py",
        DJANGO(" replaces = [('shop', '0001_a'), ('shop', '0002_b')]\n"),
        NULL};
    struct migrate_layout l;
    struct error err = {0};
    (void)state;
    assert_int_equal(lay(files, NULL, &l, &err), 0);
    check_versions(l.files, "pay.0001_x shop.0001_a shop.0002_b");
    check_versions(l.heads, "pay.0001_x shop.0002_b");
    migrate_layout_free(&l);
    assert_int_equal(lay(squashed, NULL, &l, &err), 0);
    check_versions(l.files, "shop.0001_a shop.0002_b");
    check_versions(l.also, "shop.0001_s");
    migrate_layout_free(&l);
}

static void a_squash_stands_for_what_it_replaced(void **state)
{
    static const char *const files[] = {
        "shop/migrations/0001_s.py",
        DJANGO(" replaces = [('shop', '0001_a'), ('shop', '0002_b')]\n"),
        "shop/migrations/0003_c.py",
        DJANGO(" dependencies = [('shop', '0002_b')]\n"), NULL};
    static const char *const leaves[] = {
        "shop/migrations/0001_a.py",
        DJANGO(""),
        "shop/migrations/0002_b.py",
        DJANGO(" dependencies = [('shop', '0001_a')]\n"),
        "shop/migrations/0002_c.py",
        DJANGO(" dependencies = [('shop', '0001_a')]\n"),
        NULL};
    struct migrate_layout l;
    struct error err = {0};
    (void)state;
    assert_int_equal(lay(files, NULL, &l, &err), 0);
    check_versions(l.files, "shop.0001_s shop.0003_c");
    migrate_layout_free(&l);
    assert_int_equal(lay(leaves, NULL, &l, &err), 0);
    assert_string_equal(value_text(json_array_get(l.problems, 0), "code", ""),
                        "several_heads");
    migrate_layout_free(&l);
}

static void lists_say_the_order(void **state)
{
    static const char *const drizzle[] = {
        "d/0001_a.sql",
        "x",
        "d/0000_b.sql",
        "x",
        "d/meta/_journal.json",
        "{\"entries\": [{\"tag\": \"0001_a\", \"when\": 5},"
        " {\"tag\": \"0000_b\", \"when\": 7}, {\"tag\": \"9\"}]}",
        NULL};
    static const char *const sqitch[] = {
        "sqitch.plan",
        "%project=shop\n\nusers 2026 T <t>\nmail [users] 2026 T <t>\n"
        "@v1 2026 T <t>\nusers [users@v1] 2026 T <t>\n",
        "deploy/users.sql",
        "x",
        "deploy/users@v1.sql",
        "x",
        "deploy/mail.sql",
        "x",
        NULL};
    struct migrate_layout l;
    struct error err = {0};
    (void)state;
    assert_int_equal(lay(drizzle, NULL, &l, &err), 0);
    check_versions(l.files, "5 7");
    assert_string_equal(entry_text(&l, 0, "path"), "d/0001_a.sql");
    assert_string_equal(value_text(json_array_get(l.problems, 0), "code", ""),
                        "file_missing");
    migrate_layout_free(&l);
    assert_int_equal(lay(sqitch, NULL, &l, &err), 0);
    check_versions(l.files, "users mail users");
    assert_string_equal(entry_text(&l, 0, "path"), "deploy/users@v1.sql");
    assert_string_equal(entry_text(&l, 2, "path"), "deploy/users.sql");
    migrate_layout_free(&l);
}

static void changelogs_hold_changes(void **state)
{
    static const char *const files[] = {
        "db/root.xml",
        "<databaseChangeLog><include file=\"b.sql\"/>"
        "<include file=\"a.sql\"/></databaseChangeLog>",
        "db/a.sql",
        "--liquibase formatted sql\n--changeset ann:1\nx;\n",
        "db/b.sql",
        "--liquibase formatted sql\n--changeset ann:1 runOnChange:true\n"
        "-- changeset bob:two\n",
        NULL};
    struct migrate_layout l;
    struct error err = {0};
    (void)state;
    assert_int_equal(lay(files, NULL, &l, &err), 0);
    assert_string_equal(l.tool, "liquibase");
    check_versions(l.files, "db/b.sql db/a.sql db/root.xml");
    check_versions(json_object_get(json_array_get(l.files, 0), "changes"),
                   "db/b.sql::1::ann db/b.sql::two::bob");
    assert_string_equal(entry_text(&l, 2, "format"), "program");
    migrate_layout_free(&l);
}

/* Sums computed with sha256sum and base64. */
static void atlas_sums_are_checked(void **state)
{
    const char *files[] = {
        "1_a.sql",
        "A;\n",
        "2_b.sql",
        "B;\n",
        "atlas.sum",
        "h1:total\n"
        "1_a.sql h1:+GVq5BAnQW6gZLK/rWJ64aVSisqG2gEYPwchO84njiY=\n"
        "2_b.sql h1:Gv91oCkKCUG+4vHTTwyPaHYtvwO/dgc5sCAqp/NmU8Q=\n",
        NULL};
    struct migrate_layout l;
    struct error err = {0};
    (void)state;
    assert_int_equal(lay(files, NULL, &l, &err), 0);
    assert_int_equal(json_array_size(l.problems), 0);
    migrate_layout_free(&l);
    files[3] = "C;\n";
    assert_int_equal(lay(files, NULL, &l, &err), 0);
    assert_int_equal(json_array_size(l.problems), 1);
    assert_string_equal(value_text(json_array_get(l.problems, 0), "path", ""),
                        "2_b.sql");
    migrate_layout_free(&l);
    files[3] = "-- atlas:sum ignore\nC;\n";
    assert_int_equal(lay(files, NULL, &l, &err), 0);
    assert_int_equal(json_array_size(l.problems), 0);
    migrate_layout_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tool_is_told_by_its_files),
        cmocka_unit_test(two_tools_or_none_are_refused),
        cmocka_unit_test(ways_back_are_paired),
        cmocka_unit_test(two_files_of_a_version_are_refused),
        cmocka_unit_test(files_say_that_they_need_no_transaction),
        cmocka_unit_test(alembic_runs_parents_first),
        cmocka_unit_test(broken_graphs_are_told),
        cmocka_unit_test(a_chain_of_100000_has_an_order),
        cmocka_unit_test(django_has_a_graph_by_app),
        cmocka_unit_test(a_squash_stands_for_what_it_replaced),
        cmocka_unit_test(lists_say_the_order),
        cmocka_unit_test(changelogs_hold_changes),
        cmocka_unit_test(atlas_sums_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
