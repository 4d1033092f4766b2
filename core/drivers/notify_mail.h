/*
 * The bytes of one mail: RFC 5322 headers, RFC 2047 encoded words, a UTF-8
 * body in quoted-printable (RFC 2045). Lines end in CRLF. Knows no network;
 * dot stuffing is the sender's.
 */
#ifndef RBRUN_DRIVERS_NOTIFY_MAIL_H
#define RBRUN_DRIVERS_NOTIFY_MAIL_H

#include "../wire/buf.h"

#include <jansson.h>
#include <stdint.h>

struct mail {
    const char *from;
    const json_t *to;    /* list of texts */
    const char *subject; /* UTF-8, one line */
    const char *body;    /* UTF-8, lines end in LF */
    const char *key;     /* Message-ID is <key@domain of from> */
    int64_t date;        /* ms since 1970 */
};

/*
 * Whether text is a plain address, local@domain: printable ASCII without
 * blanks, brackets, quotes, commas, at most 254 bytes. No display name, so
 * nothing that a header or a command could be made of.
 */
int mail_is_address(const char *text);

/* Append the whole message. Addresses are checked already. Returns 0,
   RB_NOMEM or RB_TOOBIG. */
int mail_write(const struct mail *m, struct buf *out);

#endif
