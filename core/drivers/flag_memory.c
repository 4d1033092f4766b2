/* Flags that are only remembered: for drills and tests. */
#include "memory.h"

static const char *const keys[] = {"flags", NULL};

static const char *name_of(const struct driver_call *c)
{
    return value_text(c->args, "flag", "");
}

static const json_t *find(const struct memory *m, const struct driver_call *c,
                          struct driver_answer *a)
{
    const json_t *on =
        json_object_get(json_object_get(m->mine, "flags"), name_of(c));
    if (json_is_boolean(on))
        return on;
    answer_fail(a, OUTCOME_NOT_FOUND, "flags %s: there is no flag \"%s\"",
                c->system, name_of(c));
    return NULL;
}

static int get(const struct driver_call *c, struct driver_answer *a)
{
    struct memory m;
    const json_t *on;
    if (memory_open(&m, c, keys, 0, a) != 0)
        return 0;
    on = find(&m, c, a);
    if (on)
        answer_ok(a, json_pack("{s:s, s:b}", "flag", name_of(c), "on",
                               json_is_true(on)));
    memory_close(&m);
    return 0;
}

static json_t *changed(const struct driver_call *c, int before)
{
    return json_pack("{s:s, s:b, s:b}", "flag", name_of(c), "on",
                     value_bool(c->args, "on", 0), "before", before);
}

static int set(const struct driver_call *c, struct driver_answer *a)
{
    struct memory m;
    const json_t *old;
    if (memory_open(&m, c, keys, 1, a) != 0)
        return 0;
    old = find(&m, c, a);
    if (old) {
        int before = json_is_true(old);
        json_object_set_new(json_object_get(m.mine, "flags"), name_of(c),
                            json_boolean(value_bool(c->args, "on", 0)));
        json_object_set_new(m.mine, "before", json_boolean(before));
        if (memory_save(&m, a) == 0)
            answer_ok(a, changed(c, before));
    }
    memory_close(&m);
    return 0;
}

static int probe_set(const struct driver_call *c, struct driver_answer *a)
{
    struct memory m;
    const json_t *now;
    int on = value_bool(c->args, "on", 0);
    if (memory_open(&m, c, keys, 0, a) != 0)
        return 0;
    now = find(&m, c, a);
    if (!now)
        a->outcome = OUTCOME_UNKNOWN;
    else if (json_is_true(now) != on)
        answer_ok(a, json_pack("{s:b}", "applied", 0));
    else
        answer_ok(a, json_pack("{s:b, s:o}", "applied", 1, "value",
                               changed(c, value_bool(m.mine, "before", on))));
    memory_close(&m);
    return 0;
}

static const struct driver_option options[] = {
    {"flags", "table", 1, "name = true or false, at the start"},
    MEMORY_OPTIONS,
    {NULL, NULL, 0, NULL},
};

static const struct driver_verb verbs[] = {
    {"flag.get", SETTLE_PURE, get, NULL},
    {"flag.set", SETTLE_PROBED, set, probe_set},
    {NULL, SETTLE_PURE, NULL, NULL},
};

const struct driver flag_memory = {
    .family = "flag",
    .name = "memory",
    .text = "flags that are only remembered, for drills and tests",
    .options = options,
    .verbs = verbs,
    .check = NULL,
    .quick = 1,
};
