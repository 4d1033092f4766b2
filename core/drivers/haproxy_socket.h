/*
 * HAProxy's runtime API: one command a connection, the answer is text until
 * the end of the stream (https://docs.haproxy.org/2.6/management.html
 * section 9.3). An answer that refuses looks like any other; telling them
 * apart is this file's work too.
 */
#ifndef RBRUN_DRIVERS_HAPROXY_SOCKET_H
#define RBRUN_DRIVERS_HAPROXY_SOCKET_H

#include "driver.h"

#define HAPROXY_SERVERS 256

/* Bits of srv_admin_state, section "show servers state". */
enum haproxy_admin {
    HAPROXY_MAINT = 0x01 | 0x02 | 0x04 | 0x20, /* forced, inherited, by the
                                                  configuration, by name
                                                  resolution */
    HAPROXY_DRAIN = 0x08 | 0x10
};

struct haproxy_server {
    char name[128];
    int64_t state;   /* srv_op_state: 0 stopped, 1 starting, 2 running,
                        3 stopping */
    int64_t admin;   /* enum haproxy_admin */
    int64_t weight;  /* as it is now, 0 to 256 */
    int64_t initial; /* as configured */
};

struct haproxy_backend {
    struct haproxy_server servers[HAPROXY_SERVERS];
    size_t count;
};

/*
 * Send one command and read the whole answer (at most 1 MiB) into out, which
 * the caller frees. where: path of a unix socket, or "127.0.0.1:9999"; only
 * loopback addresses, since the API asks nobody who they are. Ends by
 * deadline (ms, clock_steady). *sent becomes 1 once a byte of the command may
 * have been read. Returns 0, RB_NOTFOUND (no such socket), RB_CLOSED (nobody
 * listens, or it hung up), RB_DENIED, RB_BUSY (time was up), RB_INVALID,
 * RB_TOOBIG, RB_IO.
 */
int haproxy_ask(const char *where, const char *command, int64_t deadline,
                struct buf *out, int *sent, struct error *err);

/* Whether where is a path or a loopback address with a port. RB_INVALID. */
int haproxy_where(const char *where, struct error *err);

/*
 * The refusal in an answer to a command that answers nothing, or something
 * else, when it works: OUTCOME_OK when text is none that is known.
 */
enum outcome haproxy_refusal(const char *text);

/* Read the answer to "show servers state BACKEND". RB_INVALID, RB_TOOBIG. */
int haproxy_parse(const char *text, struct haproxy_backend *out,
                  struct error *err);

#endif
