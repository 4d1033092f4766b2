#define _POSIX_C_SOURCE 200809L
#include "text.h"
#include "budget.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#define TEXT_REP_MAX ((size_t)1 << 20)
#define TEXT_SUBJECT_MAX ((size_t)64 << 10)
#define TEXT_SLOW 1024
#define TEXT_NAME 64

void text_push(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        lua_pushliteral(L, "nil");
        break;
    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
        break;
    case LUA_TNUMBER:
        /* The sign of nan differs between processors. */
        if (lua_compare(L, index, index, LUA_OPEQ))
            lua_pushvalue(L, index), lua_tostring(L, -1);
        else
            lua_pushliteral(L, "nan");
        break;
    case LUA_TSTRING:
        lua_pushvalue(L, index);
        break;
    default:
        /* Only trusted code can set a metatable. */
        if (!luaL_callmeta(L, index, "__tostring"))
            lua_pushstring(L, luaL_typename(L, index));
    }
}

/* Bytes of the UTF-8 character at text (RFC 3629, table 3-7 of Unicode), or
   0 when there is none. */
static size_t character(const unsigned char *text, size_t size)
{
    unsigned char low = 0x80, high = 0xbf, c = text[0];
    size_t length = c == 0     ? 0
                    : c < 0x80 ? 1
                    : c < 0xc2 ? 0
                    : c < 0xe0 ? 2
                    : c < 0xf0 ? 3
                    : c < 0xf5 ? 4
                               : 0;
    if (length > size)
        return 0;
    if (c == 0xe0)
        low = 0xa0;
    else if (c == 0xed)
        high = 0x9f;
    else if (c == 0xf0)
        low = 0x90;
    else if (c == 0xf4)
        high = 0x8f;
    for (size_t i = 1; i < length; i++) {
        if (text[i] < low || text[i] > high)
            return 0;
        low = 0x80;
        high = 0xbf;
    }
    return length;
}

void text_clean(lua_State *L, const char *text, size_t size, size_t most)
{
    luaL_Buffer b;
    size_t used = 0, at = 0;
    luaL_buffinit(L, &b);
    while (at < size) {
        size_t length = character((const unsigned char *)text + at, size - at);
        size_t needed = length ? length : 3;
        if (used + needed > most)
            break;
        if (length)
            luaL_addlstring(&b, text + at, length);
        else
            luaL_addlstring(&b, "\xef\xbf\xbd", 3);
        used += needed;
        at += length ? length : 1;
    }
    if (at < size)
        luaL_addlstring(&b, "...", 3);
    luaL_pushresult(&b);
}

int text_clean_lua(lua_State *L)
{
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    text_clean(L, text, size, (size_t)luaL_checkinteger(L, 2));
    return 1;
}

int text_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    text_push(L, 1);
    return 1;
}

/* The stock function under ours: called in our frame, so that its argument
   errors carry the name the author wrote. Upvalue 1. */
static int stock(lua_State *L)
{
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* string.format: %s shows values as tostring does, %p shows addresses. */
static int format(lua_State *L)
{
    size_t size;
    const char *at = luaL_checklstring(L, 1, &size), *end = at + size;
    int argument = 1;
    while (at < end) {
        if (*at++ != '%')
            continue;
        if (at < end && *at == '%') {
            at++;
            continue;
        }
        at += strspn(at, "-+ #0123456789.");
        argument++;
        if (*at == 'p')
            return luaL_error(L, "string.format: %%p is not available: an "
                                 "address differs in every process");
        if (*at == 's' && argument <= lua_gettop(L)) {
            text_push(L, argument);
            lua_replace(L, argument);
        }
    }
    return stock(L);
}

/* Fill total bytes with what the first unit bytes are. */
static void repeat(char *text, size_t unit, size_t total)
{
    for (size_t done = unit; done < total;) {
        size_t more = done < total - done ? done : total - done;
        memcpy(text + done, text, more);
        done += more;
    }
}

static int rep(lua_State *L)
{
    size_t size, gap, total;
    const char *text = luaL_checklstring(L, 1, &size);
    lua_Integer count = luaL_checkinteger(L, 2);
    const char *between = luaL_optlstring(L, 3, "", &gap);
    luaL_Buffer b;
    char *out;
    if (count <= 0 || size + gap == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (size + gap > TEXT_REP_MAX ||
        (size_t)count > (TEXT_REP_MAX + gap) / (size + gap))
        return luaL_error(L, "string.rep: the result would be longer than "
                             "1 MiB");
    total = (size_t)count * (size + gap) - gap;
    budget_charge(L, total / 64);
    /* One gap more than needed is filled, and cut off. */
    out = luaL_buffinitsize(L, &b, total + gap);
    memcpy(out, text, size);
    memcpy(out + size, between, gap);
    repeat(out, size + gap, total + gap);
    luaL_pushresultsize(&b, total);
    return 1;
}

/* How often a pattern repeats something: two of these make it slow. */
static int repeats(const char *pattern, size_t size)
{
    int count = 0;
    for (size_t i = 0; i < size; i++)
        count += strchr("*+-", pattern[i]) && pattern[i];
    return count;
}

/* find, match, gmatch, gsub: a pattern can need time that grows with a
   power of the subject's length, and no hook runs inside. */
static int pattern(lua_State *L)
{
    size_t subject, size;
    const char *text;
    luaL_checklstring(L, 1, &subject);
    text = luaL_checklstring(L, 2, &size);
    if (subject > TEXT_SLOW || repeats(text, size) > 1)
        budget_show(L); /* if it never ends, this line is to be named */
    if (subject > TEXT_SUBJECT_MAX && !lua_toboolean(L, 4))
        for (size_t i = 0; i < size; i++)
            if (strchr("^$*+?.([%-", text[i]) && text[i])
                return luaL_error(L,
                                  "a pattern is matched against at most "
                                  "64 KiB of text, this is %d KiB; look "
                                  "for plain text, or use lpeg",
                                  (int)(subject >> 10));
    return stock(L);
}

static int find(lua_State *L)
{
    return pattern(L);
}

/* The fourth argument of these is no "plain". */
static int match(lua_State *L)
{
    if (lua_gettop(L) > 3)
        lua_settop(L, 3);
    return pattern(L);
}

static int gsub(lua_State *L)
{
    size_t subject, size;
    const char *text;
    luaL_checklstring(L, 1, &subject);
    text = luaL_checklstring(L, 2, &size);
    if (subject > TEXT_SLOW || repeats(text, size) > 1)
        budget_show(L);
    if (subject > TEXT_SUBJECT_MAX)
        return luaL_error(L,
                          "string.gsub works on at most 64 KiB of text, "
                          "this is %d KiB; use lpeg",
                          (int)(subject >> 10));
    return stock(L);
}

void text_patch(lua_State *L)
{
    static const luaL_Reg ours[] = {
        {"format", format}, {"find", find}, {"match", match},
        {"gmatch", match},  {"gsub", gsub}, {NULL, NULL},
    };
    for (const luaL_Reg *r = ours; r->name; r++) {
        lua_getfield(L, -1, r->name);
        lua_pushcclosure(L, r->func, 1);
        lua_setfield(L, -2, r->name);
    }
    lua_pushcfunction(L, rep);
    lua_setfield(L, -2, "rep");
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

int text_distance(const char *a, const char *b, int most)
{
    int rows[3][TEXT_NAME] = {{0}};
    int n = (int)strnlen(a, TEXT_NAME - 1), m = (int)strnlen(b, TEXT_NAME - 1);
    if (n - m > most || m - n > most)
        return most + 1;
    for (int j = 0; j <= m; j++)
        rows[0][j] = j;
    for (int i = 1; i <= n; i++) {
        int *now = rows[i % 3], *up = rows[(i + 2) % 3];
        const int *above = rows[(i + 1) % 3];
        now[0] = i;
        for (int j = 1; j <= m; j++) {
            now[j] = least(least(now[j - 1], up[j]) + 1,
                           up[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], above[j - 2] + 1);
        }
    }
    return least(rows[n % 3][m], most + 1);
}

/* A third of the letters may differ, and at least one. */
static int tolerance(const char *name)
{
    int third = (int)strlen(name) / 3;
    return third < 1 ? 1 : third > 3 ? 3 : third;
}

int text_nearest_lua(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    int most = tolerance(name);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    lua_pushnil(L);
    for (lua_Integer i = 1; lua_rawgeti(L, 2, i) == LUA_TSTRING; i++) {
        int d = text_distance(name, lua_tostring(L, -1), most);
        if (d <= most) {
            lua_replace(L, 3);
            most = d - 1;
        } else {
            lua_pop(L, 1);
        }
    }
    lua_settop(L, 3);
    return 1;
}
