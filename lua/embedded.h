/*
 * The stdlib as bytecode, compiled into the worker by embed_tool from
 * the files of stdlib. Only these chunks are ever loaded in binary form.
 */
#ifndef RBRUN_LUA_EMBEDDED_H
#define RBRUN_LUA_EMBEDDED_H

#include <stddef.h>

struct embedded {
    const char *name; /* "decide", or "internal/tasks" */
    const unsigned char *code;
    size_t size;
};

extern const struct embedded embedded_chunks[]; /* ends with a NULL name */

#endif
