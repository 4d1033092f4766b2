/*
 * tape_load of a journal that something has changed since: cut, overwritten,
 * records swapped or doubled. What it still takes are the records as they
 * were written, in their order; only what no chain can show is let through:
 * a changed last record of a journal that was not sealed, and a torn end.
 * The input is a list of edits, or (first byte odd) a whole file.
 */
#include "fuzz.h"
#include "../../core/store/io.h"
#include "../../core/store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define RECORDS 6

struct file {
    char bytes[8192];
    size_t size;
};

static struct file journal, seal; /* seal.size 0: there is none */
static size_t line_at[RECORDS + 1];
static struct file original;

static void file_add(struct file *f, const char *bytes, size_t size)
{
    CHECK(f->size + size <= sizeof f->bytes);
    memcpy(f->bytes + f->size, bytes, size);
    f->size += size;
}

/* place_read asks fstat too, so the bytes are in a real, nameless file. */
static int memory_open(const char *path, int flags, mode_t mode)
{
    int is_seal = strstr(path, "sealed") != NULL, fd;
    const struct file *f = is_seal ? &seal : &journal;
    (void)flags, (void)mode;
    if (is_seal && !seal.size) {
        errno = ENOENT;
        return -1;
    }
    fd = memfd_create("fuzz", MFD_CLOEXEC);
    CHECK(fd >= 0 && write(fd, f->bytes, f->size) == (ssize_t)f->size);
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static void write_original(int ended)
{
    static const char *const rest[RECORDS] = {
        "\"started\",\"engine\":\"1\",\"format\":1",
        "\"intent\",\"call\":1,\"verb\":\"deploy.release\"",
        "\"result\",\"call\":1,\"ok\":{\"release\":\"2.4.1\"}",
        "\"decision\",\"as\":\"rolled_back\"",
        "\"note\",\"text\":\"\\u0041\"",
        "\"ended\",\"exit\":0",
    };
    char last[DIGEST_SIZE], line[512];
    memset(last, '0', DIGEST_SIZE - 1);
    last[DIGEST_SIZE - 1] = '\0';
    original.size = 0;
    for (int i = 0; i < RECORDS; i++) {
        int n = snprintf(line, sizeof line,
                         "{\"n\":%d,\"prev\":\"%s\",\"epoch\":%d,\"at\":%d,"
                         "\"kind\":%s}\n",
                         i + 1, last, 1 + i / 3, 1000 + i,
                         i + 1 == RECORDS && !ended ? "\"note\"" : rest[i]);
        digest_bytes(line, (size_t)n - 1, last);
        line_at[i] = original.size;
        file_add(&original, line, (size_t)n);
    }
    line_at[RECORDS] = original.size;
    journal = original;
    seal.size = 0;
    if (ended)
        file_add(&seal, last, DIGEST_SIZE - 1);
}

static void remove_range(size_t at, size_t size)
{
    size = size < journal.size - at ? size : journal.size - at;
    memmove(journal.bytes + at, journal.bytes + at + size,
            journal.size - at - size);
    journal.size -= size;
}

static void insert(size_t at, const char *bytes, size_t size)
{
    if (journal.size + size > sizeof journal.bytes)
        return;
    memmove(journal.bytes + at + size, journal.bytes + at, journal.size - at);
    memcpy(journal.bytes + at, bytes, size);
    journal.size += size;
}

static void edit(struct input *in)
{
    unsigned op = input_byte(in) % 5;
    size_t at = (size_t)input_byte(in) << 8 | input_byte(in);
    unsigned with = input_byte(in);
    size_t line = with % RECORDS;
    at %= journal.size + 1;
    if (op == 0 && at < journal.size)
        journal.bytes[at] = (char)with;
    else if (op == 1)
        remove_range(at, with + 1);
    else if (op == 2)
        insert(at, (const char[]){(char)with}, 1);
    else if (op == 3)
        insert(at, original.bytes + line_at[line],
               line_at[line + 1] - line_at[line]);
    else if (op == 4)
        journal.size = at;
}

/* The record as it was written, whole? */
static int untouched(const struct record *r, size_t i)
{
    return i < RECORDS && r->size + 1 == line_at[i + 1] - line_at[i] &&
           memcmp(r->text, original.bytes + line_at[i], r->size) == 0;
}

static void no_whole_record_left_out(const struct tape *t)
{
    const char *tail = t->text.data + t->size;
    size_t size = t->text.size - (size_t)t->size, i = t->count;
    CHECK(t->torn == (size > 0));
    CHECK(!size || !memchr(tail, '\n', size - 1));
    CHECK(i >= RECORDS || size != line_at[i + 1] - line_at[i] ||
          memcmp(tail, original.bytes + line_at[i], size) != 0);
}

static void only_what_was_written(struct tape *t, int edited)
{
    size_t certain = t->count;
    if (edited && !seal.size)
        certain--;
    for (size_t i = 0; i < certain && edited >= 0; i++)
        CHECK(untouched(&t->records[i], i));
    for (size_t i = 0; i < t->count; i++) {
        struct error err = {0};
        CHECK(t->records[i].n == i + 1);
        CHECK(record_value(&t->records[i], &err) || err.message[0]);
    }
    if (edited >= 0)
        no_whole_record_left_out(t);
}

static void load(int edited)
{
    struct tape t;
    struct error err = {0};
    int rc = tape_load(&t, "/d", &err);
    CHECK(rc == 0 || (err.code == rc && err.message[0]));
    CHECK(rc == 0 || edited);
    if (rc)
        return;
    CHECK(!seal.size || edited < 0 ||
          (journal.size == original.size &&
           memcmp(journal.bytes, original.bytes, journal.size) == 0));
    only_what_was_written(&t, edited);
    tape_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct io table;
    struct input in = {data, size};
    unsigned how = input_byte(&in);
    int edited = 0;
    table = io_system;
    table.open = memory_open;
    io = &table;
    write_original(how >> 1 & 1);
    if (how & 1) {
        journal.size = 0;
        file_add(&journal, (const char *)in.at,
                 in.left < sizeof journal.bytes ? in.left
                                                : sizeof journal.bytes);
        load(-1);
        return 0;
    }
    for (; in.left && edited < 8; edited++)
        edit(&in);
    load(edited);
    return 0;
}
