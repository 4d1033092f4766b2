/*
 * The shapes of the worker's frames, field by field: each whole example
 * passes, and each of its fields, made wrong in every way there is, does
 * not.
 */
#define _GNU_SOURCE
#include "../../core/engine/frame_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPORT                                                                 \
    "{\"message\":\"m\",\"file\":\"f\",\"line\":3,\"excerpt\":\"e\","          \
    "\"trace\":[\"t\"],\"outcome\":\"o\",\"verb\":\"v\",\"last_err\":"         \
    "{\"message\":\"m\",\"outcome\":\"o\",\"verb\":\"v\"}}"

/* Every field there can be. required: of the document itself. */
static const struct example {
    enum frame_type type;
    const char *document;
    const char *required;
} examples[] = {
    {FRAME_MODULE, "{\"name\":\"a.b\"}", "name"},
    {FRAME_LOADED,
     "{\"header\":{\"service\":\"s\",\"summary\":\"t\",\"uses\":[\"*\"],"
     "\"owner\":\"o\",\"objective\":\"15m\",\"inputs\":{\"to\":\"text\"}},"
     "\"has_run\":true,\"modules\":[\"a\"],\"jail\":[\"seccomp\"],"
     "\"globals\":[{\"name\":\"n\",\"field\":\"f\",\"file\":\"b\","
     "\"line\":1,\"known\":false,\"did_you_mean\":\"m\"}]}",
     "header has_run modules jail"},
    {FRAME_CALL,
     "{\"verb\":\"deploy.current\",\"args\":{\"a\":[{\"b\":\"c\"}]},"
     "\"step\":\"a / b\",\"undoing\":true,\"undo\":1,\"file\":\"b.lua\","
     "\"line\":7}",
     "verb args step undoing"},
    {FRAME_EVENT,
     "{\"kind\":\"step\",\"name\":\"a\",\"state\":\"begin\",\"undo\":1}",
     "kind name state"},
    {FRAME_EVENT, "{\"kind\":\"log\",\"text\":\"x\"}", "kind text"},
    {FRAME_EVENT,
     "{\"kind\":\"decision\",\"action\":\"a\",\"because\":\"b\",\"rules\":"
     "[{\"rule\":\"r\",\"verdict\":\"yes\",\"value\":1.5,\"threshold\":2,"
     "\"pushes\":\"a\",\"veto\":[\"b\"]}],\"file\":\"f\",\"line\":1}",
     "kind action because rules"},
    {FRAME_EVENT,
     "{\"kind\":\"undo\",\"id\":1,\"what\":\"w\",\"tells\":true,"
     "\"file\":\"f\",\"line\":1}",
     "kind id what"},
    {FRAME_CANCEL, "{\"calls\":[1,2]}", "calls"},
    {FRAME_DONE,
     "{\"ended\":\"finished\",\"undone\":1,\"undo_failed\":1,\"result\":"
     "{\"as\":\"gate\",\"because\":\"b\"},\"error\":" REPORT
     ",\"because\":\"interrupt\",\"undo_errors\":[{\"id\":1,\"what\":\"w\","
     "\"error\":" REPORT "}]}",
     "ended undone undo_failed"},
    {FRAME_FAIL,
     "{\"message\":\"m\",\"phase\":\"load\",\"file\":\"f\",\"line\":1,"
     "\"excerpt\":\"e\",\"trace\":[\"t\"],\"outcome\":\"o\",\"verb\":\"v\","
     "\"globals\":[]}",
     "message"},
    {FRAME_WAIT, "{}", ""},
};
#define EXAMPLES (sizeof examples / sizeof *examples)

static json_t *load(const struct example *e)
{
    json_t *v = json_loads(e->document, 0, NULL);
    assert_non_null(v);
    return v;
}

static int check(const struct example *e, json_t *document, struct error *err)
{
    struct frame f = {.type = e->type,
                      .flags = FRAME_BLOCKED,
                      .call = e->type == FRAME_CALL,
                      .value = document};
    memset(err, 0, sizeof *err);
    return frame_check(&f, 0, err);
}

static void refused(const struct example *e, json_t *document,
                    const char *field, const char *how)
{
    struct error err;
    if (check(e, document, &err) != RB_INVALID || !err.message[0])
        fail_msg("%s: %s %s was taken", frame_name(e->type), field, how);
}

static void test_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXAMPLES; i++) {
        json_t *document = load(&examples[i]);
        struct error err;
        if (check(&examples[i], document, &err) != 0)
            fail_msg("%s: %s", frame_name(examples[i].type), err.message);
        json_decref(document);
    }
}

/* -- the fields ----------------------------------------------------------- */

struct visit {
    const struct example *example;
    json_t *document; /* whole; changed at one place, and back */
    unsigned count;
};

static json_t *enormous(void)
{
    static char text[(2u << 20) + 1];
    memset(text, 'x', sizeof text - 1);
    return json_string(text);
}

static int is_anything(const char *field)
{
    return strcmp(field, "value") == 0 || strcmp(field, "threshold") == 0;
}

/* Is it of another kind than what stands there? An empty list may arrive as
   an empty table, and the reverse. */
static int differs(const json_t *was, const json_t *is, const char *field)
{
    if (is_anything(field))
        return 0;
    if (json_is_boolean(was))
        return !json_is_boolean(is);
    if (json_is_array(was) && json_is_object(is))
        return 0;
    if (strcmp(field, "inputs") == 0 && json_is_array(is))
        return 0;
    return json_typeof(was) != json_typeof(is);
}

static void replace(struct visit *v, json_t *object, const char *field,
                    json_t *other, const char *how)
{
    json_t *was = json_incref(json_object_get(object, field));
    json_object_set_new(object, field, other);
    refused(v->example, v->document, field, how);
    json_object_set_new(object, field, was);
    v->count++;
}

static void other_kinds(struct visit *v, json_t *object, const char *field)
{
    static const char *const kinds[] = {"null",  "true", "7", "1.5",
                                        "\"x\"", "[]",   "{}"};
    json_t *was = json_object_get(object, field);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        json_t *other = json_loads(kinds[i], JSON_DECODE_ANY, NULL);
        if (differs(was, other, field))
            replace(v, object, field, other, kinds[i]);
        else
            json_decref(other);
    }
}

static void worse_values(struct visit *v, json_t *object, const char *field)
{
    const json_t *was = json_object_get(object, field);
    if (json_is_string(was)) {
        replace(v, object, field, json_stringn("a\0b", 3), "with a zero byte");
        replace(v, object, field, enormous(), "enormous");
    } else if (json_is_integer(was) && !is_anything(field)) {
        replace(v, object, field, json_integer(-1), "negative");
        replace(v, object, field, json_integer(INT64_MAX), "enormous");
        replace(v, object, field, json_integer(INT64_MIN), "least");
    } else if (json_is_array(was) && json_array_size(was)) {
        replace(v, object, field, json_pack("[n]"), "of null");
        replace(v, object, field, json_pack("[[]]"), "of lists");
        replace(v, object, field, json_pack("[b]", 1), "of true");
    }
}

static void visit(struct visit *v, json_t *object)
{
    const char *fields[32];
    size_t count = 0;
    const char *field;
    json_t *value, *one;
    json_object_foreach(object, field, value)
    {
        assert_true(count < 32);
        fields[count++] = field;
    }
    json_object_set_new(object, "unknown", json_true());
    refused(v->example, v->document, "an unknown field", "");
    json_object_del(object, "unknown");
    for (size_t i = 0; i < count; i++) {
        size_t k;
        value = json_object_get(object, fields[i]);
        other_kinds(v, object, fields[i]);
        worse_values(v, object, fields[i]);
        value = json_object_get(object, fields[i]);
        if (strcmp(fields[i], "args") == 0 || strcmp(fields[i], "inputs") == 0)
            continue; /* names of the author's */
        if (json_is_object(value))
            visit(v, value);
        json_array_foreach(value, k, one)
        {
            if (json_is_object(one))
                visit(v, one);
        }
    }
}

static void test_fields(void **state)
{
    unsigned count = 0;
    (void)state;
    for (size_t i = 0; i < EXAMPLES; i++) {
        struct visit v = {&examples[i], load(&examples[i]), 0};
        visit(&v, v.document);
        count += v.count;
        json_decref(v.document);
    }
    assert_true(count > 400);
}

static void test_required(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXAMPLES; i++) {
        char *names = strdup(examples[i].required), *rest = names, *name;
        while ((name = strsep(&rest, " ")) && *name) {
            json_t *document = load(&examples[i]);
            json_object_del(document, name);
            refused(&examples[i], document, name, "missing");
            json_decref(document);
        }
        free(names);
    }
}

/* A zero byte deep in what is the author's own. */
static void test_zero_deep(void **state)
{
    const struct example *call = &examples[2];
    json_t *document = load(call);
    (void)state;
    json_object_set_new(document, "args",
                        json_pack("{s:[{s:s%}]}", "a", "b", "x\0y", (size_t)3));
    refused(call, document, "args", "with a zero byte");
    json_decref(document);
}

static void test_headers(void **state)
{
    struct error err;
    (void)state;
    for (int type = 1; type < FRAME_TYPES; type++) {
        struct frame f = {.type = (enum frame_type)type,
                          .flags = FRAME_BLOCKED,
                          .value = json_object()};
        int ours = type == FRAME_START || type == FRAME_SOURCE ||
                   type == FRAME_RUN || type == FRAME_RESULT ||
                   type == FRAME_STOP || type == FRAME_UNDO;
        if (type != FRAME_WAIT)
            assert_int_equal(frame_check(&f, 0, &err), RB_INVALID);
        assert_int_equal(!!strstr(err.message, "the engine's to send"), ours);
        f.body_size = 1;
        assert_int_equal(frame_check(&f, 0, &err), RB_INVALID);
        f.body_size = 0;
        f.call = type != FRAME_CALL;
        assert_int_equal(frame_check(&f, 0, &err), RB_INVALID);
        json_decref(f.value);
        memset(&err, 0, sizeof err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples), cmocka_unit_test(test_fields),
        cmocka_unit_test(test_required), cmocka_unit_test(test_zero_deep),
        cmocka_unit_test(test_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
