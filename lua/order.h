/*
 * Everything that has an order: keys, pairs, table.sort. Stock Lua's orders
 * differ from process to process; a run must be the same function of its
 * answers in every process.
 */
#ifndef RBRUN_LUA_ORDER_H
#define RBRUN_LUA_ORDER_H

#include <lua.h>

/*
 * Push the keys of the table at index as a sequence: false, true, numbers,
 * then strings by their bytes. [-0, +1 on success, +0 otherwise]
 * Returns NULL, or the type name of a key that has no order.
 */
const char *order_keys(lua_State *L, int index);

/* host.keys(table): the sorted keys. [-0, +1, raises] */
int order_keys_lua(lua_State *L);

/* pairs(table): walks the keys that were there at the start and still hold
   a value. [-0, +3, raises] */
int order_pairs(lua_State *L);

/* table.sort(list, less): a stable merge sort; the list is untouched when
   less raises. [-0, +0, raises] */
int order_sort(lua_State *L);

#endif
