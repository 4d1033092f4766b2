/* Files that are read by a path without links. */
#define _GNU_SOURCE
#include "../../core/store/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[64];

static void in_top(const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", top, name);
}

static int setup(void **state)
{
    char path[200], link[200];
    FILE *f;
    (void)state;
    snprintf(top, sizeof top, "/tmp/place-test-XXXXXX");
    assert_non_null(mkdtemp(top));
    in_top("folder", path, sizeof path);
    assert_int_equal(mkdir(path, 0700), 0);
    in_top("folder/file", path, sizeof path);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("text", f);
    fclose(f);
    in_top("link", link, sizeof link);
    assert_int_equal(symlink(path, link), 0);
    in_top("other", link, sizeof link);
    assert_int_equal(symlink("folder", link), 0);
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {"other", "link", "folder/file"};
    char path[200];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        in_top(names[i], path, sizeof path);
        unlink(path);
    }
    in_top("folder", path, sizeof path);
    rmdir(path);
    return rmdir(top);
}

static int read_it(const char *name)
{
    char path[200];
    struct buf out = BUF_INIT(100);
    struct error err = {0};
    int rc;
    in_top(name, path, sizeof path);
    rc = place_read_resolved(path, 100, &out, &err);
    if (!rc)
        assert_string_equal(buf_text(&out), "text");
    buf_free(&out);
    return rc;
}

/* As if the link had taken the place of what realpath saw. */
static void test_links(void **state)
{
    (void)state;
    assert_int_equal(read_it("folder/file"), 0);
    assert_int_equal(read_it("link"), RB_DENIED);
    assert_int_equal(read_it("other/file"), RB_DENIED);
    assert_int_equal(read_it("nothing"), RB_NOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_links)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
