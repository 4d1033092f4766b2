#define _POSIX_C_SOURCE 200809L
#include "report.h"
#include "budget.h"
#include "text.h"
#include "../core/wire/error.h"
#include "../core/wire/heap.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#define REPORT_FRAMES 20
#define REPORT_LEVELS 200
#define REPORT_EXCERPT 160  /* bytes of a line */
#define REPORT_MESSAGE 4096 /* bytes of a message */

struct source {
    char *file;
    char *text;
    size_t size;
    char brief[LUA_IDSIZE]; /* the name as it appears in Lua's messages */
};

static struct source sources[REPORT_SOURCES];
static size_t source_count;

/* Lua's messages cut a long name at the front (luaO_chunkid). */
static void set_brief(struct source *s)
{
    size_t size = strlen(s->file), room = sizeof s->brief;
    if (size < room)
        snprintf(s->brief, room, "%s", s->file);
    else
        snprintf(s->brief, room, "...%s", s->file + size - (room - 4));
}

int report_source(const char *file, const char *text, size_t size)
{
    struct source *s = &sources[source_count];
    if (source_count == REPORT_SOURCES)
        return RB_TOOBIG;
    s->file = heap_text(file);
    s->text = heap_get(size + 1);
    memcpy(s->text, text, size);
    s->text[size] = '\0';
    s->size = size;
    set_brief(s);
    source_count++;
    return 0;
}

static const struct source *find_source(const char *file)
{
    for (size_t i = 0; i < source_count; i++)
        if (strcmp(sources[i].file, file) == 0)
            return &sources[i];
    return NULL;
}

/* Line number line of the file, without its indent; 0 bytes when there is
   no such line. */
static size_t excerpt(const char *file, int line, const char **out)
{
    const struct source *s = find_source(file);
    const char *at = s ? s->text : "", *end = at + (s ? s->size : 0);
    size_t size;
    while (--line > 0 && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    for (size = 0; at + size < end && at[size] != '\n' && at[size] != '\r';)
        size++;
    *out = at;
    return size;
}

static void set_place(lua_State *L, const char *file, int line)
{
    const char *text;
    size_t size = excerpt(file, line, &text);
    text_clean(L, file, strlen(file), REPORT_EXCERPT);
    lua_setfield(L, -2, "file");
    lua_pushinteger(L, line);
    lua_setfield(L, -2, "line");
    text_clean(L, text, size, REPORT_EXCERPT);
    lua_setfield(L, -2, "excerpt");
}

/* "api.lua:12: text" -> the source, *line 12 and *text behind it. */
static const struct source *split(const char **text, int *line)
{
    for (size_t i = 0; i < source_count; i++) {
        size_t size = strlen(sources[i].brief);
        char *end;
        long number;
        if (strncmp(*text, sources[i].brief, size) || (*text)[size] != ':')
            continue;
        number = strtol(*text + size + 1, &end, 10);
        if (number < 1 || number > 100000000 || strncmp(end, ": ", 2))
            continue;
        *line = (int)number;
        *text = end + 2;
        return &sources[i];
    }
    return NULL;
}

/* The stdlib's own lines mean nothing to an author: "rbrun/tasks:12: ". */
static const char *skip_own_place(const char *text)
{
    size_t size;
    if (strncmp(text, "rbrun/", 6))
        return text;
    size = 6 + strspn(text + 6, "abcdefghijklmnopqrstuvwxyz_");
    if (text[size] != ':')
        return text;
    size += 1 + strspn(text + size + 1, "0123456789");
    return strncmp(text + size, ": ", 2) ? text : text + size + 2;
}

/* Push one line of the trace. */
static void push_frame(lua_State *L, const lua_Debug *ar)
{
    const char *file = ar->source + 1;
    char name[80];
    if (*ar->what == 'm')
        lua_pushfstring(L, "%s:%d: at the top of the file", file,
                        ar->currentline);
    else if (ar->name && snprintf(name, sizeof name, "%s", ar->name) > 0)
        lua_pushfstring(L, "%s:%d: in %s", file, ar->currentline, name);
    else
        lua_pushfstring(L, "%s:%d: in the function of line %d", file,
                        ar->currentline, ar->linedefined);
    /* A name can be any string constant. */
    file = lua_tostring(L, -1);
    text_clean(L, file, strlen(file), REPORT_MESSAGE);
    lua_remove(L, -2);
}

/* Set trace; the first author's line becomes *file and *line. */
static void set_trace(lua_State *L, lua_State *co, const char **file, int *line)
{
    lua_Debug ar;
    lua_Integer n = 0;
    lua_newtable(L);
    for (int level = 0; level < REPORT_LEVELS && n < REPORT_FRAMES; level++) {
        if (!lua_getstack(co, level, &ar))
            break;
        lua_getinfo(co, "Sln", &ar);
        if (ar.source[0] != '@' || ar.currentline < 1)
            continue;
        if (!n++) {
            *file = ar.source + 1;
            *line = ar.currentline;
        }
        push_frame(L, &ar);
        lua_rawseti(L, -2, n);
    }
    if (n)
        lua_setfield(L, -2, "trace");
    else
        lua_pop(L, 1);
}

static void copy_field(lua_State *L, int from, int to, const char *name)
{
    lua_pushstring(L, name);
    if (lua_rawget(L, from) == LUA_TSTRING) {
        const char *text = lua_tostring(L, -1);
        text_clean(L, text, strlen(text), REPORT_EXCERPT);
        lua_setfield(L, to, name);
    }
    lua_pop(L, 1);
}

/* Push the text of an error value. */
static void push_message(lua_State *L, int index)
{
    int type = lua_type(L, index);
    if (type == LUA_TTABLE && !luaL_getmetafield(L, index, "__tostring")) {
        lua_pushliteral(L, "message");
        if (lua_rawget(L, index) == LUA_TSTRING)
            return;
        lua_pop(L, 1);
        lua_pushliteral(L, "an error was raised with a table that has no "
                           "message field");
        return;
    }
    if (type == LUA_TTABLE)
        lua_pop(L, 1);
    if (type == LUA_TNIL)
        lua_pushliteral(L, "an error was raised without a message");
    else
        text_push(L, index);
}

void report_push(lua_State *L, lua_State *co, int index)
{
    int value = lua_absindex(L, index), report;
    const struct source *named;
    const char *file = NULL, *text, *end;
    size_t size;
    int line = 0;
    luaL_checkstack(L, 10, "report");
    lua_newtable(L);
    report = lua_gettop(L);
    set_trace(L, co, &file, &line);
    push_message(L, value);
    text = lua_tolstring(L, -1, &size);
    end = text + size;
    text = skip_own_place(text);
    named = split(&text, &line);
    if (named)
        file = named->file;
    text_clean(L, text, (size_t)(end - text), REPORT_MESSAGE);
    lua_setfield(L, report, "message");
    lua_pop(L, 1);
    if (file)
        set_place(L, file, line);
    if (lua_istable(L, value)) {
        copy_field(L, value, report, "outcome");
        copy_field(L, value, report, "verb");
    }
}

void report_push_at(lua_State *L, const char *message, const char *file,
                    int line)
{
    lua_newtable(L);
    lua_pushstring(L, message);
    lua_setfield(L, -2, "message");
    set_place(L, file, line);
}
