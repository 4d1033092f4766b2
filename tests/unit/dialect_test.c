#define _GNU_SOURCE
/*
 * The exact set of names an author's code can reach: every table is walked,
 * through the __index of its metatable, and the list compared with the one
 * below. A name that is not in it, and one that is missing, is a failure.
 */
#include "../../lua/budget.h"
#include "../../lua/convert.h"
#include "../../lua/dialect.h"
#include "../../lua/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const dialect[] = {"assert",         "error",
                                      "ipairs",         "lpeg.B",
                                      "lpeg.C",         "lpeg.Carg",
                                      "lpeg.Cb",        "lpeg.Cc",
                                      "lpeg.Cf",        "lpeg.Cg",
                                      "lpeg.Cmt",       "lpeg.Cp",
                                      "lpeg.Cs",        "lpeg.Ct",
                                      "lpeg.P",         "lpeg.R",
                                      "lpeg.S",         "lpeg.V",
                                      "lpeg.locale",    "lpeg.match",
                                      "lpeg.type",      "lpeg.version",
                                      "math.abs",       "math.acos",
                                      "math.asin",      "math.atan",
                                      "math.ceil",      "math.cos",
                                      "math.deg",       "math.exp",
                                      "math.floor",     "math.fmod",
                                      "math.huge",      "math.log",
                                      "math.max",       "math.maxinteger",
                                      "math.min",       "math.mininteger",
                                      "math.modf",      "math.pi",
                                      "math.rad",       "math.random",
                                      "math.sin",       "math.sqrt",
                                      "math.tan",       "math.tointeger",
                                      "math.type",      "math.ult",
                                      "pairs",          "pcall",
                                      "select",         "string.byte",
                                      "string.char",    "string.find",
                                      "string.format",  "string.gmatch",
                                      "string.gsub",    "string.len",
                                      "string.lower",   "string.match",
                                      "string.rep",     "string.reverse",
                                      "string.sub",     "string.upper",
                                      "table.concat",   "table.insert",
                                      "table.move",     "table.pack",
                                      "table.remove",   "table.sort",
                                      "table.unpack",   "tonumber",
                                      "tostring",       "type",
                                      "utf8.char",      "utf8.charpattern",
                                      "utf8.codepoint", "utf8.codes",
                                      "utf8.len",       "utf8.offset",
                                      "xpcall",         NULL};

/* What a runbook has beyond that; the verbs are those of start_run. */
static const char *const language[] = {
    "attempt",      "fail",       "finish",     "guard",   "log",
    "metric.query", "on_failure", "parallel",   "require", "runbook",
    "step",         "undo",       "wait.sleep", NULL};

static const char start_config[] = "{\"role\":\"config\"}";
static const char start_run[] =
    "{\"role\":\"run\",\"verbs\":[{\"name\":\"metric.query\",\"effect\":"
    "\"read\"},{\"name\":\"wait.sleep\",\"effect\":\"wait\"}]}";

#define MAX_NAMES 500

struct walk {
    lua_State *L;
    const void *seen[MAX_NAMES];
    size_t seen_count;
    char *names[MAX_NAMES];
    size_t count;
};

static void visit(struct walk *w, const char *path);

/* The pairs of the table at the top. */
static void visit_fields(struct walk *w, const char *path)
{
    char name[128];
    for (lua_pushnil(w->L); lua_next(w->L, -2); lua_pop(w->L, 1)) {
        assert_int_equal(lua_type(w->L, -2), LUA_TSTRING);
        snprintf(name, sizeof name, "%s%s%s", path, *path ? "." : "",
                 lua_tostring(w->L, -2));
        visit(w, name);
    }
}

/* The value at the top. */
static void visit(struct walk *w, const char *path)
{
    if (!lua_istable(w->L, -1)) {
        assert_true(w->count < MAX_NAMES);
        w->names[w->count++] = strdup(path);
        return;
    }
    for (size_t i = 0; i < w->seen_count; i++)
        if (w->seen[i] == lua_topointer(w->L, -1))
            return;
    assert_true(w->seen_count < MAX_NAMES);
    w->seen[w->seen_count++] = lua_topointer(w->L, -1);
    visit_fields(w, path);
    if (luaL_getmetafield(w->L, -1, "__index")) {
        visit(w, lua_istable(w->L, -1) ? path : "");
        if (!lua_istable(w->L, -1)) /* the function that refuses */
            free(w->names[--w->count]);
        lua_pop(w->L, 1);
    }
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int is_listed(const char *name, const char *const *list)
{
    for (; list && *list; list++)
        if (strcmp(*list, name) == 0)
            return 1;
    return 0;
}

static size_t length(const char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

static lua_State *open_state(struct budget *budget, const char *start)
{
    lua_State *L = lua_newstate(budget_alloc, budget);
    json_t *document = json_loads(start, 0, NULL);
    assert_non_null(L);
    dialect_open(L, 1);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    assert_int_equal(host_load_embedded(L, "internal/main"), 0);
    host_push(L, 1000);
    convert_push(L, document);
    json_decref(document);
    if (lua_pcall(L, 2, 1, 0))
        fail_msg("%s", lua_tostring(L, -1));
    return L;
}

static void check_reachable(const char *start, const char *const *more)
{
    struct worker_page page = {0};
    struct budget budget = {1000000000, 64u << 20, 0, 0, &page};
    static struct walk w;
    memset(&w, 0, sizeof w);
    w.L = open_state(&budget, start);
    lua_rawgeti(w.L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    visit(&w, "");
    qsort(w.names, w.count, sizeof *w.names, compare);
    for (size_t i = 0; i < w.count; i++) {
        if (i)
            assert_string_not_equal(w.names[i], w.names[i - 1]);
        if (!is_listed(w.names[i], dialect) && !is_listed(w.names[i], more))
            fail_msg("%s can be reached and is not listed", w.names[i]);
    }
    assert_int_equal(w.count, length(dialect) + length(more));
    for (size_t i = 0; i < w.count; i++)
        free(w.names[i]);
    lua_close(w.L);
}

static void test_config(void **state)
{
    (void)state;
    check_reachable(start_config, NULL);
}

static void test_run(void **state)
{
    (void)state;
    check_reachable(start_run, language);
}

/* The libraries are reachable by no other way: not through the list of
   loaded ones, not through the metatable of strings. */
static void test_side_doors(void **state)
{
    struct worker_page page = {0};
    struct budget budget = {1000000000, 64u << 20, 0, 0, &page};
    lua_State *L = open_state(&budget, start_run);
    (void)state;
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushnil(L);
    assert_false(lua_next(L, -2));
    lua_settop(L, 0);
    lua_pushliteral(L, "");
    assert_int_equal(luaL_getmetafield(L, -1, "__index"), LUA_TTABLE);
    lua_getfield(L, -1, "rep");
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_getfield(L, -1, "string");
    lua_getfield(L, -1, "rep");
    assert_true(lua_rawequal(L, -1, 3));
    lua_settop(L, 0);
    luaL_getmetatable(L, "lpeg-pattern");
    lua_getfield(L, -1, "__metatable");
    assert_true(lua_isboolean(L, -1));
    lua_close(L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_run),
        cmocka_unit_test(test_side_doors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
