/*
 * What every binding of an HTTP driver may hold besides its address, and how
 * it becomes a request. Borrows the call's binding; owns nothing else.
 */
#ifndef RBRUN_DRIVERS_HTTP_BINDING_H
#define RBRUN_DRIVERS_HTTP_BINDING_H

#include "http_client.h"

/* The rows for a driver's table of options. */
#define HTTP_OPTIONS                                                           \
    {"username", "text", 0, "for basic authentication"},                       \
        {"password", "text", 0, "its password: a reference to a secret"},      \
        {"token", "text", 0,                                                   \
         "sent as a bearer token: a reference to a "                           \
         "secret"},                                                            \
        {"ca_file", "path", 0,                                                 \
         "certificates to trust instead of the "                               \
         "system's, PEM"},                                                     \
        {"proxy", "url", 0,                                                    \
         "proxy to go through; none is read from the "                         \
         "surroundings"},                                                      \
        {"unix_socket", "path", 0,                                             \
         "socket to connect to instead of the "                                \
         "URL's host"},                                                        \
    {                                                                          \
        "timeout", "duration", 0, "for one request (default 10s)"              \
    }

#define HTTP_TRY_TIMEOUT 10000 /* ms */
#define HTTP_MAX_HEADERS 32

struct http_binding {
    struct http_request request;
    char ca_file[4096];
    char unix_socket[4096];
    struct buf headers; /* the texts behind header[] */
    const char *header[HTTP_MAX_HEADERS + 1];
    size_t header_count;
};

/*
 * Fill *h from the options above and a table option "headers". url is
 * borrowed until the request is sent. Returns 0, or RB_INVALID or RB_TOOBIG
 * for headers that cannot be sent. Free it in every case.
 */
int http_bind(const struct driver_call *c, const char *url,
              struct http_binding *h, struct error *err);
void http_binding_free(struct http_binding *h);

/* Add one header; text is borrowed. Returns 0 or RB_TOOBIG. */
int http_binding_header(struct http_binding *h, const char *text);

/* Milliseconds left until steady, at most the binding's timeout, at least 1:
   what one request may take. */
int64_t http_try_timeout(const struct driver_call *c, int64_t steady);

/* The same for a verb that asks again and again until soft: a question that
   began before soft gets HTTP_LAST_TRY, but never goes beyond hard. */
#define HTTP_LAST_TRY 1000 /* ms */
int64_t http_poll_timeout(const struct driver_call *c, int64_t soft,
                          int64_t hard);

#endif
