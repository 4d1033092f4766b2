/*
 * What the dialect changes in tostring and the string library: no address
 * ever becomes text, and no single call runs away with time or memory.
 */
#ifndef RBRUN_LUA_TEXT_H
#define RBRUN_LUA_TEXT_H

#include <lua.h>
#include <stddef.h>

/* Push the value at index as text, as tostring shows it. [-0, +1] */
void text_push(lua_State *L, int index);

/*
 * Push text as valid UTF-8 of at most most bytes: bytes that are none,
 * and zero bytes, become U+FFFD, and a cut text ends in "...". [-0, +1]
 */
void text_clean(lua_State *L, const char *text, size_t size, size_t most);

/* host.clean(text, most) [-0, +1, raises] */
int text_clean_lua(lua_State *L);

/* tostring(value) [-0, +1, raises without an argument] */
int text_tostring(lua_State *L);

/*
 * Replace format, rep, find, match, gmatch and gsub in the string library
 * at the top of the stack by ours, which ask the stock ones. [-0, +0]
 */
void text_patch(lua_State *L);

/* Edits between two names, at most most + 1: Levenshtein with transpositions
   (optimal string alignment). Names are cut at 63 bytes. */
int text_distance(const char *a, const char *b, int most);

/* host.nearest(name, {names}): the known name nearest to a mistyped one, or
   nil. [-0, +1, raises] */
int text_nearest_lua(lua_State *L);

#endif
