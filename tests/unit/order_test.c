/*
 * Sorted keys, the stable sort and the conversion of values, with many
 * shapes, against simple models.
 */
#include "../../core/wire/value.h"
#include "../../lua/budget.h"
#include "../../lua/convert.h"
#include "../../lua/order.h"
#include "../../lua/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

static struct worker_page page;
static struct budget budget;

static lua_State *new_state(void)
{
    lua_State *L;
    memset(&page, 0, sizeof page);
    budget = (struct budget){1000000000, 64u << 20, 0, 0, &page};
    L = lua_newstate(budget_alloc, &budget);
    assert_non_null(L);
    return L;
}

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Lists of every length up to 70 and some long ones, with many equal keys:
   sorted by key, and equal ones in the order they came in. */
static void test_sort(void **state)
{
    uint32_t seed = 1;
    lua_State *L = new_state();
    (void)state;
    for (int n = 0; n < 80; n++) {
        int count = n < 70 ? n : n * 37;
        lua_settop(L, 0);
        lua_pushcfunction(L, order_sort);
        lua_newtable(L);
        for (int i = 1; i <= count; i++) {
            /* key * 2^20 + position: floor division leaves the key */
            lua_pushinteger(L, (lua_Integer)(next(&seed) % 10) << 20 | i);
            lua_rawseti(L, 2, i);
        }
        lua_pushvalue(L, 2);
        lua_insert(L, 1);
        lua_call(L, 1, 0);
        for (int i = 2; i <= count; i++) {
            lua_rawgeti(L, 1, i - 1);
            lua_rawgeti(L, 1, i);
            assert_true(lua_tointeger(L, -2) < lua_tointeger(L, -1));
            lua_pop(L, 2);
        }
    }
    lua_close(L);
}

static void push_random_key(lua_State *L, uint32_t *seed)
{
    char text[8];
    switch (next(seed) % 4) {
    case 0:
        lua_pushboolean(L, (int)(next(seed) % 2));
        break;
    case 1:
        lua_pushinteger(L, (lua_Integer)(next(seed) % 200) - 100);
        break;
    case 2:
        lua_pushnumber(L, (double)(next(seed) % 200) / 7.0 - 10);
        break;
    default:
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = (char)(next(seed) % 3 ? 'a' + next(seed) % 3 : 0);
        lua_pushlstring(L, text, next(seed) % sizeof text);
    }
}

static int rank(lua_State *L, int index)
{
    return lua_isboolean(L, index)             ? 0
           : lua_type(L, index) == LUA_TNUMBER ? 1
                                               : 2;
}

/* Whether the key at a comes before the one at b, by Lua's own order. */
static int is_before(lua_State *L, int a, int b)
{
    if (rank(L, a) != rank(L, b))
        return rank(L, a) < rank(L, b);
    if (rank(L, a) == 0)
        return lua_toboolean(L, a) < lua_toboolean(L, b);
    return lua_compare(L, a, b, LUA_OPLT);
}

static void test_keys(void **state)
{
    uint32_t seed = 7;
    lua_State *L = new_state();
    (void)state;
    for (int round = 0; round < 200; round++) {
        lua_Integer count = 0;
        lua_settop(L, 0);
        lua_newtable(L);
        for (int i = 0; i < round; i++) {
            push_random_key(L, &seed);
            lua_pushboolean(L, 1);
            lua_rawset(L, 1);
        }
        for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
            count++;
        assert_null(order_keys(L, 1));
        assert_int_equal(lua_rawlen(L, 2), count);
        for (lua_Integer i = 2; i <= count; i++) {
            lua_rawgeti(L, 2, i - 1);
            lua_rawgeti(L, 2, i);
            assert_true(is_before(L, 3, 4));
            lua_settop(L, 2);
        }
    }
    lua_close(L);
}

/* Text that is a value, and what comes back after Lua had it. */
static const char *const round_trips[][2] = {
    {"null", "null"},
    {"true", "true"},
    {"0", "0"},
    {"9223372036854775807", "9223372036854775807"},
    {"-9223372036854775808", "-9223372036854775808"},
    {"1.0", "1.0"},
    {"0.1", "0.1"},
    {"1e300", "1e+300"},
    {"\"\"", "\"\""},
    {"[]", "[]"},
    {"{}", "{}"},
    {"[1,2.0,\"x\",[[]],{\"a\":{}}]", "[1,2.0,\"x\",[[]],{\"a\":{}}]"},
    {"{\"b\":1,\"a\":null}", "{\"b\":1}"},
};

/* What is done with a text that holds a zero byte would not be what is shown
   of it: it may come in, and not go out. */
static void test_zero_byte(void **state)
{
    lua_State *L = new_state();
    struct error err = {0};
    json_t *again = NULL;
    (void)state;
    lua_pushlstring(L, "a\0b", 3);
    assert_int_not_equal(convert_take(L, -1, &again, &err), 0);
    assert_null(again);
    assert_true(err.message[0]);
    lua_close(L);
}

static void test_convert(void **state)
{
    lua_State *L = new_state();
    (void)state;
    for (size_t i = 0; i < sizeof round_trips / sizeof *round_trips; i++) {
        const char *text = round_trips[i][0];
        struct error err = {0};
        struct buf out = BUF_INIT(1000);
        json_t *value = NULL, *again = NULL;
        assert_int_equal(value_decode(text, strlen(text), &value, &err), 0);
        convert_push(L, value);
        assert_int_equal(convert_take(L, -1, &again, &err), 0);
        assert_int_equal(value_encode(again, &out), 0);
        assert_string_equal(buf_text(&out), round_trips[i][1]);
        assert_int_equal(lua_gettop(L), 1);
        lua_settop(L, 0);
        json_decref(value);
        json_decref(again);
        buf_free(&out);
    }
    lua_close(L);
}

static const struct {
    const char *a, *b;
    int distance;
} distances[] = {
    {"", "", 0},
    {"a", "", 1},
    {"metric", "metirc", 1},
    {"query", "qurey", 1},
    {"abc", "xbc", 1},
    {"abc", "axyc", 2},
    {"ab", "ba", 1},
    {"kitten", "sitting", 3},
};

static void test_distance(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof distances / sizeof *distances; i++) {
        assert_int_equal(text_distance(distances[i].a, distances[i].b, 9),
                         distances[i].distance);
        assert_int_equal(text_distance(distances[i].b, distances[i].a, 9),
                         distances[i].distance);
    }
    assert_int_equal(text_distance("abcdef", "uvwxyz", 2), 3);
}

static const struct {
    const char *text;
    size_t most;
    const char *clean;
} texts[] = {
    {"plain", 9, "plain"},
    {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9,
     "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
    {"\xc0\x80", 9, "\xef\xbf\xbd\xef\xbf\xbd"},                 /* overlong */
    {"\xed\xa0\x80", 9, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* surrogate */
    {"\xe2\x82", 9, "\xef\xbf\xbd\xef\xbf\xbd"},                 /* cut short */
    {"\xf5x", 9, "\xef\xbf\xbdx"},
    {"a\xc3\xa4", 2, "a..."},
    {"\x1b[1m", 9, "\x1b[1m"}, /* escaped where it is shown */
};

static void test_clean(void **state)
{
    lua_State *L = new_state();
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        text_clean(L, texts[i].text, strlen(texts[i].text), texts[i].most);
        assert_string_equal(lua_tostring(L, -1), texts[i].clean);
    }
    lua_close(L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sort),     cmocka_unit_test(test_keys),
        cmocka_unit_test(test_convert),  cmocka_unit_test(test_zero_byte),
        cmocka_unit_test(test_distance), cmocka_unit_test(test_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
