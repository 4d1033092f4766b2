/*
 * What went wrong in an author's file, for people: message, file, line, the
 * line itself, and the author's frames of the stack. Addresses and the
 * stdlib's own frames do not appear.
 */
#ifndef RBRUN_LUA_REPORT_H
#define RBRUN_LUA_REPORT_H

#include <lua.h>
#include <stddef.h>

#define REPORT_SOURCES 64

/*
 * Remember a file's text, so that a report can quote it. Both are copied.
 * Returns 0, RB_TOOBIG (more than REPORT_SOURCES files).
 */
int report_source(const char *file, const char *text, size_t size);

/*
 * Push a table {message, file, line, excerpt, trace = {..}, outcome, verb}
 * about the error value at index of L, raised in co (whose stack is still
 * as the error left it). Missing parts are absent. [-0, +1]
 */
void report_push(lua_State *L, lua_State *co, int index);

/* Push {message, ...} where something is refused at file:line. [-0, +1] */
void report_push_at(lua_State *L, const char *message, const char *file,
                    int line);

#endif
