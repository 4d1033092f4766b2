/*
 * rbrun-reader ROLE [SECONDS]: parses foreign text in a jail. Descriptor 3
 * brings a START frame with the options, then the text, then its end; one
 * frame goes back: DONE with what was read, or FAIL with {"code","message"}.
 */
#define _GNU_SOURCE
#include "jail.h"
#include "reader.h"
#include "reader_metric.h"
#include "../core/wire/frame.h"
#include "../core/wire/heap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK (256u << 10)
#define MEMORY (832u << 20) /* the jail adds room for code and stack */
#define CHANNEL 3
#define SECONDS 20
#define REPLY_MAX (FRAME_HEADER + (2u << 20))

static struct metric *metric;

static int metric_role_prepare(struct error *err)
{
    (void)err;
    return 0;
}

static int metric_role_open(const json_t *options, struct error *err)
{
    return metric_open(options, &metric, err);
}

static int metric_role_push(const char *bytes, size_t size, struct error *err)
{
    return metric_push(metric, bytes, size, err);
}

static int metric_role_finish(struct reader_reply *reply, struct error *err)
{
    const struct point *points = NULL;
    size_t count = 0;
    int rc = metric_finish(metric, &reply->document, &points, &count, err);
    reply->body = points;
    reply->body_size = count * sizeof *points;
    return rc;
}

const struct reader_role reader_metric_role = {
    "metric", metric_role_prepare, metric_role_open, metric_role_push,
    metric_role_finish};

static const struct reader_role *const roles[] = {&reader_metric_role,
                                                  &reader_sql_role, NULL};

static const struct reader_role *find_role(const char *name)
{
    for (size_t i = 0; roles[i]; i++) {
        if (strcmp(roles[i]->name, name) == 0)
            return roles[i];
    }
    return NULL;
}

static void send_all(const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t put = write(CHANNEL, at, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            _exit(WORKER_CLOSED);
        at += put;
        size -= (size_t)put;
    }
}

/* Bytes 4 to 7 of a frame's header, little-endian. */
static void announce_body(char *header, size_t size)
{
    for (int i = 0; i < 4; i++)
        header[4 + i] = (char)(size >> (8 * i));
}

/* One frame; the body is not copied into it but sent behind it. */
static void send_frame(enum frame_type type, const json_t *document,
                       const void *body, size_t body_size)
{
    struct buf out = BUF_INIT(REPLY_MAX);
    int rc = frame_write(&out, type, 0, 0, document, NULL, 0);
    if (rc)
        _exit(rc == RB_NOMEM ? WORKER_MEMORY : WORKER_PROTOCOL);
    announce_body(out.data, body_size);
    send_all(out.data, out.size);
    send_all(body, body_size);
    buf_free(&out);
}

static void fail(const struct error *err)
{
    json_t *document =
        json_pack("{s:i, s:s}", "code", err->code, "message", err->message);
    if (!document)
        _exit(WORKER_MEMORY);
    send_frame(FRAME_FAIL, document, NULL, 0);
    json_decref(document);
    _exit(WORKER_OK);
}

static size_t receive(char *bytes, size_t size)
{
    ssize_t got;
    do
        got = read(CHANNEL, bytes, size);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        _exit(WORKER_CLOSED);
    return (size_t)got;
}

/* The first frame. What came behind it is left at the front of in. */
static int receive_options(struct buf *in, struct frame *start,
                           struct error *err)
{
    static char chunk[4096];
    size_t used = 0, got;
    int rc = 0;
    while (!rc && !used) {
        got = receive(chunk, sizeof chunk);
        rc = got ? buf_add(in, chunk, got) : RB_INVALID;
        if (!rc)
            rc = frame_read(in->data, in->size, start, &used, err);
    }
    if (rc || start->type != FRAME_START)
        _exit(WORKER_PROTOCOL);
    buf_consume(in, used);
    return 0;
}

static int work(const struct reader_role *role, char *chunk,
                struct reader_reply *reply, struct error *err)
{
    struct buf in = BUF_INIT(FRAME_HEADER + FRAME_MAX_DOCUMENT + 4096);
    struct frame start = {0};
    size_t got;
    int rc = receive_options(&in, &start, err);
    if (!rc)
        rc = role->open(start.value, err);
    if (!rc && in.size)
        rc = role->push(in.data, in.size, err);
    while (!rc && (got = receive(chunk, CHUNK)) > 0)
        rc = role->push(chunk, got, err);
    rc = rc ? rc : role->finish(reply, err);
    frame_free(&start);
    buf_free(&in);
    return rc;
}

/* Its only limit of memory is the jail's, on all of it. */
static void no_memory(void)
{
    _exit(WORKER_MEMORY);
}

int main(int argc, char **argv)
{
    const struct reader_role *role = argc > 1 ? find_role(argv[1]) : NULL;
    long seconds = argc > 2 ? strtol(argv[2], NULL, 10) : SECONDS;
    struct reader_reply reply = {NULL, NULL, 0};
    struct error err = {0, "", ""};
    char *chunk;
    if (!role) {
        fputs("usage: rbrun-reader metric|sql [SECONDS] 3<>SOCKET\n", stderr);
        return WORKER_PROTOCOL;
    }
    heap_on_end(no_memory);
    chunk = heap_get(CHUNK);
    if (seconds < 1 || seconds > 3600)
        seconds = SECONDS;
    json_object_seed(0); /* reads the kernel's random numbers, once */
    if (role->prepare(&err))
        _exit(err.code == RB_NOMEM ? WORKER_MEMORY : WORKER_JAIL);
    /* Whether each layer held was said, or demanded, when the run's worker
       closed the same jail on the same machine. */
    jail_close(MEMORY, seconds);
    if (work(role, chunk, &reply, &err))
        fail(&err);
    send_frame(FRAME_DONE, reply.document, reply.body, reply.body_size);
    _exit(WORKER_OK);
}
