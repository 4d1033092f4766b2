/* A deploy target that is only remembered: for drills and tests. */
#include "memory.h"
#include "release_name.h"

#include <string.h>

static const char *const keys[] = {"version", "commit",   "healthy",
                                   "weights", "releases", NULL};

static json_t *describe(const struct memory *m, const struct driver_call *c)
{
    const char *version = value_text(m->mine, "version", "");
    const char *commit = value_text(m->mine, "commit", NULL);
    int healthy = value_bool(m->mine, "healthy", 1);
    return json_pack("{s:s, s:s*, s:b, s:[{s:s, s:s, s:b}], s:O*}", "version",
                     version, "commit", commit, "healthy", healthy, "instances",
                     "name", c->system, "version", version, "healthy", healthy,
                     "since", json_object_get(m->mine, "since"));
}

static int current(const struct driver_call *c, struct driver_answer *a)
{
    struct memory m;
    if (memory_open(&m, c, keys, 0, a) != 0)
        return 0;
    if (value_text(m.mine, "version", NULL))
        answer_ok(a, describe(&m, c));
    else
        answer_fail(a, OUTCOME_NO_DATA, "deploy %s: nothing is live yet",
                    c->system);
    memory_close(&m);
    return 0;
}

static int known(const struct memory *m, const char *version)
{
    const json_t *releases = json_object_get(m->mine, "releases");
    json_t *name;
    size_t i;
    json_array_foreach(releases, i, name)
    {
        if (release_matches(version, json_string_value(name), NULL))
            return 1;
    }
    return json_array_size(releases) == 0;
}

static int allowed(const struct memory *m, const struct driver_call *c,
                   struct driver_answer *a)
{
    const char *version = value_text(c->args, "version", "");
    const char *expect = value_text(c->args, "expect", NULL);
    const char *live = value_text(m->mine, "version", "");
    if (expect &&
        !release_matches(expect, live, value_text(m->mine, "commit", NULL))) {
        answer_fail(a, OUTCOME_CONFLICT,
                    "deploy %s: %s is live, not %s as expected", c->system,
                    live[0] ? live : "nothing", expect);
        return 0;
    }
    if (known(m, version))
        return 1;
    answer_fail(a, OUTCOME_NOT_FOUND, "deploy %s: there is no release \"%s\"",
                c->system, version);
    return 0;
}

/* How often something was really done, for a test to look at. */
static void count(struct memory *m)
{
    json_object_set_new(m->mine, "writes",
                        json_integer(value_int(m->mine, "writes", 0) + 1));
}

static int release(const struct driver_call *c, struct driver_answer *a)
{
    struct memory m;
    if (memory_open(&m, c, keys, 1, a) != 0)
        return 0;
    if (allowed(&m, c, a)) {
        json_object_set(m.mine, "version", json_object_get(c->args, "version"));
        json_object_del(m.mine, "commit");
        json_object_set_new(m.mine, "since", json_integer(clock_wall() / 1000));
        count(&m);
        if (memory_save(&m, a) == 0)
            answer_ok(a, describe(&m, c));
    }
    memory_close(&m);
    return 0;
}

static int applied(struct driver_answer *a, json_t *value)
{
    return answer_ok(
        a, value ? json_pack("{s:b, s:o}", "applied", 1, "value", value)
                 : json_pack("{s:b}", "applied", 0));
}

static int probe_release(const struct driver_call *c, struct driver_answer *a)
{
    struct memory m;
    const char *version = value_text(c->args, "version", "");
    if (memory_open(&m, c, keys, 0, a) != 0)
        return 0;
    applied(a, strcmp(version, value_text(m.mine, "version", "")) == 0
                   ? describe(&m, c)
                   : NULL);
    memory_close(&m);
    return 0;
}

static int sensible(const struct driver_call *c)
{
    json_t *value;
    const char *instance;
    double sum = 0;
    json_object_foreach(json_object_get(c->args, "weights"), instance, value)
    {
        if (!json_is_number(value) || json_number_value(value) < 0)
            return 0;
        sum += json_number_value(value);
    }
    return sum == 100;
}

static int shift(const struct driver_call *c, struct driver_answer *a)
{
    struct memory m;
    json_t *before;
    if (!sensible(c))
        return answer_fail(a, OUTCOME_REJECTED,
                           "deploy %s: the weights do not sum to 100",
                           c->system);
    if (memory_open(&m, c, keys, 1, a) != 0)
        return 0;
    before = json_object_get(m.mine, "weights");
    before = before ? json_incref(before) : json_object();
    json_object_set(m.mine, "weights", json_object_get(c->args, "weights"));
    json_object_set(m.mine, "before", before);
    count(&m);
    if (memory_save(&m, a) == 0)
        answer_ok(a, json_pack("{s:O, s:O}", "weights",
                               json_object_get(m.mine, "weights"), "before",
                               before));
    json_decref(before);
    memory_close(&m);
    return 0;
}

static int probe_shift(const struct driver_call *c, struct driver_answer *a)
{
    struct memory m;
    json_t *now, *before;
    if (memory_open(&m, c, keys, 0, a) != 0)
        return 0;
    now = json_object_get(m.mine, "weights");
    before = json_object_get(m.mine, "before");
    applied(a, now && value_equal(now, json_object_get(c->args, "weights"))
                   ? json_pack("{s:O, s:O}", "weights", now, "before",
                               before ? before : now)
                   : NULL);
    memory_close(&m);
    return 0;
}

static const struct driver_option options[] = {
    {"version", "text", 0, "what is live at the start"},
    {"commit", "text", 0, "its commit"},
    {"healthy", "bool", 0, "whether what is live is healthy (default true)"},
    {"releases", "list", 0, "the versions there are (default: any)"},
    {"weights", "table", 0, "instance = percent, at the start"},
    MEMORY_OPTIONS,
    {NULL, NULL, 0, NULL},
};

static const struct driver_verb verbs[] = {
    {"deploy.current", SETTLE_PURE, current, NULL},
    {"deploy.release", SETTLE_PROBED, release, probe_release},
    {"deploy.shift", SETTLE_PROBED, shift, probe_shift},
    {NULL, SETTLE_PURE, NULL, NULL},
};

const struct driver deploy_memory = {
    .family = "deploy",
    .name = "memory",
    .text = "a target that is only remembered, for drills and tests",
    .options = options,
    .verbs = verbs,
    .check = NULL,
    .quick = 1,
};
