/*
 * --input NAME=VALUE against what a header asks for. What is taken is what
 * was said, in full: a number reads back as itself, a choice is one of those
 * there are, nothing that is needed is missing and nothing is added.
 * Input: lines "name:spec", an empty line, lines "NAME=VALUE".
 */
#include "fuzz.h"
#include "../../core/engine/run.h"

#define GIVEN_MAX 8

static json_t *specs(struct input *in)
{
    json_t *list = json_object();
    while (in->left) {
        char *line = input_text(in, '\n'), *colon = strchr(line, ':');
        int end = !line[0];
        if (colon && colon > line) {
            *colon = '\0';
            json_object_set_new(list, line, json_string(colon + 1));
        }
        free(line);
        if (end)
            break;
    }
    return list;
}

static const char *said(const char *const *given, size_t count,
                        const char *name, const char *spec)
{
    size_t size = strlen(name);
    const char *equals = strchr(spec, '=');
    while (count-- > 0)
        if (strncmp(given[count], name, size) == 0 && given[count][size] == '=')
            return given[count] + size + 1;
    return equals ? equals + 1 : NULL;
}

/* Of "int?", "int=5": 3. */
static size_t type_size(const char *spec)
{
    size_t size = strcspn(spec, "=");
    return size - (size > 0 && spec[size - 1] == '?');
}

static int is_choice(const char *spec, const char *value)
{
    size_t all = type_size(spec), n = strlen(value);
    for (size_t at = 0; at < all;) {
        size_t size = 0;
        while (at + size < all && spec[at + size] != '|')
            size++;
        if (size == n && memcmp(spec + at, value, n) == 0)
            return 1;
        at += size + 1;
    }
    return 0;
}

static void as_said(const char *spec, const char *text, const json_t *value)
{
    size_t n = type_size(spec);
    char back[64];
    if (n == 3 && memcmp(spec, "int", n) == 0) {
        const char *digits = text + strspn(text, " \t\n\v\f\r+-0");
        snprintf(back, sizeof back, "%lld",
                 (long long)json_integer_value(value));
        CHECK(json_is_integer(value));
        CHECK(strcmp(back + strspn(back, "-0"), digits) == 0);
    } else if (n == 6 && memcmp(spec, "number", n) == 0) {
        CHECK(json_is_real(value) &&
              json_real_value(value) == strtod(text, NULL));
    } else if (n == 4 && memcmp(spec, "bool", n) == 0) {
        CHECK(json_is_boolean(value));
    } else {
        CHECK(strcmp(json_string_value(value), text) == 0);
        if (!(n == 4 && memcmp(spec, "text", n) == 0) &&
            !(n == 6 && memcmp(spec, "string", n) == 0) &&
            !(n == 8 && memcmp(spec, "duration", n) == 0))
            CHECK(is_choice(spec, text));
    }
}

static void taken(const struct run *r, const json_t *list,
                  const char *const *given, size_t count)
{
    const char *name;
    json_t *spec;
    json_object_foreach((json_t *)list, name, spec)
    {
        const json_t *value = json_object_get(r->input, name);
        const char *kind = json_string_value(spec);
        const char *text = said(given, count, name, kind);
        size_t n = strcspn(kind, "=");
        CHECK(value || (!text && n && kind[n - 1] == '?'));
        CHECK(!value || text);
        if (value)
            as_said(kind, text, value);
    }
    json_object_foreach(r->input, name, spec)
        CHECK(json_object_get(list, name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct program program = {.name = "api.lua"};
    struct input in = {data, size};
    struct run r = {.program = &program};
    struct error err = {0};
    json_t *list = specs(&in);
    char *given[GIVEN_MAX];
    size_t count = 0;
    while (in.left && count < GIVEN_MAX)
        given[count++] = input_text(&in, '\n');
    r.header = json_pack("{s:O}", "inputs", list);
    if (run_inputs(&r, (const char *const *)given, count, &err) == 0)
        taken(&r, list, (const char *const *)given, count);
    else
        CHECK(err.message[0] && err.next[0]);
    json_decref(r.header);
    json_decref(r.input);
    json_decref(list);
    while (count-- > 0)
        free(given[count]);
    return 0;
}
