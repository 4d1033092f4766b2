/*
 * Migrations that are programs: any text as an Alembic, Django or Rails file.
 * The readers raise nothing; each thing they say has a line of the file and is
 * either SQL or what is not understood; the way back changes no memory of the
 * models.
 * Input: files, each ended by a NUL: a letter (a alembic, d django, r rails,
 * in capitals the way back too), the text. They share one history.
 *
 * The readers are Lua and lpeg, which have no probes: lines of Lua that are
 * reached are told to libFuzzer as counters.
 */
#include "fuzz.h"

#include <lauxlib.h>
static lua_State *state_on_heap(void);
#define luaL_newstate state_on_heap
#include "../../lua/reader_sql.c"
#include "inside/inside.h"

#define COUNTERS (1u << 15)
#define FILES_MAX 6

__attribute__((
    section("__libfuzzer_extra_counters"))) static uint8_t counters[COUNTERS];

static void count(uint32_t what)
{
    what *= 2654435761u;
    if (counters[what >> 17] < 255)
        counters[what >> 17]++;
}

static uint32_t hash(uint32_t seed, const char *text)
{
    while (*text)
        seed = (seed ^ (unsigned char)*text++) * 16777619u;
    return seed;
}

static void *on_heap(void *data, void *block, size_t old, size_t size)
{
    (void)data, (void)old;
    if (size)
        return inside_realloc(block, size);
    inside_free(block);
    return NULL;
}

static lua_State *state_on_heap(void)
{
    return lua_newstate(on_heap, NULL);
}

void inside_exit(int status)
{
    fprintf(stderr, "no memory for the readers (%d)\n", status);
    abort();
}

static void on_line(lua_State *S, lua_Debug *ar)
{
    lua_getinfo(S, "S", ar);
    count(hash((uint32_t)ar->currentline, ar->short_src));
}

static void start(void)
{
    struct error err = {0};
    CHECK(reader_sql_role.prepare(&err) == 0);
    lua_sethook(L, on_line, LUA_MASKLINE, 0);
    inside_keep();
}

/* A field of the item at the top. [-0, +0] */
static int has_text(const char *key)
{
    int is = lua_getfield(L, -1, key) == LUA_TSTRING;
    lua_pop(L, 1);
    return is;
}

/* A slip of a reader is caught, and said: that is no finding about the file. */
static void no_slip(void)
{
    const char *said;
    lua_getfield(L, -1, "unknown");
    said = lua_tostring(L, -1);
    if (said && strncmp(said, "the file is not understood", 26) == 0) {
        fprintf(stderr, "%s\n", said);
        CHECK(!"a reader slipped");
    }
    lua_pop(L, 1);
}

static lua_Integer line_of(void)
{
    lua_Integer line;
    CHECK(lua_getfield(L, -1, "line") == LUA_TNUMBER);
    line = lua_tointeger(L, -1);
    lua_pop(L, 1);
    return line;
}

static lua_Integer lines_in(const char *bytes, size_t size)
{
    lua_Integer lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += bytes[i] == '\n';
    return lines;
}

/* The list at the top. [-1, +0] */
static void look(const char *bytes, size_t size)
{
    lua_Integer lines = lines_in(bytes, size), n = luaL_len(L, -1);
    for (lua_Integer i = 1; i <= n; i++) {
        CHECK(lua_rawgeti(L, -1, i) == LUA_TTABLE);
        CHECK(has_text("sql") != has_text("unknown"));
        CHECK(!has_text("unknown") || has_text("code"));
        CHECK(line_of() >= 1 && line_of() <= lines);
        no_slip();
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* translate is at 1, the history at 2. [-0, +0] */
static void translate(const char *format, const char *way, const char *bytes,
                      size_t size)
{
    lua_pushvalue(L, 1);
    lua_pushstring(L, format);
    lua_pushlstring(L, bytes, size);
    lua_pushstring(L, way);
    lua_pushvalue(L, 2);
    lua_pushliteral(L, "app/migrations/0001_x.py");
    if (lua_pcall(L, 5, 1, 0)) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        CHECK(!"nothing is raised");
    }
    look(bytes, size);
}

static void one(struct input *in)
{
    unsigned letter = input_byte(in);
    const uint8_t *end = memchr(in->at, 0, in->left);
    size_t size = end ? (size_t)(end - in->at) : in->left;
    char *bytes = input_bytes(in, size);
    const char *format = (letter | 32) == 'a'   ? "alembic"
                         : (letter | 32) == 'd' ? "django"
                                                : "rails";
    translate(format, "up", bytes, size);
    if (letter < 'a')
        translate(format, "down", bytes, size);
    free(bytes);
    input_byte(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    if (!L)
        start();
    lua_settop(L, 0);
    lua_getglobal(L, "migration");
    lua_getfield(L, -1, "programs");
    lua_getfield(L, -1, "translate");
    lua_replace(L, 1);
    lua_settop(L, 1);
    lua_newtable(L);
    for (int i = 0; in.left && i < FILES_MAX; i++)
        one(&in);
    lua_settop(L, 0);
    inside_again();
    return 0;
}
