#include "host.h"
#include "budget.h"
#include "convert.h"
#include "embedded.h"
#include "link.h"
#include "order.h"
#include "report.h"
#include "scan.h"
#include "text.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static uint32_t last_call;
static size_t source_limit;

int host_load(lua_State *L, const char *file, const char *text, size_t size)
{
    const char *name;
    int rc;
    lua_pushfstring(L, "@%s", file);
    name = lua_tostring(L, -1);
    /* Known first: what is said about it can then name it. */
    if (report_source(file, text, size > source_limit ? 0 : size)) {
        lua_pushfstring(L, "%s: more than %d files are required", file,
                        REPORT_SOURCES);
        rc = RB_INVALID;
    } else if (size > source_limit) {
        lua_pushfstring(L, "%s:1: the file has %I bytes; at most %I are read",
                        file, (LUAI_UACINT)size, (LUAI_UACINT)source_limit);
        rc = RB_INVALID;
    } else {
        /* "#!" may open a runbook; Lua's own loader skips it for files. */
        size_t skip = 0;
        if (size && text[0] == '#')
            while (skip < size && text[skip] != '\n')
                skip++;
        rc = luaL_loadbufferx(L, text + skip, size - skip, name, "t")
                 ? RB_INVALID
                 : 0;
        if (!rc)
            scan_function(L, file);
    }
    lua_remove(L, -2);
    return rc;
}

int host_load_embedded(lua_State *L, const char *name)
{
    for (const struct embedded *e = embedded_chunks; e->name; e++) {
        if (strcmp(e->name, name) != 0)
            continue;
        if (luaL_loadbufferx(L, (const char *)e->code, e->size, name, "b")) {
            lua_pop(L, 1);
            return RB_NOTFOUND;
        }
        return 0;
    }
    return RB_NOTFOUND;
}

/* What fits into no frame ends the process, as in link_queue. */
static int take_value(lua_State *L, int index, json_t **out, struct error *err)
{
    int rc = convert_take(L, index, out, err);
    budget_show(L);
    if (rc == RB_TOOBIG)
        _exit(WORKER_FRAME);
    return rc;
}

int host_queue(lua_State *L, enum frame_type type, int index, struct error *err)
{
    json_t *value = NULL;
    int rc = take_value(L, index, &value, err);
    if (!rc && link_queue(type, 0, value))
        rc = error_set(err, RB_INVALID, "a %s is nested too deep",
                       frame_name(type));
    return rc;
}

/* Raise a message at the author's line. */
static int refuse(lua_State *L, const char *message)
{
    lua_Debug ar;
    if (budget_author_line(L, &ar))
        lua_pushfstring(L, "%s:%d: %s", ar.short_src, ar.currentline, message);
    else
        lua_pushstring(L, message);
    return lua_error(L);
}

/* where() -> "api.lua:12: ", file, line of the author's line, or "" */
static int host_where(lua_State *L)
{
    lua_Debug ar;
    if (!budget_author_line(L, &ar)) {
        lua_pushliteral(L, "");
        return 1;
    }
    lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
    lua_pushstring(L, ar.source + 1);
    lua_pushinteger(L, ar.currentline);
    return 3;
}

static void set_where(lua_State *L, json_t *document, int file, int line)
{
    lua_Debug ar;
    if (budget_author_line(L, &ar)) {
        json_object_set_new(document, "file", json_string(ar.source + 1));
        json_object_set_new(document, "line", json_integer(ar.currentline));
    } else if (lua_isstring(L, file)) {
        json_object_set_new(document, "file",
                            json_string(lua_tostring(L, file)));
        json_object_set_new(document, "line",
                            json_integer(lua_tointeger(L, line)));
    }
}

/*
 * call(verb, args, step, undo or nil, file, line) -> sequence number.
 * file and line are those of the task, for a call without an author's line.
 */
static int host_call(lua_State *L)
{
    struct error err = {0};
    char text[sizeof err.message + 128];
    json_t *args = NULL, *document;
    const char *verb = luaL_checkstring(L, 1);
    if (take_value(L, 2, &args, &err)) {
        snprintf(text, sizeof text, "%s: %s", verb, err.message);
        return refuse(L, text);
    }
    document = json_object();
    json_object_set_new(document, "verb", json_string(verb));
    json_object_set_new(document, "args", args);
    json_object_set_new(document, "step", json_string(lua_tostring(L, 3)));
    json_object_set_new(document, "undoing", json_boolean(!lua_isnil(L, 4)));
    if (!lua_isnil(L, 4))
        json_object_set_new(document, "undo",
                            json_integer(lua_tointeger(L, 4)));
    set_where(L, document, 5, 6);
    if (link_queue(FRAME_CALL, last_call + 1, document)) {
        snprintf(text, sizeof text, "%s: the arguments are nested too deep",
                 verb);
        return refuse(L, text);
    }
    lua_pushinteger(L, ++last_call);
    return 1;
}

static int queue_or_refuse(lua_State *L, enum frame_type type)
{
    struct error err = {0};
    if (host_queue(L, type, 1, &err))
        return refuse(L, err.message);
    return 0;
}

static int host_event(lua_State *L)
{
    return queue_or_refuse(L, FRAME_EVENT);
}

static int host_cancel(lua_State *L)
{
    return queue_or_refuse(L, FRAME_CANCEL);
}

/* report(coroutine or nil, error) -> table */
static int host_report(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    lua_settop(L, 2);
    report_push(L, co ? co : L, 2);
    return 1;
}

/* duration("30s") -> milliseconds, or nil, message */
static int host_duration(lua_State *L)
{
    struct error err = {0};
    int64_t milliseconds;
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    /* Behind a zero byte there is more than C sees. */
    if (duration_parse(strlen(text) == size ? text : "", &milliseconds, &err)) {
        lua_pushnil(L);
        lua_pushstring(L, err.message);
        return 2;
    }
    lua_pushinteger(L, milliseconds);
    return 1;
}

/* embedded("decide") -> function or nil */
static int host_embedded(lua_State *L)
{
    if (host_load_embedded(L, luaL_checkstring(L, 1)))
        lua_pushnil(L);
    return 1;
}

/* The answer to a MODULE: push the chunk, or nil and a message. */
static int take_source(lua_State *L, const struct frame *f)
{
    const char *error = value_text(f->value, "error", NULL);
    const char *file = value_text(f->value, "file", NULL);
    if (error || !file) {
        lua_pushnil(L);
        lua_pushstring(L, error ? error : "the engine sent no file");
        return 2;
    }
    if (host_load(L, file, f->body, f->body_size)) {
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }
    lua_pushstring(L, file);
    return 2;
}

/* fetch("policy.errors") -> function, file, or nil, message */
static int host_fetch(lua_State *L)
{
    struct frame f = {0};
    json_t *document = json_object();
    int results;
    json_object_set_new(document, "name", json_string(luaL_checkstring(L, 1)));
    if (link_queue(FRAME_MODULE, 0, document))
        _exit(WORKER_MEMORY);
    link_flush();
    if (link_read(&f))
        _exit(WORKER_CLOSED);
    if (f.type != FRAME_SOURCE)
        _exit(WORKER_PROTOCOL);
    results = take_source(L, &f);
    frame_free(&f);
    return results;
}

/* globals(table): what chunks loaded from now on see as their globals */
static int host_globals(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    return 0;
}

/* list(table) -> the same table, sent as a list even when empty */
static int host_list(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    convert_mark_list(L);
    return 1;
}

/* protocol(): an answer to a call that was never made */
static int host_protocol(lua_State *L)
{
    (void)L;
    _exit(WORKER_PROTOCOL);
}

void host_push(lua_State *L, size_t max_source)
{
    static const luaL_Reg functions[] = {
        {"call", host_call},         {"event", host_event},
        {"cancel", host_cancel},     {"where", host_where},
        {"report", host_report},     {"duration", host_duration},
        {"embedded", host_embedded}, {"fetch", host_fetch},
        {"globals", host_globals},   {"protocol", host_protocol},
        {"keys", order_keys_lua},    {"nearest", text_nearest_lua},
        {"scanned", scan_push},      {"list", host_list},
        {"clean", text_clean_lua},   {NULL, NULL},
    };
    source_limit = max_source;
    luaL_newlib(L, functions);
}
