/*
 * What the "memory" member of each driver family remembers: for drills and
 * tests of runbooks, with no system behind it. The state of all families and
 * bindings is one JSON file, {family: {binding: {..}}}, named by the option
 * `state`; a binding that is not in it yet starts with what the environment
 * says. Without the option a write is answered and forgotten.
 *
 * Never blocks for more than a moment, so these drivers are quick.
 */
#ifndef RBRUN_DRIVERS_MEMORY_H
#define RBRUN_DRIVERS_MEMORY_H

#include "driver.h"

/* Rows for a driver's table of options. */
#define MEMORY_OPTIONS                                                         \
    {"state", "path", 0,                                                       \
     "a JSON file that keeps the state between calls and runs; without it "    \
     "writes are answered and forgotten"},                                     \
    {                                                                          \
        "fail", "outcomes", 0,                                                 \
            "verb = outcome: answer it so, as [\"deploy.release\"] = "         \
            "\"not_reached\""                                                  \
    }

struct memory {
    char path[4096]; /* "" when nothing is kept */
    int lock;        /* descriptor, or -1 */
    json_t *all;     /* the document */
    json_t *mine;    /* borrowed from all: this binding's object */
};

/*
 * Read the state of c's binding. keys (ends with NULL) are the options that
 * the state starts with. write: hold the lock until memory_close. Returns 0,
 * or -1 with the answer filled, also when the option `fail` says so.
 */
int memory_open(struct memory *m, const struct driver_call *c,
                const char *const *keys, int write, struct driver_answer *a);

/* Keep what was changed in m->mine. Returns 0, or -1 with the answer
   filled. */
int memory_save(struct memory *m, struct driver_answer *a);
void memory_close(struct memory *m);

#endif
