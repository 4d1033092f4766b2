#define _GNU_SOURCE
#include "http_binding.h"

#include <string.h>

static const char *path_of(const struct driver_call *c, const char *key,
                           char *path, size_t size)
{
    return option_path(c, key, path, size) == 0 ? path : NULL;
}

int http_binding_header(struct http_binding *h, const char *text)
{
    if (h->header_count == HTTP_MAX_HEADERS)
        return RB_TOOBIG;
    h->header[h->header_count++] = text;
    h->header[h->header_count] = NULL;
    return 0;
}

/* RFC 9110 section 5.1: a field name is a token. */
static int is_token(const char *name)
{
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz";
    return *name && name[strspn(name, allowed)] == '\0';
}

/* All texts first, the pointers afterwards: the buffer moves as it grows. */
static int add_headers(const struct driver_call *c, const json_t *table,
                       struct http_binding *h, struct error *err)
{
    const char *name;
    json_t *value;
    size_t at = 0;
    json_object_foreach((json_t *)table, name, value)
    {
        const char *text = json_string_value(value);
        if (!is_token(name) || !text || text[strcspn(text, "\r\n")])
            return error_set(err, RB_INVALID,
                             "%s: the header \"%s\" of its binding cannot be "
                             "sent (a name, and a text of one line)",
                             c->system, name);
        if (buf_addf(&h->headers, "%s: %s", name, text) != 0 ||
            buf_addc(&h->headers, '\0') != 0)
            return error_set(err, RB_TOOBIG, "%s: its headers are too long",
                             c->system);
    }
    while (at < h->headers.size) {
        if (http_binding_header(h, h->headers.data + at) != 0)
            return error_set(err, RB_TOOBIG, "%s: over %d headers", c->system,
                             HTTP_MAX_HEADERS);
        at += strlen(h->headers.data + at) + 1;
    }
    return 0;
}

int http_bind(const struct driver_call *c, const char *url,
              struct http_binding *h, struct error *err)
{
    memset(h, 0, sizeof *h);
    h->headers.max = 16384;
    h->request.url = url;
    h->request.username = option_text(c, "username", NULL);
    h->request.password = option_text(c, "password", NULL);
    h->request.token = option_text(c, "token", NULL);
    h->request.proxy = option_text(c, "proxy", NULL);
    h->request.ca_file = path_of(c, "ca_file", h->ca_file, sizeof h->ca_file);
    h->request.unix_socket =
        path_of(c, "unix_socket", h->unix_socket, sizeof h->unix_socket);
    h->request.timeout = option_duration(c, "timeout", HTTP_TRY_TIMEOUT);
    h->request.headers = h->header;
    return add_headers(c, json_object_get(c->binding, "headers"), h, err);
}

void http_binding_free(struct http_binding *h)
{
    buf_free(&h->headers);
}

int64_t http_try_timeout(const struct driver_call *c, int64_t steady)
{
    int64_t most = option_duration(c, "timeout", HTTP_TRY_TIMEOUT);
    int64_t left = steady - clock_steady();
    if (left > most)
        left = most;
    return left > 0 ? left : 1;
}

int64_t http_poll_timeout(const struct driver_call *c, int64_t soft,
                          int64_t hard)
{
    int64_t least = clock_steady() + HTTP_LAST_TRY;
    if (soft < least)
        soft = least;
    return http_try_timeout(c, soft < hard ? soft : hard);
}
