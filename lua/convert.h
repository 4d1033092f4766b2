/*
 * Lua values to json_t and back, raw: no metamethod runs, nothing is
 * guessed. A sequence is an array, a table with text keys is an object, an
 * empty table is an object unless it is marked; null is nil.
 */
#ifndef RBRUN_LUA_CONVERT_H
#define RBRUN_LUA_CONVERT_H

#include "../core/wire/error.h"

#include <jansson.h>
#include <lua.h>

/*
 * The value at index as a new reference. [-0, +0]
 * Returns 0, RB_INVALID with a message that starts with the path of the part
 * that cannot be sent ("weights.blue: a function ..."), or RB_TOOBIG when it
 * holds more text than fits into a frame.
 */
int convert_take(lua_State *L, int index, json_t **out, struct error *err);

/* Push a value. [-0, +1] */
void convert_push(lua_State *L, const json_t *value);

/* Mark the table at the top as one that is a list even when empty, as the
   empty lists of answers are. [-0, +0] */
void convert_mark_list(lua_State *L);

#endif
