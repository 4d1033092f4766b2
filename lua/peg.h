/*
 * Bounds for lpeg. A pattern is a tree, built and compiled by recursion in C
 * with sizes counted in ints: P(-2147483648) writes past the end of its
 * block, P(1)^-100000 uses the stack up. So a pattern has at most PEG_NODES
 * nodes. How long a match takes is not bounded here; the processor limit
 * ends it.
 */
#ifndef RBRUN_LUA_PEG_H
#define RBRUN_LUA_PEG_H

#include <lua.h>

#define PEG_NODES 16384

/* The table of lpeg is at the top of the stack: bound its functions and the
   operators of its patterns, and hide their metatable. [-0, +0] */
void peg_patch(lua_State *L);

#endif
