/* A snapshot's manifest: what was written is what is read, to the byte. */
#define _GNU_SOURCE
#include "../../core/drivers/snapshot_files.h"
#include "../../core/drivers/snapshot_manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID "snap-0123456789ab"

static char root[] = "/tmp/rbrun-snapshot-XXXXXX";
static struct driver_call call;

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void write_below(const struct snapshot *s, const char *name,
                        const char *text)
{
    char path[4300];
    struct error err;
    assert_int_equal(snapshot_path(s, name, path, sizeof path, &err), 0);
    write_file(path, text);
}

static void take(void)
{
    struct snapshot s;
    struct error err = {0};
    char folder[4300];
    assert_int_equal(snapshot_open(&s, &call, "test", &err), 0);
    assert_false(s.kept);
    write_below(&s, "one", "first\n");
    snapshot_path(&s, "sub", folder, sizeof folder, &err);
    assert_int_equal(mkdir(folder, 0700), 0);
    write_below(&s, "sub/two", "second\n");
    assert_int_equal(snapshot_seal(&s, json_pack("{s:s}", "a", "b"),
                                   json_pack("[s]", "the rest"), &err),
                     0);
    snapshot_free(&s);
}

static int check(char *message, size_t size)
{
    struct snapshot s;
    struct error err = {0};
    int rc = snapshot_check(&s, &call, "test", &err);
    snprintf(message, size, "%s", err.message);
    snapshot_free(&s);
    return rc;
}

static void path_of(const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/" ID "/%s", root, name);
}

static int setup(void **state)
{
    (void)state;
    strcpy(strrchr(root, '-') + 1, "XXXXXX");
    assert_non_null(mkdtemp(root));
    memset(&call, 0, sizeof call);
    call.system = "db";
    call.run = "20260101-TEST";
    call.environment = "test";
    call.service = "api";
    call.key = KEY;
    call.artifacts = root;
    call.root = "/";
    call.args = json_pack("{s:s}", "id", ID);
    call.binding = json_object();
    call.timeout = 10000;
    call.progress_fd = -1;
    take();
    return 0;
}

static int teardown(void **state)
{
    struct error err;
    (void)state;
    json_decref((json_t *)call.args);
    json_decref((json_t *)call.binding);
    return snapshot_files_remove(root, &err);
}

/* FIPS 180-4, the example "abc". */
static void the_hash_is_sha256(void **state)
{
    char out[65];
    (void)state;
    assert_int_equal(snapshot_sha256("abc", 3, out), 0);
    assert_string_equal(out, "ba7816bf8f01cfea414140de5dae2223"
                             "b00361a396177a9cb410ff61f20015ad");
}

static void what_was_written_is_read(void **state)
{
    struct driver_answer a = {OUTCOME_UNKNOWN, NULL, ""};
    char path[400];
    struct stat st;
    (void)state;
    snapshot_verify_files(&call, "test", &a);
    assert_int_equal(a.outcome, OUTCOME_OK);
    assert_int_equal(value_int(a.value, "files", 0), 2);
    assert_int_equal(value_int(a.value, "bytes", 0), 13);
    json_decref(a.value);
    snprintf(path, sizeof path, "%s/" ID ".partial", root);
    assert_int_equal(stat(path, &st), -1);
}

static void the_same_call_again_finds_it(void **state)
{
    struct snapshot s;
    struct error err = {0};
    (void)state;
    assert_int_equal(snapshot_open(&s, &call, "test", &err), 0);
    assert_true(s.kept);
    assert_int_equal(value_int(s.manifest, "bytes", 0), 13);
    snapshot_free(&s);
}

struct damage {
    const char *name; /* below the snapshot */
    const char *text; /* its new contents, NULL to remove it */
    const char *told; /* in the message */
};

static const struct damage damages[] = {
    {"one", "First\n", "one has other contents"},
    {"one", "first", "one has 5 bytes, 6 were written"},
    {"sub/two", NULL, "sub/two is missing"},
    {"sub/three", "", "sub/three was not there"},
    {"manifest.json", "{}\n", "not as it was written"},
    {"manifest.json", "{\"a\":", "not JSON"},
    {"manifest.json", NULL, "has no manifest.json"},
};

static void every_damage_is_seen(void **state)
{
    char path[400], message[1600];
    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        const struct damage *d = &damages[i];
        path_of(d->name, path, sizeof path);
        if (d->text)
            write_file(path, d->text);
        else
            assert_int_equal(unlink(path), 0);
        assert_int_equal(check(message, sizeof message), RB_CORRUPT);
        if (!strstr(message, d->told))
            fail_msg("%s: %s", d->told, message);
        teardown(NULL);
        setup(NULL);
    }
}

/* A manifest whose hashes were made to fit another file. */
static void a_doctored_manifest_is_seen(void **state)
{
    char path[400], message[1600];
    json_t *m;
    (void)state;
    path_of("manifest.json", path, sizeof path);
    m = json_load_file(path, 0, NULL);
    assert_non_null(m);
    json_object_set_new(m, "note", json_string("nothing happened"));
    assert_int_equal(json_dump_file(m, path, JSON_SORT_KEYS), 0);
    json_decref(m);
    assert_int_equal(check(message, sizeof message), RB_CORRUPT);
    assert_non_null(strstr(message, "its own digest"));
}

static void links_are_not_followed(void **state)
{
    char path[400], message[1600];
    (void)state;
    path_of("sub/two", path, sizeof path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/hostname", path), 0);
    assert_int_equal(check(message, sizeof message), RB_CORRUPT);
    assert_non_null(strstr(message, "not a regular file"));
}

static void an_id_is_not_a_path(void **state)
{
    static const char *const ids[] = {"",
                                      "../etc",
                                      "snap-",
                                      "snap-../../../et",
                                      "snap-0123456789AB",
                                      "snap-0123456789ab/..",
                                      "manifest.json"};
    char message[1600];
    (void)state;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        json_object_set_new((json_t *)call.args, "id", json_string(ids[i]));
        if (check(message, sizeof message) != RB_INVALID)
            fail_msg("%s was taken", ids[i]);
    }
    json_object_set_new((json_t *)call.args, "id",
                        json_string("snap-ffffffffffff"));
    assert_int_equal(check(message, sizeof message), RB_NOTFOUND);
}

static json_t *probed(enum outcome want)
{
    struct driver_answer a = {OUTCOME_UNKNOWN, NULL, ""};
    snapshot_probe(&call, &a);
    assert_int_equal(a.outcome, want);
    return a.value;
}

static void the_probe_tells_whole_from_partial(void **state)
{
    char whole[400], partial[400], one[420];
    json_t *v = probed(OUTCOME_OK);
    (void)state;
    assert_true(value_bool(v, "applied", 0));
    assert_string_equal(value_text(json_object_get(v, "value"), "id", ""), ID);
    json_decref(v);
    snprintf(whole, sizeof whole, "%s/" ID, root);
    snprintf(partial, sizeof partial, "%s/" ID ".partial", root);
    assert_int_equal(rename(whole, partial), 0);
    v = probed(OUTCOME_OK);
    assert_false(value_bool(v, "applied", 1));
    json_decref(v);
    assert_int_equal(rename(partial, whole), 0);
    snprintf(one, sizeof one, "%s/one", whole);
    write_file(one, "other");
    assert_null(probed(OUTCOME_UNKNOWN));
}

/* What an attempt left that was killed half-way does not get into the next. */
static void leftovers_go(void **state)
{
    char path[400];
    struct snapshot s;
    struct error err = {0};
    (void)state;
    assert_int_equal(teardown(NULL), 0);
    assert_int_equal(mkdir(root, 0700), 0);
    snprintf(path, sizeof path, "%s/" ID ".partial", root);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/" ID ".partial/half", root);
    write_file(path, "half");
    call.args = json_pack("{s:s}", "id", ID);
    call.binding = json_object();
    assert_int_equal(snapshot_open(&s, &call, "test", &err), 0);
    assert_int_equal(access(path, F_OK), -1);
    snapshot_drop(&s);
    snapshot_free(&s);
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hash_is_sha256),
        FRESH(what_was_written_is_read),
        FRESH(the_same_call_again_finds_it),
        FRESH(every_damage_is_seen),
        FRESH(a_doctored_manifest_is_seen),
        FRESH(links_are_not_followed),
        FRESH(an_id_is_not_a_path),
        FRESH(the_probe_tells_whole_from_partial),
        FRESH(leftovers_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
