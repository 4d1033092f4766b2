#include "inside.h"
#include "../../../core/wire/frame.h"

#include <sanitizer/allocator_interface.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HEAP_SIZE ((size_t)48 << 20)
#define CLASSES 32
#define BLOCKS (1u << 18) /* noted at the same time; a power of two */

/* Blocks of powers of two, given back to a list a size. Before each block
   stands its class. */
struct heap {
    size_t used;
    void *free[CLASSES];
    _Alignas(16) char bytes[HEAP_SIZE];
};

static struct heap heap;
static char *kept;
static size_t kept_size;

static unsigned class_of(size_t size)
{
    unsigned c = 5;
    while (((size_t)1 << c) < size)
        c++;
    return c;
}

static void *get(unsigned c)
{
    size_t size = 16 + ((size_t)1 << c);
    char *block = heap.free[c];
    if (block) {
        memcpy(&heap.free[c], block, sizeof(void *));
        return block;
    }
    if (size > HEAP_SIZE - heap.used)
        inside_exit(WORKER_MEMORY);
    block = heap.bytes + heap.used + 16;
    memcpy(block - 16, &c, sizeof c);
    heap.used += size;
    return block;
}

void inside_free(void *block)
{
    unsigned c;
    if (!block)
        return;
    memcpy(&c, (char *)block - 16, sizeof c);
    memcpy(block, &heap.free[c], sizeof(void *));
    heap.free[c] = block;
}

void *inside_realloc(void *block, size_t size)
{
    unsigned c = class_of(size), old = 0;
    void *new;
    if (block)
        memcpy(&old, (char *)block - 16, sizeof old);
    if (old == c)
        return block;
    new = get(c);
    if (block) {
        memcpy(new, block, (size_t)1 << (old < c ? old : c));
        inside_free(block);
    }
    return new;
}

void inside_keep(void)
{
    kept_size = offsetof(struct heap, bytes) + heap.used;
    kept = malloc(kept_size);
    memcpy(kept, &heap, kept_size);
}

void inside_again(void)
{
    memcpy(&heap, kept, kept_size);
}

/* -- everything else that is allocated ------------------------------------ */

static const void *blocks[BLOCKS];
static int watching;

static size_t place_of(const void *block)
{
    size_t at = ((uintptr_t)block >> 4) * 0x9e3779b97f4a7c15u >> 46;
    while (blocks[at] && blocks[at] != block)
        at = (at + 1) % BLOCKS;
    return at;
}

static size_t count, slots[BLOCKS]; /* the places in use, at one time */

static void on_malloc(const volatile void *block, size_t size)
{
    size_t at;
    (void)size;
    if (!watching || !block || count == BLOCKS / 2)
        return;
    at = place_of((const void *)block);
    if (!blocks[at])
        slots[count++] = at;
    blocks[at] = (const void *)block;
}

/* The place stays taken, or a search would stop at it too early; the address
   stands there with its lowest bit set. */
static void on_free(const volatile void *block)
{
    size_t at;
    if (!watching || !block)
        return;
    at = place_of((const void *)block);
    if (blocks[at])
        blocks[at] = (const char *)blocks[at] + 1;
}

void inside_watch(int on)
{
    static int hooked;
    if (!hooked)
        hooked = __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
    watching = on;
}

void inside_free_all(void)
{
    watching = 0;
    for (size_t i = 0; i < count; i++) {
        const void *block = blocks[slots[i]];
        blocks[slots[i]] = NULL;
        if (!((uintptr_t)block & 1))
            free((void *)block);
    }
    count = 0;
}
