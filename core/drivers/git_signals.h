/*
 * What CI said about a commit, and what it amounts to. One rule for every
 * source: any failure makes a commit red; otherwise anything still running
 * makes it pending; otherwise anything not understood, or nothing at all,
 * leaves it unknown; green is only what at least one signal called good and
 * none called otherwise.
 */
#ifndef RBRUN_DRIVERS_GIT_SIGNALS_H
#define RBRUN_DRIVERS_GIT_SIGNALS_H

#include "../wire/error.h"

#include <jansson.h>
#include <stddef.h>

#define GIT_SIGNALS_MAX 1000

enum git_signal {
    GIT_SIGNAL_SUCCESS,
    GIT_SIGNAL_FAILURE,
    GIT_SIGNAL_PENDING,
    GIT_SIGNAL_UNKNOWN /* a word that is none of the above */
};

struct git_signals {
    json_t *list;    /* owned: {"name","state"}, in the order of the source */
    size_t count[4]; /* by enum git_signal */
};

#define GIT_SIGNALS_INIT                                                       \
    {                                                                          \
        NULL,                                                                  \
        {                                                                      \
            0, 0, 0, 0                                                         \
        }                                                                      \
    }

/* Add one. RB_TOOBIG or RB_NOMEM, so that none is lost quietly. */
int git_signals_add(struct git_signals *s, const char *name, size_t name_size,
                    enum git_signal signal);

/* "green", "red", "pending" or "unknown". */
const char *git_signals_state(const struct git_signals *s);

void git_signals_free(struct git_signals *s);

/*
 * Read a note: a line for each signal, either
 *     build: success
 *     {"name":"build","state":"success"}
 * with success, failure or pending; the name may contain colons. Empty lines
 * and lines that begin with # are skipped. Anything else, including other
 * words, is a signal whose state is unknown. A re-run replaces the note
 * (git notes add -f): when notes were merged, the order of the lines no
 * longer says which result is the newer one, so every line counts.
 *
 * JSON is parsed in the driver's process by the wire's codec, a line of at
 * most 4 KiB: this driver holds no secret but its own token, which whoever
 * writes to the repository's notes could not be sent by a parser.
 */
int git_signals_note(struct git_signals *s, const char *text, size_t size);

#endif
