#define _POSIX_C_SOURCE 200809L
#include "budget.h"
#include "../core/wire/heap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUDGET_STEP 1000 /* instructions between two looks */
#define BUDGET_OVERDRAFT ((size_t)32 << 20)
#define BUDGET_LEVELS 64 /* stack levels looked at for a line */

/*
 * Only new objects (Lua passes their type as the old size) are refused at
 * the limit: Lua then collects garbage and asks again. A growing block may
 * belong to lauxlib's string buffer, which asks nobody and raises an error
 * that pcall would swallow; it may overdraw, and the next object pays.
 */
static int is_allowed(struct budget *b, size_t held, int is_object)
{
    if (held <= b->memory)
        return 1;
    if (is_object)
        return 0;
    if (held > b->memory + BUDGET_OVERDRAFT)
        _exit(WORKER_MEMORY);
    return 1;
}

void *budget_alloc(void *data, void *block, size_t old_size, size_t size)
{
    struct budget *b = data;
    int is_object = !block && old_size;
    void *result;
    if (!block)
        old_size = 0;
    if (!size) {
        free(block);
        b->held -= old_size;
        return NULL;
    }
    if (size > old_size &&
        !is_allowed(b, b->held - old_size + size, is_object)) {
        if (b->refused)
            _exit(WORKER_MEMORY);
        b->refused = 1;
        return NULL;
    }
    result = heap_grow(block, size);
    if (size > old_size)
        b->refused = 0;
    b->held += size - old_size;
    b->page->memory = b->held;
    return result;
}

int budget_author_line(lua_State *L, lua_Debug *ar)
{
    for (int level = 0; level < BUDGET_LEVELS; level++) {
        if (!lua_getstack(L, level, ar))
            return 0;
        lua_getinfo(L, "Sl", ar);
        if (ar->source[0] == '@' && ar->currentline > 0)
            return 1;
    }
    return 0;
}

void budget_show(lua_State *L)
{
    lua_Debug ar;
    struct worker_page *page;
    void *data;
    size_t size;
    lua_getallocf(L, &data);
    page = ((struct budget *)data)->page;
    if (!budget_author_line(L, &ar))
        return;
    size = strnlen(ar.source + 1, sizeof page->file - 1);
    memcpy(page->file, ar.source + 1, size);
    page->file[size] = '\0';
    page->line = (uint32_t)ar.currentline;
}

void budget_charge(lua_State *L, uint64_t instructions)
{
    void *data;
    struct budget *b;
    lua_getallocf(L, &data);
    b = data;
    b->page->instructions += instructions;
    if (b->page->instructions >= b->instructions) {
        budget_show(L);
        _exit(WORKER_INSTRUCTIONS);
    }
}

static void on_count(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    budget_show(L);
    budget_charge(L, BUDGET_STEP);
}

void budget_watch(lua_State *L)
{
    lua_sethook(L, on_count, LUA_MASKCOUNT, BUDGET_STEP);
}
