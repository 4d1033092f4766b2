#include "dialect.h"
#include "budget.h"
#include "order.h"
#include "peg.h"
#include "text.h"

#include <lauxlib.h>
#include <lua-lpeg.h>
#include <lualib.h>
#include <string.h>

#define DIALECT_MOVE_MAX 1000000
#define DIALECT_RESULTS_MAX 250

static const char *const base_names[] = {
    "assert",   "error",  "ipairs", "pcall",  "rawequal",
    "rawget",   "rawlen", "rawset", "select", "setmetatable",
    "tonumber", "type",   "xpcall", NULL};
static const char *const string_names[] = {
    "byte",  "char",  "find", "format",  "gmatch", "gsub",  "len",
    "lower", "match", "rep",  "reverse", "sub",    "upper", NULL};
static const char *const table_names[] = {"concat", "insert", "move",   "pack",
                                          "remove", "sort",   "unpack", NULL};
static const char *const math_names[] = {
    "abs",        "acos",       "asin",      "atan", "ceil", "cos",    "deg",
    "exp",        "floor",      "fmod",      "huge", "log",  "max",    "min",
    "mininteger", "maxinteger", "modf",      "pi",   "rad",  "random", "sin",
    "sqrt",       "tan",        "tointeger", "type", "ult",  NULL};
static const char *const utf8_names[] = {
    "char", "charpattern", "codepoint", "codes", "len", "offset", NULL};
static const char *const lpeg_names[] = {
    "B",  "C", "Carg", "Cb", "Cc", "Cf",     "Cg",    "Cmt",  "Cp",      "Cs",
    "Ct", "P", "R",    "S",  "V",  "locale", "match", "type", "version", NULL};
static const char *const coroutine_names[] = {"isyieldable", "resume", "status",
                                              "yield", NULL};

static int is_listed(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return 1;
    return 0;
}

/* Remove every field of the table at the top that is not listed. */
static void keep(lua_State *L, const char *const *names)
{
    for (lua_pushnil(L); lua_next(L, -2);) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING ||
            !is_listed(lua_tostring(L, -1), names)) {
            lua_pushvalue(L, -1);
            lua_pushnil(L);
            lua_rawset(L, -4); /* allowed during a walk: assigns nil */
        }
    }
}

/* table.move(from, first, last, to [, into]) with a bound: its loop in C
   runs for as long as the numbers say. Upvalue 1: the stock one. */
static int bounded_move(lua_State *L)
{
    lua_Integer first = luaL_checkinteger(L, 2);
    lua_Integer last = luaL_checkinteger(L, 3);
    if (last >= first) {
        lua_Unsigned count = (lua_Unsigned)last - (lua_Unsigned)first;
        luaL_argcheck(L, count < DIALECT_MOVE_MAX, 3,
                      "more than 1000000 elements");
        budget_charge(L, count);
    }
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* A coroutine costs what the count hook may miss in it. */
static int create(lua_State *L)
{
    lua_State *co;
    luaL_checktype(L, 1, LUA_TFUNCTION);
    budget_charge(L, 1000);
    co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    return 1;
}

/* coroutine.resume that hands on a bounded number of values: who waits for
   a task has no room for a million of them. Upvalue 1: the stock one. */
static int resume(lua_State *L)
{
    int results = lua_tocfunction(L, lua_upvalueindex(1))(L);
    if (results <= DIALECT_RESULTS_MAX + 1)
        return results;
    lua_settop(L, 0);
    lua_pushboolean(L, 0);
    lua_pushfstring(L, "a function gave back %d values; at most %d are taken",
                    results - 1, DIALECT_RESULTS_MAX);
    return 2;
}

static void open_library(lua_State *L, int trusted, const char *name,
                         lua_CFunction open, const char *const *names)
{
    luaL_requiref(L, name, open, 0);
    keep(L, names);
    lua_pushvalue(L, -1);
    lua_setfield(L, trusted, name);
}

static void open_coroutine(lua_State *L, int trusted)
{
    open_library(L, trusted, LUA_COLIBNAME, luaopen_coroutine, coroutine_names);
    lua_pushcfunction(L, create);
    lua_setfield(L, -2, "create");
    lua_getfield(L, -1, "resume");
    lua_pushcclosure(L, resume, 1);
    lua_setfield(L, -2, "resume");
    lua_pop(L, 1);
}

static void open_table(lua_State *L, int trusted)
{
    open_library(L, trusted, LUA_TABLIBNAME, luaopen_table, table_names);
    lua_pushcfunction(L, order_sort);
    lua_setfield(L, -2, "sort");
    lua_getfield(L, -1, "move");
    lua_pushcclosure(L, bounded_move, 1);
    lua_setfield(L, -2, "move");
    lua_pop(L, 1);
}

static void open_math(lua_State *L, int trusted, int64_t seed)
{
    luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 0);
    lua_getfield(L, -1, "randomseed");
    lua_pushinteger(L, seed);
    lua_call(L, 1, 0);
    keep(L, math_names);
    lua_setfield(L, trusted, LUA_MATHLIBNAME);
}

static void open_lpeg(lua_State *L, int trusted)
{
    open_library(L, trusted, "lpeg", luaopen_lpeg, lpeg_names);
    peg_patch(L);
    lua_pop(L, 1);
}

static void open_base(lua_State *L, int trusted)
{
    luaL_requiref(L, LUA_GNAME, luaopen_base, 0);
    for (const char *const *name = base_names; *name; name++) {
        lua_getfield(L, -1, *name);
        lua_setfield(L, trusted, *name);
    }
    lua_pop(L, 1);
    lua_pushcfunction(L, order_pairs);
    lua_setfield(L, trusted, "pairs");
    lua_pushcfunction(L, text_tostring);
    lua_setfield(L, trusted, "tostring");
}

void dialect_open(lua_State *L, int64_t seed)
{
    int trusted;
    lua_newtable(L);
    trusted = lua_gettop(L);
    open_base(L, trusted);
    open_library(L, trusted, LUA_STRLIBNAME, luaopen_string, string_names);
    text_patch(L);
    lua_pop(L, 1);
    open_library(L, trusted, LUA_UTF8LIBNAME, luaopen_utf8, utf8_names);
    lua_pop(L, 1);
    open_coroutine(L, trusted);
    open_table(L, trusted);
    open_math(L, trusted, seed);
    open_lpeg(L, trusted);
    /* Forget the stock globals and the list of libraries: from here on only
       the trusted table reaches them. */
    lua_newtable(L);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
}
