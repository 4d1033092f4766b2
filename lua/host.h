/*
 * The functions that the trusted Lua of stdlib/internal is built on: the
 * only way from Lua to the socket. An author's code never sees this table.
 */
#ifndef RBRUN_LUA_HOST_H
#define RBRUN_LUA_HOST_H

#include "../core/wire/frame.h"

#include <lua.h>

/* Push the table of host functions. max_source: bytes of a module. [-0, +1] */
void host_push(lua_State *L, size_t max_source);

/*
 * Load an author's file: text only. Pushes the function, or the message.
 * [-0, +1] Returns 0 or RB_INVALID.
 */
int host_load(lua_State *L, const char *file, const char *text, size_t size);

/* Push the embedded chunk of that name. [-0, +1] Returns 0 or RB_NOTFOUND,
   then nothing is pushed. */
int host_load_embedded(lua_State *L, const char *name);

/* Queue a frame with the Lua value at index as its document. [-0, +0]
   Returns 0 or RB_INVALID with a message. */
int host_queue(lua_State *L, enum frame_type type, int index,
               struct error *err);

#endif
