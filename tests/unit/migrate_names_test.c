/* What file names and directives mean, by tool. */
#include "../../core/drivers/migrate_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct name_case {
    enum migrate_tool tool;
    const char *path;
    int rc;
    enum migrate_direction direction;
    const char *version;
    int sql;
};

static const struct name_case name_cases[] = {
    {TOOL_GOLANG_MIGRATE, "m/0007_add.up.sql", 0, MIGRATE_UP, "7", 1},
    {TOOL_GOLANG_MIGRATE, "7_add.down.sql", 0, MIGRATE_DOWN, "7", 1},
    {TOOL_GOLANG_MIGRATE, "000_x.up.sql", 0, MIGRATE_UP, "0", 1},
    {TOOL_GOLANG_MIGRATE, "7_add.sql", RB_NOTFOUND, 0, "", 0},
    {TOOL_GOLANG_MIGRATE, "add_7.up.sql", RB_NOTFOUND, 0, "", 0},
    {TOOL_GOLANG_MIGRATE, "7add.up.sql", RB_NOTFOUND, 0, "", 0},
    {TOOL_GOLANG_MIGRATE, "7_a.up.json", 0, MIGRATE_UP, "7", 0},
    {TOOL_RAILS, "db/migrate/20240101000001_a.rb", 0, MIGRATE_BOTH,
     "20240101000001", 0},
    {TOOL_RAILS, "db/migrate/README.md", RB_NOTFOUND, 0, "", 0},
    {TOOL_DBMATE, "0001_a.sql", 0, MIGRATE_BOTH, "0001", 1},
    {TOOL_DBMATE, "0001_a.rb", RB_NOTFOUND, 0, "", 0},
    {TOOL_GOOSE, "00001_a.sql", 0, MIGRATE_BOTH, "1", 1},
    {TOOL_GOOSE, "00002_b.go", 0, MIGRATE_BOTH, "2", 0},
    {TOOL_FLYWAY, "V1__a.sql", 0, MIGRATE_UP, "1", 1},
    {TOOL_FLYWAY, "x/V2_1__add_mail.sql", 0, MIGRATE_UP, "2.1", 1},
    {TOOL_FLYWAY, "V2.1__a.sql", 0, MIGRATE_UP, "2.1", 1},
    {TOOL_FLYWAY, "U2.1__a.sql", 0, MIGRATE_DOWN, "2.1", 1},
    {TOOL_FLYWAY, "R__views.sql", 0, MIGRATE_REPEATABLE, "", 1},
    {TOOL_FLYWAY, "R1__views.sql", RB_NOTFOUND, 0, "", 0},
    {TOOL_FLYWAY, "V__a.sql", RB_NOTFOUND, 0, "", 0},
    {TOOL_FLYWAY, "V1_a.sql", RB_NOTFOUND, 0, "", 0},
    {TOOL_FLYWAY, "V1__a.java", 0, MIGRATE_UP, "1", 0},
    {TOOL_ALEMBIC, "alembic/versions/ab_x.py", 0, MIGRATE_BOTH, "", 0},
    {TOOL_ALEMBIC, "alembic/env.py", RB_NOTFOUND, 0, "", 0},
    {TOOL_ATLAS, "20240101_a.sql", 0, MIGRATE_UP, "20240101", 1},
    {TOOL_ATLAS, "20240101.sql", 0, MIGRATE_UP, "20240101", 1},
    {TOOL_DIESEL, "m/2024-02-07-112955_add/up.sql", 0, MIGRATE_UP,
     "20240207112955", 1},
    {TOOL_DIESEL, "2024-02-07-112955-0000_add/down.sql", 0, MIGRATE_DOWN,
     "202402071129550000", 1},
    {TOOL_DIESEL, "m/2024_a/other.sql", RB_NOTFOUND, 0, "", 0},
    {TOOL_DJANGO, "src/shop/migrations/0002_x.py", 0, MIGRATE_BOTH,
     "shop.0002_x", 0},
    {TOOL_DJANGO, "0002_x.py", 0, MIGRATE_BOTH, ".0002_x", 0},
    {TOOL_DJANGO, "shop/migrations/__init__.py", RB_NOTFOUND, 0, "", 0},
    {TOOL_DJANGO, "shop/models/0002_x.py", RB_NOTFOUND, 0, "", 0},
    {TOOL_ECTO, "20240101000001_a.exs", 0, MIGRATE_BOTH, "20240101000001", 0},
    {TOOL_EF, "20240101000001_A.cs", 0, MIGRATE_BOTH, "20240101000001_A", 0},
    {TOOL_EF, "20240101000001_A.Designer.cs", RB_NOTFOUND, 0, "", 0},
    {TOOL_KNEX, "20240101000001_a.js", 0, MIGRATE_BOTH, "20240101000001_a.js",
     0},
    {TOOL_KNEX, "20240101000001-a.js", RB_NOTFOUND, 0, "", 0},
    {TOOL_SEQUELIZE, "20240101000001-a.js", 0, MIGRATE_BOTH,
     "20240101000001-a.js", 0},
    {TOOL_NODE_PG, "1704067201000_a.sql", 0, MIGRATE_BOTH, "1704067201000_a",
     1},
    {TOOL_TYPEORM, "1704067201000-A.ts", 0, MIGRATE_BOTH, "1704067201000", 0},
    {TOOL_POP, "2019_a.up.sql", 0, MIGRATE_UP, "2019", 1},
    {TOOL_POP, "2019_a.postgres.autocommit.down.sql", 0, MIGRATE_DOWN, "2019",
     1},
    {TOOL_POP, "2019_a.mysql.up.sql", RB_NOTFOUND, 0, "", 0},
    {TOOL_PRISMA, "prisma/migrations/2024_a/migration.sql", 0, MIGRATE_UP,
     "2024_a", 1},
    {TOOL_REFINERY, "V07__a.rs", 0, MIGRATE_UP, "7", 0},
    {TOOL_REFINERY, "V1.2__a.sql", RB_NOTFOUND, 0, "", 0},
    {TOOL_SQITCH, "deploy/app/users.sql", 0, MIGRATE_UP, "app/users", 1},
    {TOOL_SQITCH, "x/revert/users@v1.sql", 0, MIGRATE_DOWN, "users@v1", 1},
    {TOOL_SQITCH, "verify/users.sql", RB_NOTFOUND, 0, "", 0},
    {TOOL_SQL_MIGRATE, "1_a.sql", 0, MIGRATE_BOTH, "1_a.sql", 1},
    {TOOL_SQLX, "0007_a.sql", 0, MIGRATE_UP, "7", 1},
    {TOOL_SQLX, "0007_a.down.sql", 0, MIGRATE_DOWN, "7", 1},
};

static void names_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof name_cases / sizeof *name_cases; i++) {
        const struct name_case *c = &name_cases[i];
        struct migrate_file f;
        int rc = migrate_file_parse(c->tool, c->path, &f);
        if (rc != c->rc)
            fail_msg("%s: %d", c->path, rc);
        if (rc)
            continue;
        assert_int_equal(f.direction, c->direction);
        assert_string_equal(f.version, c->version);
        assert_int_equal(f.sql, c->sql);
    }
}

static void flyway_describes(void **state)
{
    struct migrate_file f;
    (void)state;
    assert_int_equal(
        migrate_file_parse(TOOL_FLYWAY, "sql/V2_1__add_mail.sql", &f), 0);
    assert_string_equal(f.label, "add mail");
    assert_string_equal(f.name, "V2_1__add_mail.sql");
}

static void a_long_number_is_no_version(void **state)
{
    char name[400];
    struct migrate_file f;
    (void)state;
    memset(name, '1', 300);
    strcpy(name + 300, "_a.sql");
    assert_int_equal(migrate_file_parse(TOOL_GOOSE, name, &f), RB_NOTFOUND);
}

static void versions_have_an_order(void **state)
{
    static const char *const order[] = {"",
                                        "1",
                                        "1.0.1",
                                        "1.2",
                                        "1.10",
                                        "2",
                                        "2.0.1",
                                        "10",
                                        "007000",
                                        "20240101000001",
                                        "99999999999999999999999999"};
    (void)state;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
            int got = migrate_version_compare(order[i], order[k]);
            if ((got > 0) - (got < 0) != (i > k) - (i < k))
                fail_msg("%s against %s gives %d", order[i], order[k], got);
        }
    }
    assert_int_equal(migrate_version_compare("007", "7"), 0);
    assert_int_equal(migrate_version_compare("0", "000"), 0);
}

static const char goose[] = "-- +goose Up\n"
                            "CREATE TABLE a (i int);\n"
                            "-- +goose Down\n"
                            "DROP TABLE a;\n";

static void sections_keep_their_lines(void **state)
{
    struct migrate_section s;
    struct error err;
    (void)state;
    assert_int_equal(migrate_file_section(TOOL_GOOSE, MIGRATE_UP, goose,
                                          sizeof goose - 1, &s, &err),
                     0);
    assert_string_equal(buf_text(&s.text), "\nCREATE TABLE a (i int);\n\n\n");
    assert_false(s.no_transaction);
    buf_free(&s.text);
    assert_int_equal(migrate_file_section(TOOL_GOOSE, MIGRATE_DOWN, goose,
                                          sizeof goose - 1, &s, &err),
                     0);
    assert_string_equal(buf_text(&s.text), "\n\n\nDROP TABLE a;\n");
    buf_free(&s.text);
}

static int section(enum migrate_tool tool, enum migrate_direction direction,
                   const char *text, struct migrate_section *s)
{
    struct error err;
    int rc = migrate_file_section(tool, direction, text, strlen(text), s, &err);
    buf_free(&s->text);
    return rc;
}

static void sections_say_what_they_need(void **state)
{
    struct migrate_section s;
    (void)state;
    assert_int_equal(section(TOOL_GOOSE, MIGRATE_UP,
                             "-- +goose NO TRANSACTION\n-- +goose up\nx", &s),
                     0);
    assert_true(s.no_transaction);
    assert_int_equal(section(TOOL_DBMATE, MIGRATE_DOWN,
                             "-- migrate:up\nx\n"
                             "-- migrate:down transaction:false\ny",
                             &s),
                     0);
    assert_true(s.no_transaction);
    assert_int_equal(section(TOOL_DBMATE, MIGRATE_UP,
                             "-- migrate:up\nx\n"
                             "-- migrate:down transaction:false\ny",
                             &s),
                     0);
    assert_false(s.no_transaction);
    assert_int_equal(section(TOOL_DBMATE, MIGRATE_DOWN, "-- migrate:up\nx", &s),
                     RB_NOTFOUND);
    assert_int_equal(section(TOOL_GOOSE, MIGRATE_UP, "select 1;", &s),
                     RB_NOTFOUND);
    assert_int_equal(section(TOOL_GOOSE, MIGRATE_UP,
                             "-- +goose ENVSUB ON\n-- +goose Up\nx", &s),
                     RB_INVALID);
    assert_int_equal(section(TOOL_FLYWAY, MIGRATE_UP,
                             "ALTER TABLE ${schema}.t ADD x int", &s),
                     RB_INVALID);
    assert_int_equal(section(TOOL_LIQUIBASE, MIGRATE_UP, "x", &s), RB_INVALID);
}

static void sections_of_other_tools(void **state)
{
    static const char node[] = "CREATE TABLE a (i int);\n"
                               "-- Down Migration\nDROP TABLE a;\n";
    static const char atlas[] = "-- atlas:txmode none\n\nx;\n";
    struct migrate_section s;
    struct error err;
    (void)state;
    assert_int_equal(section(TOOL_SQL_MIGRATE, MIGRATE_UP,
                             "-- +migrate Up notransaction\nx", &s),
                     0);
    assert_true(s.no_transaction);
    assert_int_equal(section(TOOL_SQL_MIGRATE, MIGRATE_DOWN,
                             "-- +migrate Up notransaction\nx\n"
                             "-- +migrate Down\ny",
                             &s),
                     0);
    assert_false(s.no_transaction);
    assert_int_equal(migrate_file_section(TOOL_NODE_PG, MIGRATE_UP, node,
                                          sizeof node - 1, &s, &err),
                     0);
    assert_string_equal(buf_text(&s.text), "CREATE TABLE a (i int);\n\n\n");
    buf_free(&s.text);
    assert_int_equal(section(TOOL_NODE_PG, MIGRATE_DOWN, "x", &s), RB_NOTFOUND);
    assert_int_equal(section(TOOL_ATLAS, MIGRATE_UP, atlas, &s), 0);
    assert_true(s.no_transaction);
    assert_int_equal(section(TOOL_SQLX, MIGRATE_UP, "-- no-transaction\nx", &s),
                     0);
    assert_true(s.no_transaction);
    assert_int_equal(section(TOOL_SQLX, MIGRATE_UP, "x\n-- no-transaction", &s),
                     0);
    assert_false(s.no_transaction);
}

static void alembic_revisions_are_read(void **state)
{
    static const char file[] = "\"\"\"add mail\n\nRevision ID: zzz\n\"\"\"\n"
                               "revision: str = 'ae10'\n"
                               "down_revision: Union[str, None] = (\"a\", "
                               "'b')  # 'c'\n";
    static const char root[] = "revision = \"r\"\r\ndown_revision = None\r\n";
    static const char lines[] = "revision = 'm'\ndown_revision = (\n  'a', "
                                "# 'x'\n  'b',\n)\ndepends_on = 'c'\n";
    static const char bare[] = "revision = 'm'\ndown_revision = PARENT\n";
    char revision[32];
    json_t *parents = NULL;
    (void)state;
    assert_int_equal(migrate_file_revision(file, sizeof file - 1, revision,
                                           sizeof revision, &parents),
                     0);
    assert_string_equal(revision, "ae10");
    assert_int_equal(json_array_size(parents), 2);
    assert_string_equal(json_string_value(json_array_get(parents, 1)), "b");
    json_decref(parents);
    assert_int_equal(migrate_file_revision(root, sizeof root - 1, revision,
                                           sizeof revision, &parents),
                     0);
    assert_int_equal(json_array_size(parents), 0);
    json_decref(parents);
    assert_int_equal(migrate_file_revision(lines, sizeof lines - 1, revision,
                                           sizeof revision, &parents),
                     0);
    assert_int_equal(json_array_size(parents), 3);
    json_decref(parents);
    assert_int_equal(migrate_file_revision(bare, sizeof bare - 1, revision,
                                           sizeof revision, &parents),
                     RB_INVALID);
    json_decref(parents);
    assert_int_equal(migrate_file_revision("x = 1\n", 6, revision,
                                           sizeof revision, &parents),
                     RB_INVALID);
    json_decref(parents);
}

/* zip's CRC-32 of "123456789" is the standard's check value. */
static void flyway_checksums_skip_line_ends(void **state)
{
    (void)state;
    assert_int_equal(migrate_file_crc("123456789", 9), (int32_t)0xCBF43926);
    assert_int_equal(migrate_file_crc("1234\r\n56\n\n789\r", 14),
                     (int32_t)0xCBF43926);
    assert_int_equal(migrate_file_crc("\xEF\xBB\xBF"
                                      "123456789",
                                      12),
                     (int32_t)0xCBF43926);
    assert_int_equal(migrate_file_crc("", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read),
        cmocka_unit_test(flyway_describes),
        cmocka_unit_test(a_long_number_is_no_version),
        cmocka_unit_test(versions_have_an_order),
        cmocka_unit_test(sections_keep_their_lines),
        cmocka_unit_test(sections_say_what_they_need),
        cmocka_unit_test(sections_of_other_tools),
        cmocka_unit_test(alembic_revisions_are_read),
        cmocka_unit_test(flyway_checksums_skip_line_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
