#define _GNU_SOURCE
/*
 * The exact set of names an author's code can reach: every table is walked,
 * through the __index of its metatable, and what is found compared with
 * tests/sandbox/dialect.txt. A name that is not in it, one that is missing,
 * and one of another kind is a failure.
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

static const char start_config[] = "{\"role\":\"config\"}";
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
        char line[160];
        snprintf(line, sizeof line, "%s %s", path, luaL_typename(w->L, -1));
        assert_true(w->count < MAX_NAMES);
        w->names[w->count++] = strdup(line);
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

/* The lines of the list up to the section, which is not for this role. */
struct list {
    char *lines[MAX_NAMES];
    size_t count;
};

static void list_read(struct list *l, const char *until)
{
    char line[160];
    FILE *f = fopen(DIALECT_LIST, "r");
    assert_non_null(f);
    l->count = 0;
    while (fgets(line, sizeof line, f) && strncmp(line, until, strlen(until))) {
        line[strcspn(line, "\n")] = '\0';
        if (!line[0] || strchr("#[", line[0]))
            continue;
        assert_true(l->count < MAX_NAMES);
        l->lines[l->count++] = strdup(line);
    }
    fclose(f);
    qsort(l->lines, l->count, sizeof *l->lines, compare);
}

/* The first line that only one of the two has, or NULL. Both are sorted. */
static const char *difference(char **a, size_t na, char **b, size_t nb)
{
    size_t i = 0;
    while (i < na && i < nb && strcmp(a[i], b[i]) == 0)
        i++;
    if (i == na)
        return i < nb ? b[i] : NULL;
    return i == nb || strcmp(a[i], b[i]) < 0 ? a[i] : b[i];
}

static void list_free(struct list *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->lines[i]);
}

/* START with the verbs that the list names. */
static json_t *start_run(void)
{
    struct list l;
    json_t *verbs = json_array();
    list_read(&l, "the end");
    for (size_t i = 0; i < l.count; i++) {
        char *name = l.lines[i], *dot = strchr(name, '.');
        name[strcspn(name, " ")] = '\0';
        if (dot && !strstr("lpeg.math.string.table.utf8", strtok(name, ".")))
            json_array_append_new(
                verbs, json_pack("{s:o, s:s}", "name",
                                 json_sprintf("%s.%s", name, dot + 1), "effect",
                                 "read"));
    }
    list_free(&l);
    return json_pack("{s:s, s:o}", "role", "run", "verbs", verbs);
}

/* document is consumed. */
static lua_State *open_state(struct budget *budget, json_t *document)
{
    lua_State *L = lua_newstate(budget_alloc, budget);
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

/* What is reached. l: what is listed. */
static void check_reachable(json_t *start, struct list *l)
{
    struct worker_page page = {0};
    struct budget budget = {1000000000, 64u << 20, 0, 0, &page};
    static struct walk w;
    const char *other;
    memset(&w, 0, sizeof w);
    w.L = open_state(&budget, start);
    lua_rawgeti(w.L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    visit(&w, "");
    qsort(w.names, w.count, sizeof *w.names, compare);
    other = difference(w.names, w.count, l->lines, l->count);
    if (other)
        fail_msg("only reached, or only listed: %s", other);
    l->lines[l->count++] = strdup("zzz function");
    other = difference(w.names, w.count, l->lines, l->count);
    assert_string_equal(other, "zzz function");
    for (size_t i = 0; i < w.count; i++)
        free(w.names[i]);
    list_free(l);
    lua_close(w.L);
}

static void test_config(void **state)
{
    static struct list l;
    (void)state;
    list_read(&l, "[a runbook]");
    check_reachable(json_loads(start_config, 0, NULL), &l);
}

static void test_run(void **state)
{
    static struct list l;
    (void)state;
    list_read(&l, "the end");
    check_reachable(start_run(), &l);
}

/* The libraries are reachable by no other way: not through the list of
   loaded ones, not through the metatable of strings. */
static void test_side_doors(void **state)
{
    struct worker_page page = {0};
    struct budget budget = {1000000000, 64u << 20, 0, 0, &page};
    lua_State *L = open_state(&budget, start_run());
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
