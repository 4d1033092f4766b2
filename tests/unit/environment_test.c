/* Environments: bindings are checked when they are read, grants are denied
   unless written down. */
#define _GNU_SOURCE
#include "../../core/engine/environment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static json_t *table(const char *flags, const char *grants)
{
    char text[1000];
    struct error err = {0};
    json_t *out = NULL;
    snprintf(text, sizeof text,
             "{\"name\":\"lab\",\"flag\":{%s},\"grants\":{%s}}", flags, grants);
    assert_int_equal(value_decode(text, strlen(text), &out, &err), 0);
    return out;
}

#define ONE "\"a\":{\"driver\":\"file\",\"path\":\"flags.json\"}"
#define TWO ONE ",\"b\":{\"driver\":\"file\",\"path\":\"more.json\"}"

static void take(void **state)
{
    static const struct {
        const char *flags, *grants, *word; /* word NULL: it is fine */
    } rows[] = {
        {ONE, "\"api.lua\":[\"flag.get a\"]", NULL},
        {TWO, "\"api.lua\":[\"flag.* b\"]", NULL},
        {"\"a\":{\"driver\":\"fle\",\"path\":\"x\"}", "", "fle"},
        {"\"a\":{\"driver\":\"file\"}", "", "path"},
        {"\"a\":{\"driver\":\"file\",\"path\":\"x\",\"pth\":1}", "", "pth"},
        {"\"a\":{\"driver\":\"file\",\"path\":5}", "", "path"},
        {"\"a\":{\"path\":\"x\"}", "", "driver"},
        {ONE, "\"api.lua\":[\"flag.gt a\"]", "flag.gt"},
        {ONE, "\"api.lua\":[\"flag.get\", 5]", "api.lua"},
    };
    json_t *which = json_pack("{s:s, s:s}", "flag", "x", "flags", "a");
    const json_t *binding;
    const char *name;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct environment e;
        struct error err = {0};
        json_t *t = table(rows[i].flags, rows[i].grants);
        int rc;
        memset(&e, 0, sizeof e);
        rc = environment_take(&e, "/etc/x/lab.lua", t, &err);
        /* A binding's options are looked at when a call first uses it. */
        if (!rc)
            rc = environment_binding(&e, verb_find("flag.get"), which, &name,
                                     &binding, &err);
        if ((rc == 0) != (rows[i].word == NULL) ||
            (rc && !strstr(err.message, rows[i].word)))
            fail_msg("row %zu: %d %s", i, rc, err.message);
        if (!rc) {
            assert_string_equal(e.name, "lab");
            assert_string_equal(e.root, "/etc/x");
        }
        environment_free(&e);
        json_decref(t);
    }
    json_decref(which);
}

static void bind(void **state)
{
    const struct verb *get = verb_find("flag.get");
    const struct verb *now = verb_find("clock.now");
    struct environment e;
    struct error err = {0};
    const json_t *binding;
    const char *name;
    json_t *none = json_pack("{s:s}", "flag", "x");
    json_t *which = json_pack("{s:s, s:s}", "flag", "x", "flags", "b");
    json_t *t = table(TWO, "");
    (void)state;
    memset(&e, 0, sizeof e);
    assert_int_equal(environment_take(&e, "/x/lab.lua", t, &err), 0);
    assert_int_not_equal(
        environment_binding(&e, get, none, &name, &binding, &err), 0);
    assert_non_null(strstr(err.message, "a"));
    assert_int_equal(environment_binding(&e, get, which, &name, &binding, &err),
                     0);
    assert_string_equal(name, "b");
    assert_string_equal(value_text(binding, "path", ""), "more.json");
    json_object_set_new(which, "flags", json_string("c"));
    assert_int_equal(environment_binding(&e, get, which, &name, &binding, &err),
                     RB_NOTFOUND);
    assert_int_equal(environment_binding(&e, now, none, &name, &binding, &err),
                     0);
    assert_null(name);
    assert_null(binding);
    environment_free(&e);
    json_decref(none);
    json_decref(which);
    json_decref(t);
}

static void grant(void **state)
{
    static const struct {
        const char *runbook, *verb, *system;
        int granted;
    } rows[] = {
        {"api.lua", "flag.get", "a", 1},   {"api.lua", "flag.get", "b", 0},
        {"api.lua", "flag.set", "b", 1},   {"api.lua", "flag.set", "a", 0},
        {"web.lua", "flag.get", "a", 0},   {"api.lua", "command.run", "a", 0},
        {"x/api.lua", "flag.get", "a", 1},
    };
    struct environment e;
    struct error err = {0};
    json_t *t = table(TWO, "\"api.lua\":[\"flag.get a\",\"flag.s* b\"]");
    (void)state;
    memset(&e, 0, sizeof e);
    assert_int_equal(environment_take(&e, "/x/lab.lua", t, &err), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int rc = environment_granted(
            &e, rows[i].runbook, verb_find(rows[i].verb), rows[i].system, &err);
        if ((rc == 0) != rows[i].granted)
            fail_msg("row %zu: %d %s", i, rc, err.message);
        if (rc)
            assert_int_equal(rc, RB_DENIED);
    }
    environment_free(&e);
    json_decref(t);
}

static void patterns(void **state)
{
    (void)state;
    assert_true(pattern_covers("deploy.*", "deploy.release"));
    assert_true(pattern_covers("*", "deploy.release"));
    assert_true(pattern_covers("deploy.release", "deploy.release"));
    assert_false(pattern_covers("deploy.", "deploy.release"));
    assert_false(pattern_covers("deploy.*", "deplo"));
    assert_false(pattern_covers("deploy.rel", "deploy.release"));
    assert_false(pattern_covers("", "deploy.release"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(take),
        cmocka_unit_test(bind),
        cmocka_unit_test(grant),
        cmocka_unit_test(patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
