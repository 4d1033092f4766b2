/*
 * rbrun-worker ROLE: evaluates one file of an author, jailed.
 *
 *   run      a runbook: START, LOADED, RUN, bursts of calls, DONE
 *   config   an environment: START, LOADED with the table it returned
 *
 * Descriptor 3 is the socket to the engine, descriptor 4 the shared page.
 * docs/architecture.md, sections 2 and 4, is the protocol.
 */
#define _GNU_SOURCE
#include "budget.h"
#include "convert.h"
#include "dialect.h"
#include "host.h"
#include "jail.h"
#include "link.h"
#include "report.h"
#include "scan.h"
#include "../core/wire/heap.h"

#include <lauxlib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_DESCRIPTOR 4
#define PAGE_SIZE 4096

#define DEFAULT_INSTRUCTIONS 1000000000
#define DEFAULT_MEMORY (64 << 20)
#define DEFAULT_CPU 20
#define DEFAULT_SOURCE (256 << 10)

struct worker {
    lua_State *L;
    struct budget budget;
    const char *role;
    int is_plan, is_check;
    size_t max_source;
    unsigned layers; /* of the jail, that hold */
    int entries;     /* stack index of what internal/main returned */
};

static struct worker_page *map_page(void)
{
    void *page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
                      PAGE_DESCRIPTOR, 0);
    if (page == MAP_FAILED)
        _exit(WORKER_JAIL);
    close(PAGE_DESCRIPTOR);
    return page;
}

static int64_t positive(const json_t *limits, const char *name,
                        int64_t otherwise)
{
    int64_t n = value_int(limits, name, otherwise);
    return n > 0 ? n : otherwise;
}

/* What must hold and does not ends the process before an author's text is
   looked at. */
static unsigned close_jail(struct worker *w, int64_t cpu, unsigned required)
{
    unsigned layers;
    jail_trap(&w->budget.page->refused);
    layers = jail_close(w->budget.memory, cpu);
    w->budget.page->missing = JAIL_ALL & ~layers;
    if (required & ~layers)
        _exit(WORKER_JAIL);
    return layers;
}

/* Limits, then the jail. */
static void lock_in(struct worker *w, const json_t *start)
{
    const json_t *limits = json_object_get(start, "limits");
    w->budget.instructions =
        (uint64_t)positive(limits, "instructions", DEFAULT_INSTRUCTIONS);
    w->budget.memory = (size_t)positive(limits, "memory", DEFAULT_MEMORY);
    w->max_source = (size_t)positive(limits, "source", DEFAULT_SOURCE);
    link_limit((size_t)positive(limits, "frame", FRAME_MAX_DOCUMENT),
               w->budget.page);
    w->layers = close_jail(w, positive(limits, "cpu", DEFAULT_CPU),
                           (unsigned)value_int(start, "require", 0));
}

/* An error outside every protected call is a bug of ours. */
static int on_panic(lua_State *L)
{
    (void)L;
    __builtin_trap();
}

/* Errors of an author's code while it loads: the report is made while the
   stack is as the error left it. */
static int on_load_error(lua_State *L)
{
    report_push(L, L, 1);
    return 1;
}

static void queue_or_die(struct worker *w, enum frame_type type, int index)
{
    struct error err = {0};
    if (host_queue(w->L, type, index, &err))
        _exit(WORKER_PROTOCOL);
}

/* The report at the top of the stack is the last word. */
static _Noreturn void fail(struct worker *w, const char *phase)
{
    if (w->is_check) { /* what is read is of use all the more */
        lua_getfield(w->L, w->entries, "globals");
        if (!lua_pcall(w->L, 0, 1, 0))
            lua_setfield(w->L, -2, "globals");
    }
    lua_pushstring(w->L, phase);
    lua_setfield(w->L, -2, "phase");
    queue_or_die(w, FRAME_FAIL, -1);
    link_flush();
    _exit(WORKER_OK);
}

/* A failure of the stdlib's own core. */
static _Noreturn void fail_internally(struct worker *w)
{
    report_push(w->L, w->L, -1);
    queue_or_die(w, FRAME_FAIL, -1);
    link_flush();
    _exit(WORKER_PROTOCOL);
}

/* Push what internal/main returns; the author's globals are set then. */
static void start_core(struct worker *w, const json_t *start)
{
    lua_State *L = w->L;
    dialect_open(L, value_int(start, "seed", 0));
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    if (host_load_embedded(L, "internal/main"))
        _exit(WORKER_PROTOCOL);
    host_push(L, w->max_source);
    convert_push(L, start);
    if (lua_pcall(L, 2, 1, 0))
        fail_internally(w);
    w->entries = lua_gettop(L);
}

/* Call entries.name with count values from the top; one result. */
static void call_entry(struct worker *w, const char *name, int count,
                       int handler)
{
    lua_getfield(w->L, w->entries, name);
    lua_insert(w->L, -1 - count);
    if (lua_pcall(w->L, count, 1, handler)) {
        if (handler)
            fail(w, "load");
        fail_internally(w);
    }
}

/* Push the author's chunk, or fail with Lua's message about it. */
static void load_author(struct worker *w, const struct frame *f)
{
    const char *file = value_text(f->value, "source_name", "runbook.lua");
    if (host_load(w->L, file, f->body, f->body_size)) {
        report_push(w->L, w->L, -1);
        fail(w, "load");
    }
}

static void load_config(struct worker *w, const struct frame *f)
{
    struct error err = {0};
    lua_State *L = w->L;
    lua_pushcfunction(L, on_load_error);
    load_author(w, f);
    if (lua_pcall(L, 0, 1, -2))
        fail(w, "load");
    if (!lua_istable(L, -1))
        error_set(&err, RB_INVALID,
                  "the file must return one table: write "
                  "return { name = ..., ... }");
    else if (!host_queue(L, FRAME_LOADED, -1, &err))
        return;
    report_push_at(L, err.message,
                   value_text(f->value, "source_name", "environment"), 0);
    fail(w, "load");
}

/* The layers are added here: what a script does must not depend, by a single
   instruction, on the machine's. */
static int queue_loaded(struct worker *w, struct error *err)
{
    json_t *value = NULL;
    int rc = convert_take(w->L, -1, &value, err);
    if (rc)
        return rc;
    json_object_set_new(value, "jail", layer_list(w->layers));
    budget_show(w->L);
    rc = link_queue(FRAME_LOADED, 0, value);
    return rc ? error_set(err, rc, "the header is nested too deep") : 0;
}

static void load_runbook(struct worker *w, const struct frame *f)
{
    struct error err = {0};
    int handler;
    lua_pushcfunction(w->L, on_load_error);
    handler = lua_gettop(w->L);
    load_author(w, f);
    call_entry(w, "load", 1, handler);
    if (queue_loaded(w, &err)) {
        report_push_at(w->L, err.message,
                       value_text(f->value, "source_name", "runbook.lua"), 1);
        fail(w, "load");
    }
    lua_settop(w->L, w->entries);
}

static void deliver(struct worker *w, const struct frame *f)
{
    static const char *const kinds[] = {"ok", "err", "misuse"};
    lua_pushinteger(w->L, f->call);
    for (int i = 0; i < 3; i++) {
        const json_t *value = json_object_get(f->value, kinds[i]);
        if (value && json_object_size(f->value) == 1) {
            lua_pushstring(w->L, kinds[i]);
            convert_push(w->L, value);
            call_entry(w, "deliver", 3, 0);
            return;
        }
    }
    _exit(WORKER_PROTOCOL);
}

/* What may come, by how far the run is. */
enum stage { STAGE_LOADED, STAGE_RUNNING, STAGE_DONE };

static void take_frame(struct worker *w, const struct frame *f,
                       enum stage stage)
{
    if (f->type == FRAME_RUN && stage == STAGE_LOADED) {
        convert_push(w->L, json_object_get(f->value, "input"));
        call_entry(w, "run", 1, 0);
    } else if (f->type == FRAME_RESULT && stage == STAGE_RUNNING) {
        deliver(w, f);
    } else if (f->type == FRAME_STOP && stage != STAGE_DONE) {
        lua_pushstring(w->L, value_text(f->value, "because", ""));
        call_entry(w, "stop", 1, 0);
    } else if (f->type == FRAME_UNDO && stage == STAGE_DONE) {
        call_entry(w, "undo", 0, 0);
    } else {
        _exit(WORKER_PROTOCOL);
    }
}

/* Every entry returns nil, or the document of DONE when the run is over. */
static void run(struct worker *w)
{
    enum stage stage = STAGE_LOADED;
    int rounds = w->is_plan ? 2 : 1;
    while (rounds) {
        struct frame f = {0};
        if (link_read(&f))
            _exit(stage == STAGE_DONE ? WORKER_OK : WORKER_CLOSED);
        take_frame(w, &f, stage);
        frame_free(&f);
        stage = STAGE_RUNNING;
        if (lua_istable(w->L, -1)) {
            queue_or_die(w, FRAME_DONE, -1);
            stage = STAGE_DONE;
            rounds--;
        }
        lua_settop(w->L, w->entries);
        link_flush();
    }
}

static void work(struct worker *w)
{
    struct frame f = {0};
    if (link_read(&f))
        _exit(WORKER_CLOSED);
    if (f.type != FRAME_START ||
        strcmp(value_text(f.value, "role", w->role), w->role) != 0)
        _exit(WORKER_PROTOCOL);
    json_object_set_new(f.value, "role", json_string(w->role));
    w->is_plan = !strcmp(value_text(f.value, "mode", ""), "plan");
    w->is_check = !strcmp(value_text(f.value, "mode", ""), "check");
    lock_in(w, f.value);
    w->L = lua_newstate(budget_alloc, &w->budget);
    if (!w->L)
        _exit(WORKER_HEAP);
    lua_atpanic(w->L, on_panic);
    budget_watch(w->L);
    if (w->is_check)
        scan_enable();
    start_core(w, f.value);
    if (!strcmp(w->role, "config"))
        load_config(w, &f);
    else
        load_runbook(w, &f);
    frame_free(&f);
    link_flush();
    if (!strcmp(w->role, "run") && !w->is_check)
        run(w);
}

static void no_memory(void)
{
    _exit(WORKER_HEAP);
}

int main(int argc, char **argv)
{
    static struct worker w;
    if (argc != 2 || (strcmp(argv[1], "run") && strcmp(argv[1], "config"))) {
        fputs("rbrun-worker is started by rbrun; see rbrun(1)\n", stderr);
        return 2;
    }
    heap_on_end(no_memory);
    w.role = argv[1];
    w.budget.page = map_page();
    /* Until START tells the real limits nothing of an author runs. */
    w.budget.memory = DEFAULT_MEMORY;
    w.budget.instructions = DEFAULT_INSTRUCTIONS;
    signal(SIGPIPE, SIG_IGN);
    work(&w);
    _exit(WORKER_OK); /* never lua_close: nothing of an author runs again */
}
