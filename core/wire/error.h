/*
 * What went wrong, told by whoever saw it. A struct error belongs to the
 * caller; the callee fills it where the failure happens. Functions return 0
 * or one of these negative codes; on 0 the struct error is untouched.
 */
#ifndef RBRUN_WIRE_ERROR_H
#define RBRUN_WIRE_ERROR_H

#include <stdarg.h>

enum {
    RB_OK = 0,
    RB_NOMEM = -1,    /* memory, or a maximum of ours, is used up */
    RB_IO = -2,       /* the operating system said no */
    RB_INVALID = -3,  /* malformed input */
    RB_TOOBIG = -4,   /* over a stated maximum */
    RB_NOTFOUND = -5, /* the named thing does not exist */
    RB_BUSY = -6,     /* somebody else holds it */
    RB_CORRUPT = -7,  /* what we wrote ourselves does not fit together */
    RB_DENIED = -8,   /* not granted, or no credentials */
    RB_CLOSED = -9,   /* the peer is gone */
    RB_DIVERGED = -10 /* the program asks for something else than it did */
};

struct error {
    int code;           /* one of the above, 0 when nothing happened */
    char message[1536]; /* object and cause, without a final newline */
    char next[512];     /* the way out: a command, or a line to change */
};

/*
 * Fill *err and return code, so that a failure is one statement.
 * Control characters in the formatted text are shown as \xNN.
 */
int error_set(struct error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int error_setv(struct error *err, int code, const char *format, va_list args);

/* The same, with the text of errno behind the message. */
int error_set_errno(struct error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Say what the reader can do about it; replaces an earlier hint. */
void error_next(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Put text before the message: "environment lab: " + message. */
void error_prefix(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
