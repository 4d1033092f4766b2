#include "grant_line.h"
#include "lua_token.h"

#include <string.h>

#define HOPS_MAX 8 /* a name that stands for a name that stands for ... */

/* A value's place: s is in front of it. line: of the key it is given to. */
struct place {
    struct lua_source s;
    int line;
};

struct search {
    struct lua_source file; /* its beginning */
    int hops;
};

static int opens(const struct lua_token *t)
{
    /* "while" and "for" have their "do". */
    return lua_token_symbol(t, '{') || lua_token_symbol(t, '(') ||
           lua_token_symbol(t, '[') || lua_token_is(t, "function") ||
           lua_token_is(t, "do") || lua_token_is(t, "if") ||
           lua_token_is(t, "repeat");
}

static int closes(const struct lua_token *t)
{
    return lua_token_symbol(t, '}') || lua_token_symbol(t, ')') ||
           lua_token_symbol(t, ']') || lua_token_is(t, "end") ||
           lua_token_is(t, "until");
}

/* Does ["key"] = or key = stand here? Then s is moved behind it. */
static int take_key(struct lua_source *s, const char *key)
{
    struct lua_source at = *s;
    struct lua_token t;
    int fits, bracket;
    lua_token_next(&at, &t);
    bracket = lua_token_symbol(&t, '[');
    if (bracket)
        lua_token_next(&at, &t);
    fits = t.whole && strcmp(t.text, key) == 0 &&
           t.kind == (bracket ? TOKEN_TEXT_VALUE : TOKEN_NAME);
    if (bracket) {
        lua_token_next(&at, &t);
        fits = fits && lua_token_symbol(&t, ']');
    }
    lua_token_next(&at, &t);
    if (!fits || !lua_token_symbol(&t, '='))
        return 0;
    *s = at;
    return 1;
}

static int line_of_next(struct lua_source s)
{
    struct lua_token t;
    lua_token_next(&s, &t);
    return t.line;
}

/* The field of a table constructor; s is behind its "{". The last one of
   several is the one that counts. */
static int find_field(struct lua_source s, const char *key, struct place *out)
{
    struct lua_token t;
    int depth = 0, found = 0, at_field = 1;
    do {
        int line = line_of_next(s);
        if (at_field && take_key(&s, key)) {
            out->s = s;
            out->line = line;
            found = 1;
        }
        lua_token_next(&s, &t);
        depth += opens(&t) - closes(&t);
        at_field = depth == 0 &&
                   (lua_token_symbol(&t, ',') || lua_token_symbol(&t, ';'));
    } while (depth >= 0 && t.kind != TOKEN_END);
    return found;
}

/* Does name.part["part"] = stand here, behind the name? */
static int take_path(struct lua_source *s, const char *const *parts, size_t n)
{
    struct lua_source at = *s;
    struct lua_token t;
    for (size_t i = 0; i < n; i++) {
        int bracket;
        lua_token_next(&at, &t);
        bracket = lua_token_symbol(&t, '[');
        if (!bracket && !lua_token_symbol(&t, '.'))
            return 0;
        lua_token_next(&at, &t);
        if (!t.whole || strcmp(t.text, parts[i]) != 0 ||
            t.kind != (bracket ? TOKEN_TEXT_VALUE : TOKEN_NAME))
            return 0;
        if (bracket)
            lua_token_next(&at, &t);
        if (bracket && !lua_token_symbol(&t, ']'))
            return 0;
    }
    lua_token_next(&at, &t);
    if (!n && lua_token_symbol(&t, '<')) /* local name <const> = */
        for (int i = 0; i < 3; i++)
            lua_token_next(&at, &t);
    if (!lua_token_symbol(&t, '='))
        return 0;
    *s = at;
    return 1;
}

/* The last assignment to name.parts outside of any block. */
static int find_assignment(const struct search *q, const char *name,
                           const char *const *parts, size_t n,
                           struct place *out)
{
    struct lua_source s = q->file;
    struct lua_token t, before = {0};
    int depth = 0, found = 0;
    for (;; before = t) {
        lua_token_next(&s, &t);
        if (t.kind == TOKEN_END)
            return found;
        depth += opens(&t) - closes(&t);
        if (depth || !lua_token_is(&t, name) ||
            lua_token_symbol(&before, '.') || lua_token_symbol(&before, ',') ||
            lua_token_symbol(&before, ':') || lua_token_is(&before, "for"))
            continue;
        if (take_path(&s, parts, n)) {
            out->s = s;
            out->line = t.line;
            found = 1;
        }
    }
}

/* Is the name in front of s all there is of the value? */
static int stands_alone(struct lua_source s)
{
    struct lua_token t;
    lua_token_next(&s, &t);
    if (t.kind == TOKEN_OTHER)
        return t.symbol == ',' || t.symbol == ';' || t.symbol == '}';
    return t.kind != TOKEN_TEXT_VALUE && !lua_token_is(&t, "or") &&
           !lua_token_is(&t, "and");
}

/* Where value.parts is given its value; value is what stands at from. */
static int find(struct search *q, struct place from, const char *const *parts,
                size_t n, struct place *out)
{
    struct lua_token t;
    struct place next;
    if (++q->hops > HOPS_MAX)
        return 0;
    lua_token_next(&from.s, &t);
    if (lua_token_symbol(&t, '{'))
        return find_field(from.s, parts[0], &next) &&
               (n == 1 ? (*out = next, 1)
                       : find(q, next, parts + 1, n - 1, out));
    if (t.kind != TOKEN_NAME || !t.whole || !stands_alone(from.s))
        return 0;
    for (size_t known = n + 1; known-- > 0;) {
        if (!find_assignment(q, t.text, parts, known, &next))
            continue;
        if (known == n)
            return *out = next, 1;
        return find(q, next, parts + known, n - known, out);
    }
    return 0;
}

/* What the file returns, which is its last statement. */
static int find_return(struct lua_source s, struct place *out)
{
    struct lua_token t;
    int depth = 0;
    do {
        lua_token_next(&s, &t);
        depth += opens(&t) - closes(&t);
        if (!depth && lua_token_is(&t, "return")) {
            out->s = s;
            out->line = t.line;
            return 1;
        }
    } while (t.kind != TOKEN_END);
    return 0;
}

int grant_line(const char *source, size_t size, const char *key)
{
    const char *const parts[] = {"grants", key};
    struct search q = {.hops = 0};
    struct place root, found;
    lua_source_open(&q.file, source, size);
    if (!find_return(q.file, &root) ||
        !find(&q, root, parts, key ? 2 : 1, &found))
        return 0;
    return found.line;
}

int uses_line(const char *source, size_t size)
{
    struct lua_source s;
    struct lua_token t;
    struct place found;
    int depth = 0;
    lua_source_open(&s, source, size);
    do {
        lua_token_next(&s, &t);
        depth += opens(&t) - closes(&t);
    } while (t.kind != TOKEN_END && (depth || !lua_token_is(&t, "runbook")));
    lua_token_next(&s, &t);
    if (lua_token_symbol(&t, '('))
        lua_token_next(&s, &t);
    return lua_token_symbol(&t, '{') && find_field(s, "uses", &found)
               ? found.line
               : 0;
}
