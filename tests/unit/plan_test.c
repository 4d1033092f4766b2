/* What a plan predicts has the fields that the verb's table promises, and
   "foreseen" means the same write on the same system. */
#define _GNU_SOURCE
#include "../../core/engine/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int promises(const struct verb *v, const char *field)
{
    for (const struct verb_result *f = v->results; f->name; f++) {
        if (strcmp(f->name, field) == 0)
            return 1;
    }
    return 0;
}

/* A prediction stands in for the answer when a person, or a probe, says that
   a write took effect: it must not hold what no driver answers. */
static void fields(void **state)
{
    json_t *args = json_pack("{s:s, s:s, s:b, s:{s:i}, s:s, s:f}", "version",
                             "v1", "flag", "f", "on", 1, "weights", "blue", 100,
                             "id", "snap-1", "below", 0.5);
    int writes = 0;
    (void)state;
    for (const struct verb *v = verb_table; v->name; v++) {
        json_t *value = plan_predict(v, args), *member;
        const char *key;
        if (v->effect == EFFECT_WRITE) {
            assert_non_null(value);
            writes++;
        }
        json_object_foreach(value, key, member)
        {
            if (!promises(v, key))
                fail_msg("%s does not answer %s", v->name, key);
        }
        json_decref(value);
    }
    assert_true(writes >= 6);
    json_decref(args);
}

static void foresaw(void **state)
{
    const struct verb *set = verb_find("flag.set");
    const struct verb *take = verb_find("snapshot.take");
    json_t *on = json_pack("{s:s, s:b}", "flag", "f", "on", 1);
    json_t *off = json_pack("{s:s, s:b}", "flag", "f", "on", 0);
    json_t *note = json_pack("{s:s}", "note", "5% errors");
    json_t *plan = json_pack("[{s:s, s:s, s:O}, {s:s, s:s, s:{}}]", "verb",
                             "flag.set", "system", "a", "args", on, "verb",
                             "snapshot.take", "system", "db", "args");
    (void)state;
    assert_true(plan_foresaw(plan, set, "a", on));
    assert_false(plan_foresaw(plan, set, "b", on));
    assert_false(plan_foresaw(plan, set, "a", off));
    /* A text for people may hold a number that moves. */
    assert_true(plan_foresaw(plan, take, "db", note));
    assert_false(plan_foresaw(plan, take, "other", note));
    assert_false(plan_foresaw(NULL, set, "a", on));
    json_decref(on);
    json_decref(off);
    json_decref(note);
    json_decref(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),
        cmocka_unit_test(foresaw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
