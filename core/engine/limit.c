#define _GNU_SOURCE
#include "limit.h"
#include "../store/place.h"
#include "../wire/frame.h"
#include "nearest.h"

#include <stdio.h>
#include <string.h>

#define LOOP "look for a loop without an end, or for one that is too long"

const struct limit limit_table[LIMIT_COUNT] = {
    /* lua/budget.c */
    {"instructions", "instructions", 1000000000, 1000000, 1000000000000, 1,
     "Lua instructions of the whole run", LOOP},
    {"memory", "bytes", 64 << 20, 8 << 20, (int64_t)4 << 30, 1,
     "bytes held by Lua at one time",
     "look for a table or a text that only grows, or for a function that "
     "calls itself without an end"},
    /* the kernel: RLIMIT_CPU, lua/jail.c */
    {"cpu", "seconds", 20, 1, 3600, 0, "seconds of processor time", LOOP},
    /* the engine, from here on */
    {"wall", "seconds", 60, 1, 3600, 0,
     "seconds that pass while the runbook itself works, in all: not those in "
     "which it waits for an answer",
     LOOP ", or for a machine that is too busy"},
    {"calls", "calls", 100000, 1, 10000000, 1, "calls of the whole run",
     "look for a loop that asks too often: put a wait into it"},
    {"output", "bytes", 64 << 20, 1 << 20, (int64_t)1 << 30, 1,
     "bytes of all that the runbook asks and says, and 200 for each time",
     "look for large arguments and texts in a loop"},
    {"log", "bytes", 1 << 20, 1 << 10, 64 << 20, 1,
     "bytes of all log lines, and 100 for each", "look for log(...) in a loop"},
    {"frame", "bytes", FRAME_MAX_DOCUMENT, 64 << 10, FRAME_MAX_DOCUMENT, 1,
     "bytes of one call, with its arguments, or of one log line",
     "put large things into a file, and name the file"},
    {"source", "bytes", 256 << 10, 1 << 10, 256 << 10, 1,
     "bytes of one source file", "split the file into modules"},
};

const struct limit *limit_find(const char *name)
{
    for (int i = 0; i < LIMIT_COUNT; i++) {
        if (strcmp(limit_table[i].name, name) == 0)
            return &limit_table[i];
    }
    return NULL;
}

void limits_default(struct limits *l)
{
    for (int i = 0; i < LIMIT_COUNT; i++)
        l->value[i] = limit_table[i].otherwise;
}

static int unknown_limit(const char *name, struct error *err)
{
    struct nearest n;
    nearest_start(&n, name);
    for (int i = 0; i < LIMIT_COUNT; i++)
        nearest_offer(&n, limit_table[i].name);
    error_set(err, RB_INVALID, "limits.%s: there is no such limit%s%s%s", name,
              n.best ? " (did you mean \"" : "", n.best ? n.best : "",
              n.best ? "\"?)" : "");
    error_next(err, "rbrun help limits");
    return RB_INVALID;
}

static int take_limit(const char *name, const json_t *value, struct limits *out,
                      struct error *err)
{
    const struct limit *l = limit_find(name);
    if (!l)
        return unknown_limit(name, err);
    if (!json_is_integer(value) || json_integer_value(value) < l->least ||
        json_integer_value(value) > l->most) {
        error_set(err, RB_INVALID,
                  "limits.%s must be a whole number of %s from %lld to %lld",
                  name, l->unit, (long long)l->least, (long long)l->most);
        error_next(err, "rbrun help limits");
        return RB_INVALID;
    }
    out->value[l - limit_table] = json_integer_value(value);
    return 0;
}

int limits_read(const json_t *table, struct limits *out, struct error *err)
{
    const char *name;
    json_t *value;
    int rc = 0;
    limits_default(out);
    if (table && !json_is_object(table) &&
        !(json_is_array(table) && !json_array_size(table))) {
        error_set(err, RB_INVALID, "limits must be a table: { cpu = 60 }");
        error_next(err, "rbrun help limits");
        return RB_INVALID;
    }
    json_object_foreach((json_t *)table, name, value)
    {
        rc = take_limit(name, value, out, err);
        if (rc)
            break;
    }
    return rc;
}

json_t *limits_document(const struct limits *l)
{
    json_t *table = json_object();
    for (int i = 0; i < LIMIT_COUNT; i++)
        json_object_set_new(table, limit_table[i].name,
                            json_integer(l->value[i]));
    return table;
}

/* "1000154", or "20.05" where a clock was read. */
static void amount(double n, char *out, size_t size)
{
    if (n < 1e15 && n == (double)(int64_t)n)
        snprintf(out, size, "%lld", (long long)n);
    else
        snprintf(out, size, "%.2f", n);
}

/* "bytes", or "bytes, 16 MiB" where that is all of it. */
static void unit_of(const struct limit_hit *hit, char *out, size_t size)
{
    const char *unit = limit_table[hit->id].unit;
    long long kib = (long long)hit->value >> 10;
    if (strcmp(unit, "bytes") != 0 || !kib || hit->value & 1023)
        snprintf(out, size, "%s", unit);
    else if (kib & 1023)
        snprintf(out, size, "bytes, %lld KiB", kib);
    else
        snprintf(out, size, "bytes, %lld MiB", kib >> 10);
}

int limit_tell(const struct limit_hit *hit, const char *what, const char *file,
               struct error *err)
{
    const struct limit *l = &limit_table[hit->id];
    char used[64] = "more", unit[64];
    if (hit->used > 0)
        amount(hit->used, used, sizeof used);
    unit_of(hit, unit, sizeof unit);
    if (hit->id == LIMIT_SOURCE) /* nothing of it has run */
        error_set(err, RB_TOOBIG,
                  "%s was refused by the limit source = %lld (%s): %s has %s "
                  "bytes",
                  what, (long long)hit->value, unit, hit->where, used);
    else
        error_set(err, RB_TOOBIG,
                  "%s was ended by the limit %s = %lld (%s; it used %s), last "
                  "seen at %s",
                  what, l->name, (long long)hit->value, unit, used,
                  hit->where[0] ? hit->where : "an unknown line");
    limit_advise(hit, file, NULL, err);
    return RB_TOOBIG;
}

void limit_advise(const struct limit_hit *hit, const char *file,
                  const char *resume, struct error *err)
{
    const struct limit *l = &limit_table[hit->id];
    if (!file || hit->value >= l->most)
        error_next(err, "%s", l->advice);
    else if (resume)
        error_next(
            err,
            "%s; if it must be so, set limits = { %s = ... } in %s, then: "
            "rbrun resume %s --environment %s",
            l->advice, l->name, place_shown(file), resume, place_shown(file));
    else
        error_next(err, "%s; if it must be so, set limits = { %s = ... } in %s",
                   l->advice, l->name, place_shown(file));
}

json_t *limit_fields(const struct limit_hit *hit)
{
    const struct limit *l = &limit_table[hit->id];
    json_t *fields = json_pack("{s:s, s:I, s:s, s:b}", "limit", l->name,
                               "value", (json_int_t)hit->value, "unit", l->unit,
                               "repeats", l->repeats);
    if (hit->used > 0)
        json_object_set_new(fields, "used", json_real(hit->used));
    if (hit->where[0])
        json_object_set_new(fields, "where", json_string(hit->where));
    return fields;
}
