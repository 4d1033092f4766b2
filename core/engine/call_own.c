/* Verbs without a driver, which the engine answers itself: the clock, and
   whether a secret is there. */
#define _GNU_SOURCE
#include "../store/io.h"
#include "call_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void answer_clock(struct call *c)
{
    char text[32];
    int64_t now = clock_wall();
    time_t seconds = (time_t)(now / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    call_answer(
        c, OUTCOME_OK,
        json_pack("{s:f, s:s}", "seconds", (double)now / 1000.0, "text", text),
        NULL);
}

/* "noun.binding.key" in the environment, or the reference itself. */
static const char *find_reference(const struct environment *e, const char *name)
{
    char copy[256], *rest = copy, *part;
    const json_t *at = e->table;
    if (secret_is_reference(name))
        return name;
    snprintf(copy, sizeof copy, "%s", name);
    while (at && (part = strsep(&rest, ".")))
        at = json_object_get(at, part);
    name = json_string_value(at);
    return name && secret_is_reference(name) ? name : NULL;
}

/* Only what the environment refers to: a runbook cannot feel its way
   through the engine's variables and files. */
static int refers(const json_t *in, const char *reference)
{
    const char *key;
    json_t *member;
    size_t i;
    if (json_is_string(in))
        return strcmp(json_string_value(in), reference) == 0;
    json_object_foreach((json_t *)in, key, member)
    {
        if (refers(member, reference))
            return 1;
    }
    json_array_foreach(in, i, member)
    {
        if (refers(member, reference))
            return 1;
    }
    return 0;
}

static void answer_secret(struct call *c, const struct call_context *x)
{
    const char *asked = value_text(call_args(c), "secret", "");
    const char *reference = find_reference(x->environment, asked);
    struct error err;
    char *value;
    size_t size;
    if (!reference || !refers(x->environment->table, reference)) {
        snprintf(err.message, sizeof err.message,
                 "environment %s refers to no secret \"%s\"",
                 x->environment->name, asked);
        call_answer(c, OUTCOME_NOT_FOUND, NULL, err.message);
        return;
    }
    if (secret_read(x->secrets, reference, &value, &size, &err) != 0) {
        call_answer(c, OUTCOME_NOT_FOUND, NULL, err.message);
        return;
    }
    explicit_bzero(value, size);
    free(value);
    call_answer(
        c, OUTCOME_OK,
        json_pack("{s:b, s:I}", "present", 1, "bytes", (json_int_t)size), NULL);
}

int call_answer_own(struct call *c, const struct call_context *x)
{
    if (strcmp(c->verb->name, "clock.now") == 0)
        answer_clock(c);
    else if (strcmp(c->verb->name, "secret.check") == 0)
        answer_secret(c, x);
    else
        return 0;
    return 1;
}
