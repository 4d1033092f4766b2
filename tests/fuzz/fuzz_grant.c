/*
 * Where a grant would be written in an environment file: any text, read
 * without running it. A line that is told is one of the file, tokens come in
 * order and to an end. Input: the key, up to a line's end, and the file.
 */
#include "fuzz.h"
#include "../../core/engine/grant_line.h"
#include "../../core/engine/lua_token.h"

/* At most: "\r\n" ends one line. */
static int lines_of(const char *text, size_t size)
{
    int lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n' || text[i] == '\r';
    return lines;
}

static void tokens(const char *text, size_t size, int lines)
{
    struct lua_source s;
    struct lua_token t;
    const char *before;
    int line = 1;
    lua_source_open(&s, text, size);
    do {
        before = s.at;
        lua_token_next(&s, &t);
        CHECK(s.at >= before && s.at <= s.end && s.end == text + size);
        CHECK(s.at > before || t.kind == TOKEN_END);
        CHECK(t.line >= line && t.line <= lines && s.line >= t.line);
        CHECK(memchr(t.text, 0, sizeof t.text));
        line = t.line;
    } while (t.kind != TOKEN_END);
    CHECK(s.at == s.end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    char *key = input_text(&in, '\n'), *text;
    size_t left = in.left;
    int lines, line;
    text = input_bytes(&in, left);
    lines = lines_of(text, left);
    tokens(text, left, lines);
    line = grant_line(text, left, key);
    CHECK(line >= 0 && line <= lines);
    line = grant_line(text, left, NULL);
    CHECK(line >= 0 && line <= lines);
    line = uses_line(text, left);
    CHECK(line >= 0 && line <= lines);
    free(key);
    free(text);
    return 0;
}
