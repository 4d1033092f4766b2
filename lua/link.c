#include "link.h"

#include <errno.h>
#include <unistd.h>

#define LINK_DESCRIPTOR 3
#define LINK_PART (256u << 10)
#define LINK_CHUNK (64u << 10)

static struct buf out = BUF_INIT(4u << 20);
static struct buf in = BUF_INIT(8u << 20);
static size_t most = FRAME_MAX_DOCUMENT;
static struct worker_page *page;
static size_t last;   /* where the newest frame of out starts */
static size_t behind; /* bytes of in that the last frame took */

static void send_queued(void)
{
    size_t at = 0;
    while (at < out.size) {
        ssize_t n = write(LINK_DESCRIPTOR, out.data + at, out.size - at);
        if (n > 0)
            at += (size_t)n;
        else if (n == 0 || errno != EINTR)
            _exit(WORKER_CLOSED);
    }
    buf_clear(&out);
}

void link_limit(size_t bytes, struct worker_page *where)
{
    most = bytes;
    page = where;
}

static _Noreturn void too_large(const json_t *value)
{
    if (page)
        page->wanted = json_dumpb(value, NULL, 0, JSON_COMPACT);
    _exit(WORKER_FRAME);
}

int link_queue(enum frame_type type, uint32_t call, json_t *value)
{
    size_t start;
    int rc;
    if (out.size > LINK_PART)
        send_queued();
    start = out.size;
    rc = frame_write(&out, type, 0, call, value, NULL, 0);
    if (rc == RB_TOOBIG || out.size - start > most + FRAME_HEADER)
        too_large(value);
    json_decref(value);
    if (!rc)
        last = start;
    return rc;
}

void link_flush(void)
{
    if (!out.size && link_queue(FRAME_WAIT, 0, json_object()))
        _exit(WORKER_MEMORY);
    frame_mark_blocked(&out, last);
    send_queued();
}

/* One read(2) more; 0 at the end of the stream. */
static int read_more(void)
{
    ssize_t n;
    if (buf_reserve(&in, LINK_CHUNK))
        _exit(WORKER_PROTOCOL);
    do
        n = read(LINK_DESCRIPTOR, in.data + in.size, LINK_CHUNK);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        _exit(WORKER_CLOSED);
    in.size += (size_t)n;
    return n > 0;
}

int link_read(struct frame *f)
{
    struct error err = {0};
    size_t used = 0;
    buf_consume(&in, behind);
    behind = 0;
    for (;;) {
        if (in.size && frame_read(in.data, in.size, f, &used, &err))
            _exit(WORKER_PROTOCOL);
        if (used)
            break;
        if (!read_more()) {
            if (in.size)
                _exit(WORKER_PROTOCOL);
            return RB_CLOSED;
        }
    }
    behind = used;
    return 0;
}
