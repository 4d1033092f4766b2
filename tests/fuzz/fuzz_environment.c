/*
 * The table of an environment file. What is taken has a name that can be
 * shown and typed; and whatever is granted, some grant says so by itself, for
 * this runbook, this verb and this system, with "*" only at an end.
 */
#include "fuzz.h"
#include "../../core/engine/environment.h"
#include "../../core/wire/utf8.h"

static const char *const runbooks[] = {"api.lua", "team/api.lua", "x.lua"};
static const char *const systems[] = {"", "api", "a", "metrics"};

static void name_can_be_typed(const struct environment *e)
{
    size_t left = strlen(e->name), length;
    CHECK(left > 0);
    CHECK(strcmp(e->name, value_text(e->table, "name", "")) == 0);
    for (const char *p = e->name; left; p += length, left -= length) {
        length = utf8_length(p, left);
        CHECK(length && !utf8_commands(p, length));
    }
    CHECK(strlen(e->digest) == 64);
}

static int covers(const char *pattern, size_t size, const char *name)
{
    if (size && pattern[size - 1] == '*')
        return strncmp(pattern, name, size - 1) == 0;
    return strlen(name) == size && memcmp(pattern, name, size) == 0;
}

static int grant_says(const char *grant, const char *verb, const char *system)
{
    size_t n = strcspn(grant, " ");
    const char *on = grant[n] ? grant + n + 1 : "";
    return covers(grant, n, verb) &&
           (!system[0] || covers(on, strlen(on), system));
}

static int some_grant_says(const json_t *table, const char *key,
                           const char *verb, const char *system)
{
    const json_t *list = json_object_get(json_object_get(table, "grants"), key);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *grant = json_string_value(json_array_get(list, i));
        CHECK(grant);
        if (grant_says(grant, verb, system))
            return 1;
    }
    return 0;
}

static void granted_by_a_grant(const struct environment *e, const char *verb,
                               const char *runbook, const char *system)
{
    struct error err = {0};
    const char *slash = strrchr(runbook, '/');
    int rc = environment_granted(e, runbook, verb_find(verb), system, &err);
    int said =
        some_grant_says(e->table, runbook, verb, system) ||
        some_grant_says(e->table, slash ? slash + 1 : runbook, verb, system) ||
        some_grant_says(e->table, "*", verb, system);
    CHECK((rc == 0) == said);
    CHECK(rc == 0 || (rc == RB_DENIED && err.next[0]));
}

static void binding_of(const struct environment *e, const struct verb *v,
                       const char *system)
{
    struct error err = {0};
    json_t *args = json_object();
    const char *name;
    const json_t *binding;
    int rc;
    if (v->system && system[0])
        json_object_set_new(args, v->system, json_string(system));
    rc = environment_binding(e, v, args, &name, &binding, &err);
    CHECK(rc || !v->system || (name && json_is_object(binding)));
    CHECK(rc || !v->system || !system[0] || strcmp(name, system) == 0);
    CHECK(!rc || err.message[0]);
    json_decref(args);
}

static void ask(const struct environment *e)
{
    name_can_be_typed(e);
    for (const struct verb *v = verb_table; v->name; v++) {
        for (size_t s = 0; s < sizeof systems / sizeof *systems; s++) {
            for (size_t r = 0; r < sizeof runbooks / sizeof *runbooks; r++)
                granted_by_a_grant(e, v->name, runbooks[r], systems[s]);
            binding_of(e, v, systems[s]);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    char *text = input_bytes(&in, size);
    struct error err = {0};
    struct environment e = {0};
    json_t *table = NULL;
    if (value_decode(text, size, &table, &err) == 0) {
        int rc = environment_take(&e, "/etc/rbrun/lab.lua", table, &err);
        CHECK(rc == 0 || err.message[0]);
        if (rc == 0)
            ask(&e);
        environment_free(&e);
    }
    json_decref(table);
    free(text);
    return 0;
}
