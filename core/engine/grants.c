#define _GNU_SOURCE
#include "grants.h"
#include "../store/place.h"
#include "grant_line.h"
#include "nearest.h"
#include "verb.h"

#include <stdio.h>
#include <string.h>

#define ENVIRONMENT_MAX (1u << 20)

struct grant {
    char verb[128];
    char system[128];
};

int pattern_covers(const char *pattern, const char *name)
{
    size_t size = strlen(pattern);
    if (size && pattern[size - 1] == '*')
        return strncmp(pattern, name, size - 1) == 0;
    return strcmp(pattern, name) == 0;
}

static int has_star(const char *pattern)
{
    size_t size = strlen(pattern);
    return size && pattern[size - 1] == '*';
}

/* "verb name" in two. Nothing is cut short: "a*b" could become "a*". */
static int split(const char *text, struct grant *g)
{
    const char *blank = text ? strchr(text, ' ') : NULL;
    size_t length;
    if (!text)
        return RB_INVALID;
    length = blank ? (size_t)(blank - text) : strlen(text);
    if (!length || length >= sizeof g->verb)
        return RB_INVALID;
    memcpy(g->verb, text, length);
    g->verb[length] = '\0';
    if (blank && strlen(blank + 1) >= sizeof g->system)
        return RB_INVALID;
    snprintf(g->system, sizeof g->system, "%s", blank ? blank + 1 : "");
    return strchr(g->system, ' ') ? RB_INVALID : 0;
}

/* -- their form --------------------------------------------------------- */

static int some_verb(const char *pattern)
{
    for (const struct verb *v = verb_table; v->name; v++) {
        if (pattern_covers(pattern, v->name))
            return 1;
    }
    return 0;
}

static int check_one(const char *runbook, const json_t *text, struct error *err)
{
    struct grant g;
    const char *near;
    if (split(json_string_value(text), &g) != 0)
        return error_set(err, RB_INVALID,
                         "grants[\"%s\"]: a grant is \"verb name\", such as "
                         "\"deploy.* api\"",
                         runbook);
    if (some_verb(g.verb))
        return 0;
    near = verb_nearest(g.verb);
    return error_set(err, RB_INVALID,
                     "grants[\"%s\"]: there is no verb \"%s\"%s%s%s", runbook,
                     g.verb, near ? " (did you mean \"" : "", near ? near : "",
                     near ? "\"?)" : "");
}

/* Calls f for each grant until one is not fine. */
static int each(const json_t *grants,
                int (*f)(const char *runbook, const json_t *text, void *data,
                         struct error *err),
                void *data, struct error *err)
{
    const char *runbook;
    json_t *list;
    json_object_foreach((json_t *)grants, runbook, list)
    {
        for (size_t i = 0; i < json_array_size(list); i++) {
            int rc = f(runbook, json_array_get(list, i), data, err);
            if (rc)
                return rc;
        }
    }
    return 0;
}

static int check_form(const char *runbook, const json_t *text, void *data,
                      struct error *err)
{
    (void)data;
    return check_one(runbook, text, err);
}

int grants_check(const json_t *grants, struct error *err)
{
    const char *runbook;
    json_t *list;
    if (grants && !json_is_object(grants))
        return error_set(err, RB_INVALID,
                         "grants must be a table: [\"api.lua\"] = { ... }");
    json_object_foreach((json_t *)grants, runbook, list)
    {
        int empty = json_is_object(list) && !json_object_size(list);
        if (!json_is_array(list) && !empty)
            return error_set(err, RB_INVALID,
                             "grants[\"%s\"] must be a list: { \"deploy.* "
                             "api\" }",
                             runbook);
    }
    return each(grants, check_form, NULL, err);
}

/* -- their names -------------------------------------------------------- */

struct bound {
    const json_t *table;
    const char *runbook; /* the key of the grant that is not fine */
};

/* The bindings of a verb's noun. */
static const json_t *bindings_of(const json_t *table, const struct verb *v)
{
    char noun[32];
    snprintf(noun, sizeof noun, "%.*s", (int)verb_noun(v->name), v->name);
    return json_object_get(table, noun);
}

/* Is anything bound that the grant's name covers? Else the nearest name and
   the noun's verb are left in n and *verb. */
static int names_something(const json_t *table, const struct grant *g,
                           struct nearest *n, const struct verb **verb)
{
    *verb = NULL;
    nearest_start(n, g->system);
    for (const struct verb *v = verb_table; v->name; v++) {
        const char *name;
        json_t *binding;
        if (!v->system || !pattern_covers(g->verb, v->name))
            continue;
        *verb = *verb ? *verb : v;
        json_object_foreach((json_t *)bindings_of(table, v), name, binding)
        {
            (void)binding;
            if (pattern_covers(g->system, name))
                return 1;
            nearest_offer(n, name);
        }
    }
    return *verb == NULL;
}

static int only_systems(const char *pattern)
{
    for (const struct verb *v = verb_table; v->name; v++) {
        if (!v->system && pattern_covers(pattern, v->name))
            return 0;
    }
    return 1;
}

static int check_bound(const char *runbook, const json_t *text, void *data,
                       struct error *err)
{
    struct bound *b = data;
    const struct verb *v;
    struct grant g;
    struct nearest n;
    if (split(json_string_value(text), &g) != 0 || has_star(g.system) ||
        (!g.system[0] && !only_systems(g.verb)))
        return 0;
    if (g.system[0] && names_something(b->table, &g, &n, &v))
        return 0;
    b->runbook = runbook;
    if (!g.system[0])
        return error_set(err, RB_INVALID,
                         "grants[\"%s\"]: \"%s\" does not say on what: write "
                         "\"%s NAME\", or \"%s *\"",
                         runbook, g.verb, g.verb, g.verb);
    return error_set(err, RB_INVALID,
                     "grants[\"%s\"]: \"%s %s\" grants nothing: no %.*s is "
                     "called \"%s\" here%s%s%s",
                     runbook, g.verb, g.system, (int)verb_noun(v->name),
                     v->name, g.system, n.best ? " (did you mean \"" : "",
                     n.best ? n.best : "", n.best ? "\"?)" : "");
}

static int line_of(const char *file, const char *key)
{
    struct buf source = BUF_INIT(ENVIRONMENT_MAX);
    struct error ignored;
    int line = 0;
    if (place_read(file, ENVIRONMENT_MAX, &source, &ignored) == 0)
        line = grant_line(buf_text(&source), source.size, key);
    buf_free(&source);
    return line;
}

int grants_bound(const char *file, const json_t *table, struct error *err)
{
    struct bound b = {table, NULL};
    int rc = each(json_object_get(table, "grants"), check_bound, &b, err);
    int line = rc ? line_of(file, b.runbook) : 0;
    if (!rc)
        return 0;
    if (line)
        error_prefix(err, "environment %s:%d: ", file, line);
    else
        error_prefix(err, "environment %s: ", file);
    return rc;
}

/* -- asking them -------------------------------------------------------- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int list_allows(const json_t *list, const char *verb, const char *system)
{
    struct grant g;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (split(text, &g) == 0 && pattern_covers(g.verb, verb) &&
            (!system[0] || pattern_covers(g.system, system)))
            return 1;
    }
    return 0;
}

int grants_allow(const json_t *table, const char *runbook, const char *verb,
                 const char *system)
{
    const json_t *grants = json_object_get(table, "grants");
    const char *keys[] = {runbook, base_name(runbook), "*"};
    for (size_t i = 0; i < 3; i++) {
        if (list_allows(json_object_get(grants, keys[i]), verb, system))
            return 1;
    }
    return 0;
}

/* -- the line to change ------------------------------------------------- */

/*
 * The runbook's own entry: the one for "*" would grant it to everybody. When
 * the table has the entry and the text does not, code has made it, and only
 * a person can say where.
 */
void grants_way_out(const char *file, const json_t *table, const char *runbook,
                    const char *list, struct error *err)
{
    const json_t *grants = json_object_get(table, "grants");
    const char *keys[] = {runbook, base_name(runbook)}, *made = NULL;
    const char *shown = place_shown(file);
    int line;
    for (size_t i = 0; i < 2; i++) {
        made = !made && json_object_get(grants, keys[i]) ? keys[i] : made;
        line = line_of(file, keys[i]);
        if (!line)
            continue;
        error_next(err, "%s:%d: add %s to grants[\"%s\"]", shown, line, list,
                   keys[i]);
        return;
    }
    line = made ? 0 : line_of(file, NULL);
    if (made)
        error_next(err, "%s: add %s to grants[\"%s\"]", shown, list, made);
    else if (line)
        error_next(err, "%s:%d: add [\"%s\"] = { %s } to grants", shown, line,
                   runbook, list);
    else if (grants)
        error_next(err, "%s: add [\"%s\"] = { %s } to grants", shown, runbook,
                   list);
    else
        error_next(err, "%s: add grants = { [\"%s\"] = { %s } }", shown,
                   runbook, list);
}
