/* The verb table is whole, and arguments are checked against it. */
#define _GNU_SOURCE
#include "../../core/drivers/driver.h"
#include "../../core/engine/verb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int known_outcome(const char *name, size_t size)
{
    for (int o = 0; o < OUTCOMES; o++) {
        const char *known = outcome_name((enum outcome)o);
        if (strlen(known) == size && memcmp(known, name, size) == 0)
            return 1;
    }
    return 0;
}

static void check_outcomes(const struct verb *v)
{
    const char *at = v->outcomes;
    assert_memory_equal(at, "ok", 2);
    while (*at) {
        size_t size = strcspn(at, " ");
        if (!known_outcome(at, size))
            fail_msg("%s: outcome %.*s", v->name, (int)size, at);
        at += size;
        at += *at == ' ';
    }
}

static int has_parameter(const struct verb *v, const char *name)
{
    for (const struct verb_parameter *p = v->parameters; p->name; p++) {
        if (strcmp(p->name, name) == 0)
            return 1;
    }
    return 0;
}

static void table(void **state)
{
    static const char *const types[] = {"text",     "number", "int",  "bool",
                                        "duration", "table",  "list", "any"};
    (void)state;
    for (const struct verb *v = verb_table; v->name; v++) {
        int64_t ms;
        assert_ptr_equal(verb_find(v->name), v);
        assert_int_equal(v->name[verb_noun(v->name)], '.');
        assert_int_equal(duration_parse(v->timeout, &ms, NULL), 0);
        if (v->system)
            assert_true(has_parameter(v, v->system));
        if (v->reads_back)
            assert_int_equal(verb_find(v->reads_back)->effect, EFFECT_READ);
        check_outcomes(v);
        for (const struct verb_parameter *p = v->parameters; p->name; p++) {
            size_t i = 0;
            while (i < 8 && strcmp(types[i], p->type) != 0)
                i++;
            if (i == 8 || !p->text || !p->unit)
                fail_msg("%s: %s is of type %s", v->name, p->name, p->type);
        }
    }
}

static void check(void **state)
{
    static const struct {
        const char *verb, *args, *word; /* word NULL: they are fine */
    } rows[] = {
        {"metric.query", "{\"expr\":\"up\"}", NULL},
        {"metric.query", "{\"expr\":\"up\",\"timeout\":\"3s\"}", NULL},
        {"metric.query", "{}", "expr"},
        {"metric.query", "{\"expr\":5}", "expr"},
        {"metric.query", "{\"expr\":\"up\",\"timeout\":\"3\"}", "timeout"},
        {"metric.query", "{\"expr\":\"up\",\"timeout\":3}", "timeout"},
        {"metric.query", "{\"expr\":\"up\",\"fol\":\"sum\"}", "fold"},
        {"flag.set", "{\"flag\":\"x\",\"on\":true}", NULL},
        {"flag.set", "{\"flag\":\"x\",\"on\":1}", "on"},
        {"command.run", "{\"args\":[\"a\",\"b\"]}", NULL},
        {"command.run", "{\"args\":[\"a\",5]}", "args"},
        {"command.run", "{\"args\":{\"a\":1}}", "args"},
        {"deploy.shift", "{\"weights\":{\"blue\":100}}", NULL},
        {"http.check", "{\"status\":200.5}", "status"},
        {"clock.now", "{\"zone\":\"UTC\"}", "zone"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error err = {0};
        json_t *args = NULL;
        int rc;
        assert_int_equal(
            value_decode(rows[i].args, strlen(rows[i].args), &args, &err), 0);
        rc = verb_check(verb_find(rows[i].verb), args, &err);
        if ((rc == 0) != (rows[i].word == NULL) ||
            (rc && !strstr(err.message, rows[i].word)))
            fail_msg("row %zu: %d %s", i, rc, err.message);
        json_decref(args);
    }
}

static void nearest(void **state)
{
    (void)state;
    assert_null(verb_find("metric.qury"));
    assert_string_equal(verb_nearest("metric.qury"), "metric.query");
    assert_string_equal(verb_nearest("deploy.relase"), "deploy.release");
    assert_null(verb_nearest("zzzzzzzzzzzz"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(check),
        cmocka_unit_test(nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
