/*
 * The tokens of a Lua source, as far as its shape is concerned: names, texts
 * with their escapes undone, brackets, line numbers. Takes any bytes; what is
 * no Lua gives some tokens all the same.
 */
#ifndef RBRUN_ENGINE_LUA_TOKEN_H
#define RBRUN_ENGINE_LUA_TOKEN_H

#include <stddef.h>

#define TOKEN_TEXT 256

enum token_kind { TOKEN_END, TOKEN_NAME, TOKEN_TEXT_VALUE, TOKEN_OTHER };

/* A place in a source. A copy of it is a bookmark. */
struct lua_source {
    const char *at, *end;
    int line; /* of at */
};

struct lua_token {
    enum token_kind kind;
    int line;    /* where it begins */
    char symbol; /* of TOKEN_OTHER: its character, or 0 for a number and for
                    any symbol of several characters */
    char text[TOKEN_TEXT]; /* a name or keyword, or what a text stands for */
    int whole;             /* text holds all of it, and no byte 0 */
};

/* The beginning of a source, behind a first line that starts with '#'. */
void lua_source_open(struct lua_source *s, const char *text, size_t size);

/* The next token, taken. */
void lua_token_next(struct lua_source *s, struct lua_token *t);

/* Is it this name or keyword; is it this symbol? */
int lua_token_is(const struct lua_token *t, const char *name);
int lua_token_symbol(const struct lua_token *t, char symbol);

#endif
