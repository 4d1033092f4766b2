/* Appending under failure: what each failing file operation leaves behind,
   and that a journal which failed once takes nothing more. */
#define _GNU_SOURCE
#include "../../core/store/io.h"
#include "../../core/store/journal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_place.h"

static struct {
    int write_error, half, sync_error, allocate_error, allocate_only;
    int syncs, allocations;
} disk;

static ssize_t disk_write(int fd, const void *bytes, size_t size)
{
    if (disk.half) {
        disk.half = 0;
        return io_system.write(fd, bytes, size / 2);
    }
    if (disk.write_error) {
        errno = disk.write_error;
        return -1;
    }
    return io_system.write(fd, bytes, size);
}

static int disk_datasync(int fd)
{
    disk.syncs++;
    if (disk.sync_error) {
        errno = disk.sync_error;
        return -1;
    }
    return io_system.datasync(fd);
}

static int disk_allocate(int fd, off_t offset, off_t size)
{
    disk.allocations++;
    if (disk.allocate_error &&
        (!disk.allocate_only || size > disk.allocate_only)) {
        errno = disk.allocate_error;
        return -1;
    }
    return io_system.allocate(fd, offset, size);
}

static struct io table;
static struct journal j;
static json_t *payload;

static int begin(void **state)
{
    struct error err = {0};
    (void)state;
    memset(&disk, 0, sizeof disk);
    file_remove("journal.ndjson");
    if (journal_create(&j, place, &err) != 0)
        return -1;
    payload = json_pack("{s:i}", "format", 1);
    return journal_append(&j, RECORD_STARTED, payload, &err);
}

static int end(void **state)
{
    (void)state;
    journal_close(&j);
    json_decref(payload);
    return 0;
}

static size_t records(void)
{
    struct tape t;
    struct error err = {0};
    size_t count;
    assert_int_equal(tape_load(&t, place, &err), 0);
    count = t.count;
    tape_free(&t);
    return count;
}

static void refuse_after(void)
{
    struct error err = {0};
    assert_int_equal(journal_append(&j, RECORD_NOTE, payload, &err), RB_IO);
    assert_non_null(strstr(err.message, "failed before"));
    assert_int_equal(journal_flush(&j, &err), RB_IO);
}

static void full(void **state)
{
    struct error err = {0};
    (void)state;
    disk.half = 1;
    disk.write_error = ENOSPC;
    assert_int_equal(journal_append(&j, RECORD_NOTE, payload, &err), RB_IO);
    assert_non_null(strstr(err.message, "No space left"));
    disk.write_error = 0;
    refuse_after();
    /* The half line was cut off again. */
    assert_int_equal(records(), 1);
}

static void flush_once(void **state)
{
    struct error err = {0};
    (void)state;
    disk.sync_error = EIO;
    assert_int_equal(journal_flush(&j, &err), RB_IO);
    assert_int_equal(disk.syncs, 1);
    disk.sync_error = 0;
    refuse_after();
    assert_int_equal(disk.syncs, 1); /* a failed flush is never repeated */
}

static void flush_when_dirty(void **state)
{
    struct error err = {0};
    (void)state;
    assert_int_equal(journal_flush(&j, &err), 0);
    assert_int_equal(journal_flush(&j, &err), 0);
    assert_int_equal(disk.syncs, 1);
    assert_int_equal(journal_append(&j, RECORD_NOTE, payload, &err), 0);
    assert_int_not_equal(j.dirty_since, 0);
    assert_int_equal(journal_flush(&j, &err), 0);
    assert_int_equal(disk.syncs, 2);
}

static void reserve(void **state)
{
    struct error err = {0};
    struct stat st;
    char path[300];
    (void)state;
    assert_int_equal(journal_reserve(&j, 65536, &err), 0);
    assert_int_equal(journal_reserve(&j, 65536, &err), 0);
    assert_int_equal(disk.allocations, 1);
    assert_true(j.reserved >= j.size + 65536);
    snprintf(path, sizeof path, "%s/journal.ndjson", place);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, j.size); /* readers see no zeros */
    journal_close(&j);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_blocks * 512 < 65536); /* the room is given back */
}

static void reserve_little(void **state)
{
    struct error err = {0};
    (void)state;
    disk.allocate_error = ENOSPC;
    disk.allocate_only = 65536;
    assert_int_equal(journal_reserve(&j, 65536, &err), 0);
    assert_int_equal(journal_reserve(&j, 65537, &err), RB_IO);
    assert_non_null(strstr(err.message, "No space left"));
    /* Nothing was written: the journal itself is well. */
    assert_int_equal(journal_append(&j, RECORD_NOTE, payload, &err), 0);
}

static void reserve_cannot(void **state)
{
    struct error err = {0};
    (void)state;
    disk.allocate_error = EOPNOTSUPP;
    assert_int_equal(journal_reserve(&j, 65536, &err), 0);
}

static void large(void **state)
{
    struct error err = {0};
    json_t *text = json_object();
    char *bytes = malloc(JOURNAL_MAX_RECORD + 1);
    (void)state;
    assert_non_null(bytes);
    memset(bytes, 'x', JOURNAL_MAX_RECORD);
    bytes[JOURNAL_MAX_RECORD] = '\0';
    json_object_set_new(text, "t", json_string(bytes));
    assert_int_equal(journal_append(&j, RECORD_NOTE, text, &err), RB_TOOBIG);
    bytes[JOURNAL_MAX_RESULT] = '\0';
    json_object_set_new(text, "t", json_string(bytes));
    assert_int_equal(journal_append(&j, RECORD_RESULT, text, &err), RB_TOOBIG);
    assert_int_equal(journal_append(&j, RECORD_NOTE, text, &err), 0);
    assert_int_equal(records(), 2);
    json_decref(text);
    free(bytes);
}

static void exists(void **state)
{
    struct journal other;
    struct error err = {0};
    (void)state;
    assert_int_equal(journal_create(&other, place, &err), RB_IO);
    journal_close(&other);
    assert_int_equal(records(), 1);
}

static int set_up(void **state)
{
    table = io_system;
    table.write = disk_write;
    table.datasync = disk_datasync;
    table.allocate = disk_allocate;
    io = &table;
    return place_make(state);
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(full),    WITH(flush_once),     WITH(flush_when_dirty),
        WITH(reserve), WITH(reserve_little), WITH(reserve_cannot),
        WITH(large),   WITH(exists),
    };
    return cmocka_run_group_tests(tests, set_up, place_remove);
}
