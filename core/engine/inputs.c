/*
 * Inputs: what a runbook's header asks for ("text", "text?", "number=0.02",
 * "P0|P1|P2?", "bool=false"), and what was given on the command line.
 */
#define _GNU_SOURCE
#include "nearest.h"
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPEC_MAX 1024 /* bytes, with the NUL */

struct input_spec {
    char type[SPEC_MAX];
    char otherwise[SPEC_MAX];
    int optional;
    int has_default;
};

static void parse_spec(const char *text, struct input_spec *s)
{
    char *equals;
    size_t size;
    memset(s, 0, sizeof *s);
    snprintf(s->type, sizeof s->type, "%s", text);
    equals = strchr(s->type, '=');
    if (equals) {
        *equals = '\0';
        s->has_default = 1;
        snprintf(s->otherwise, sizeof s->otherwise, "%s", equals + 1);
    }
    size = strlen(s->type);
    if (size && s->type[size - 1] == '?') {
        s->type[size - 1] = '\0';
        s->optional = 1;
    }
}

static int one_of(const char *choices, const char *value)
{
    size_t size = strlen(value);
    for (const char *at = choices; at && *at;) {
        size_t length = strcspn(at, "|");
        if (length == size && strncmp(at, value, size) == 0)
            return 1;
        at += length;
        at += *at == '|';
    }
    return 0;
}

static json_t *convert(const char *type, const char *text, struct error *err)
{
    char *end;
    int64_t ms;
    if (strcmp(type, "text") == 0 || strcmp(type, "string") == 0)
        return json_string(text);
    if (strcmp(type, "number") == 0) {
        double number = strtod(text, &end);
        return *text && !*end ? json_real(number) : NULL;
    }
    if (strcmp(type, "int") == 0) {
        long long number;
        errno = 0;
        number = strtoll(text, &end, 10);
        return *text && !*end && !errno ? json_integer(number) : NULL;
    }
    if (strcmp(type, "bool") == 0)
        return one_of("true|yes", text)   ? json_true()
               : one_of("false|no", text) ? json_false()
                                          : NULL;
    if (strcmp(type, "duration") == 0)
        return duration_parse(text, &ms, err) == 0 ? json_string(text) : NULL;
    return one_of(type, text) ? json_string(text) : NULL;
}

/* A value of that type, to show how one is written. */
static const char *example_of(const struct input_spec *s, char *out,
                              size_t size)
{
    static const char *const table[][2] = {
        {"number", "0.5"},   {"int", "5"},        {"bool", "true"},
        {"duration", "30s"}, {"text", "\"...\""}, {"string", "\"...\""},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i][0], s->type) == 0)
            return table[i][1];
    }
    snprintf(out, size, "%.*s", (int)strcspn(s->type, "|"), s->type);
    return out;
}

static void refuse_input(const struct input_spec *s, const char *name,
                         const char *text, struct error *err)
{
    char choices[sizeof s->type], example[sizeof s->type], *rest = choices;
    const char *choice;
    struct nearest n;
    int several = strchr(s->type, '|') != NULL;
    snprintf(choices, sizeof choices, "%s", s->type);
    nearest_start(&n, text);
    while (several && (choice = strsep(&rest, "|")))
        nearest_offer(&n, choice);
    error_set(err, RB_INVALID, "the input %s=%s is %s%s%s%s%s", name, text,
              several ? "none of " : "no ", s->type,
              n.best ? " (did you mean " : "", n.best ? n.best : "",
              n.best ? "?)" : "");
    error_next(err, "%s--input %s=%s",
               n.best ? "" : "give one that is, such as ", name,
               n.best ? n.best : example_of(s, example, sizeof example));
}

static int set_input(struct run *r, const char *name, const char *spec_text,
                     const char *text, struct error *err)
{
    struct input_spec spec;
    json_t *value;
    parse_spec(spec_text, &spec);
    if (!text && !spec.has_default) {
        return 0; /* optional, or check_needed has spoken */
    }
    value = convert(spec.type, text ? text : spec.otherwise, err);
    if (!value) {
        refuse_input(&spec, name, text ? text : spec.otherwise, err);
        return RB_INVALID;
    }
    json_object_set_new(r->input, name, value);
    return 0;
}

static const char *given_value(const char *const *given, size_t count,
                               const char *name)
{
    size_t size = strlen(name);
    for (size_t i = count; i-- > 0;) {
        if (strncmp(given[i], name, size) == 0 && given[i][size] == '=')
            return given[i] + size + 1;
    }
    return NULL;
}

static void list_inputs(const json_t *inputs, struct error *err)
{
    struct buf list = BUF_INIT(400);
    const char *key;
    json_t *spec;
    json_object_foreach((json_t *)inputs, key, spec)
    {
        struct input_spec s;
        parse_spec(json_string_value(spec), &s);
        buf_addf(&list, "%s%s (%s%s%s)", list.size ? ", " : "", key, s.type,
                 s.has_default ? ", default "
                 : s.optional  ? ", optional"
                               : "",
                 s.otherwise);
    }
    if (list.size)
        error_next(err, "its inputs are: %s", buf_text(&list));
    else
        error_next(err, "leave --input out: it has none");
    buf_free(&list);
}

static int check_names(const struct run *r, const json_t *inputs,
                       const char *const *given, size_t count,
                       struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        char name[160];
        struct nearest n;
        const char *key;
        json_t *spec;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(given[i], "="),
                 given[i]);
        if (strchr(given[i], '=') && json_object_get(inputs, name))
            continue;
        nearest_start(&n, name);
        json_object_foreach((json_t *)inputs, key, spec)
        {
            (void)spec;
            nearest_offer(&n, key);
        }
        error_set(err, RB_INVALID, "%s has no input \"%s\"%s%s%s",
                  r->program->name, name, n.best ? " (did you mean \"" : "",
                  n.best ? n.best : "", n.best ? "\"?)" : "");
        list_inputs(inputs, err);
        return RB_INVALID;
    }
    return 0;
}

/* Which of the two was meant nobody can tell. */
static int check_once(const char *const *given, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        size_t size = strcspn(given[i], "=") + 1;
        for (size_t k = 0; k < i; k++) {
            if (strncmp(given[i], given[k], size) != 0)
                continue;
            error_set(err, RB_INVALID,
                      "the input \"%.*s\" is given twice: %s and %s",
                      (int)size - 1, given[i], given[k], given[i]);
            error_next(err, "give --input %.*s=... once", (int)size - 1,
                       given[i]);
            return RB_INVALID;
        }
    }
    return 0;
}

/* All of those that are missing, with the words to add. */
static int check_needed(const struct run *r, const json_t *inputs,
                        const char *const *given, size_t count,
                        struct error *err)
{
    struct buf names = BUF_INIT(400), words = BUF_INIT(400);
    const char *key;
    json_t *text;
    int missing = 0;
    json_object_foreach((json_t *)inputs, key, text)
    {
        struct input_spec spec;
        char example[sizeof spec.type];
        parse_spec(json_string_value(text), &spec);
        if (spec.optional || spec.has_default || given_value(given, count, key))
            continue;
        buf_addf(&names, "%s\"%s\" (%s)", missing++ ? ", " : "", key,
                 spec.type);
        buf_addf(&words, " --input %s=%s", key,
                 example_of(&spec, example, sizeof example));
    }
    if (missing) {
        error_set(err, RB_INVALID, "%s needs the input%s %s", r->program->name,
                  missing == 1 ? "" : "s", buf_text(&names));
        error_next(err, "add, with the real values:%s", buf_text(&words));
    }
    buf_free(&names);
    buf_free(&words);
    return missing ? RB_INVALID : 0;
}

/* What was cut off would be taken for something else. */
static int check_specs(const struct run *r, const json_t *inputs,
                       struct error *err)
{
    const char *key;
    json_t *spec;
    json_object_foreach((json_t *)inputs, key, spec)
    {
        if (json_string_length(spec) < SPEC_MAX)
            continue;
        error_set(err, RB_INVALID, "%s describes its input \"%s\" in %zu bytes",
                  r->program->name, key, json_string_length(spec));
        error_next(err,
                   "use at most %d bytes: list fewer choices, or take "
                   "\"text\"",
                   SPEC_MAX - 1);
        return RB_INVALID;
    }
    return 0;
}

int run_inputs(struct run *r, const char *const *given, size_t count,
               struct error *err)
{
    const json_t *inputs = json_object_get(r->header, "inputs");
    const char *key;
    json_t *spec;
    int rc = check_specs(r, inputs, err);
    if (!rc)
        rc = check_names(r, inputs, given, count, err);
    if (!rc)
        rc = check_once(given, count, err);
    if (!rc)
        rc = check_needed(r, inputs, given, count, err);
    json_decref(r->input);
    r->input = json_object();
    json_object_foreach((json_t *)inputs, key, spec)
    {
        if (rc)
            break;
        rc = set_input(r, key, json_string_value(spec),
                       given_value(given, count, key), err);
    }
    return rc;
}
