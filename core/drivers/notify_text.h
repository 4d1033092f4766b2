/*
 * What the notify drivers share: the words of a notice, made safe for a
 * channel, and the few tries that it gets. The text of a notice is hostile:
 * parts of it come from commit messages, from metric labels, from servers.
 */
#ifndef RBRUN_DRIVERS_NOTIFY_TEXT_H
#define RBRUN_DRIVERS_NOTIFY_TEXT_H

#include "../wire/buf.h"
#include "driver.h"

#define NOTIFY_TRIES 3
#define NOTIFY_MAX_TEXT 4000 /* bytes; a longer one is cut with "..." */

struct notice {
    const char *text;
    const char *title;    /* NULL when there is none */
    const char *severity; /* "info", "warning" or "critical" */
};

/* Read it from the call's arguments. 0, or RB_INVALID with *a filled. */
int notify_read(const struct driver_call *c, struct notice *n,
                struct driver_answer *a);

/*
 * Append text as plain characters: control characters but line feed and tab
 * are left out, so are the ones that reorder or hide text (Unicode
 * bidirectional controls, zero width); at most max bytes, never half a
 * character. Returns 0, RB_NOMEM or RB_TOOBIG.
 */
int notify_plain(struct buf *b, const char *text, size_t max);

/* The same on one line, for a heading. */
int notify_line(struct buf *b, const char *text, size_t max);

/* Append "api in lab, run 20261121-7F3K": where the notice comes from. */
int notify_origin(struct buf *b, const struct driver_call *c);

/*
 * One try within timeout ms. It fills *a (OUTCOME_OK without a value) and
 * may set *pause to the ms that the peer asks to wait.
 */
typedef void notify_try(void *context, int64_t timeout, int64_t *pause,
                        struct driver_answer *a);

/*
 * Try until one succeeds, at most NOTIFY_TRIES times and within the call's
 * time. Again only after a failure that certainly delivered nothing, or,
 * when keyed, after one that may have. Fills *a; returns 0.
 */
int notify_deliver(const struct driver_call *c, int keyed, notify_try *try,
                   void *context, struct driver_answer *a);

#endif
