/* The pure parts of the drivers without a library. */
#define _GNU_SOURCE
#include "../../core/drivers/haproxy_socket.h"
#include "../../core/drivers/json_file.h"
#include "../../core/drivers/release_name.h"
#include "../../core/wire/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void compares_names(void **state)
{
    static const struct {
        const char *asked, *name, *commit;
        int same;
    } rows[] = {
        {"v2.4.1", "v2.4.1", NULL, 1},
        {"2.4.1", "v2.4.1", "", 1},
        {"v2.4.1", "2.4.1", NULL, 1},
        {"v2.4", "v2.4.1", NULL, 0},
        {"vnext", "next", NULL, 0}, /* no version with a v before it */
        {"", "", "", 0},
        {"abcdef1", "r9", "abcdef1234567890", 1},
        {"ABCDEF1", "r9", "abcdef1234567890", 1},
        {"abcdef", "r9", "abcdef1234567890", 0}, /* too short */
        {"abcdef2", "r9", "abcdef1234567890", 0},
        {"abcdef1234567890a", "r9", "abcdef1234567890", 0},
        {"abcdefg", "r9", "abcdefg", 0}, /* no hash */
        {"abcdef1", "r9", "", 0},
        {"abcdef1", "", NULL, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (release_matches(rows[i].asked, rows[i].name, rows[i].commit) !=
            rows[i].same)
            fail_msg("row %zu: %s", i, rows[i].asked);
    }
}

static void knows_what_is_a_name(void **state)
{
    char longest[257];
    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    longest[256] = '\0';
    assert_false(release_is_name(longest));
    longest[255] = '\0';
    assert_true(release_is_name(longest));
    assert_true(release_is_name("v2.4.1"));
    assert_true(release_is_name("r\xc3\xa9lease 7"));
    assert_false(release_is_name(""));
    assert_false(release_is_name(" v1"));
    assert_false(release_is_name("v1 "));
    assert_false(release_is_name("v\x1b[2J"));
    assert_false(release_is_name("v\xff"));
    assert_false(release_is_name("v\xc2\x9b"
                                 "2J"));
    assert_false(release_is_name("v\xe2\x80\xae"
                                 "1"));
}

static void measures_distance(void **state)
{
    char longest[300];
    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(release_distance("", ""), 0);
    assert_int_equal(release_distance("", "abc"), 3);
    assert_int_equal(release_distance("kitten", "sitting"), 3);
    assert_int_equal(release_distance("v2.1", "v2.10"), 1);
    assert_int_equal(release_distance(longest, ""), 63);
    assert_int_equal(release_distance(longest, longest), 0);
}

static void knows_utf8(void **state)
{
    static const struct {
        const char *text;
        size_t size, length;
    } rows[] = {
        {"a", 1, 1},
        {"", 0, 0},
        {"\xc3\xa9", 2, 2},
        {"\xe2\x82\xac", 3, 3},
        {"\xf0\x9f\x98\x80", 4, 4},
        {"\xf4\x8f\xbf\xbf", 4, 4}, /* U+10FFFF */
        {"\xf4\x90\x80\x80", 4, 0}, /* above it */
        {"\xc0\x80", 2, 0},         /* overlong */
        {"\xe0\x9f\xbf", 3, 0},     /* overlong */
        {"\xf0\x8f\xbf\xbf", 4, 0}, /* overlong */
        {"\xed\xa0\x80", 3, 0},     /* surrogate */
        {"\xe2\x82", 2, 0},         /* cut off */
        {"\xe2\x82\x28", 3, 0},     /* third byte is none */
        {"\x80", 1, 0},
        {"\xff", 1, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (utf8_length(rows[i].text, rows[i].size) != rows[i].length)
            fail_msg("row %zu", i);
    }
}

static void messages_stay_texts(void **state)
{
    struct error err = {0};
    (void)state;
    error_set(&err, RB_IO, "%s",
              "caf\xc3\xa9 \xff \x1b[2J\ttab\nline \xe2\x82");
    assert_string_equal(err.message,
                        "caf\xc3\xa9 \\xff \\x1b[2J\ttab\nline \\xe2\\x82");
}

static const char servers[] =
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state "
    "srv_admin_state srv_uweight srv_iweight srv_time\n"
    "3 shop 1 blue 127.0.0.1 2 0 70 1 9\n"
    "3 shop 2 green 127.0.0.1 0 8 30 1 9\n\n";

static void reads_servers(void **state)
{
    struct haproxy_backend *b = malloc(sizeof *b);
    struct error err = {0};
    (void)state;
    assert_non_null(b);
    assert_int_equal(haproxy_parse(servers, b, &err), 0);
    assert_int_equal(b->count, 2);
    assert_string_equal(b->servers[0].name, "blue");
    assert_int_equal(b->servers[0].state, 2);
    assert_int_equal(b->servers[0].weight, 70);
    assert_int_equal(b->servers[1].admin, HAPROXY_DRAIN & 8);
    assert_int_equal(b->servers[1].initial, 1);
    free(b);
}

#define HEADING                                                                \
    "# srv_name srv_op_state srv_admin_state srv_uweight srv_iweight\n"
#define LONG "thirty-two-bytes-of-a-long-name-"

static void refuses_other_answers(void **state)
{
    static const char *const texts[] = {
        "",
        "1\n",
        "Unknown command\n",
        "# srv_name srv_op_state srv_admin_state srv_uweight\nblue 2 0 1\n",
        "# srv_name srv_op_state srv_admin_state srv_uweight srv_iweight\n"
        "blue 2 0\n",
        "# srv_name srv_op_state srv_admin_state srv_uweight srv_iweight\n"
        "blue 2 0 x 1\n",
        "# srv_name srv_name srv_op_state srv_op_state srv_admin_state\n",
        HEADING "blue 2 0 257 1\n",
        HEADING "blue 2 0 -1 1\n",
        HEADING "blue 4 0 1 1\n",
        HEADING "blue 2 0 99999999999999999999 1\n",
        HEADING LONG LONG LONG LONG " 2 0 1 1\n",
    };
    struct haproxy_backend *b = malloc(sizeof *b);
    struct error err;
    (void)state;
    assert_non_null(b);
    for (size_t i = 0; i < COUNT(texts); i++) {
        if (haproxy_parse(texts[i], b, &err) != RB_INVALID)
            fail_msg("row %zu", i);
    }
    free(b);
}

static void bounds_servers(void **state)
{
    struct buf text = BUF_INIT(1u << 20);
    struct haproxy_backend *b = malloc(sizeof *b);
    struct error err;
    (void)state;
    assert_non_null(b);
    buf_adds(&text, "# srv_name srv_op_state srv_admin_state srv_uweight "
                    "srv_iweight\n");
    for (int i = 0; i < HAPROXY_SERVERS; i++)
        buf_addf(&text, "s%d 2 0 1 1\n", i);
    assert_int_equal(haproxy_parse(buf_text(&text), b, &err), 0);
    assert_int_equal(b->count, HAPROXY_SERVERS);
    buf_adds(&text, "more 2 0 1 1\n");
    assert_int_equal(haproxy_parse(buf_text(&text), b, &err), RB_TOOBIG);
    buf_free(&text);
    free(b);
}

static void stays_on_loopback(void **state)
{
    static const struct {
        const char *where;
        int rc;
    } rows[] = {
        {"/run/haproxy.sock", 0},
        {"127.0.0.1:9999", 0},
        {"127.1.2.3:1", 0},
        {"localhost:9999", 0},
        {"[::1]:9999", 0},
        {"128.0.0.1:9999", RB_INVALID},
        {"0.0.0.0:9999", RB_INVALID},
        {"[::]:9999", RB_INVALID},
        {"example.org:9999", RB_INVALID},
        {"127.0.0.1", RB_INVALID},
        {"127.0.0.1:", RB_INVALID},
        {"127.0.0.1:0", RB_INVALID},
        {"127.0.0.1:65536", RB_INVALID},
        {"127.0.0.1:99x", RB_INVALID},
        {"127.0.0.1:+99", RB_INVALID},
        {"127.0.0.1: 99", RB_INVALID},
        {"", RB_INVALID},
    };
    char longest[200];
    struct error err;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (haproxy_where(rows[i].where, &err) != rows[i].rc)
            fail_msg("%s", rows[i].where);
    }
    memset(longest, '/', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(haproxy_where(longest, &err), RB_INVALID);
}

static void notes_belong_to_their_call(void **state)
{
    char root[] = "/tmp/rbrun-note-XXXXXX", path[64];
    struct driver_call c = {.key = "aa", .sequence = 4, .artifacts = path};
    struct error err = {0};
    json_t *note = json_pack("{s:i}", "weight", 7), *back;
    (void)state;
    assert_non_null(mkdtemp(root));
    snprintf(path, sizeof path, "%s/run", root);
    assert_null(note_read(&c));
    assert_int_equal(note_write(&c, note, &err), 0);
    back = note_read(&c);
    assert_true(json_equal(note, back));
    json_decref(back);
    c.key = "bb"; /* the same number in another run's folder */
    assert_null(note_read(&c));
    c.key = "aa";
    c.sequence = 5;
    assert_null(note_read(&c));
    json_decref(note);
    snprintf(path, sizeof path, "%s/run/call-4.note", root);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof path, "%s/run", root);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(root), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_names),
        cmocka_unit_test(knows_what_is_a_name),
        cmocka_unit_test(measures_distance),
        cmocka_unit_test(knows_utf8),
        cmocka_unit_test(messages_stay_texts),
        cmocka_unit_test(reads_servers),
        cmocka_unit_test(refuses_other_answers),
        cmocka_unit_test(bounds_servers),
        cmocka_unit_test(stays_on_loopback),
        cmocka_unit_test(notes_belong_to_their_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
