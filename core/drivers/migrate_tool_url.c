#define _GNU_SOURCE
#include "migrate_tool_url.h"
#include "../wire/buf.h"

#include <ctype.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

/* RFC 3986, section 2.3: unreserved characters stay, and "/" here. */
static void escaped(struct buf *out, const char *text)
{
    for (; text && *text; text++) {
        if (isalnum((unsigned char)*text) || strchr("-._~/", *text))
            buf_addc(out, *text);
        else
            buf_addf(out, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

static const char *value(const PQconninfoOption *all, const char *keyword)
{
    for (; all->keyword; all++) {
        if (strcmp(all->keyword, keyword) == 0)
            return all->val && *all->val ? all->val : NULL;
    }
    return NULL;
}

static void parameter(struct buf *out, int *first, const char *name,
                      const char *text)
{
    buf_addf(out, "%s%s=", *first ? "?" : "&", name);
    escaped(out, text);
    *first = 0;
}

static void others(struct buf *out, const PQconninfoOption *all, int socket)
{
    static const char *const said[] = {"user", "password", "dbname", "port",
                                       NULL};
    int first = 1;
    for (; all->keyword; all++) {
        const char *const *s = said;
        while (*s && strcmp(*s, all->keyword) != 0)
            s++;
        if (*s || !all->val || !*all->val ||
            (strcmp(all->keyword, "host") == 0 && !socket))
            continue;
        parameter(out, &first, all->keyword, all->val);
    }
}

static void compose(struct buf *out, const PQconninfoOption *all)
{
    const char *host = value(all, "host"), *port = value(all, "port");
    int socket = host && host[0] == '/';
    buf_adds(out, "postgresql://");
    escaped(out, value(all, "user"));
    if (value(all, "password")) {
        buf_addc(out, ':');
        escaped(out, value(all, "password"));
    }
    if (value(all, "user"))
        buf_addc(out, '@');
    if (host && !socket)
        buf_adds(out, host);
    if (port)
        buf_addf(out, ":%s", port);
    buf_addc(out, '/');
    escaped(out, value(all, "dbname"));
    others(out, all, socket);
}

int migrate_tool_url(const char *conninfo, char *out, size_t size,
                     struct error *err)
{
    struct buf text = BUF_INIT(size - 1);
    PQconninfoOption *all;
    if (strncmp(conninfo, "postgres", 8) == 0 && strstr(conninfo, "://")) {
        if ((size_t)snprintf(out, size, "%s", conninfo) >= size)
            return error_set(err, RB_TOOBIG, "its `url` is too long");
        return 0;
    }
    all = PQconninfoParse(conninfo, NULL);
    if (!all)
        return error_set(err, RB_INVALID,
                         "its `url` is not a connection string");
    compose(&text, all);
    PQconninfoFree(all);
    snprintf(out, size, "%s", buf_text(&text));
    buf_free(&text);
    return 0;
}
