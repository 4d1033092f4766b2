/* What the rows of a ledger add up to, what the files of a revision lack or
   have too many, and whether such a release starts. */
#define _GNU_SOURCE
#include "../../core/drivers/migrate_boot.h"
#include "../../core/drivers/migrate_boot_rules.h"
#include "../../core/drivers/migrate_ledger_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct ledger_tool *row_of(enum migrate_tool tool)
{
    size_t count;
    const struct ledger_tool *rows = ledger_tools(&count);
    while (count && rows->tool != tool)
        rows++, count--;
    return rows;
}

/* Rows "version state checksum", parted by ';'. */
static struct migrate_ledger ledger(enum migrate_tool tool, const char *text)
{
    struct migrate_ledger l;
    char copy[1000], *rest = NULL;
    memset(&l, 0, sizeof l);
    strcpy(copy, text);
    l.tool = tool;
    l.row = row_of(tool);
    migrate_ledger_begin(&l);
    for (char *one = strtok_r(copy, ";", &rest); one;
         one = strtok_r(NULL, ";", &rest)) {
        char *in = NULL;
        const char *row[6] = {strtok_r(one, " ", &in)};
        row[1] = strtok_r(NULL, " ", &in);
        row[3] = strtok_r(NULL, " ", &in);
        migrate_ledger_take(&l, row);
    }
    migrate_ledger_end(&l);
    return l;
}

static json_t *files_of(const char *const *pairs)
{
    json_t *list = json_array();
    for (; *pairs; pairs += 2)
        json_array_append_new(list, json_pack("{s:s, s:s*}", "path", pairs[0],
                                              "content", pairs[1]));
    return list;
}

static void check(const char *what, const json_t *value, const char *want)
{
    char *got = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
    if (strcmp(got, want) != 0)
        fail_msg("%s: %s instead of %s", what, got, want);
    free(got);
}

/* Every ledger is told from every other by its columns, or by a table beside
   it, or by its name. */
static void columns_tell_tools_apart(void **state)
{
    static const struct {
        const char *columns;
        enum migrate_tool tool;
    } tables[] = {
        {"|version:bigint|dirty:boolean|", TOOL_GOLANG_MIGRATE},
        {"|version:bigint|inserted_at:timestamp without time zone|", TOOL_ECTO},
        {"|version:character varying|", TOOL_POP},
        {"|version:character varying|run_on:timestamp without time zone|",
         TOOL_DIESEL},
        {"|id:integer|name:character varying|run_on:timestamp without time "
         "zone|",
         TOOL_NODE_PG},
        {"|id:text|applied_at:timestamp with time zone|", TOOL_SQL_MIGRATE},
        {"|id:integer|timestamp:bigint|name:character varying|", TOOL_TYPEORM},
        {"|id:integer|migration:character varying|batch:integer|", TOOLS},
        {"|version:character varying|dirty:boolean|", TOOLS},
    };
    size_t count;
    const struct ledger_tool *rows = ledger_tools(&count);
    (void)state;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        enum migrate_tool found = TOOLS;
        for (size_t k = count; k-- > 0;) {
            if (ledger_tool_fits(&rows[k], tables[i].columns, 1) &&
                rows[k].tool != TOOL_RAILS && rows[k].tool != TOOL_DBMATE)
                found = rows[k].tool;
        }
        if (found != tables[i].tool)
            fail_msg("%s is %s", tables[i].columns, migrate_tool_name(found));
    }
}

static void every_tool_has_a_row(void **state)
{
    (void)state;
    for (int t = 0; t < TOOLS; t++) {
        enum migrate_tool tool = (enum migrate_tool)t;
        if (row_of(tool)->tool != tool || !boot_rule_of(tool))
            fail_msg("%s", migrate_tool_name(tool));
    }
}

static void a_version_that_comes_back_counts_once(void **state)
{
    struct migrate_ledger l =
        ledger(TOOL_GOOSE, "1 applied;2 applied;1 undone;3 applied;1 applied");
    (void)state;
    check("applied", l.applied, "[\"1\",\"2\",\"3\"]");
    assert_string_equal(l.version, "3");
    assert_string_equal(l.last, "1");
    migrate_ledger_free(&l);
    l = ledger(TOOL_PRISMA, "a failed;a applied;b failed;a skip");
    check("failed", l.failed,
          "[{\"version\":\"b\",\"why\":\"it failed; `prisma migrate resolve` "
          "says what became of it\"}]");
    check("applied", l.applied, "[\"a\"]");
    migrate_ledger_free(&l);
}

static void versions_have_one_text(void **state)
{
    static const struct {
        enum migrate_tool tool;
        const char *version, *key;
    } keys[] = {{TOOL_RAILS, "007", "7"},
                {TOOL_FLYWAY, "01.002", "1.2"},
                {TOOL_GOOSE, "0", "0"},
                {TOOL_KNEX, "1_a.ts", "1_a"},
                {TOOL_SEQUELIZE, "1-a.js", "1-a"},
                {TOOL_DIESEL, "007", "007"},
                {TOOL_LIQUIBASE, "classpath:db/a.sql::1::ann", "a.sql::1::ann"},
                {TOOL_SQL_MIGRATE, "01_a.sql", "01_a.sql"}};
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char key[100];
        migrate_ledger_key(keys[i].tool, keys[i].version, key, sizeof key);
        assert_string_equal(key, keys[i].key);
    }
}

/* printf x | sha384sum, sha256sum, sha1sum; gzip's CRC of "x". */
static void checksums_are_the_tools(void **state)
{
    static const struct {
        enum migrate_tool tool;
        const char *begins;
    } sums[] = {{TOOL_SQLX, "d752c2c51fba0e29aa190570a9d4253e44077a058d3297fa"},
                {TOOL_PRISMA, "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4"},
                {TOOL_DRIZZLE, "2d711642b726b04401627ca9fbac32f5c8530fb1903c"},
                {TOOL_SQITCH, "11f6ad8ec52a2984abaafd7c3b516503785c2072"},
                {TOOL_FLYWAY, "-1931733373"},
                {TOOL_GOOSE, ""}};
    char sum[128];
    (void)state;
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
        migrate_difference_sum(sums[i].tool, "x", 1, sum, sizeof sum);
        assert_int_equal(strncmp(sum, sums[i].begins, strlen(sums[i].begins)),
                         0);
        assert_true(sums[i].begins[0] || !sum[0]);
    }
}

struct compared {
    enum migrate_tool tool;
    const char *rows;
    const char *const files[9];
    const char *missing, *pending, *verdict;
};

#define V(v, place) "{\"place\":\"" place "\",\"version\":\"" v "\"}"
#define P(v, path) "{\"path\":\"" path "\",\"version\":\"" v "\"}"
#define LATE(v, path)                                                          \
    "{\"late\":true,\"path\":\"" path "\",\"version\":\"" v "\"}"
#define PY(name, parent) "revision = '" name "'\ndown_revision = " parent "\n"
#define DJ(lines) "class Migration(migrations.Migration):\n" lines

static const struct compared comparisons[] = {
    {TOOL_GOLANG_MIGRATE,
     "2 applied",
     {"1_a.up.sql", "x", NULL},
     "[" V("2", "newer") "]",
     "[]",
     "fails"},
    {TOOL_GOLANG_MIGRATE,
     "2 applied",
     {"1_a.up.sql", "x", "2_b.up.sql", "x", NULL},
     "[]",
     "[]",
     "boots"},
    {TOOL_GOLANG_MIGRATE,
     "1 applied",
     {"1_a.up.sql", "x", "2_b.up.sql", "x", NULL},
     "[]",
     "[" P("2", "2_b.up.sql") "]",
     "unknown"},
    {TOOL_GOLANG_MIGRATE,
     "1 dirty",
     {"1_a.up.sql", "x", NULL},
     "[]",
     "[]",
     "fails"},
    {TOOL_SQLX,
     "1 applied;2 applied",
     {"1_a.up.sql", "x", NULL},
     "[" V("2", "newer") "]",
     "[]",
     "fails"},
    {TOOL_RAILS,
     "1 applied;2 applied",
     {"001_a.rb", "x", NULL},
     "[" V("2", "newer") "]",
     "[]",
     "boots"},
    {TOOL_RAILS,
     "1 applied;3 applied",
     {"1_a.rb", "x", "2_b.rb", "x", "3_c.rb", "x", NULL},
     "[]",
     "[" LATE("2", "2_b.rb") "]",
     "unknown"},
    {TOOL_FLYWAY,
     "1 applied;2 applied;3 applied",
     {"V1__a.sql", "", "V2__b.sql", "", NULL},
     "[" V("3", "newer") "]",
     "[]",
     "boots"},
    {TOOL_FLYWAY,
     "1 applied;2 applied;3 applied",
     {"V1__a.sql", "", "V3__b.sql", "", NULL},
     "[" V("2", "between") "]",
     "[]",
     "fails"},
    {TOOL_FLYWAY,
     "1 applied;2 applied;3 applied",
     {"V3__b.sql", "", NULL},
     "[" V("1", "older") "," V("2", "older") "]",
     "[]",
     "boots"},
    {TOOL_GOOSE,
     "1 applied;3 applied",
     {"1_a.sql", "x", "2_b.sql", "x", "3_c.sql", "x", NULL},
     "[]",
     "[" LATE("2", "2_b.sql") "]",
     "fails"},
    {TOOL_ALEMBIC,
     "b applied",
     {"a.py", PY("a", "None"), "b.py", PY("b", "'a'"), NULL},
     "[]",
     "[]",
     "boots"},
    {TOOL_ALEMBIC,
     "c applied",
     {"a.py", PY("a", "None"), NULL},
     "[" V("c", "newer") "]",
     "[" P("a", "a.py") "]",
     "fails"},
    {TOOL_DJANGO,
     "auth.0001_x applied;shop.0001_a applied;shop.0002_b applied",
     {"shop/migrations/0001_a.py", DJ(""), NULL},
     "[" V("shop.0002_b", "newer") "]",
     "[]",
     "boots"},
    {TOOL_KNEX,
     "1_a.js applied;2_b.js applied",
     {"1_a.ts", "x", NULL},
     "[" V("2_b.js", "newer") "]",
     "[]",
     "fails"},
    {TOOL_SQITCH,
     "users applied;mail applied",
     {"sqitch.plan", "users 2026 T <t>\n", "deploy/users.sql", "x", NULL},
     "[" V("mail", "newer") "]",
     "[]",
     "fails"},
    {TOOL_ATLAS,
     "1 applied;2 applied",
     {"1_a.sql", "x", NULL},
     "[" V("2", "newer") "]",
     "[]",
     "unknown"},
    {TOOL_LIQUIBASE,
     "x/a.sql::1::ann applied;a.sql::2::ann applied",
     {"db/a.sql",
      "--liquibase formatted sql\n--changeset ann:1\n--changeset ann:3\n",
      NULL},
     "[" V("a.sql::2::ann", "newer") "]",
     "[" P("db/a.sql", "db/a.sql") "]",
     "unknown"},
    {TOOL_DBMATE,
     "1 applied",
     {"README", "x", NULL},
     "[" V("1", "newer") "]",
     "[]",
     "boots"},
};

static void differences_are_told_and_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++) {
        const struct compared *c = &comparisons[i];
        struct migrate_ledger l = ledger(c->tool, c->rows);
        json_t *files = files_of(c->files), *boot;
        struct migrate_difference d;
        struct error err = {0};
        if (migrate_difference(&l, files, &d, &err) != 0)
            fail_msg("%s: %s", c->rows, err.message);
        boot = migrate_boot_judge(&l, &d, BOOT_MIGRATES);
        check(c->rows, d.missing, c->missing);
        check(c->rows, d.pending, c->pending);
        if (strcmp(value_text(boot, "verdict", ""), c->verdict) != 0)
            fail_msg("row %zu, %s: %s: %s", i, c->rows,
                     value_text(boot, "verdict", ""),
                     value_text(boot, "because", ""));
        assert_int_equal(json_array_size(json_object_get(boot, "advice")) > 0,
                         strcmp(c->verdict, "boots") != 0);
        json_decref(boot);
        json_decref(files);
        migrate_difference_free(&d);
        migrate_ledger_free(&l);
    }
}

static void a_changed_file_is_told(void **state)
{
    static const char *const files[] = {"V1__a.sql", "x", "V2__b.sql", "y",
                                        NULL};
    struct migrate_ledger l =
        ledger(TOOL_FLYWAY, "1 applied -1931733373;2 applied 7");
    json_t *list = files_of(files), *boot, *shown;
    (void)state;
    migrate_boot(&l, list, BOOT_MIGRATES, &boot, &shown);
    assert_string_equal(value_text(boot, "verdict", ""), "fails");
    assert_int_equal(value_int(shown, "compared", 0), 2);
    assert_string_equal(
        value_text(json_array_get(json_object_get(shown, "changed"), 0),
                   "version", ""),
        "2");
    json_decref(boot);
    json_decref(shown);
    json_decref(list);
    migrate_ledger_free(&l);
}

static const char *verdict_with(const char *mode)
{
    static const char *const files[] = {"1_a.up.sql", "x", NULL};
    static char verdict[20];
    struct migrate_ledger l = ledger(TOOL_SQLX, "1 applied;2 applied");
    json_t *list = files_of(files), *boot, *shown;
    enum boot_mode how;
    assert_int_equal(migrate_boot_mode(mode, &how), 0);
    migrate_boot(&l, list, how, &boot, &shown);
    strcpy(verdict, value_text(boot, "verdict", ""));
    json_decref(boot);
    json_decref(shown);
    json_decref(list);
    migrate_ledger_free(&l);
    return verdict;
}

static void how_a_release_starts_may_be_said(void **state)
{
    enum boot_mode how;
    (void)state;
    assert_string_equal(verdict_with(NULL), "fails");
    assert_string_equal(verdict_with("migrates"), "fails");
    assert_string_equal(verdict_with("ignores_missing"), "boots");
    assert_string_equal(verdict_with("nothing"), "boots");
    assert_int_equal(migrate_boot_mode("sometimes", &how), RB_NOTFOUND);
}

static void an_order_that_cannot_be_told_is_unknown(void **state)
{
    static const char *const files[] = {"a.py", PY("a", "'b'"), "b.py",
                                        PY("b", "'a'"), NULL};
    struct migrate_ledger l = ledger(TOOL_ALEMBIC, "a applied");
    json_t *list = files_of(files), *boot, *shown;
    (void)state;
    migrate_boot(&l, list, BOOT_MIGRATES, &boot, &shown);
    assert_string_equal(value_text(boot, "verdict", ""), "unknown");
    assert_non_null(strstr(value_text(boot, "because", ""), "circle"));
    assert_null(shown);
    json_decref(boot);
    json_decref(list);
    migrate_ledger_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_tell_tools_apart),
        cmocka_unit_test(every_tool_has_a_row),
        cmocka_unit_test(a_version_that_comes_back_counts_once),
        cmocka_unit_test(versions_have_one_text),
        cmocka_unit_test(checksums_are_the_tools),
        cmocka_unit_test(differences_are_told_and_judged),
        cmocka_unit_test(a_changed_file_is_told),
        cmocka_unit_test(how_a_release_starts_may_be_said),
        cmocka_unit_test(an_order_that_cannot_be_told_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
