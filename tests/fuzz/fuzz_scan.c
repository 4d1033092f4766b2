/*
 * The reader of bytecode, on dumps that Lua did not write: it stays inside
 * them. On those that it did (first byte odd: the input is a source), every
 * dump is read to its end, and no tail call is left in it.
 */
#include "fuzz.h"
#include "../../lua/scan.c"

#define HEADER (4 + 1 + 1 + 6 + 3 + 8 + 8 + 1)

static void forget_notes(void)
{
    for (size_t i = 0; i < note_count; i++) {
        CHECK(memchr(notes[i].name, '\0', SCAN_NAME));
        CHECK(memchr(notes[i].field, '\0', SCAN_NAME));
    }
    note_count = 0;
}

static void mutated(char *bytes, size_t size)
{
    struct cursor c = {(unsigned char *)bytes, (unsigned char *)bytes + size,
                       0};
    scan_proto(&c);
    CHECK(c.at >= (unsigned char *)bytes && c.at <= c.end);
    forget_notes();
}

static void whole(const struct buf *dump)
{
    struct cursor c = {(unsigned char *)dump->data + HEADER,
                       (unsigned char *)dump->data + dump->size, 0};
    scan_proto(&c);
    CHECK(!c.bad && c.at == c.end);
    forget_notes();
}

static void compiled(const char *text, size_t size)
{
    lua_State *L = luaL_newstate();
    struct buf dump = BUF_INIT(SCAN_BYTES), again = BUF_INIT(SCAN_BYTES);
    CHECK(L);
    if (luaL_loadbufferx(L, text, size, "=f", "t") == LUA_OK) {
        CHECK(lua_dump(L, collect, &dump, 0) == 0);
        whole(&dump);
        reload(L, &dump, "=f");
        CHECK(lua_dump(L, collect, &again, 0) == 0);
        CHECK(again.size == dump.size &&
              memcmp(again.data, dump.data, dump.size) == 0);
    }
    buf_free(&dump);
    buf_free(&again);
    lua_close(L);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    unsigned how = input_byte(&in);
    size_t left = in.left;
    char *bytes = input_bytes(&in, left);
    scan_enable();
    file_count = 1;
    if (how & 1)
        compiled(bytes, left);
    else
        mutated(bytes, left);
    free(bytes);
    return 0;
}
