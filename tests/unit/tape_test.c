/* A journal that was changed or cut behind our back: every byte of a small
   one is flipped in turn, and every length of it is read. */
#define _GNU_SOURCE
#include "../../core/store/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_place.h"

static struct buf whole = BUF_INIT(1u << 16);

/* Four records, or five with the end. */
static void make(int sealed)
{
    struct journal j;
    struct error err = {0};
    json_t *start = json_pack("{s:i, s:s}", "format", 1, "engine", "test");
    json_t *intent = json_pack("{s:i, s:s}", "call", 1, "key", "k");
    json_t *note = json_pack("{s:s}", "what", "log \xc3\xa4");
    json_t *end = json_pack("{s:i}", "exit", 0);
    file_remove("journal.ndjson");
    file_remove("sealed");
    assert_int_equal(journal_create(&j, place, &err), 0);
    assert_int_equal(journal_append(&j, RECORD_STARTED, start, &err), 0);
    assert_int_equal(journal_append(&j, RECORD_INTENT, intent, &err), 0);
    assert_int_equal(journal_append(&j, RECORD_RESULT, intent, &err), 0);
    assert_int_equal(journal_append(&j, RECORD_NOTE, note, &err), 0);
    if (sealed) {
        assert_int_equal(journal_append(&j, RECORD_ENDED, end, &err), 0);
        file_put("sealed", j.last, 64);
    }
    assert_int_equal(journal_flush(&j, &err), 0);
    journal_close(&j);
    json_decref(start);
    json_decref(intent);
    json_decref(note);
    json_decref(end);
    file_get("journal.ndjson", &whole);
}

static size_t lines_before(size_t at)
{
    size_t n = 0;
    for (size_t i = 0; i < at; i++)
        n += whole.data[i] == '\n';
    return n;
}

static void read_back(void **state)
{
    struct tape t;
    struct error err = {0};
    (void)state;
    make(1);
    assert_int_equal(tape_load(&t, place, &err), 0);
    assert_int_equal(t.count, 5);
    assert_int_equal(t.size, (off_t)whole.size);
    assert_true(t.sealed && !t.torn);
    assert_int_equal(t.records[3].kind, RECORD_NOTE);
    assert_string_equal(
        value_text(record_value(&t.records[3], &err), "what", ""),
        "log \xc3\xa4");
    tape_free(&t);
}

/* In a sealed journal every changed byte is found. */
static void flip_sealed(void **state)
{
    static const int masks[] = {0x01, 0x20, 0x80};
    struct tape t;
    (void)state;
    make(1);
    for (size_t i = 0; i < whole.size; i++) {
        for (size_t m = 0; m < 3; m++) {
            struct error err = {0};
            whole.data[i] = (char)(whole.data[i] ^ masks[m]);
            file_put("journal.ndjson", whole.data, whole.size);
            whole.data[i] = (char)(whole.data[i] ^ masks[m]);
            assert_int_not_equal(tape_load(&t, place, &err), 0);
            assert_true(err.message[0]);
        }
    }
}

/* Before the end, only the last record has nothing behind it that holds its
   hash; but not even there is a record taken for a torn one and dropped. */
static void flip_open(void **state)
{
    static const int masks[] = {0x01, 0x80};
    struct tape t;
    (void)state;
    make(0);
    for (size_t i = 0; i < whole.size; i++) {
        for (size_t m = 0; m < 2; m++) {
            struct error err = {0};
            int rc;
            whole.data[i] = (char)(whole.data[i] ^ masks[m]);
            file_put("journal.ndjson", whole.data, whole.size);
            whole.data[i] = (char)(whole.data[i] ^ masks[m]);
            rc = tape_load(&t, place, &err);
            if (lines_before(i) < 3)
                assert_int_equal(rc, RB_CORRUPT);
            if (rc)
                continue;
            assert_int_equal(t.count, 4);
            assert_false(t.torn);
            tape_free(&t);
        }
    }
}

/* A tail that never reached the disk: whole records stay, the torn one goes,
   and nothing at all is a run that never started. */
static void cut_open(void **state)
{
    struct tape t;
    (void)state;
    make(0);
    for (size_t size = 0; size < whole.size; size++) {
        struct error err = {0};
        size_t lines = lines_before(size);
        int rc;
        file_put("journal.ndjson", whole.data, size);
        rc = tape_load(&t, place, &err);
        if (!lines) {
            assert_int_equal(rc, RB_NOTFOUND);
            continue;
        }
        assert_int_equal(rc, 0);
        assert_int_equal(t.count, lines);
        assert_int_equal(t.torn, whole.data[size - 1] != '\n');
        tape_free(&t);
    }
}

static void cut_sealed(void **state)
{
    struct tape t;
    (void)state;
    make(1);
    for (size_t size = 0; size < whole.size; size++) {
        struct error err = {0};
        file_put("journal.ndjson", whole.data, size);
        assert_int_equal(tape_load(&t, place, &err), RB_CORRUPT);
    }
    file_remove("journal.ndjson");
    struct error err = {0};
    assert_int_equal(tape_load(&t, place, &err), RB_CORRUPT);
}

/* Blocks that were given to the file and never written are zeros. */
static void zeros(void **state)
{
    static const char nothing[300];
    struct buf text = BUF_INIT(1u << 16);
    struct tape t;
    struct error err = {0};
    (void)state;
    make(0);
    buf_add(&text, whole.data, whole.size);
    buf_add(&text, nothing, sizeof nothing);
    file_put("journal.ndjson", text.data, text.size);
    assert_int_equal(tape_load(&t, place, &err), 0);
    assert_int_equal(t.count, 4);
    assert_true(t.torn);
    tape_free(&t);
    /* In the last line, with the newline behind them. */
    memset(text.data + whole.size - 40, 0, 39);
    file_put("journal.ndjson", text.data, whole.size);
    assert_int_equal(tape_load(&t, place, &err), 0);
    assert_int_equal(t.count, 3);
    assert_true(t.torn);
    tape_free(&t);
    buf_free(&text);
}

static void grown(void **state)
{
    struct buf text = BUF_INIT(1u << 16);
    struct tape t;
    struct error err = {0};
    (void)state;
    make(1);
    buf_add(&text, whole.data, whole.size);
    buf_adds(&text, "{\"n\":6");
    file_put("journal.ndjson", text.data, text.size);
    assert_int_equal(tape_load(&t, place, &err), RB_CORRUPT);
    buf_free(&text);
}

static void newer(void **state)
{
    static const char text[] =
        "{\"n\":1,\"prev\":\"0000000000000000000000000000000000000000000000000"
        "000000000000000\",\"epoch\":1,\"at\":1,\"kind\":\"started\","
        "\"engine\":\"9.9\",\"format\":2}\n";
    struct tape t;
    struct error err = {0};
    (void)state;
    file_remove("sealed");
    file_put("journal.ndjson", text, sizeof text - 1);
    assert_int_equal(tape_load(&t, place, &err), RB_INVALID);
    assert_non_null(strstr(err.message, "newer rbrun"));
    assert_non_null(strstr(err.next, "9.9"));
}

/* Going on behind a torn line: the file is as it was until the first record,
   then without the torn line, in the next epoch. */
static void go_on(void **state)
{
    struct journal j;
    struct tape t;
    struct error err = {0};
    struct buf now = BUF_INIT(1u << 16);
    json_t *note = json_pack("{s:s}", "what", "resumed");
    (void)state;
    make(0);
    file_put("journal.ndjson", whole.data, whole.size - 7);
    assert_int_equal(tape_load(&t, place, &err), 0);
    assert_int_equal(journal_continue(&j, place, &t, &err), 0);
    file_get("journal.ndjson", &now);
    assert_int_equal(now.size, whole.size - 7);
    assert_int_equal(journal_append(&j, RECORD_NOTE, note, &err), 0);
    journal_close(&j);
    tape_free(&t);
    assert_int_equal(tape_load(&t, place, &err), 0);
    assert_int_equal(t.count, 4);
    assert_false(t.torn);
    assert_int_equal(t.records[3].epoch, 2);
    tape_free(&t);
    json_decref(note);
    buf_free(&now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_back),  cmocka_unit_test(flip_sealed),
        cmocka_unit_test(flip_open),  cmocka_unit_test(cut_open),
        cmocka_unit_test(cut_sealed), cmocka_unit_test(zeros),
        cmocka_unit_test(grown),      cmocka_unit_test(newer),
        cmocka_unit_test(go_on),
    };
    int failed = cmocka_run_group_tests(tests, place_make, place_remove);
    buf_free(&whole);
    return failed;
}
