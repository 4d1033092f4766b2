/*
 * The role "sql": PostgreSQL's own parser (libpg-query) makes trees, trusted
 * Lua (stdlib/migration/) cuts files into statements and judges them. The
 * interpreter holds no input but the text and has no library that could
 * reach out.
 */
#include "embedded.h"
#include "reader.h"
#include "reader_tree.h"
#include "../core/wire/buf.h"
#include "../core/wire/frame.h"

#include <lauxlib.h>
#include <lua-lpeg.h>
#include <lua.h>
#include <limits.h>
#include <lualib.h>
#include <malloc.h>
#include <pg_query.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (64u << 20)
#define HEAP_STEP (8 << 20)       /* bytes */
#define DOCUMENT_MAX (512u << 10) /* a larger reply is the frame's body */

static lua_State *L;
static struct buf text = BUF_INIT(TEXT_MAX);
static struct buf options = BUF_INIT(FRAME_MAX_DOCUMENT);
static struct buf files = BUF_INIT(FRAME_MAX_BODY); /* of the reply */
static struct buf body = BUF_INIT(FRAME_MAX_BODY);

static json_t *take_value(lua_State *S, int index, int depth);

static json_t *take_list(lua_State *S, int index, int depth)
{
    json_t *list = json_array();
    lua_Integer n = (lua_Integer)lua_rawlen(S, index);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(S, index, i);
        json_array_append_new(list, take_value(S, lua_gettop(S), depth));
        lua_pop(S, 1);
    }
    return list;
}

static json_t *take_object(lua_State *S, int index, int depth)
{
    json_t *object = json_object();
    lua_pushnil(S);
    while (lua_next(S, index)) {
        int top = lua_gettop(S);
        if (lua_type(S, -2) == LUA_TSTRING)
            json_object_set_new(object, lua_tostring(S, -2),
                                take_value(S, top, depth));
        lua_pop(S, 1);
    }
    return object;
}

/* Our own tables: a list carries a metatable, so that an empty one is not
   taken for an object. */
static json_t *take_value(lua_State *S, int index, int depth)
{
    size_t size;
    const char *s;
    if (depth > 16 || !lua_checkstack(S, 6))
        return NULL;
    switch (lua_type(S, index)) {
    case LUA_TTABLE:
        if (!lua_getmetatable(S, index))
            return take_object(S, index, depth + 1);
        lua_pop(S, 1);
        return take_list(S, index, depth + 1);
    case LUA_TSTRING:
        s = lua_tolstring(S, index, &size);
        return json_stringn(s, size);
    case LUA_TNUMBER:
        return json_integer(lua_tointeger(S, index));
    case LUA_TBOOLEAN:
        return json_boolean(lua_toboolean(S, index));
    default:
        return json_null();
    }
}

/* nil, message, offset of the byte (from 0), or nothing when unknown */
static int push_failure(lua_State *S, const PgQueryError *e)
{
    lua_pushnil(S);
    lua_pushstring(S, e->message);
    if (e->cursorpos <= 0)
        return 2;
    lua_pushinteger(S, e->cursorpos - 1);
    return 3;
}

/* split(sql, with_parser) gives {{at, bytes}, ..} or nil, message, offset */
static int lua_split(lua_State *S)
{
    const char *sql = luaL_checkstring(S, 1);
    PgQuerySplitResult r = lua_toboolean(S, 2)
                               ? pg_query_split_with_parser(sql)
                               : pg_query_split_with_scanner(sql);
    if (r.error) {
        int results = push_failure(S, r.error);
        pg_query_free_split_result(r);
        return results;
    }
    lua_createtable(S, r.n_stmts, 0);
    for (int i = 0; i < r.n_stmts; i++) {
        lua_createtable(S, 0, 2);
        lua_pushinteger(S, r.stmts[i]->stmt_location);
        lua_setfield(S, -2, "at");
        lua_pushinteger(S, r.stmts[i]->stmt_len);
        lua_setfield(S, -2, "bytes");
        lua_rawseti(S, -2, i + 1);
    }
    pg_query_free_split_result(r);
    return 1;
}

/* A value of JSON, or nil and why not. */
static int push_json(lua_State *S, const char *json, size_t size,
                     const char *source, const char *too_deep)
{
    int rc = tree_push(S, json, size, source);
    if (!rc)
        return 1;
    lua_pushnil(S);
    lua_pushstring(S, rc == RB_TOOBIG ? too_deep : "it is not JSON");
    return 2;
}

/* parse(sql) gives the tree libpg_query documents, without the places of its
   nodes, or nil, message, offset */
static int lua_parse(lua_State *S)
{
    const char *sql = luaL_checkstring(S, 1);
    PgQueryParseResult r = pg_query_parse(sql);
    int results;
    if (r.error)
        results = push_failure(S, r.error);
    else
        results = push_json(S, r.parse_tree, strlen(r.parse_tree), sql,
                            "the statement is nested too deeply to be judged");
    pg_query_free_parse_result(r);
    return results;
}

static int lua_list(lua_State *S)
{
    lua_newtable(S);
    lua_getfield(S, LUA_REGISTRYINDEX, "list");
    lua_setmetatable(S, -2);
    return 1;
}

/* input() gives the options and how many bytes came */
static int lua_input(lua_State *S)
{
    if (tree_push(S, buf_text(&options), options.size, NULL))
        lua_pushnil(S);
    lua_pushinteger(S, (lua_Integer)text.size);
    return 2;
}

/* The bytes that came, from `at` (from 1); raises where there are none. */
static const char *slice(lua_State *S, size_t *size)
{
    lua_Integer at = luaL_checkinteger(S, 1), n = luaL_checkinteger(S, 2);
    lua_Integer all = (lua_Integer)text.size;
    luaL_argcheck(S, at >= 1 && n >= 0 && at - 1 <= all && n <= all - at + 1, 2,
                  "more bytes than came");
    *size = (size_t)n;
    return buf_text(&text) + (at - 1);
}

/* text(at, bytes) gives them as a string */
static int lua_text(lua_State *S)
{
    size_t size;
    const char *bytes = slice(S, &size);
    lua_pushlstring(S, bytes, size);
    return 1;
}

/* json(at, bytes) gives the value they are, or nil and why not */
static int lua_json(lua_State *S)
{
    size_t size;
    const char *bytes = slice(S, &size);
    return push_json(S, bytes, size, NULL, "it is nested too deeply");
}

/* keep(entry): the reply's next file. Its text is kept and not the table, of
   which there may be very many. */
static int lua_keep(lua_State *S)
{
    json_t *entry = take_value(S, 1, 0);
    int rc = entry ? 0 : RB_INVALID;
    if (!rc && files.size)
        rc = buf_addc(&files, ',');
    if (!rc)
        rc = value_encode(entry, &files);
    json_decref(entry);
    return rc ? luaL_error(S, "so many statements do not fit one reply: ask "
                              "for fewer files at a time")
              : 0;
}

static const luaL_Reg host[] = {{"keep", lua_keep},   {"split", lua_split},
                                {"parse", lua_parse}, {"list", lua_list},
                                {"input", lua_input}, {"text", lua_text},
                                {"json", lua_json},   {NULL, NULL}};

static void open_libraries(void)
{
    luaL_requiref(L, "_G", luaopen_base, 1);
    luaL_requiref(L, "string", luaopen_string, 1);
    luaL_requiref(L, "table", luaopen_table, 1);
    luaL_requiref(L, "math", luaopen_math, 1);
    luaL_requiref(L, "utf8", luaopen_utf8, 1);
    lua_settop(L, 0);
    /* The process lives for one answer: garbage is looked for when memory
       has grown fourfold. */
    lua_gc(L, LUA_GCINC, 400, 400, 0);
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, "list");
    luaL_newlib(L, host);
    luaL_requiref(L, "lpeg", luaopen_lpeg, 0);
    lua_setfield(L, -2, "lpeg");
    lua_setglobal(L, "host");
}

/* Each chunk is called once, and finds what those before it returned in
   the global table "migration"; the last one's function is kept. */
static int load_rules(struct error *err)
{
    lua_newtable(L);
    lua_setglobal(L, "migration");
    for (const struct embedded *e = embedded_chunks; e->name; e++) {
        if (luaL_loadbufferx(L, (const char *)e->code, e->size, e->name, "b") ||
            lua_pcall(L, 0, 1, 0))
            return error_set(err, RB_CORRUPT, "%s: %s", e->name,
                             lua_tostring(L, -1));
        lua_getglobal(L, "migration");
        lua_insert(L, -2);
        lua_setfield(L, -2, e->name);
        lua_pop(L, 1);
    }
    return 0;
}

/* The parser takes and gives back blocks for every statement, and the process
   lives for one answer: keep what was taken, and merge nothing. */
static void keep_memory(void)
{
#ifdef __GLIBC__
    mallopt(M_MXFAST, 0);
    mallopt(M_TOP_PAD, HEAP_STEP);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
    mallopt(M_MMAP_THRESHOLD, HEAP_STEP);
#endif
}

static int sql_prepare(struct error *err)
{
    keep_memory();
    L = luaL_newstate();
    if (!L)
        return error_set(err, RB_NOMEM, "no memory for an interpreter");
    open_libraries();
    /* The parser's memory, tables and locale, before the jail closes. */
    pg_query_free_parse_result(pg_query_parse("SELECT lower('a') FROM t"));
    pg_query_free_parse_result(pg_query_parse("SELECT FROM WHERE"));
    return load_rules(err);
}

static int sql_open(const json_t *given, struct error *err)
{
    if (!json_is_array(json_object_get(given, "files")) &&
        !json_object_get(given, "manifest") &&
        !json_object_get(given, "catalogs"))
        return error_set(err, RB_INVALID,
                         "the options name neither files nor catalogs");
    return value_encode(given, &options);
}

static int sql_push(const char *bytes, size_t size, struct error *err)
{
    int rc = buf_add(&text, bytes, size);
    return rc ? error_set(err, RB_TOOBIG, "more than %u MiB of SQL",
                          TEXT_MAX >> 20)
              : 0;
}

/* migration.judge raises a text for what the caller did wrong. */
static int refused(struct error *err)
{
    const char *message = lua_tostring(L, -1);
    int too_big = message && (strstr(message, "not enough memory") ||
                              strstr(message, "do not fit one reply"));
    return error_set(err, too_big ? RB_TOOBIG : RB_INVALID, "%s",
                     message ? message : "malformed");
}

/* {"files":[those that were kept], and the rest} */
static int compose(const json_t *rest)
{
    struct buf text_of_rest = BUF_INIT(FRAME_MAX_BODY);
    int rc = value_encode(rest, &text_of_rest);
    if (!rc)
        rc = buf_adds(&body, "{\"files\":[");
    if (!rc && files.size)
        rc = buf_add(&body, files.data, files.size);
    if (!rc)
        rc = buf_adds(&body, text_of_rest.size > 2 ? "]," : "]");
    if (!rc)
        rc = buf_add(&body, text_of_rest.data + 1, text_of_rest.size - 1);
    buf_free(&text_of_rest);
    return rc;
}

/* A reply that fits no document is the body, and the document says so. */
static int hand_over(struct reader_reply *reply, struct error *err)
{
    json_t *rest = take_value(L, lua_gettop(L), 0);
    int rc = json_is_object(rest) ? compose(rest) : RB_INVALID;
    json_decref(rest);
    if (!rc && body.size <= DOCUMENT_MAX)
        return value_decode(body.data, body.size, &reply->document, err);
    if (rc)
        return error_set(err, RB_TOOBIG,
                         "so many statements do not fit one reply: ask for "
                         "fewer files at a time");
    reply->document = json_pack("{s:b}", "in_body", 1);
    reply->body = body.data;
    reply->body_size = body.size;
    return 0;
}

static int sql_finish(struct reader_reply *reply, struct error *err)
{
    lua_getglobal(L, "migration");
    lua_getfield(L, -1, "judge");
    if (lua_pcall(L, 0, 1, 0))
        return refused(err);
    return hand_over(reply, err);
}

const struct reader_role reader_sql_role = {"sql", sql_prepare, sql_open,
                                            sql_push, sql_finish};
