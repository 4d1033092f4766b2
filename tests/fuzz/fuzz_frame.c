/*
 * frame_read takes what a jailed process sends. Whatever it accepts is what
 * frame_write writes, byte for byte, and no shorter text is taken for it.
 */
#include "fuzz.h"
#include "../../core/wire/frame.h"

static void written_again(const struct frame *f, const char *bytes, size_t used)
{
    struct buf again =
        BUF_INIT(FRAME_HEADER + FRAME_MAX_DOCUMENT + FRAME_MAX_BODY);
    CHECK(frame_write(&again, f->type, f->flags, f->call, f->value, f->body,
                      f->body_size) == 0);
    CHECK(again.size == used && memcmp(again.data, bytes, used) == 0);
    buf_free(&again);
}

static void cut_is_waited_for(const char *bytes, size_t size)
{
    struct input in = {(const uint8_t *)bytes, size};
    char *part = input_bytes(&in, size);
    struct frame f = {0};
    struct error err = {0};
    size_t used = 1;
    CHECK(frame_read(part, size, &f, &used, &err) == 0);
    CHECK(used == 0 && !f.value);
    free(part);
}

static void read_all(const char *bytes, size_t size, unsigned cut)
{
    while (size) {
        struct frame f = {0};
        struct error err = {0};
        size_t used = 0;
        int rc = frame_read(bytes, size, &f, &used, &err);
        CHECK(rc == 0 || (err.code == rc && err.message[0]));
        CHECK(used <= size);
        if (rc || !used) {
            CHECK(!f.value);
            return;
        }
        written_again(&f, bytes, used);
        cut_is_waited_for(bytes, used * cut / 256);
        frame_free(&f);
        bytes += used;
        size -= used;
    }
}

/* Announce what is there, or nothing a mutation makes would get past the
   lengths. */
static void repair(char *bytes, size_t size, unsigned body)
{
    size_t rest = size - FRAME_HEADER;
    body = body < rest ? body : (unsigned)rest;
    for (int i = 0; i < 4; i++) {
        bytes[i] = (char)((rest - body) >> (8 * i));
        bytes[4 + i] = (char)(body >> (8 * i));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    unsigned how = input_byte(&in), cut = input_byte(&in);
    size_t left = in.left;
    char *bytes = input_bytes(&in, left);
    if (how && left >= FRAME_HEADER)
        repair(bytes, left, how - 1);
    read_all(bytes, left, cut);
    free(bytes);
    return 0;
}
