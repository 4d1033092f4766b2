/*
 * What a runbook may use up. Each limit has a default, can be set in the
 * environment (never by the runbook), and ends the runbook's process when it
 * is reached. This file knows the table and the words; who enforces which
 * limit is in the table's comments, and in run_limits.c and lua/budget.c.
 */
#ifndef RBRUN_ENGINE_LIMIT_H
#define RBRUN_ENGINE_LIMIT_H

#include "../wire/error.h"
#include "../wire/value.h"

#include <stddef.h>
#include <stdint.h>

enum limit_id {
    LIMIT_INSTRUCTIONS,
    LIMIT_MEMORY,
    LIMIT_CPU,
    LIMIT_WALL,
    LIMIT_CALLS,
    LIMIT_OUTPUT,
    LIMIT_LOG,
    LIMIT_FRAME,
    LIMIT_SOURCE,
    LIMIT_COUNT
};

struct limit {
    const char *name; /* in `limits = { ... }` of an environment */
    const char *unit; /* "instructions", "bytes", "seconds", "calls" */
    int64_t otherwise, least, most;
    /* The same program with the same answers reaches it at the same place,
       so a replay does, too. What is not, is replayed as an event. */
    int repeats;
    const char *text;   /* what is counted */
    const char *advice; /* what to look for when it is reached */
};

extern const struct limit limit_table[LIMIT_COUNT];

struct limits {
    int64_t value[LIMIT_COUNT];
};

/* A limit that was reached. */
struct limit_hit {
    int reached;
    enum limit_id id;
    int64_t value;
    double used;     /* in the limit's unit; 0 when nobody knows */
    char where[160]; /* "api.lua:12", or "" when no line is known */
};

void limits_default(struct limits *l);

/*
 * Take `limits` of an environment (NULL: the defaults). RB_INVALID names the
 * key that is unknown, not a whole number, or outside what is possible.
 */
int limits_read(const json_t *table, struct limits *out, struct error *err);

/* The limits as a document for START. New reference. */
json_t *limits_document(const struct limits *l);

/*
 * Fill err: which limit, its value, what was used, the line, and where it is
 * set. what: "the runbook"; file: the environment's, or NULL for what has
 * none. Returns RB_TOOBIG.
 */
int limit_tell(const struct limit_hit *hit, const char *what, const char *file,
               struct error *err);

/* What to do next, for err. resume: the run that can go on with other limits,
   or NULL. */
void limit_advise(const struct limit_hit *hit, const char *file,
                  const char *resume, struct error *err);

/* The same as fields of a `limit` record. New reference. */
json_t *limit_fields(const struct limit_hit *hit);

/* The limit of that name, or NULL. */
const struct limit *limit_find(const char *name);

#endif
