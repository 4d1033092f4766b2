/*
 * Verbs: every call a runbook can make, one row each. The row is the single
 * source for the argument check, the grant check, `rbrun help VERB`, the
 * reference page, the editor's stubs, luacheck's globals and completion.
 */
#ifndef RBRUN_ENGINE_VERB_H
#define RBRUN_ENGINE_VERB_H

#include "../wire/error.h"
#include "../wire/value.h"

#include <stddef.h>

enum effect {
    EFFECT_READ,    /* learns something, changes nothing */
    EFFECT_WRITE,   /* changes production */
    EFFECT_NOTIFY,  /* tells people; never fails a run */
    EFFECT_WAIT,    /* lets time pass */
    EFFECT_CLEANUP, /* tidies up; never fails a run */
    EFFECTS
};
const char *effect_name(enum effect e);

struct verb_parameter {
    const char *name;
    const char *type; /* text int number bool duration list table any */
    const char *unit; /* for people: "commit or tag", "share 0..1", "" */
    int required;
    const char *text;
};

struct verb_result {
    const char *name;
    const char *type;
    const char *text;
};

struct verb {
    const char *name; /* "metric.query" */
    enum effect effect;
    const char *system; /* the parameter that names the binding, or NULL */
    const char *summary;
    const struct verb_parameter *parameters; /* ends with a NULL name */
    const struct verb_result *results;       /* fields of the answer */
    const char *outcomes;                    /* names, blank separated */
    const char *timeout;    /* default of the engine's limit: "30s" */
    const char *reads_back; /* for a write: the read whose answer it changes */
    const char *example;    /* a line of a runbook */
};

extern const struct verb verb_table[]; /* ends with a NULL name */

/* The row of a name, or NULL. */
const struct verb *verb_find(const char *name);

/* The known name nearest to a mistyped one, or NULL when none is near. */
const char *verb_nearest(const char *name);

/* Length of the noun of a verb's name: 6 for "metric.query". */
size_t verb_noun(const char *name);

/*
 * Check the arguments of a call against its row: unknown keys, wrong types,
 * missing ones, durations without a unit. Returns 0 or RB_INVALID with a
 * message that names the argument and the nearest known one.
 */
int verb_check(const struct verb *v, const json_t *args, struct error *err);

#endif
