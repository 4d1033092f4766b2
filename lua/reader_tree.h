/*
 * JSON text as Lua tables, without a document in between: libpg_query's
 * trees, and the documents of catalogs. null is absent; a number with a
 * fraction or an exponent is a float, any other an integer.
 */
#ifndef RBRUN_LUA_READER_TREE_H
#define RBRUN_LUA_READER_TREE_H

#include <lua.h>
#include <stddef.h>

/*
 * Push the value that the whole text is. source: the statements that it is
 * the tree of, or NULL. Of a tree, members called "location" are left out:
 * where in the text a node began is no part of what it says. Returns 0 [-0, +1,
 * may raise], or RB_INVALID (not JSON, or more than one value) or RB_TOOBIG
 * (nested deeper than TREE_MAX_DEPTH) [-0, +0].
 */
#define TREE_MAX_DEPTH 2000
int tree_push(lua_State *L, const char *json, size_t size, const char *source);

#endif
