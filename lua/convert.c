#include "convert.h"
#include "order.h"
#include "../core/wire/frame.h"
#include "../core/wire/value.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define CONVERT_NODES 100000
/* Of all texts: what holds more fits into no frame. One text may be there
   many times, so the copies must be counted before they are made. */
#define CONVERT_BYTES FRAME_MAX_DOCUMENT

/* The metatable of empty lists, and its mark. */
#define CONVERT_LIST "__list"

struct walk {
    struct error *err;
    char path[256];
    size_t size; /* of path */
    int depth;
    int nodes;
    size_t bytes; /* of texts and names */
};

static json_t *take(lua_State *L, int index, struct walk *w);

static json_t *refuse(struct walk *w, const char *what)
{
    error_set(w->err, RB_INVALID, "%s%s%s", w->path, w->size ? ": " : "", what);
    return NULL;
}

/* 0 when there is room for a text of that size. */
static int count_bytes(struct walk *w, size_t size)
{
    w->bytes += size;
    return w->bytes > CONVERT_BYTES;
}

/* Returns the size of the path before, for leave(). */
static size_t enter(struct walk *w, const char *format, const char *key,
                    long long index)
{
    size_t before = w->size;
    int n = key ? snprintf(w->path + before, sizeof w->path - before, format,
                           before ? "." : "", key)
                : snprintf(w->path + before, sizeof w->path - before, "[%lld]",
                           index);
    w->size += (size_t)(n > 0 ? n : 0);
    if (w->size >= sizeof w->path)
        w->size = sizeof w->path - 1;
    return before;
}

static void leave(struct walk *w, size_t before)
{
    w->size = before;
    w->path[before] = '\0';
}

static json_t *take_list(lua_State *L, int table, lua_Integer count,
                         struct walk *w)
{
    json_t *list = json_array();
    for (lua_Integer i = 1; i <= count; i++) {
        size_t before = enter(w, NULL, NULL, i);
        json_t *item;
        /* 1, 1.5, 3 has three keys too, and ends in 3. */
        if (lua_rawgeti(L, table, i) == LUA_TNIL)
            item = refuse(w, "a list with holes cannot be sent");
        else
            item = take(L, lua_gettop(L), w);
        lua_pop(L, 1);
        if (!item || json_array_append_new(list, item)) {
            json_decref(list);
            return NULL;
        }
        leave(w, before);
    }
    return list;
}

/* The keys, sorted, are at the top of the stack. */
static json_t *take_object(lua_State *L, int table, lua_Integer count,
                           struct walk *w)
{
    int keys = lua_gettop(L);
    json_t *object = json_object();
    for (lua_Integer i = 1; i <= count; i++) {
        size_t size, before;
        const char *key;
        json_t *item = NULL;
        lua_rawgeti(L, keys, i);
        key = lua_tolstring(L, -1, &size);
        before = enter(w, "%s%.80s", key, 0);
        lua_pushvalue(L, -1);
        lua_rawget(L, table);
        if (count_bytes(w, size))
            refuse(w, "too much text to send");
        else if (strlen(key) != size)
            refuse(w, "a key that contains a zero byte cannot be sent");
        else
            item = take(L, lua_gettop(L), w);
        if (item && json_object_set_new(object, key, item)) {
            refuse(w, "a key that is not UTF-8 text cannot be sent");
            item = NULL;
        }
        lua_pop(L, 2);
        if (!item) {
            json_decref(object);
            return NULL;
        }
        leave(w, before);
    }
    return object;
}

/* keys is sorted, so its ends tell what the whole is. */
static json_t *take_keyed(lua_State *L, int table, struct walk *w)
{
    int keys = lua_gettop(L);
    lua_Integer count = (lua_Integer)lua_rawlen(L, keys);
    int first, is_integer;
    lua_Integer last;
    if (!count) {
        if (!luaL_getmetafield(L, table, CONVERT_LIST))
            return json_object();
        lua_pop(L, 1);
        return json_array();
    }
    first = lua_rawgeti(L, keys, 1);
    lua_rawgeti(L, keys, count);
    last = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
    is_integer = lua_isinteger(L, -2) && lua_tointeger(L, -2) == 1;
    lua_pop(L, 2);
    if (first == LUA_TSTRING)
        return take_object(L, table, count, w);
    if (is_integer && last == count)
        return take_list(L, table, count, w);
    return refuse(w, "a table with mixed keys, or a list with holes, cannot "
                     "be sent; use only names, or only 1, 2, 3, ...");
}

static json_t *take_table(lua_State *L, int index, struct walk *w)
{
    json_t *result;
    const char *type;
    if (++w->depth > VALUE_MAX_DEPTH - 4)
        return refuse(w, "nested too deep, or a table that contains itself");
    if (!lua_checkstack(L, 16))
        return refuse(w, "nested too deep");
    type = order_keys(L, index);
    if (type) {
        char text[80];
        snprintf(text, sizeof text, "a table with a %s as a key cannot be sent",
                 type);
        return refuse(w, text);
    }
    result = take_keyed(L, index, w);
    lua_pop(L, 1);
    w->depth--;
    return result;
}

static json_t *take_number(lua_State *L, int index, struct walk *w)
{
    lua_Number number = lua_tonumber(L, index);
    if (lua_isinteger(L, index))
        return json_integer(lua_tointeger(L, index));
    if (!isfinite(number))
        return refuse(w, "neither infinity nor nan can be sent");
    return json_real(number);
}

static json_t *take_text(lua_State *L, int index, struct walk *w)
{
    size_t size;
    const char *text = lua_tolstring(L, index, &size);
    json_t *value;
    if (count_bytes(w, size))
        return refuse(w, "too much text to send");
    /* C ends a text there: what is shown and done would be another text. */
    if (strlen(text) != size)
        return refuse(w, "text that contains a zero byte cannot be sent");
    value = json_stringn(text, size);
    return value ? value : refuse(w, "text that is not UTF-8 cannot be sent");
}

static json_t *take(lua_State *L, int index, struct walk *w)
{
    char text[80];
    if (++w->nodes > CONVERT_NODES)
        return refuse(w, "more than 100000 values cannot be sent");
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        return json_null();
    case LUA_TBOOLEAN:
        return json_boolean(lua_toboolean(L, index));
    case LUA_TNUMBER:
        return take_number(L, index, w);
    case LUA_TSTRING:
        return take_text(L, index, w);
    case LUA_TTABLE:
        return take_table(L, index, w);
    default:
        snprintf(text, sizeof text, "a %s cannot be sent",
                 luaL_typename(L, index));
        return refuse(w, text);
    }
}

int convert_take(lua_State *L, int index, json_t **out, struct error *err)
{
    struct walk w = {err, "", 0, 0, 0, 0};
    int top = lua_gettop(L);
    json_t *value = take(L, lua_absindex(L, index), &w);
    lua_settop(L, top);
    if (!value)
        return w.bytes > CONVERT_BYTES ? RB_TOOBIG : RB_INVALID;
    *out = value;
    return 0;
}

void convert_mark_list(lua_State *L)
{
    if (luaL_newmetatable(L, CONVERT_LIST)) {
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, CONVERT_LIST);
    }
    lua_setmetatable(L, -2);
}

static void push_list(lua_State *L, const json_t *list)
{
    size_t count = json_array_size(list);
    lua_createtable(L, (int)count, 0);
    if (!count)
        convert_mark_list(L);
    for (size_t i = 0; i < count; i++) {
        convert_push(L, json_array_get(list, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void push_object(lua_State *L, const json_t *object)
{
    const char *key;
    json_t *item;
    lua_createtable(L, 0, (int)json_object_size(object));
    json_object_foreach((json_t *)object, key, item)
    {
        lua_pushstring(L, key);
        convert_push(L, item);
        lua_rawset(L, -3);
    }
}

void convert_push(lua_State *L, const json_t *value)
{
    luaL_checkstack(L, 8, "value");
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT:
        push_object(L, value);
        break;
    case JSON_ARRAY:
        push_list(L, value);
        break;
    case JSON_STRING:
        lua_pushlstring(L, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        lua_pushinteger(L, json_integer_value(value));
        break;
    case JSON_REAL:
        lua_pushnumber(L, json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        lua_pushboolean(L, json_is_true(value));
        break;
    case JSON_NULL:
        lua_pushnil(L);
        break;
    }
}
