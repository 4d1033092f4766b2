/*
 * The arguments of a call, as a worker may send them. What verb_check lets
 * through has the row's names only, all that are required, and each can be
 * read as its type: no default stands in for something that was said.
 * Input: number of the verb, the arguments.
 */
#include "fuzz.h"
#include "../../core/engine/verb.h"

static const struct verb_parameter *row(const struct verb *v, const char *key)
{
    const struct verb_parameter *p = v->parameters;
    while (p->name && strcmp(p->name, key) != 0)
        p++;
    return p->name ? p : NULL;
}

static void can_be_read(const struct verb_parameter *p, const json_t *args)
{
    const json_t *v = json_object_get(args, p->name);
    const char *text = value_text(args, p->name, NULL);
    struct error err = {0};
    int64_t ms = -1;
    if (strcmp(p->type, "text") == 0)
        CHECK(text && *text && json_string_length(v) == strlen(text));
    if (strcmp(p->type, "duration") == 0)
        CHECK(text && json_string_length(v) == strlen(text) &&
              duration_parse(text, &ms, &err) == 0 && ms >= 0);
    if (strcmp(p->type, "int") == 0)
        CHECK(value_int(args, p->name, 1) == value_int(args, p->name, 2));
    if (strcmp(p->type, "number") == 0)
        CHECK(value_number(args, p->name, 1) == value_number(args, p->name, 2));
    if (strcmp(p->type, "bool") == 0)
        CHECK(value_bool(args, p->name, 0) == value_bool(args, p->name, 1));
    if (strcmp(p->type, "list") == 0)
        CHECK(json_is_array(v) || json_object_size(v) == 0);
    if (strcmp(p->type, "table") == 0)
        CHECK(json_is_object(v));
}

static void accepted(const struct verb *v, const json_t *args)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)args, key, value)
    {
        const struct verb_parameter *p = row(v, key);
        CHECK(p);
        can_be_read(p, args);
    }
    for (const struct verb_parameter *p = v->parameters; p->name; p++)
        CHECK(!p->required || json_object_get(args, p->name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    size_t count = 0, left;
    const struct verb *v;
    struct error err = {0};
    json_t *args = NULL;
    char *text;
    while (verb_table[count].name)
        count++;
    v = &verb_table[input_byte(&in) % count];
    left = in.left;
    text = input_bytes(&in, left);
    if (value_decode(text, left, &args, &err) == 0) {
        int rc = verb_check(v, args, &err);
        CHECK(rc == 0 || (rc == RB_INVALID && err.message[0]));
        if (rc == 0)
            accepted(v, args);
    }
    if (left < 32)
        verb_nearest(text);
    json_decref(args);
    free(text);
    return 0;
}
