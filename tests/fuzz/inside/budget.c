/* Lua's memory is that of heap.c; an end is told, not made. */
#include "inside.h"
#include "../../../core/wire/heap.h"

#include <stdlib.h>
#include <unistd.h>
#define heap_grow inside_realloc
#define free inside_free
#define _exit inside_exit
#include "../../../lua/budget.c"
