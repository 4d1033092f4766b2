/*
 * A program that a binding names: its argument vector with placeholders, the
 * environment it may have, its directory, and what to make of how it ended.
 * For drivers whose far side is a command. It reads these options of the
 * binding, see PROGRAM_OPTIONS: environment, set, directory.
 *
 * A placeholder such as {version} is replaced inside one argument, and the
 * result stays one argument whatever it contains; what is put in is not
 * looked at again. There is no shell.
 */
#ifndef RBRUN_DRIVERS_PROGRAM_H
#define RBRUN_DRIVERS_PROGRAM_H

#include "driver.h"
#include "process.h"

/* Rows for a driver's table of options. */
#define PROGRAM_OPTIONS                                                        \
    {"environment", "list", 0,                                                 \
     "names of variables handed on from rbrun's own environment; without it "  \
     "the program has PATH and LC_ALL=C only"},                                \
        {"set", "table", 0,                                                    \
         "NAME = value: variables set for the program; values may be "         \
         "secrets"},                                                           \
    {                                                                          \
        "directory", "path", 0, "where the program runs"                       \
    }

struct program_value {
    const char *name; /* "version", NULL ends the list */
    const char *text; /* NULL counts as not given: stays as written */
};

struct program {
    const json_t *argv;                 /* list of texts */
    const json_t *more;                 /* appended as they are, or NULL */
    const struct program_value *values; /* may be NULL */
    int64_t timeout;                    /* ms, more than 0 */
};

/*
 * Run it and wait. The values of `set` (of 6 bytes or more) are replaced by
 * "[NAME]" in what it wrote, before anybody sees it. Returns 0 once it has
 * ended; RB_NOTFOUND (no such program), RB_IO (could not be started),
 * RB_INVALID or RB_TOOBIG (its options are unusable): then nothing has run.
 * Free the result with process_result_free in every case.
 */
int program_run(const struct driver_call *c, const struct program *p,
                struct process_result *r, struct error *err);

/* Answer that it did not start: rc and err as program_run gave them. */
int program_not_started(struct driver_answer *a, int rc,
                        const struct error *err);

/*
 * The outcome of a program that has ended: 0 is ok; 75 and 77 are what
 * sysexits(3) calls EX_TEMPFAIL (retryable) and EX_NOPERM (auth); any other
 * status is rejected; one that was killed left an unknown outcome.
 */
enum outcome program_outcome(const struct process_result *r);

/*
 * Append what it wrote to the artifact call-N.log. Returns 0 or RB_IO; a
 * caller tells it as progress, it is no reason to fail.
 */
int program_keep(const struct driver_call *c, const char *title,
                 const struct process_result *r, struct error *err);

/* The last size bytes as a text, bytes that are no UTF-8 as U+FFFD. A new
   reference, or NULL without memory. */
json_t *program_text(const struct buf *b, size_t size);

/* Check the lists named in keys (ends with NULL; absent ones pass) and the
   options above, when the environment is read. RB_INVALID. */
int program_check(const json_t *binding, const char *const *keys,
                  struct error *err);

#endif
