#define _GNU_SOURCE
#include "environment.h"
#include "../drivers/registry.h"
#include "../store/digest.h"
#include "../store/place.h"
#include "../wire/utf8.h"
#include "grants.h"
#include "nearest.h"
#include "secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE ((int)sizeof((struct environment *)NULL)->name)

static const char *const own_keys[] = {"name", "summary", "grants", "limits",
                                       NULL};

static int is_noun(const char *key)
{
    for (const struct driver_place *p = driver_places; p->family; p++) {
        if (strcmp(p->family, key) == 0)
            return 1;
    }
    return 0;
}

static int known_key(const char *key, struct error *err)
{
    struct nearest n;
    nearest_start(&n, key);
    for (const char *const *own = own_keys; *own; own++) {
        if (strcmp(*own, key) == 0)
            return 0;
        nearest_offer(&n, *own);
    }
    if (is_noun(key))
        return 0;
    for (const struct driver_place *p = driver_places; p->family; p++)
        nearest_offer(&n, p->family);
    return error_set(err, RB_INVALID,
                     "\"%s\" is not a part of an environment%s%s%s", key,
                     n.best ? " (did you mean \"" : "", n.best ? n.best : "",
                     n.best ? "\"?)" : "");
}

static const struct driver_option *find_option(const struct driver *d,
                                               const char *key)
{
    for (const struct driver_option *o = d->options; o && o->name; o++) {
        if (strcmp(o->name, key) == 0)
            return o;
    }
    return NULL;
}

static int unknown_option(const struct driver *d, const char *where,
                          const char *key, struct error *err)
{
    struct nearest n;
    nearest_start(&n, key);
    for (const struct driver_option *o = d->options; o && o->name; o++)
        nearest_offer(&n, o->name);
    return error_set(err, RB_INVALID,
                     "%s: the driver %s has no option \"%s\"%s%s%s", where,
                     d->name, key, n.best ? " (did you mean \"" : "",
                     n.best ? n.best : "", n.best ? "\"?)" : "");
}

/* fail = { ["deploy.release"] = "not_reached" }: a name that is wrong there
   would be passed over, and a drill would show what it should not. */
static int check_outcome(const struct driver *d, const char *where,
                         const char *verb, const char *outcome,
                         struct error *err)
{
    struct nearest n;
    int known = 0;
    nearest_start(&n, verb);
    for (const struct driver_verb *v = d->verbs; v->verb; v++) {
        nearest_offer(&n, v->verb);
        known |= strcmp(v->verb, verb) == 0;
    }
    if (!known)
        return error_set(err, RB_INVALID,
                         "%s: the driver %s has no verb \"%s\"%s%s%s", where,
                         d->name, verb, n.best ? " (did you mean \"" : "",
                         n.best ? n.best : "", n.best ? "\"?)" : "");
    nearest_start(&n, outcome);
    for (int o = OUTCOME_OK + 1; o < OUTCOMES; o++) {
        const char *name = outcome_name((enum outcome)o);
        if (strcmp(name, outcome) == 0)
            return 0;
        nearest_offer(&n, name);
    }
    return error_set(err, RB_INVALID,
                     "%s: %s = \"%s\" is no outcome that a call fails "
                     "with%s%s%s",
                     where, verb, outcome, n.best ? " (did you mean \"" : "",
                     n.best ? n.best : "", n.best ? "\"?)" : "");
}

static int check_outcomes(const struct driver *d, const char *where,
                          const char *option, const json_t *table,
                          struct error *err)
{
    const char *verb;
    json_t *outcome;
    char at[300];
    int rc = 0;
    snprintf(at, sizeof at, "%s.%s", where, option);
    json_object_foreach((json_t *)table, verb, outcome)
    {
        if (!rc)
            rc = check_outcome(
                d, at, verb,
                json_is_string(outcome) ? json_string_value(outcome) : "", err);
    }
    return rc;
}

static int option_fits(const char *type, const json_t *value)
{
    int64_t ms;
    if (strcmp(type, "list") == 0)
        return json_is_array(value);
    if (strcmp(type, "outcomes") == 0)
        return json_is_object(value);
    if (strcmp(type, "table") == 0)
        return json_is_object(value) || json_is_array(value);
    if (strcmp(type, "int") == 0)
        return json_is_integer(value);
    if (strcmp(type, "number") == 0)
        return json_is_number(value);
    if (strcmp(type, "bool") == 0)
        return json_is_boolean(value);
    if (strcmp(type, "any") == 0)
        return 1;
    if (!json_is_string(value))
        return 0;
    return strcmp(type, "duration") != 0 ||
           duration_parse(json_string_value(value), &ms, NULL) == 0;
}

static int check_options(const struct driver *d, const char *where,
                         const json_t *binding, struct error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)binding, key, value)
    {
        const struct driver_option *o = find_option(d, key);
        int outcomes;
        if (strcmp(key, "driver") == 0)
            continue;
        if (!o)
            return unknown_option(d, where, key, err);
        outcomes = strcmp(o->type, "outcomes") == 0;
        if (!option_fits(o->type, value))
            return error_set(err, RB_INVALID, "%s.%s must be a %s%s (%s)",
                             where, key, outcomes ? "table of " : "", o->type,
                             o->text);
        if (outcomes && check_outcomes(d, where, key, value, err) != 0)
            return RB_INVALID;
    }
    for (const struct driver_option *o = d->options; o && o->name; o++) {
        if (o->required && !json_object_get(binding, o->name))
            return error_set(err, RB_INVALID, "%s needs %s: %s", where, o->name,
                             o->text);
    }
    return d->check ? d->check(binding, err) : 0;
}

static int place_known(const char *noun, const char *driver)
{
    for (const struct driver_place *p = driver_places; p->family; p++) {
        if (strcmp(p->family, noun) == 0 && strcmp(p->name, driver) == 0)
            return 1;
    }
    return 0;
}

/* Only what needs no library: a binding's options are checked when a call
   first uses it (environment_binding), so that start-up loads nothing. */
static int check_binding(const char *noun, const char *name,
                         const json_t *binding, struct error *err)
{
    const char *driver = value_text(binding, "driver", NULL);
    const struct driver *found;
    if (!json_is_object(binding) || !driver)
        return error_set(err, RB_INVALID,
                         "%s.%s must be a table with driver = \"...\"", noun,
                         name);
    if (place_known(noun, driver))
        return 0;
    driver_find(noun, driver, &found, err);
    error_prefix(err, "%s.%s: ", noun, name);
    return RB_INVALID;
}

static int check_noun(const char *noun, const json_t *bindings,
                      struct error *err)
{
    const char *name;
    json_t *binding;
    int rc = 0;
    if (!json_is_object(bindings))
        return error_set(err, RB_INVALID, "%s must be a table of bindings",
                         noun);
    json_object_foreach((json_t *)bindings, name, binding)
    {
        rc = check_binding(noun, name, binding, err);
        if (rc)
            break;
    }
    return rc;
}

/* People type it to confirm: nothing, or what does not show, is no name. */
static int check_name(const json_t *name, struct error *err)
{
    const char *text = json_string_value(name);
    size_t left = json_string_length(name), length;
    int good = left > 0 && left < NAME_SIZE;
    for (; good && left; text += length, left -= length) {
        length = utf8_length(text, left);
        good = length && !utf8_commands(text, length);
        length += !length;
    }
    return good ? 0
                : error_set(err, RB_INVALID,
                            "name must be a text of 1 to %d bytes without "
                            "control characters, which people type to confirm",
                            NAME_SIZE - 1);
}

static int check_table(const json_t *table, struct error *err)
{
    const char *key;
    json_t *value;
    int rc = 0;
    if (!json_is_object(table) || !value_text(table, "name", NULL))
        return error_set(err, RB_INVALID,
                         "an environment file returns a table with name = "
                         "\"...\"");
    rc = check_name(json_object_get(table, "name"), err);
    if (rc)
        return rc;
    json_object_foreach((json_t *)table, key, value)
    {
        rc = known_key(key, err);
        if (!rc && is_noun(key))
            rc = check_noun(key, value, err);
        if (rc)
            break;
    }
    return rc ? rc : grants_check(json_object_get(table, "grants"), err);
}

int environment_take(struct environment *e, const char *file, json_t *table,
                     struct error *err)
{
    char *slash;
    int rc = check_table(table, err);
    if (!rc)
        rc = limits_read(json_object_get(table, "limits"), &e->limits, err);
    if (!rc)
        rc = digest_value(table, e->digest);
    if (rc) {
        error_prefix(err, "environment %s: ", file);
        return RB_INVALID;
    }
    snprintf(e->name, sizeof e->name, "%s", value_text(table, "name", ""));
    snprintf(e->file, sizeof e->file, "%s", file);
    snprintf(e->root, sizeof e->root, "%s", file);
    slash = strrchr(e->root, '/');
    if (slash)
        *slash = '\0';
    e->table = json_incref(table);
    return 0;
}

void environment_add(const struct environment *e, const char *verb,
                     struct error *err)
{
    int length = (int)verb_noun(verb);
    char noun[32], drivers[120] = "";
    snprintf(noun, sizeof noun, "%.*s", length, verb);
    for (const struct driver_place *p = driver_places; p->family; p++) {
        size_t used = strlen(drivers);
        if (strcmp(p->family, noun) == 0)
            snprintf(drivers + used, sizeof drivers - used, "%s\"%s\"",
                     used ? " or " : "", p->name);
    }
    error_next(err, "%s: add NAME = { driver = %s, ... } to %s = { ... }",
               place_shown(e->file), drivers, noun);
}

static int no_binding(const struct environment *e, const char *noun,
                      const struct verb *v, const char *wanted,
                      struct error *err)
{
    const json_t *all = json_object_get(e->table, noun);
    char known[400] = "";
    const char *key;
    json_t *value;
    struct nearest n;
    nearest_start(&n, wanted ? wanted : "");
    json_object_foreach((json_t *)all, key, value)
    {
        size_t used = strlen(known);
        (void)value;
        nearest_offer(&n, key);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                 key);
    }
    if (wanted)
        error_set(err, RB_NOTFOUND,
                  "%s: environment %s binds no %s \"%s\" (%s%s%sit has: %s)",
                  v->name, e->name, noun, wanted,
                  n.best ? "did you mean \"" : "", n.best ? n.best : "",
                  n.best ? "\"? " : "", known[0] ? known : "none");
    else
        error_set(err, RB_NOTFOUND, "%s: say %s = ..., environment %s binds %s",
                  v->name, v->system, e->name,
                  known[0] ? known : "none of that noun");
    environment_add(e, v->name, err);
    return RB_NOTFOUND;
}

int environment_binding(const struct environment *e, const struct verb *v,
                        const json_t *args, const char **name,
                        const json_t **binding, struct error *err)
{
    char noun[32], where[200];
    const json_t *all;
    const struct driver *d;
    int rc;
    *name = NULL;
    *binding = NULL;
    if (!v->system)
        return 0;
    snprintf(noun, sizeof noun, "%.*s", (int)verb_noun(v->name), v->name);
    all = json_object_get(e->table, noun);
    *name = value_text(args, v->system, NULL);
    if (!*name && json_object_size(all) == 1)
        *name = json_object_iter_key(json_object_iter((json_t *)all));
    *binding = *name ? json_object_get(all, *name) : NULL;
    if (!*binding)
        return no_binding(e, noun, v, *name, err);
    snprintf(where, sizeof where, "environment %s: %s.%s", e->name, noun,
             *name);
    rc = driver_find(noun, value_text(*binding, "driver", ""), &d, err);
    if (!rc)
        rc = check_options(d, where, *binding, err);
    if (!rc && !driver_verb(d, v->name))
        rc = error_set(err, RB_NOTFOUND, "%s: the driver %s does not do %s",
                       where, d->name, v->name);
    return rc;
}

int environment_granted(const struct environment *e, const char *runbook,
                        const struct verb *v, const char *system,
                        struct error *err)
{
    char grant[300];
    if (grants_allow(e->table, runbook, v->name, system))
        return 0;
    snprintf(grant, sizeof grant, "\"%s%s%s\"", v->name, system[0] ? " " : "",
             system);
    error_set(err, RB_DENIED, "%s%s%s is not granted to %s in environment %s",
              v->name, system[0] ? " on " : "", system, runbook, e->name);
    grants_way_out(e->file, e->table, runbook, grant, err);
    return RB_DENIED;
}

void environment_free(struct environment *e)
{
    json_decref(e->table);
    e->table = NULL;
}
