/*
 * What the migrate drivers get from a repository: core/drivers/git_files.h.
 * The repository is a real one, written by `git fast-import`.
 */
#define _GNU_SOURCE
#include "../../core/drivers/git_files.h"
#include "../../core/wire/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory[] = "/tmp/rbrun-git-files-XXXXXX";
static char repo[64];

#define LONG                                                                   \
    "create table orders (id bigint primary key, total bigint not null);\n"    \
    "create index orders_total on orders (total);\n"                           \
    "comment on table orders is 'what was bought';\n"

static void put_file(FILE *f, const char *path, const char *text, size_t size)
{
    fprintf(f, "M 100644 inline %s\ndata %zu\n", path, size);
    fwrite(text, 1, size, f);
    fputc('\n', f);
}

static void put_text(FILE *f, const char *path, const char *text)
{
    put_file(f, path, text, strlen(text));
}

static void commit(FILE *f)
{
    static int mark;
    mark++;
    fprintf(f,
            "commit refs/heads/main\nmark :%d\ncommitter A "
            "<a@example.org> %d +0000\ndata 1\nx\n",
            mark, 1600000000 + mark);
    if (mark > 1)
        fprintf(f, "from :%d\n", mark - 1);
}

static void put_tag(FILE *f, const char *tag)
{
    fprintf(f, "reset refs/tags/%s\nfrom refs/heads/main\n\n", tag);
}

static void put_large(FILE *f, const char *path, size_t size)
{
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, 'x', size);
    put_file(f, path, text, size);
    free(text);
}

static void put_history(FILE *f)
{
    commit(f);
    put_text(f, "db/migrate/1_init.up.sql", "create table a ();\n");
    put_text(f, "db/migrate/2_orders.up.sql", LONG);
    put_text(f, "db/migrate/3_gone.up.sql", "select 3;\n");
    put_text(f, "db/other.txt", "1");
    put_text(f, "README", "1");
    put_tag(f, "v1");
    commit(f);
    put_text(f, "db/migrate/1_init.up.sql", "create table b ();\n");
    fputs("R db/migrate/2_orders.up.sql db/migrate/20_orders.up.sql\n", f);
    fputs("D db/migrate/3_gone.up.sql\n", f);
    put_text(f, "db/migrate/4_new.up.sql",
             "select 'gr\xc3\xbc\xc3\x9f"
             "e';\n");
    put_text(f, "db/migrate/sub/5_deep.up.sql", "");
    put_file(f, "db/migrate/6_nul.up.sql", "select\0 1;", 10);
    put_text(f, "db/migrate/7_latin.up.sql",
             "select 'gr\xfc\xdf"
             "e';\n");
    fputs("M 120000 inline db/migrate/8_link.up.sql\ndata 12\n"
          "4_new.up.sql\n",
          f);
    put_text(f, "db/migrate-not/9.sql", "select 9;\n");
    put_text(f, "README", "2");
    put_tag(f, "v2");
    commit(f);
    put_large(f, "db/large/10_MB.sql", GIT_FILES_MAX_FILE);
    put_large(f, "db/large/more.sql", GIT_FILES_MAX_FILE + 1);
    put_tag(f, "large");
    commit(f);
    for (int i = 0; i < 7; i++) {
        char path[64];
        snprintf(path, sizeof path, "db/heavy/%d.sql", i);
        put_large(f, path, GIT_FILES_MAX_FILE - (size_t)i);
    }
    put_tag(f, "heavy");
    commit(f);
    for (int i = 0; i <= GIT_FILES_MAX; i++) {
        char path[64];
        snprintf(path, sizeof path, "db/many/%d.sql", i);
        put_text(f, path, path);
    }
    put_tag(f, "many");
}

static int remove_repository(void **state)
{
    char command[100];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

static int make_repository(void **state)
{
    char command[300];
    FILE *f;
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(repo, sizeof repo, "%s/r.git", directory);
    snprintf(command, sizeof command,
             "GIT_CONFIG_GLOBAL=/dev/null; export GIT_CONFIG_GLOBAL; "
             "git init -q --bare -b main %s && git -C %s fast-import --quiet",
             repo, repo);
    f = popen(command, "w");
    if (!f)
        return -1;
    put_history(f);
    if (pclose(f) == 0)
        return 0;
    remove_repository(state); /* cmocka does not, when this fails */
    return -1;
}

static void expect(const json_t *files, size_t i, const char *path,
                   const char *change, const char *old, const char *content)
{
    const json_t *f = json_array_get(files, i);
    const char *shown = value_text(f, "content", "-");
    assert_string_equal(value_text(f, "path", ""), path);
    assert_string_equal(value_text(f, "change", ""), change);
    assert_string_equal(value_text(f, "old_content", "-"), old);
    assert_string_equal(shown, content);
}

static void the_difference_comes_with_both_sides(void **state)
{
    struct error err = {0};
    json_t *files = NULL;
    (void)state;
    assert_int_equal(
        git_files_between(repo, "v1", "v2", "db/migrate/", &files, &err), 0);
    assert_int_equal(json_array_size(files), 8);
    expect(files, 0, "db/migrate/1_init.up.sql", "modified",
           "create table a ();\n", "create table b ();\n");
    expect(files, 1, "db/migrate/20_orders.up.sql", "renamed", LONG, LONG);
    assert_string_equal(value_text(json_array_get(files, 1), "old_path", ""),
                        "db/migrate/2_orders.up.sql");
    expect(files, 2, "db/migrate/3_gone.up.sql", "removed", "select 3;\n", "-");
    expect(files, 3, "db/migrate/4_new.up.sql", "added", "-",
           "select 'gr\xc3\xbc\xc3\x9f"
           "e';\n");
    expect(files, 7, "db/migrate/sub/5_deep.up.sql", "added", "-", "");
    json_decref(files);
}

static void what_is_not_text_has_no_content(void **state)
{
    struct error err = {0};
    json_t *files = NULL;
    (void)state;
    assert_int_equal(
        git_files_between(repo, "v1", "v2", "db/migrate", &files, &err), 0);
    for (size_t i = 4; i < 7; i++) {
        json_t *f = json_array_get(files, i);
        assert_true(value_bool(f, "binary", 0));
        assert_null(json_object_get(f, "content"));
        assert_string_equal(value_text(f, "change", ""), "added");
    }
    json_decref(files);
}

static void going_back_is_the_reverse(void **state)
{
    struct error err = {0};
    json_t *files = NULL;
    (void)state;
    assert_int_equal(
        git_files_between(repo, "v2", "v1", "db/migrate", &files, &err), 0);
    expect(files, 2, "db/migrate/3_gone.up.sql", "added", "-", "select 3;\n");
    expect(files, 3, "db/migrate/4_new.up.sql", "removed",
           "select 'gr\xc3\xbc\xc3\x9f"
           "e';\n",
           "-");
    json_decref(files);
}

static void the_same_version_has_no_difference(void **state)
{
    struct error err = {0};
    json_t *files = NULL;
    (void)state;
    assert_int_equal(
        git_files_between(repo, "v2", "main~3", "db", &files, &err), 0);
    assert_int_equal(json_array_size(files), 0);
    json_decref(files);
}

static void all_files_of_a_folder_are_read(void **state)
{
    struct error err = {0};
    json_t *files = NULL;
    (void)state;
    assert_int_equal(git_files_at(repo, "v2", "./db//migrate", &files, &err),
                     0);
    assert_int_equal(json_array_size(files), 7);
    assert_string_equal(value_text(json_array_get(files, 0), "path", ""),
                        "db/migrate/1_init.up.sql");
    assert_string_equal(value_text(json_array_get(files, 0), "content", ""),
                        "create table b ();\n");
    assert_true(value_bool(json_array_get(files, 5), "binary", 0));
    assert_string_equal(value_text(json_array_get(files, 6), "path", ""),
                        "db/migrate/sub/5_deep.up.sql");
    json_decref(files);
    assert_int_equal(git_files_at(repo, "v1", "", &files, &err), 0);
    assert_int_equal(json_array_size(files), 5);
    assert_string_equal(value_text(json_array_get(files, 0), "path", ""),
                        "README");
    json_decref(files);
}

/* What must fail, its code, and what its message must name. */
static const struct {
    const char *from, *to, *path;
    int code;
    const char *named;
} failures[] = {
    {"v1", "v9", "db/migrate", RB_NOTFOUND, "\"v9\""},
    {"nonsense", "v2", "db/migrate", RB_NOTFOUND, "nonsense"},
    {"v1", "v2", "db/migrat", RB_NOTFOUND, "db/migrat"},
    {"v1", "v2", "README", RB_NOTFOUND, "no folder README"},
    {"v1", "v2", "../db", RB_INVALID, ".."},
    {"v1", "v2", "/db", RB_INVALID, "relative"},
    {"v2", "large", "db", RB_TOOBIG, "db/large/more.sql"},
    {"large", "heavy", "db/heavy", RB_TOOBIG, "db/heavy/6.sql"},
    {"heavy", "many", "db/many", RB_TOOBIG, "4097 files"},
    {NULL, "many", "db/many", RB_TOOBIG, "4096 files"},
    {NULL, "heavy", "db/heavy", RB_TOOBIG, "db/heavy/6.sql"},
    {NULL, "large", "db/large", RB_TOOBIG, "db/large/more.sql"},
    {NULL, "v1", "db/many", RB_NOTFOUND, "db/many"},
    {NULL, "v9", "db", RB_NOTFOUND, "\"v9\""},
};

static void failures_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        struct error err = {0};
        json_t *files = NULL;
        int rc = failures[i].from
                     ? git_files_between(repo, failures[i].from, failures[i].to,
                                         failures[i].path, &files, &err)
                     : git_files_at(repo, failures[i].to, failures[i].path,
                                    &files, &err);
        if (rc != failures[i].code || err.code != rc ||
            !strstr(err.message, failures[i].named))
            fail_msg("row %zu: %d %s", i, rc, err.message);
        assert_null(files);
    }
}

static void a_missing_repository_is_named(void **state)
{
    struct error err = {0};
    json_t *files = NULL;
    (void)state;
    assert_int_equal(git_files_at("/nonexistent/x.git", "v1", "", &files, &err),
                     RB_NOTFOUND);
    assert_non_null(strstr(err.message, "/nonexistent/x.git does not exist"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_difference_comes_with_both_sides),
        cmocka_unit_test(what_is_not_text_has_no_content),
        cmocka_unit_test(going_back_is_the_reverse),
        cmocka_unit_test(the_same_version_has_no_difference),
        cmocka_unit_test(all_files_of_a_folder_are_read),
        cmocka_unit_test(failures_are_named),
        cmocka_unit_test(a_missing_repository_is_named),
    };
    return cmocka_run_group_tests(tests, make_repository, remove_repository);
}
