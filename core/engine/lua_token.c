#include "lua_token.h"

#include <stdint.h>
#include <string.h>

static int is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           is_digit(c);
}

static char peek(const struct lua_source *s, size_t ahead)
{
    return (size_t)(s->end - s->at) > ahead ? s->at[ahead] : '\0';
}

/* One character; "\r\n" and "\n\r" end one line. */
static void step(struct lua_source *s)
{
    char c = *s->at++;
    if (!is_line_end(c))
        return;
    if (s->at < s->end && is_line_end(*s->at) && *s->at != c)
        s->at++;
    s->line++;
}

void lua_source_open(struct lua_source *s, const char *text, size_t size)
{
    s->at = text;
    s->end = text + size;
    s->line = 1;
    while (size && *text == '#' && s->at < s->end && !is_line_end(*s->at))
        s->at++;
}

static void put(struct lua_token *t, size_t *used, char c)
{
    if (*used + 1 < sizeof t->text && c)
        t->text[(*used)++] = c;
    else
        t->whole = 0;
}

/* -- long brackets ------------------------------------------------------ */

/* At "[": the number of '=' when a long bracket opens here, else -1. */
static int long_level(const struct lua_source *s)
{
    size_t level = 0;
    while (peek(s, 1 + level) == '=')
        level++;
    return peek(s, 1 + level) == '[' ? (int)level : -1;
}

static int closes(const struct lua_source *s, int level)
{
    if (peek(s, 0) != ']')
        return 0;
    for (int i = 0; i < level; i++) {
        if (peek(s, 1 + (size_t)i) != '=')
            return 0;
    }
    return peek(s, 1 + (size_t)level) == ']';
}

/* A long bracket's inside goes to t, unless that is NULL. */
static void long_bracket(struct lua_source *s, int level, struct lua_token *t)
{
    size_t used = 0;
    s->at += level + 2;
    if (s->at < s->end && is_line_end(*s->at))
        step(s);
    while (s->at < s->end && !closes(s, level)) {
        if (t)
            put(t, &used, *s->at);
        step(s);
    }
    s->at += s->at < s->end ? level + 2 : 0;
    if (t)
        t->text[used] = '\0';
}

/* -- texts in quotes ---------------------------------------------------- */

static int hex(char c)
{
    if (is_digit(c))
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void put_utf8(struct lua_token *t, size_t *used, uint32_t c)
{
    if (c < 0x80) {
        put(t, used, (char)c);
    } else if (c < 0x800) {
        put(t, used, (char)(0xc0 | (c >> 6)));
        put(t, used, (char)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        put(t, used, (char)(0xe0 | (c >> 12)));
        put(t, used, (char)(0x80 | ((c >> 6) & 0x3f)));
        put(t, used, (char)(0x80 | (c & 0x3f)));
    } else {
        put(t, used, (char)(0xf0 | ((c >> 18) & 7)));
        put(t, used, (char)(0x80 | ((c >> 12) & 0x3f)));
        put(t, used, (char)(0x80 | ((c >> 6) & 0x3f)));
        put(t, used, (char)(0x80 | (c & 0x3f)));
    }
}

/* Behind "\u": hexadecimal digits in braces. */
static void unicode(struct lua_source *s, struct lua_token *t, size_t *used)
{
    uint32_t c = 0;
    if (peek(s, 0) != '{')
        return;
    s->at++;
    while (hex(peek(s, 0)) >= 0)
        c = (c << 4 | (uint32_t)hex(*s->at++)) & 0x1fffff;
    if (peek(s, 0) == '}')
        s->at++;
    put_utf8(t, used, c);
}

/* Behind "\": a byte's number in decimal, at most three digits. */
static void decimal(struct lua_source *s, struct lua_token *t, size_t *used)
{
    int c = 0;
    for (int i = 0; i < 3 && is_digit(peek(s, 0)); i++)
        c = c * 10 + (*s->at++ - '0');
    put(t, used, (char)c);
}

static void skip_blanks(struct lua_source *s)
{
    while (s->at < s->end &&
           (*s->at == ' ' || (*s->at >= '\t' && *s->at <= '\r')))
        step(s);
}

static void escape(struct lua_source *s, struct lua_token *t, size_t *used)
{
    static const char letters[] = "abfnrtv", bytes[] = "\a\b\f\n\r\t\v";
    char c = peek(s, 0);
    const char *letter = c ? strchr(letters, c) : NULL;
    if (is_digit(c)) {
        decimal(s, t, used);
        return;
    }
    if (s->at < s->end)
        step(s);
    if (letter) {
        put(t, used, bytes[letter - letters]);
    } else if (c == 'x' && hex(peek(s, 0)) >= 0 && hex(peek(s, 1)) >= 0) {
        put(t, used, (char)(hex(peek(s, 0)) << 4 | hex(peek(s, 1))));
        s->at += 2;
    } else if (c == 'u') {
        unicode(s, t, used);
    } else if (c == 'z') {
        skip_blanks(s);
    } else {
        put(t, used, c == '\r' ? '\n' : c);
    }
}

static void quoted(struct lua_source *s, struct lua_token *t)
{
    char quote = *s->at++;
    size_t used = 0;
    /* A text that is not closed ends with its line. */
    while (s->at < s->end && *s->at != quote && !is_line_end(*s->at)) {
        if (*s->at == '\\') {
            s->at++;
            escape(s, t, &used);
        } else {
            put(t, &used, *s->at++);
        }
    }
    if (peek(s, 0) == quote)
        s->at++;
    t->text[used] = '\0';
}

/* -- the rest ----------------------------------------------------------- */

static void skip_space(struct lua_source *s)
{
    for (;;) {
        skip_blanks(s);
        if (peek(s, 0) != '-' || peek(s, 1) != '-')
            return;
        s->at += 2;
        if (peek(s, 0) == '[' && long_level(s) >= 0) {
            long_bracket(s, long_level(s), NULL);
            continue;
        }
        while (s->at < s->end && !is_line_end(*s->at))
            s->at++;
    }
}

static void name(struct lua_source *s, struct lua_token *t)
{
    size_t used = 0;
    while (is_name(peek(s, 0)))
        put(t, &used, *s->at++);
    t->text[used] = '\0';
}

/* Numbers, and symbols: "==" is not two times "=". */
static void other(struct lua_source *s, struct lua_token *t)
{
    static const char doubled[] = "=<>/:.", before_equals[] = "=~<>";
    char c = *s->at++;
    t->symbol = c;
    if (is_digit(c)) {
        t->symbol = '\0';
        while (is_name(peek(s, 0)) || peek(s, 0) == '.')
            s->at++;
    } else if (c && strchr(doubled, c) && peek(s, 0) == c) {
        t->symbol = '\0';
        while (peek(s, 0) == c)
            s->at++;
    } else if (c && strchr(before_equals, c) && peek(s, 0) == '=') {
        t->symbol = '\0';
        s->at++;
    }
}

void lua_token_next(struct lua_source *s, struct lua_token *t)
{
    skip_space(s);
    t->line = s->line;
    t->symbol = '\0';
    t->text[0] = '\0';
    t->whole = 1;
    t->kind = TOKEN_END;
    if (s->at >= s->end)
        return;
    t->kind = TOKEN_TEXT_VALUE;
    if (*s->at == '"' || *s->at == '\'') {
        quoted(s, t);
    } else if (*s->at == '[' && long_level(s) >= 0) {
        long_bracket(s, long_level(s), t);
    } else if (is_name(*s->at) && !is_digit(*s->at)) {
        t->kind = TOKEN_NAME;
        name(s, t);
    } else {
        t->kind = TOKEN_OTHER;
        other(s, t);
    }
}

int lua_token_is(const struct lua_token *t, const char *name_wanted)
{
    return t->kind == TOKEN_NAME && t->whole &&
           strcmp(t->text, name_wanted) == 0;
}

int lua_token_symbol(const struct lua_token *t, char symbol)
{
    return t->kind == TOKEN_OTHER && t->symbol == symbol;
}
