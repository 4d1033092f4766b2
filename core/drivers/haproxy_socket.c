#define _GNU_SOURCE
#include "haproxy_socket.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_COLUMNS 64
#define MAX_STATE 3
#define MAX_ADMIN 0xff
#define MAX_WEIGHT 256

union address {
    struct sockaddr any;
    struct sockaddr_un un;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

static int parse_host(const char *host, unsigned port, union address *out,
                      socklen_t *size)
{
    uint16_t wire_port = htons((uint16_t)port);
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (strcmp(host, "[::1]") == 0) {
        out->in6.sin6_family = AF_INET6;
        out->in6.sin6_addr = in6addr_loopback;
        out->in6.sin6_port = wire_port;
        *size = sizeof out->in6;
        return 0;
    }
    out->in.sin_family = AF_INET;
    out->in.sin_port = wire_port;
    *size = sizeof out->in;
    if (inet_pton(AF_INET, host, &out->in.sin_addr) != 1)
        return -1;
    return ntohl(out->in.sin_addr.s_addr) >> 24 == 127 ? 0 : -1;
}

static int parse_where(const char *where, union address *out, socklen_t *size,
                       struct error *err)
{
    const char *colon = strrchr(where, ':');
    char host[64], *end;
    unsigned long port;
    memset(out, 0, sizeof *out);
    if (where[0] == '/') {
        *size = sizeof out->un;
        out->un.sun_family = AF_UNIX;
        if (strlen(where) >= sizeof out->un.sun_path)
            return error_set(err, RB_INVALID,
                             "the socket's path %s is longer than %zu bytes",
                             where, sizeof out->un.sun_path - 1);
        memcpy(out->un.sun_path, where, strlen(where));
        return 0;
    }
    port = colon ? strtoul(colon + 1, &end, 10) : 0;
    if (!colon || !isdigit((unsigned char)colon[1]) || *end || port < 1 ||
        port > 65535)
        return error_set(err, RB_INVALID,
                         "\"%s\" is neither a path nor host:port", where);
    snprintf(host, sizeof host, "%.*s", (int)(colon - where), where);
    if (parse_host(host, (unsigned)port, out, size) != 0)
        return error_set(err, RB_INVALID,
                         "\"%s\" is not a loopback address; HAProxy's runtime "
                         "API asks nobody who they are, so it must not be "
                         "reached over a network",
                         where);
    return 0;
}

int haproxy_where(const char *where, struct error *err)
{
    union address address;
    socklen_t size;
    return parse_where(where, &address, &size, err);
}

static int connect_error(const char *where, struct error *err)
{
    int code = RB_IO;
    if (errno == ENOENT || errno == ENOTDIR)
        code = RB_NOTFOUND;
    else if (errno == ECONNREFUSED || errno == EAGAIN)
        code = RB_CLOSED;
    else if (errno == EACCES || errno == EPERM)
        code = RB_DENIED;
    return error_set_errno(err, code, "HAProxy at %s", where);
}

/* Wait until fd is ready. Returns 0 or RB_BUSY. */
static int ready(int fd, short events, int64_t deadline, const char *where,
                 struct error *err)
{
    for (;;) {
        struct pollfd p = {fd, events, 0};
        int64_t left = deadline - clock_steady();
        if (left <= 0)
            return error_set(err, RB_BUSY,
                             "HAProxy at %s did not answer in time", where);
        if (poll(&p, 1, left > 60000 ? 60000 : (int)left) > 0)
            return 0;
    }
}

static int dial(const char *where, int64_t deadline, int *fd, struct error *err)
{
    union address address;
    socklen_t size = 0, length = sizeof errno;
    int rc = parse_where(where, &address, &size, err), bad = 0;
    if (rc)
        return rc;
    *fd = socket(address.any.sa_family,
                 SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return error_set_errno(err, RB_IO, "no socket");
    if (connect(*fd, &address.any, size) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return connect_error(where, err);
    rc = ready(*fd, POLLOUT, deadline, where, err);
    if (rc)
        return rc;
    if (getsockopt(*fd, SOL_SOCKET, SO_ERROR, &bad, &length) != 0 || bad) {
        errno = bad ? bad : errno;
        return connect_error(where, err);
    }
    return 0;
}

static int say(int fd, const char *command, int64_t deadline, const char *where,
               int *sent, struct error *err)
{
    size_t left = strlen(command);
    while (left) {
        ssize_t n;
        int rc = ready(fd, POLLOUT, deadline, where, err);
        if (rc)
            return rc;
        n = send(fd, command, left, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return error_set_errno(err, RB_CLOSED, "HAProxy at %s", where);
        if (n > 0) {
            *sent = 1;
            command += n;
            left -= (size_t)n;
        }
    }
    return 0;
}

static int hear(int fd, int64_t deadline, const char *where, struct buf *out,
                struct error *err)
{
    char bytes[8192];
    for (;;) {
        ssize_t n;
        int rc = ready(fd, POLLIN, deadline, where, err);
        if (rc)
            return rc;
        n = recv(fd, bytes, sizeof bytes, 0);
        if (n == 0)
            return 0;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return error_set_errno(err, RB_CLOSED, "HAProxy at %s", where);
        if (n > 0 && buf_add(out, bytes, (size_t)n) != 0)
            return error_set(err, RB_TOOBIG,
                             "HAProxy at %s answers more than %zu bytes", where,
                             out->max);
    }
}

int haproxy_ask(const char *where, const char *command, int64_t deadline,
                struct buf *out, int *sent, struct error *err)
{
    struct buf line = BUF_INIT(1024);
    int fd = -1, rc;
    *out = (struct buf)BUF_INIT(1u << 20);
    rc = buf_addf(&line, "%s\n", command);
    if (rc)
        error_set(err, rc, "a command for HAProxy is too long");
    if (!rc)
        rc = dial(where, deadline, &fd, err);
    if (!rc)
        rc = say(fd, buf_text(&line), deadline, where, sent, err);
    if (!rc)
        rc = hear(fd, deadline, where, out, err);
    if (!rc && !out->size)
        rc = error_set(err, RB_CLOSED, "HAProxy at %s hung up unanswered",
                       where);
    if (fd >= 0)
        close(fd);
    buf_free(&line);
    return rc;
}

enum outcome haproxy_refusal(const char *text)
{
    static const struct {
        const char *start;
        enum outcome outcome;
    } known[] = {
        {"Permission denied", OUTCOME_AUTH},
        {"No such server", OUTCOME_NOT_FOUND},
        {"No such backend", OUTCOME_NOT_FOUND},
        {"Can't find backend", OUTCOME_NOT_FOUND},
        {"Invalid backend", OUTCOME_NOT_FOUND},
        {"Require 'backend/server'", OUTCOME_REJECTED},
        {"Require 'weight'", OUTCOME_REJECTED},
        {"Empty weight string", OUTCOME_REJECTED},
        {"Relative weight", OUTCOME_REJECTED},
        {"Absolute weight", OUTCOME_REJECTED},
        {"Backend is using a static", OUTCOME_REJECTED},
        {"Proxy is disabled", OUTCOME_REJECTED},
        {"Unknown command", OUTCOME_REJECTED},
    };
    text += strspn(text, " \r\n");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strncmp(text, known[i].start, strlen(known[i].start)) == 0)
            return known[i].outcome;
    }
    return OUTCOME_OK;
}

/* Split a line in place at blanks; returns how many words. */
static size_t split(char *line, char *words[MAX_COLUMNS])
{
    char *rest = NULL;
    size_t n = 0;
    for (char *w = strtok_r(line, " \t\r", &rest); w && n < MAX_COLUMNS;
         w = strtok_r(NULL, " \t\r", &rest))
        words[n++] = w;
    return n;
}

enum { NAME, STATE, ADMIN, WEIGHT, INITIAL, COLUMNS };

/* Where the wanted columns are: the heading says it, versions differ. */
static int find_columns(char *heading, size_t at[COLUMNS])
{
    static const char *const wanted[COLUMNS] = {"srv_name", "srv_op_state",
                                                "srv_admin_state",
                                                "srv_uweight", "srv_iweight"};
    char *words[MAX_COLUMNS];
    size_t n = split(heading, words), found = 0;
    for (size_t w = 0; w < COLUMNS; w++) {
        for (size_t i = 1; i < n; i++) {
            if (strcmp(words[i], wanted[w]) == 0) {
                at[w] = i - 1; /* the heading starts with a "#" */
                found++;
                break; /* one named twice must not stand in for another */
            }
        }
    }
    return found == COLUMNS ? 0 : -1;
}

/* Decimal digits, at most max. */
static int number(const char *text, int64_t max, int64_t *out)
{
    char *end;
    if (!isdigit((unsigned char)*text))
        return -1;
    *out = strtoll(text, &end, 10);
    return *end || *out > max ? -1 : 0;
}

static int read_server(char *line, const size_t at[COLUMNS],
                       struct haproxy_server *s)
{
    char *words[MAX_COLUMNS];
    size_t n = split(line, words);
    for (size_t i = 0; i < COLUMNS; i++) {
        if (at[i] >= n)
            return -1;
    }
    if (strlen(words[at[NAME]]) >= sizeof s->name)
        return -1;
    snprintf(s->name, sizeof s->name, "%s", words[at[NAME]]);
    return number(words[at[STATE]], MAX_STATE, &s->state) ||
           number(words[at[ADMIN]], MAX_ADMIN, &s->admin) ||
           number(words[at[WEIGHT]], MAX_WEIGHT, &s->weight) ||
           number(words[at[INITIAL]], MAX_WEIGHT, &s->initial);
}

static int parse_lines(char *text, struct haproxy_backend *out,
                       struct error *err)
{
    size_t at[COLUMNS];
    int known = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        if (line[0] == '#')
            known = find_columns(line, at) == 0;
        else if (!known)
            continue; /* the format's number comes before the heading */
        else if (out->count == HAPROXY_SERVERS)
            return error_set(err, RB_TOOBIG,
                             "the backend has more than %d servers",
                             HAPROXY_SERVERS);
        else if (read_server(line, at, &out->servers[out->count]) != 0)
            return error_set(err, RB_INVALID,
                             "line %zu of HAProxy's servers state is not "
                             "understood",
                             out->count + 3);
        else
            out->count++;
    }
    if (!known)
        return error_set(err, RB_INVALID,
                         "HAProxy's answer is no servers state: %.80s", text);
    return 0;
}

int haproxy_parse(const char *text, struct haproxy_backend *out,
                  struct error *err)
{
    char *copy = strdup(text);
    int rc;
    out->count = 0;
    if (!copy)
        return error_set(err, RB_NOMEM, "no memory for HAProxy's answer");
    rc = parse_lines(copy, out, err);
    free(copy);
    return rc;
}
