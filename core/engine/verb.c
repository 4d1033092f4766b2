#include "verb.h"
#include "nearest.h"

#include <stdio.h>
#include <string.h>

static const char *const effect_names[EFFECTS] = {
    [EFFECT_READ] = "read",       [EFFECT_WRITE] = "write",
    [EFFECT_NOTIFY] = "notify",   [EFFECT_WAIT] = "wait",
    [EFFECT_CLEANUP] = "cleanup",
};

const char *effect_name(enum effect e)
{
    return (unsigned)e < EFFECTS ? effect_names[e] : "?";
}

const struct verb *verb_find(const char *name)
{
    for (const struct verb *v = verb_table; v->name; v++) {
        if (strcmp(v->name, name) == 0)
            return v;
    }
    return NULL;
}

size_t verb_noun(const char *name)
{
    return strcspn(name, ".");
}

/* "deplyo.*" is near to "deploy.*". */
static const char *nearest_pattern(const char *pattern)
{
    static char best[40];
    struct nearest n;
    best[0] = '\0';
    nearest_start(&n, pattern);
    for (const struct verb *v = verb_table; v->name; v++) {
        char whole[40];
        snprintf(whole, sizeof whole, "%.*s.*", (int)verb_noun(v->name),
                 v->name);
        nearest_offer(&n, whole);
        if (n.best == whole)
            n.best = strcpy(best, whole);
    }
    return n.best;
}

const char *verb_nearest(const char *name)
{
    struct nearest n;
    size_t size = strlen(name);
    if (size && name[size - 1] == '*')
        return nearest_pattern(name);
    nearest_start(&n, name);
    for (const struct verb *v = verb_table; v->name; v++)
        nearest_offer(&n, v->name);
    return n.best;
}

static const char *type_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "a table";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a text";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    default:
        return "nothing";
    }
}

struct type_rule {
    const char *name;
    const char *words; /* "NAME must be ..." */
    int (*fits)(const json_t *value);
};

static int is_text(const json_t *v)
{
    const char *text = json_string_value(v);
    /* Drivers and C libraries read up to a zero byte: nothing may follow. */
    return text && text[0] && strlen(text) == json_string_length(v);
}

static int is_integer(const json_t *v)
{
    int64_t n;
    return value_whole(v, &n);
}

static int is_number(const json_t *v)
{
    return json_is_number(v);
}

static int is_bool(const json_t *v)
{
    return json_is_boolean(v);
}

/* Lua's {} is both: an empty list arrives as an empty table. */
static int is_list(const json_t *v)
{
    const json_t *one;
    size_t i;
    json_array_foreach(v, i, one)
    {
        if (!json_is_string(one))
            return 0;
    }
    return json_is_array(v) || (json_is_object(v) && !json_object_size(v));
}

static int is_table(const json_t *v)
{
    return json_is_object(v);
}

static int is_any(const json_t *v)
{
    return v != NULL;
}

static const struct type_rule type_rules[] = {
    {"text", "a text", is_text},
    {"int", "a whole number", is_integer},
    {"number", "a number", is_number},
    {"bool", "true or false", is_bool},
    {"duration", "a duration such as \"30s\"", is_text},
    {"list", "a list of texts", is_list},
    {"table", "a table with names", is_table},
    {"any", "something", is_any},
};

static const struct type_rule *rule_of(const char *type)
{
    for (size_t i = 0; i < sizeof type_rules / sizeof *type_rules; i++) {
        if (strcmp(type_rules[i].name, type) == 0)
            return &type_rules[i];
    }
    return NULL;
}

static int check_value(const struct verb *v, const struct verb_parameter *p,
                       const json_t *value, struct error *err)
{
    const struct type_rule *rule = rule_of(p->type);
    struct error why;
    int64_t ms;
    if (rule->fits == is_text && json_is_string(value) && !is_text(value))
        return error_set(err, RB_INVALID, "%s: %s %s", v->name, p->name,
                         json_string_length(value) ? "holds a zero byte"
                                                   : "is empty");
    if (!rule->fits(value))
        return error_set(err, RB_INVALID, "%s: %s must be %s%s%s%s, not %s",
                         v->name, p->name, rule->words, p->unit[0] ? " (" : "",
                         p->unit, p->unit[0] ? ")" : "", type_of(value));
    if (strcmp(p->type, "duration") == 0 &&
        duration_parse(json_string_value(value), &ms, &why) != 0)
        return error_set(err, RB_INVALID, "%s: %s: %s", v->name, p->name,
                         why.message);
    return 0;
}

static const struct verb_parameter *parameter(const struct verb *v,
                                              const char *name)
{
    for (const struct verb_parameter *p = v->parameters; p->name; p++) {
        if (strcmp(p->name, name) == 0)
            return p;
    }
    return NULL;
}

static int unknown_key(const struct verb *v, const char *key, struct error *err)
{
    struct nearest n;
    char known[300] = "";
    nearest_start(&n, key);
    for (const struct verb_parameter *p = v->parameters; p->name; p++) {
        size_t used = strlen(known);
        nearest_offer(&n, p->name);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                 p->name);
    }
    if (n.best)
        return error_set(err, RB_INVALID,
                         "%s has no option \"%s\" (did you mean \"%s\"?)",
                         v->name, key, n.best);
    return error_set(err, RB_INVALID, "%s has no option \"%s\" (it has: %s)",
                     v->name, key, known[0] ? known : "none");
}

int verb_check(const struct verb *v, const json_t *args, struct error *err)
{
    const char *key;
    json_t *value;
    int rc = 0;
    if (!json_is_object(args))
        return error_set(err, RB_INVALID,
                         "%s takes one table: %s { name = value }", v->name,
                         v->name);
    json_object_foreach((json_t *)args, key, value)
    {
        const struct verb_parameter *p = parameter(v, key);
        rc = p ? check_value(v, p, value, err) : unknown_key(v, key, err);
        if (rc)
            return rc;
    }
    for (const struct verb_parameter *p = v->parameters; p->name; p++) {
        if (p->required && !json_object_get(args, p->name))
            return error_set(err, RB_INVALID, "%s needs %s: %s%s%s", v->name,
                             p->name, p->text, p->unit[0] ? ", " : "", p->unit);
    }
    return 0;
}
