/*
 * One HTTP/1.1 request over libcurl, blocking, for drivers. It follows no
 * redirect, retries nothing, reads no proxy or netrc from the surroundings,
 * speaks http and https only and always verifies certificates. What it does
 * beyond curl_easy_perform is to say how far a request that failed had got,
 * because a write that certainly did not leave may be repeated and one that
 * may have left may not.
 *
 * Messages show scheme://host:port of a URL; its user, query and fragment
 * never, its path only when the request says that it is no secret.
 *
 * Another module gets the function by
 * driver_symbol("rbrun-curl.so", "http_request"); an answer needs no free
 * function of this file: buf_free(&answer.body) is all.
 */
#ifndef RBRUN_DRIVERS_HTTP_CLIENT_H
#define RBRUN_DRIVERS_HTTP_CLIENT_H

#include "../wire/buf.h"
#include "../wire/error.h"
#include "driver.h"

#include <stddef.h>
#include <stdint.h>

/* How far a request got. */
enum http_class {
    HTTP_OK,             /* a whole answer came, of whatever status */
    HTTP_UNREACHABLE,    /* refused, no route, no such name: nothing left */
    HTTP_UNTRUSTED,      /* TLS was not established: nothing left */
    HTTP_INVALID,        /* the request itself is wrong: nothing left */
    HTTP_TIMEOUT_BEFORE, /* the time was up before anything left */
    HTTP_TIMEOUT_AFTER,  /* it left, the time was up before the answer */
    HTTP_UNKNOWN,        /* it left, and the connection ended */
    HTTP_OVERFLOW,       /* the answer is larger than max_body */
    HTTP_STOPPED         /* the sink wanted no more */
};

/* Takes a part of a body; anything but 0 ends the request: HTTP_STOPPED. */
typedef int http_sink(void *context, const void *bytes, size_t size);

/* All zero but url is a GET of at most 1 MiB within 30 s. */
struct http_request {
    const char *method; /* NULL: GET, or POST when there is a body */
    const char *url;
    const char *const *headers; /* "Name: value", ends with NULL; or NULL */
    const void *body;
    size_t body_size;
    int64_t timeout; /* ms for all of it; 0: 30 s */
    size_t max_body; /* bytes of the answer; 0: 1 MiB */
    int cut;         /* a longer body is cut there, not an error */
    http_sink *sink; /* gets the body of a 2xx answer instead of ->body */
    void *context;
    const char *username, *password; /* basic authentication, or NULL */
    const char *token;               /* "Authorization: Bearer", or NULL */
    const char *ca_file;             /* PEM file, or NULL: the system's */
    const char *unix_socket;         /* path to connect to, or NULL */
    const char *proxy;               /* URL, or NULL: none */
    int show_path;                   /* messages may show the URL's path */
};

struct http_answer {
    enum http_class class;
    long status;         /* 0 when none came */
    struct buf body;     /* owned: buf_free; cut at max_body unless 2xx */
    int truncated;       /* body was cut */
    char type[128];      /* Content-Type, "" when there is none */
    char location[300];  /* of a redirect, without path and query */
    int64_t retry_after; /* ms that the server asks to wait, or 0 */
    int64_t took;        /* ms */
};

/*
 * Send it and wait for the answer. Fills *a in every case. Returns 0 for
 * HTTP_OK; otherwise RB_CLOSED (unreachable, untrusted, ended early), RB_BUSY
 * (time was up), RB_TOOBIG, RB_INVALID or RB_NOMEM with a message that names
 * the server and the cause.
 */
int http_request(const struct http_request *q, struct http_answer *a,
                 struct error *err);

/*
 * The outcome of a request as drivers agree on it (RFC 9110 section 15).
 * OUTCOME_OK for 2xx. write: whether it would have changed something; then
 * an answer that does not say that nothing happened is OUTCOME_UNKNOWN.
 */
enum outcome http_outcome(const struct http_answer *a, int write);

/* scheme://host:port of a URL, with its path when with_path; no user, query
   or fragment. "a malformed URL" when it is one. Returns out. */
const char *http_show(const char *url, int with_path, char *out, size_t size);

/* Append text percent-encoded (RFC 3986: all but unreserved characters).
   Returns 0, RB_NOMEM or RB_TOOBIG. */
int http_escape(struct buf *b, const char *text);

/* Append name=value to a form body, with & where one is needed. */
int http_form(struct buf *b, const char *name, const char *value);

/* The reason phrase of a status: "Not Found"; "" for one nobody registered. */
const char *http_reason(long status);

#endif
