#include "reader_tree.h"
#include "../core/wire/error.h"

#include <lauxlib.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct scan {
    lua_State *L;
    const char *at, *end;
    const char *source; /* the statements, or NULL: not a tree of them */
    size_t source_size;
    int depth;
};

static int value(struct scan *s);

static void skip_space(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' ||
                              *s->at == '\t' || *s->at == '\r'))
        s->at++;
}

/* The next character that is no space, taken when it is c. */
static int take(struct scan *s, char c)
{
    skip_space(s);
    if (s->at == s->end || *s->at != c)
        return 0;
    s->at++;
    return 1;
}

static int hex(const char *at, const char *end, unsigned *out)
{
    unsigned n = 0;
    if (end - at < 4)
        return 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)at[i];
        unsigned digit = c >= '0' && c <= '9'   ? c - (unsigned)'0'
                         : c >= 'a' && c <= 'f' ? c - (unsigned)'a' + 10
                         : c >= 'A' && c <= 'F' ? c - (unsigned)'A' + 10
                                                : 16u;
        if (digit > 15)
            return 0;
        n = n << 4 | digit;
    }
    *out = n;
    return 1;
}

static void add_utf8(luaL_Buffer *b, unsigned code)
{
    if (code < 0x80) {
        luaL_addchar(b, (char)code);
        return;
    }
    if (code < 0x800) {
        luaL_addchar(b, (char)(0xC0 | code >> 6));
    } else {
        if (code < 0x10000) {
            luaL_addchar(b, (char)(0xE0 | code >> 12));
        } else {
            luaL_addchar(b, (char)(0xF0 | code >> 18));
            luaL_addchar(b, (char)(0x80 | (code >> 12 & 0x3F)));
        }
        luaL_addchar(b, (char)(0x80 | (code >> 6 & 0x3F)));
    }
    luaL_addchar(b, (char)(0x80 | (code & 0x3F)));
}

/* Behind "\u". A half of a pair that stands alone is no text. */
static int unicode(struct scan *s, luaL_Buffer *b)
{
    unsigned code, low;
    if (!hex(s->at, s->end, &code))
        return 0;
    s->at += 4;
    if (code >= 0xD800 && code < 0xDC00) {
        if (s->end - s->at < 6 || s->at[0] != '\\' || s->at[1] != 'u' ||
            !hex(s->at + 2, s->end, &low) || low < 0xDC00 || low > 0xDFFF)
            return 0;
        s->at += 6;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code < 0xE000) {
        return 0;
    }
    add_utf8(b, code);
    return 1;
}

static int escape(struct scan *s, luaL_Buffer *b)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *found;
    char c;
    if (s->at == s->end)
        return 0;
    c = *s->at++;
    if (c == 'u')
        return unicode(s, b);
    found = c ? strchr(from, c) : NULL;
    if (!found)
        return 0;
    luaL_addchar(b, to[found - from]);
    return 1;
}

/* From the first escape on. */
static int escaped(struct scan *s, const char *begin)
{
    luaL_Buffer b;
    luaL_buffinit(s->L, &b);
    luaL_addlstring(&b, begin, (size_t)(s->at - begin));
    while (s->at < s->end && *s->at != '"') {
        if (*s->at == '\\') {
            s->at++;
            if (!escape(s, &b)) {
                luaL_pushresult(&b);
                lua_pop(s->L, 1);
                return RB_INVALID;
            }
        } else {
            luaL_addchar(&b, *s->at++);
        }
    }
    luaL_pushresult(&b);
    if (s->at == s->end) {
        lua_pop(s->L, 1);
        return RB_INVALID;
    }
    s->at++;
    return 0;
}

/* Behind the quote that opens it. */
static int string(struct scan *s)
{
    const char *begin = s->at;
    while (s->at < s->end && *s->at != '"' && *s->at != '\\')
        s->at++;
    if (s->at == s->end)
        return RB_INVALID;
    if (*s->at == '\\')
        return escaped(s, begin);
    lua_pushlstring(s->L, begin, (size_t)(s->at - begin));
    s->at++;
    return 0;
}

static int number(struct scan *s)
{
    char text[64];
    size_t n = 0;
    int real = 0;
    while (s->at < s->end && n < sizeof text - 1 && *s->at &&
           strchr("+-0123456789.eE", *s->at)) {
        real |= strchr(".eE", *s->at) != NULL;
        text[n++] = *s->at++;
    }
    text[n] = 0;
    if (n == 0)
        return RB_INVALID;
    if (real)
        lua_pushnumber(s->L, strtod(text, NULL));
    else
        lua_pushinteger(s->L, strtoll(text, NULL, 10));
    return 0;
}

static int word(struct scan *s, const char *text)
{
    size_t n = strlen(text);
    if ((size_t)(s->end - s->at) < n || memcmp(s->at, text, n) != 0)
        return RB_INVALID;
    s->at += n;
    if (text[0] == 'n')
        lua_pushnil(s->L);
    else
        lua_pushboolean(s->L, text[0] == 't');
    return 0;
}

static int list(struct scan *s)
{
    int rc;
    lua_newtable(s->L);
    if (take(s, ']'))
        return 0;
    for (lua_Integer i = 1;; i++) {
        rc = value(s);
        if (rc)
            break;
        lua_rawseti(s->L, -2, i);
        if (take(s, ','))
            continue;
        rc = take(s, ']') ? 0 : RB_INVALID;
        break;
    }
    if (rc)
        lua_pop(s->L, 1);
    return rc;
}

static int is_location(const struct scan *s, const char *begin)
{
    return s->source && s->at - begin == 9 &&
           memcmp(begin, "location\"", 9) == 0;
}

/* libpg_query writes a negative integer as it writes 0: {"ival":{}}
   (_outInteger). The text at the constant's place tells them apart. The place
   is on top of the stack, the constant's table below it. */
static void mend_negative(struct scan *s)
{
    lua_Integer place = lua_tointeger(s->L, -1), n = 0;
    size_t at = (size_t)place;
    int top = lua_gettop(s->L);
    if (place < 0 || at >= s->source_size || s->source[at] != '-')
        return;
    if (lua_getfield(s->L, -2, "ival") != LUA_TTABLE ||
        lua_getfield(s->L, -1, "ival") != LUA_TNIL) {
        lua_settop(s->L, top);
        return;
    }
    for (at++; at < s->source_size && strchr(" \t\r\n(+", s->source[at]); at++)
        ;
    for (; at < s->source_size && n < INT_MAX && s->source[at] >= '0' &&
           s->source[at] <= '9';
         at++)
        n = n * 10 + (s->source[at] - '0');
    lua_pushinteger(s->L, -n);
    lua_setfield(s->L, top + 1, "ival");
    lua_settop(s->L, top);
}

/* One "key": value, into the table on top. */
static int member(struct scan *s)
{
    const char *begin;
    int rc = take(s, '"') ? 0 : RB_INVALID;
    begin = s->at;
    if (!rc)
        rc = string(s);
    if (rc)
        return rc;
    if (is_location(s, begin)) {
        lua_pop(s->L, 1);
        rc = take(s, ':') ? value(s) : RB_INVALID;
        if (!rc) {
            mend_negative(s);
            lua_pop(s->L, 1);
        }
        return rc;
    }
    rc = take(s, ':') ? value(s) : RB_INVALID;
    if (rc)
        lua_pop(s->L, 1);
    else
        lua_rawset(s->L, -3);
    return rc;
}

static int object(struct scan *s)
{
    int rc;
    lua_createtable(s->L, 0, 4);
    if (take(s, '}'))
        return 0;
    do
        rc = member(s);
    while (!rc && take(s, ','));
    if (!rc && !take(s, '}'))
        rc = RB_INVALID;
    if (rc)
        lua_pop(s->L, 1);
    return rc;
}

static int nested(struct scan *s, int (*read)(struct scan *))
{
    int rc;
    if (s->depth == TREE_MAX_DEPTH)
        return RB_TOOBIG;
    luaL_checkstack(s->L, 8, "tree");
    s->at++;
    s->depth++;
    rc = read(s);
    s->depth--;
    return rc;
}

static int value(struct scan *s)
{
    skip_space(s);
    if (s->at == s->end)
        return RB_INVALID;
    switch (*s->at) {
    case '{':
        return nested(s, object);
    case '[':
        return nested(s, list);
    case '"':
        s->at++;
        return string(s);
    case 't':
        return word(s, "true");
    case 'f':
        return word(s, "false");
    case 'n':
        return word(s, "null");
    default:
        return number(s);
    }
}

int tree_push(lua_State *L, const char *json, size_t size, const char *source)
{
    struct scan s = {L, json, json + size, source, source ? strlen(source) : 0,
                     0};
    int rc;
    luaL_checkstack(L, 8, "tree");
    rc = value(&s);
    if (rc)
        return rc;
    skip_space(&s);
    if (s.at == s.end)
        return 0;
    lua_pop(L, 1);
    return RB_INVALID;
}
