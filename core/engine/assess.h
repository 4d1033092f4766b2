/*
 * The assessment of migrations, for a command: in a process of its own, a
 * fork of the engine as a driver process is, so that Ctrl-C, a crash of what
 * it asks, and a database that hangs end it and not the one who waits. No
 * environment, no run and no journal is needed; with an environment it is
 * one call of migrate.assess.
 */
#ifndef RBRUN_ENGINE_ASSESS_H
#define RBRUN_ENGINE_ASSESS_H

#include "../drivers/assess.h"

/*
 * Ask, and hand on each line (see assess.h; borrowed) as it comes. take
 * returns nonzero to end it. Returns 0; what take returned; the codes of
 * assess_answer; RB_CLOSED with err->message when a signal ended it
 * (run_stop_requested() says which).
 */
typedef int assess_take(void *data, const json_t *line);
int assess_ask(const struct assess_question *q, assess_take *take, void *data,
               struct error *err);

/* The same of a live database: name is that of an environment or a path,
   database may be NULL. The one line is a net, as migrate.assess answered. */
struct assess_live {
    const char *environment, *database;
    const char *from, *to;
};
int assess_ask_live(const struct assess_live *q, assess_take *take, void *data,
                    struct error *err);

#endif
