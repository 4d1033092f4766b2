/*
 * The libraries a runbook's Lua consists of. Everything is taken from the
 * stock libraries by an allowlist, so that a newer Lua adds nothing by
 * itself. The packages io, os, package and debug are not even linked.
 */
#ifndef RBRUN_LUA_DIALECT_H
#define RBRUN_LUA_DIALECT_H

#include <lua.h>
#include <stdint.h>

/*
 * Open the libraries and push the trusted table: the dialect, and what only
 * the stdlib's core may use (coroutine, setmetatable, rawget, ...). The
 * state's own globals are an empty table afterwards. [-0, +1]
 */
void dialect_open(lua_State *L, int64_t seed);

#endif
