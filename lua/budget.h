/*
 * What a runbook may use up: instructions and memory. Both limits end the
 * process and never raise, because pcall swallows what is raised. It does
 * not limit time: that is the kernel's and the engine's part.
 */
#ifndef RBRUN_LUA_BUDGET_H
#define RBRUN_LUA_BUDGET_H

#include "../core/wire/frame.h"

#include <lua.h>

struct budget {
    uint64_t instructions;    /* limit */
    size_t memory;            /* limit, bytes held by Lua */
    size_t held;              /* bytes held now */
    int refused;              /* the allocation before this one was refused */
    struct worker_page *page; /* borrowed; what the engine can see */
};

/*
 * lua_Alloc with a struct budget as its data. Ends the process with
 * WORKER_MEMORY at the second refusal in a row (Lua collects garbage between
 * the two), so a memory error is never raised. For a moment up to 32 MiB
 * more than the limit can be held.
 */
void *budget_alloc(void *data, void *block, size_t old_size, size_t size);

/* Count the instructions of L, and of every coroutine made by it. */
void budget_watch(lua_State *L);

/* Account for work done in C. Ends the process with WORKER_INSTRUCTIONS
   when the limit is reached. */
void budget_charge(lua_State *L, uint64_t instructions);

/* Note the author's line that is being run in the page: the engine shows it
   when it ends the process. */
void budget_show(lua_State *L);

/* Look at the first author's line of L's stack: "@" starts its source.
   Fills ar ("Sl") and returns 1, or 0 when there is none. */
int budget_author_line(lua_State *L, lua_Debug *ar);

#endif
