/* The line of an environment file that a grant belongs on, whatever way the
   file is written in; none where only running it would tell. */
#define _GNU_SOURCE
#include "../../core/engine/grant_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct row {
    const char *what, *source;
    int entry; /* the line of grants["api.lua"] */
    int table; /* the line of grants */
};

static int line_of(const char *source, const char *key)
{
    size_t size = strlen(source);
    char *copy = malloc(size + 1);
    int line;
    assert_non_null(copy);
    memcpy(copy, source, size); /* no byte behind it to lean on */
    line = grant_line(copy, size, key);
    free(copy);
    return line;
}

static void check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int entry = line_of(rows[i].source, "api.lua");
        int table = line_of(rows[i].source, NULL);
        if (entry != rows[i].entry || table != rows[i].table)
            fail_msg("%s: entry %d, table %d", rows[i].what, entry, table);
    }
}

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

static void constructors(void **state)
{
    static const struct row rows[] = {
        {"as in the manual",
         "return {\n name = 'lab',\n grants = {\n"
         "  ['web.lua'] = { 'a b' },\n  ['api.lua'] = {\n 'c d' },\n } }",
         5, 3},
        {"on one line", "return { grants = { ['api.lua'] = {} } }", 1, 1},
        {"in one list with semicolons",
         "return {\n name = 'x'; grants = { 'odd';\n['api.lua'] = {} } }", 3,
         2},
        {"a key in double quotes",
         "return { grants = {\n[ \"api.lua\" ] = {} } }", 2, 1},
        {"a key in long brackets",
         "return { grants = {\n[ [==[api.lua]==] ] = {} } }", 2, 1},
        {"a key with escapes",
         "return { grants = {\n['a\\x70\\105\\u{2e}l\\z\n  ua'] = {} } }", 2,
         1},
        {"a key over several lines",
         "return { grants = {\n[\n'api.lua'\n]\n= {} } }", 2, 1},
        {"grants as a text", "return {\n['grants'] = {\n['api.lua'] = 1 } }", 3,
         2},
        {"the last one of two",
         "return { grants = {\n['api.lua'] = {},\n['api.lua'] = {} } }", 3, 1},
        {"no entry", "return {\n grants = { ['web.lua'] = {} } }", 0, 2},
        {"no grants", "return { name = 'x' }", 0, 0},
        {"the entry is a name",
         "local all = { 'a b' }\nreturn { grants = {\n['api.lua'] = all } }", 3,
         2},
        {"the entry is a call",
         "return { grants = {\n['api.lua'] = both({ 'a', 'b' }, more),\n"
         "['web.lua'] = {} } }",
         2, 1},
        {"a function with commas before it",
         "return { f = function(a, b)\n if a then return { grants = 1 }, 2 "
         "end\n"
         " for i = 1, 2 do a, b = b, a end\n repeat local c, d = 1, 2 until c\n"
         "end,\n grants = {\n['api.lua'] = {} } }",
         7, 6},
    };
    (void)state;
    check(rows, COUNT(rows));
}

static void lookalikes(void **state)
{
    static const struct row rows[] = {
        {"in comments",
         "-- return { grants = { ['api.lua'] = {} } }\n"
         "--[[ return { grants = { ['api.lua'] = {} } }\n]]\n"
         "--[==[ ]] ['api.lua'] = {} ]==]\nreturn { grants = {\n"
         "-- ['api.lua'] = {}\n['api.lua'] = {} } }",
         7, 5},
        {"in texts",
         "local a = 'return { grants = '\nlocal b = [[\nreturn { grants = { "
         "['api.lua'] = 1 } }]]\nlocal c = \"\\\"return\"\n"
         "return { grants = {\n['api.lua'] = {} } }",
         6, 5},
        {"at other depths",
         "return { deploy = { grants = { ['api.lua'] = 1 },\n['api.lua'] = {} "
         "},\n grants = { x = { ['api.lua'] = {} } } }",
         0, 3},
        {"compared, not given",
         "return { ['grants'] == x, grants == y,\n['api.lua'] = {} }", 0, 0},
        {"another name's field",
         "local t = {}\nt.grants = { ['api.lua'] = {} }\nreturn { x = t }", 0,
         0},
        {"a function's return",
         "local function f()\n return { grants = { ['api.lua'] = {} } }\nend\n"
         "return { grants = {\n['api.lua'] = {} } }",
         5, 4},
        {"a longer name",
         "return { my_grants = {}, grants2 = {},\n grants = {\n"
         "['xapi.lua'] = {}, ['api.luax'] = {}, ['api.lua\\0'] = {} } }",
         0, 2},
        {"behind a first line for the shell",
         "#!/usr/bin/rbrun return {\nreturn { grants = {\n['api.lua'] = {} } }",
         3, 2},
    };
    (void)state;
    check(rows, COUNT(rows));
}

static void locals(void **state)
{
    static const struct row rows[] = {
        {"grants are a local",
         "local grants = {\n['api.lua'] = {} }\nreturn {\n grants = grants,\n"
         " name = 'x' }",
         2, 4},
        {"a constant one",
         "local g <const> = {\n['api.lua'] = {} }\nreturn { grants = g }", 2,
         3},
        {"all is a local",
         "local e = { name = 'x' }\ne.grants = {\n['api.lua'] = {} }\nreturn e",
         3, 2},
        {"all is a global",
         "e = {\n grants = {\n['api.lua'] = {} } }\nreturn e;", 3, 2},
        {"entries one by one",
         "local e = { grants = {} }\ne.grants['web.lua'] = {}\n"
         "e.grants['api.lua'] = {}\nreturn e",
         3, 1},
        {"entries one by one, of a local",
         "local g = {}\ng['api.lua'] = {}\nlocal e = {\n grants = g }\n"
         "return e",
         2, 4},
        {"what was overwritten",
         "local e = { grants = {\n['api.lua'] = {} } }\n"
         "e.grants = { ['web.lua'] = {} }\nreturn e",
         0, 3},
        {"a name of a name",
         "local a = {\n['api.lua'] = {} }\nlocal b = a\n"
         "return { grants = b }",
         2, 4},
    };
    (void)state;
    check(rows, COUNT(rows));
}

/* No line is better than a wrong one. */
static void code(void **state)
{
    static const struct row rows[] = {
        {"made by a call", "return make { grants = { ['api.lua'] = {} } }", 0,
         0},
        {"merged", "return {\n grants = merge { ['api.lua'] = {} } }", 0, 2},
        {"one or the other",
         "local g = { ['api.lua'] = {} }\nreturn {\n grants = g or {} }", 0, 3},
        {"a computed key",
         "return { grants = {\n[book .. '.lua'] = {}, ['api' .. '.lua'] = {} "
         "} }",
         0, 1},
        {"in a block",
         "local e = { grants = {} }\nif x then\n"
         " e.grants['api.lua'] = {}\nend\nreturn e",
         0, 1},
        {"one of several names",
         "local a, g = {}, { ['api.lua'] = {} }\nreturn {\n grants = g }", 0,
         3},
        {"a name of itself", "local g = g\nreturn {\n grants = g }", 0, 3},
        {"two names of each other", "a = b\nb = a\nreturn {\n grants = a }", 0,
         4},
        {"nothing is returned", "grants = { ['api.lua'] = {} }", 0, 0},
        {"nothing", "", 0, 0},
    };
    (void)state;
    check(rows, COUNT(rows));
}

/* A file that breaks off, or is no Lua, is read to its end and not over it. */
static void broken(void **state)
{
    static const char *const rows[] = {
        "return { grants = { ['api.lua'] = {",
        "return { grants = { ['api.lu",
        "return { grants = { [",
        "return { grants",
        "return {",
        "return",
        "[[",
        "[==",
        "--[[",
        "--",
        "'\\",
        "'\\u{",
        "'\\x",
        "\"",
        "#",
        "}}}",
        "return }",
        "return { grants = { ['api.lua'",
        "\\\\",
        "=",
        "1e",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        line_of(rows[i], "web.lua");
    assert_int_equal(grant_line("\0\0==", 4, "api.lua"), 0);
    assert_int_equal(
        grant_line("return\0{grants={['api.lua']={}}}", 32, "api.lua"), 0);
    assert_int_equal(line_of(rows[0], "api.lua"), 1);
}

static void line_ends(void **state)
{
    (void)state;
    assert_int_equal(
        line_of("return {\r\n grants = {\r\n ['api.lua'] = {} } }", "api.lua"),
        3);
    assert_int_equal(
        line_of("return {\n\n\r\r grants = {\r['api.lua'] = {} } }", "api.lua"),
        5);
    assert_int_equal(line_of("local a = 'x\\\ny\\\r\nz'\nreturn { grants = {\n"
                             "['api.lua'] = {} } }",
                             "api.lua"),
                     5);
}

static void uses(void **state)
{
    static const struct {
        const char *source;
        int line;
    } rows[] = {
        {"runbook {\n service = 'x',\n uses = { 'a' } }", 3},
        {"runbook({\n uses = {\n'a' } })", 2},
        {"#!/usr/bin/rbrun\n-- runbook { uses = 1 }\nlocal function f()\n"
         "runbook { uses = 1 } end\nrunbook { inputs = { uses = 'text' },\n"
         "uses = {} }",
         6},
        {"local t = {\n uses = {} }\nrunbook(t)", 0},
        {"runbook { service = 'x' }", 0},
        {"runbook", 0},
        {"", 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int line = uses_line(rows[i].source, strlen(rows[i].source));
        if (line != rows[i].line)
            fail_msg("row %zu: %d", i, line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constructors), cmocka_unit_test(lookalikes),
        cmocka_unit_test(locals),       cmocka_unit_test(code),
        cmocka_unit_test(broken),       cmocka_unit_test(line_ends),
        cmocka_unit_test(uses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
