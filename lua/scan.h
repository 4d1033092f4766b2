/*
 * Reads the bytecode that Lua itself made of an author's file (5.4, lua_dump
 * without stripping), for two things: which globals the file reads and
 * writes, exactly; and that no call loses its line. It does not follow
 * values through locals.
 */
#ifndef RBRUN_LUA_SCAN_H
#define RBRUN_LUA_SCAN_H

#include <lua.h>

/*
 * Replace the function at the top of the stack by one whose tail calls are
 * plain calls: after "return metric.query { ... }" the author's frame would
 * be gone, and with it the line that the call and its errors belong to. The
 * price is stack in endless tail recursion. Notes the globals too, once
 * scan_enable was called. [-1, +1]
 */
void scan_function(lua_State *L, const char *file);

void scan_enable(void);

/*
 * Push what was noted, in the order of the files and their bytecode:
 * {{file=, line=, name=, field= or nil, write=, method=}, ..}. [-0, +1]
 */
int scan_push(lua_State *L);

#endif
