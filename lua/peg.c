#include "peg.h"
#include "budget.h"

#include <lauxlib.h>
#include <string.h>

/* Bytes of a node, and of what stands before the first (lptree.h: struct
   TTree, struct Pattern). */
#define PEG_NODE 8
#define PEG_HEADER 16
#define PEG_OBJECT 40 /* bytes that Lua adds to each */
#define PEG_COLLECT ((size_t)2 << 20)

/* A function or an operator, and how many of its first arguments are taken
   for patterns: numbers, texts and tables become one. */
struct maker {
    const char *name;
    int patterns;
};

static const struct maker functions[] = {
    {"B", 1},  {"C", 1},  {"Cf", 1}, {"Cg", 1},    {"Cmt", 1},
    {"Cs", 1}, {"Ct", 1}, {"P", 1},  {"match", 1}, {NULL, 0}};
static const struct maker operators[] = {
    {"__add", 2}, {"__div", 1}, {"__len", 1}, {"__mul", 2},
    {"__pow", 1}, {"__sub", 2}, {"__unm", 1}, {NULL, 0}};

static const char stock_p; /* its address is the key of lpeg.P itself */

static int too_large(lua_State *L)
{
    return luaL_error(L,
                      "a pattern of more than %d parts is too large for "
                      "lpeg; repeat with ^0 or ^1, or match in steps",
                      PEG_NODES);
}

/* Nodes of the value, as far as that is known before lpeg looks at it. */
static lua_Number nodes(lua_State *L, int index)
{
    lua_Number n;
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        n = lua_tonumber(L, index);
        return 2 * (n < 0 ? -n : n);
    case LUA_TSTRING:
        return 2 * (lua_Number)lua_rawlen(L, index);
    case LUA_TUSERDATA:
        return ((lua_Number)lua_rawlen(L, index) - PEG_HEADER) / PEG_NODE;
    default:
        return 1;
    }
}

/* Written so that nan is too large. */
static void check_nodes(lua_State *L, lua_Number count)
{
    if (!(count <= PEG_NODES))
        too_large(L);
}

/*
 * What is wrong with a grammar, without the rule's name: lpeg looks at the
 * rules in the order of the table, which differs from process to process, and
 * names the first one. The message is at the top, and is replaced.
 */
static void hide_rule(lua_State *L)
{
    const char *text = lua_tostring(L, -1);
    const char *name = text ? strstr(text, "rule '") : NULL;
    const char *end = name ? strrchr(name, '\'') : NULL;
    if (text && (strstr(text, "may be left recursive") ||
                 strstr(text, "too many left calls")))
        lua_pushliteral(L, "a rule of the grammar may be left recursive");
    else if (text && strstr(text, "undefined in given grammar"))
        lua_pushliteral(L, "the grammar uses a rule that is not defined in it");
    else if (!end)
        lua_pushstring(L, text ? text : "a grammar that lpeg refuses");
    else
        lua_pushfstring(L, "%sa rule of the grammar%s",
                        lua_pushlstring(L, text, (size_t)(name - text)),
                        end + 1);
}

/* Make the grammar at index a pattern, by the stock lpeg.P. */
static void take_grammar(lua_State *L, int index)
{
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
        check_nodes(L, nodes(L, -1));
    lua_rawgetp(L, LUA_REGISTRYINDEX, &stock_p);
    lua_pushvalue(L, index);
    if (lua_pcall(L, 1, 1, 0)) {
        hide_rule(L);
        lua_error(L);
    }
    lua_replace(L, index);
}

static void check_pattern(lua_State *L, int index)
{
    if (lua_istable(L, index))
        take_grammar(L, index);
    check_nodes(L, nodes(L, index));
}

/*
 * Patterns have a finalizer, so a collection takes those that nobody needs
 * for living once more, and waits until there is twice as much: made in a
 * loop, they would fill the memory. So there is a whole collection now and
 * then.
 */
static void collect(lua_State *L, size_t made)
{
    static size_t since;
    since += made;
    if (since > PEG_COLLECT) {
        since = 0;
        lua_gc(L, LUA_GCCOLLECT);
    }
}

/* Upvalues: the stock function, how many patterns. It is called in our
   frame, so that its argument errors carry the name the author wrote. */
static int make(lua_State *L)
{
    int patterns = (int)lua_tointeger(L, lua_upvalueindex(2));
    int results;
    budget_show(L); /* a match may never end */
    for (int i = 1; i <= patterns && i <= lua_gettop(L); i++)
        check_pattern(L, i);
    results = lua_tocfunction(L, lua_upvalueindex(1))(L);
    if (results == 1 && lua_isuserdata(L, -1)) {
        check_nodes(L, nodes(L, -1));
        collect(L, (size_t)lua_rawlen(L, -1) + PEG_OBJECT);
    }
    return results;
}

/* p^n repeats the nodes of p n times, with up to three of its own. */
static int power(lua_State *L)
{
    check_nodes(L, (nodes(L, 1) + 3) * (nodes(L, 2) / 2));
    return make(L);
}

static void patch(lua_State *L, const struct maker *list)
{
    for (; list->name; list++) {
        int is_power = strcmp(list->name, "__pow") == 0;
        lua_getfield(L, -1, list->name);
        lua_pushinteger(L, list->patterns);
        lua_pushcclosure(L, is_power ? power : make, 2);
        lua_setfield(L, -2, list->name);
    }
}

void peg_patch(lua_State *L)
{
    lua_getfield(L, -1, "P");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &stock_p);
    patch(L, functions);
    luaL_getmetatable(L, "lpeg-pattern");
    patch(L, operators);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}
