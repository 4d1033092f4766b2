/*
 * Build step: compile stdlib files and write them as a C table.
 *   embed_tool OUTPUT.c NAME FILE [NAME FILE ...]
 * With --build FILE.c before all that, also the name of the Lua that this is,
 * for the engine.
 * A syntax error in the stdlib is then an error of the build.
 */
#include "../core/wire/sha256.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t total;
static unsigned char code[1 << 20]; /* all of it, for its digest */

static int write_bytes(lua_State *L, const void *bytes, size_t size, void *data)
{
    const unsigned char *at = bytes;
    (void)L;
    if (total + size > sizeof code)
        return 1;
    for (size_t i = 0; i < size; i++, total++) {
        code[total] = at[i];
        fprintf(data, "%u,%s", at[i], total % 20 == 19 ? "\n" : "");
    }
    return 0;
}

/* The chunk's name is what the worker's report knows as its own. */
static int load(lua_State *L, const char *name, const char *file)
{
    static char text[1 << 18];
    char chunk[128];
    const char *slash = name;
    FILE *f = fopen(file, "r");
    size_t size;
    if (!f) {
        perror(file);
        return -1;
    }
    size = fread(text, 1, sizeof text, f);
    fclose(f);
    for (const char *at = name; *at; at++)
        if (*at == '/')
            slash = at + 1;
    snprintf(chunk, sizeof chunk, "=rbrun/%s", slash);
    if (size == sizeof text || luaL_loadbufferx(L, text, size, chunk, "t")) {
        fprintf(stderr, "%s: %s\n", file,
                size == sizeof text ? "too large" : lua_tostring(L, -1));
        return -1;
    }
    return 0;
}

static int embed(FILE *out, int count, char **pairs)
{
    lua_State *L = luaL_newstate();
    fputs("#include \"embedded.h\"\n", out);
    for (int i = 0; i < count; i++) {
        if (load(L, pairs[2 * i], pairs[2 * i + 1]))
            return -1;
        fprintf(out, "static const unsigned char chunk%d[] = {\n", i);
        if (lua_dump(L, write_bytes, out, 0)) {
            fputs("the stdlib is too large\n", stderr);
            return -1;
        }
        fputs("};\n", out);
        lua_pop(L, 1);
    }
    fputs("const struct embedded embedded_chunks[] = {\n", out);
    for (int i = 0; i < count; i++)
        fprintf(out, "{\"%s\", chunk%d, sizeof chunk%d},\n", pairs[2 * i], i,
                i);
    fputs("{NULL, NULL, 0}};\n", out);
    lua_close(L);
    return 0;
}

/* What the same program may come out differently with: the version of Lua,
   the size of its values, the stdlib. */
static int name_build(const char *path)
{
    char digest[65];
    FILE *out = fopen(path, "w");
    if (!out)
        return -1;
    sha256_text(code, total, digest);
    fprintf(out,
            "extern const char lua_build[];\n"
            "const char lua_build[] = \"%s, %d bit, stdlib %.12s\";\n",
            LUA_RELEASE, (int)sizeof(void *) * 8, digest);
    return fclose(out);
}

int main(int argc, char **argv)
{
    const char *build = NULL;
    FILE *out;
    if (argc > 2 && strcmp(argv[1], "--build") == 0) {
        build = argv[2];
        argv += 2;
        argc -= 2;
    }
    out = argc > 2 ? fopen(argv[1], "w") : NULL;
    if (!out) {
        fputs("usage: embed_tool [--build FILE.c] OUTPUT.c NAME FILE ...\n",
              stderr);
        return 2;
    }
    if (embed(out, (argc - 2) / 2, argv + 2) || fclose(out) ||
        (build && name_build(build))) {
        remove(argv[1]);
        return 1;
    }
    return 0;
}
