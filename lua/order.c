#include "order.h"
#include "budget.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#define ORDER_SORT_MAX 1000000

enum rank { RANK_BOOLEAN, RANK_NUMBER, RANK_TEXT };

struct key {
    enum rank rank;
    int is_integer;
    lua_Integer integer; /* of a boolean too */
    lua_Number number;
    const char *text; /* borrowed from the table, which is on the stack */
    size_t size;
};

static int compare_numbers(const struct key *a, const struct key *b)
{
    if (a->is_integer && b->is_integer)
        return (a->integer > b->integer) - (a->integer < b->integer);
    /* A float key is never a number that an integer can be (Lua stores it as
       one then). So only 2^63 can look equal to an integer: to one that the
       conversion rounded up to it. */
    if (a->number == b->number)
        return b->is_integer - a->is_integer;
    return a->number > b->number ? 1 : -1;
}

static int compare_keys(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    size_t size = a->size < b->size ? a->size : b->size;
    int c;
    if (a->rank != b->rank)
        return (a->rank > b->rank) - (a->rank < b->rank);
    if (a->rank == RANK_NUMBER)
        return compare_numbers(a, b);
    if (a->rank == RANK_BOOLEAN)
        return (int)(a->integer - b->integer);
    c = memcmp(a->text, b->text, size);
    return c ? c : (a->size > b->size) - (a->size < b->size);
}

/* The key at the top of the stack; 0 when it has no order. */
static int take_key(lua_State *L, struct key *key)
{
    memset(key, 0, sizeof *key);
    switch (lua_type(L, -1)) {
    case LUA_TBOOLEAN:
        key->rank = RANK_BOOLEAN;
        key->integer = lua_toboolean(L, -1);
        return 1;
    case LUA_TNUMBER:
        key->rank = RANK_NUMBER;
        key->is_integer = lua_isinteger(L, -1);
        key->number = lua_tonumber(L, -1);
        if (key->is_integer)
            key->integer = lua_tointeger(L, -1);
        return 1;
    case LUA_TSTRING:
        key->rank = RANK_TEXT;
        key->text = lua_tolstring(L, -1, &key->size);
        return 1;
    default:
        return 0;
    }
}

static void push_key(lua_State *L, const struct key *key)
{
    if (key->rank == RANK_TEXT)
        lua_pushlstring(L, key->text, key->size);
    else if (key->rank == RANK_BOOLEAN)
        lua_pushboolean(L, (int)key->integer);
    else if (key->is_integer)
        lua_pushinteger(L, key->integer);
    else
        lua_pushnumber(L, key->number);
}

static size_t count_keys(lua_State *L, int table)
{
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
        count++;
    return count;
}

/* Fill keys from the table; *sorted tells whether they came in order. */
static const char *collect(lua_State *L, int table, struct key *keys,
                           int *sorted)
{
    size_t n = 0;
    *sorted = 1;
    for (lua_pushnil(L); lua_next(L, table); n++) {
        lua_pop(L, 1);
        if (!take_key(L, &keys[n])) {
            const char *type = luaL_typename(L, -1);
            lua_pop(L, 1);
            return type;
        }
        if (n && compare_keys(&keys[n - 1], &keys[n]) > 0)
            *sorted = 0;
    }
    return NULL;
}

const char *order_keys(lua_State *L, int index)
{
    int table = lua_absindex(L, index), sorted;
    const char *type;
    size_t count;
    struct key *keys;
    luaL_checkstack(L, 6, "too many nested tables");
    /* An error nobody has looked at yet gets its fields when looked at. */
    if (luaL_callmeta(L, table, "__fill"))
        lua_pop(L, 1);
    count = count_keys(L, table);
    keys = lua_newuserdatauv(L, (count + 1) * sizeof *keys, 0);
    type = collect(L, table, keys, &sorted);
    if (type) {
        lua_pop(L, 1);
        return type;
    }
    if (!sorted)
        qsort(keys, count, sizeof *keys, compare_keys);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        push_key(L, &keys[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_remove(L, -2);
    budget_charge(L, count);
    return NULL;
}

int order_keys_lua(lua_State *L)
{
    const char *type;
    luaL_checktype(L, 1, LUA_TTABLE);
    type = order_keys(L, 1);
    if (type)
        return luaL_error(L,
                          "a table with a %s as a key has no order; use "
                          "strings, numbers or booleans as keys",
                          type);
    return 1;
}

/* Upvalues: the keys, the position. */
static int pairs_next(lua_State *L)
{
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(2));
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    do {
        lua_settop(L, 1);
        if (lua_rawgeti(L, lua_upvalueindex(1), ++at) == LUA_TNIL)
            return 1;
        lua_pushvalue(L, -1);
    } while (lua_rawget(L, 1) == LUA_TNIL);
    lua_pushinteger(L, at);
    lua_replace(L, lua_upvalueindex(2));
    return 2;
}

int order_pairs(lua_State *L)
{
    lua_settop(L, 1);
    order_keys_lua(L);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, pairs_next, 2);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

/* Whether the value at index a comes before the one at index b. The
   function to ask is at 2, or nil. */
static int less(lua_State *L, int a, int b)
{
    int yes;
    if (lua_isnil(L, 2))
        return lua_compare(L, a, b, LUA_OPLT);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, a);
    lua_pushvalue(L, b);
    lua_call(L, 2, 1);
    yes = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return yes;
}

/* Merge from[lo..mid) and from[mid..hi) into the same places of to. */
static void merge(lua_State *L, int from, int to, lua_Integer lo,
                  lua_Integer mid, lua_Integer hi)
{
    lua_Integer left = lo, right = mid;
    for (lua_Integer at = lo; at < hi; at++) {
        int top = lua_gettop(L);
        lua_rawgeti(L, from, left);
        lua_rawgeti(L, from, right);
        if (right < hi && (left >= mid || less(L, top + 2, top + 1))) {
            right++;
        } else {
            lua_pop(L, 1);
            left++;
        }
        lua_rawseti(L, to, at);
        lua_settop(L, top);
    }
}

static void copy_list(lua_State *L, int from, int to, lua_Integer count)
{
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, from, i);
        lua_rawseti(L, to, i);
    }
}

int order_sort(lua_State *L)
{
    lua_Integer count;
    int from = 3, to = 4;
    luaL_checktype(L, 1, LUA_TTABLE);
    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    luaL_checkstack(L, 8, "sort");
    count = (lua_Integer)lua_rawlen(L, 1);
    luaL_argcheck(L, count <= ORDER_SORT_MAX, 1, "more than 1000000 elements");
    lua_createtable(L, (int)count, 0);
    lua_createtable(L, (int)count, 0);
    copy_list(L, 1, from, count);
    for (lua_Integer width = 1; width < count; width *= 2) {
        budget_charge(L, (uint64_t)count);
        for (lua_Integer lo = 1; lo <= count; lo += 2 * width) {
            lua_Integer mid = lo + width, hi = lo + 2 * width;
            merge(L, from, to, lo, mid <= count + 1 ? mid : count + 1,
                  hi <= count + 1 ? hi : count + 1);
        }
        from = 7 - from;
        to = 7 - to;
    }
    copy_list(L, from, 1, count);
    return 0;
}
