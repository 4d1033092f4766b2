/*
 * Frames between the engine and a jailed process: 16 bytes of header, one
 * canonical JSON document, an optional raw body. docs/architecture.md
 * section 4 is the protocol. This file knows lengths and types, not what a
 * type means.
 */
#ifndef RBRUN_WIRE_FRAME_H
#define RBRUN_WIRE_FRAME_H

#include "buf.h"
#include "error.h"
#include "value.h"

#include <stdint.h>

enum frame_type {
    FRAME_START = 1,
    FRAME_MODULE,
    FRAME_SOURCE,
    FRAME_LOADED,
    FRAME_RUN,
    FRAME_CALL,
    FRAME_RESULT,
    FRAME_EVENT,
    FRAME_CANCEL,
    FRAME_STOP,
    FRAME_UNDO,
    FRAME_DONE,
    FRAME_FAIL,
    FRAME_WAIT,
    FRAME_TYPES
};

enum { FRAME_BLOCKED = 1 };

#define FRAME_HEADER 16
#define FRAME_MAX_DOCUMENT VALUE_MAX_BYTES
#define FRAME_MAX_BODY (64u << 20)

struct frame {
    enum frame_type type;
    unsigned flags;
    uint32_t call;    /* sequence number of the call, or 0 */
    json_t *value;    /* owned; never NULL after a successful read */
    const char *body; /* borrowed from the reader's buffer */
    size_t body_size;
};

const char *frame_name(enum frame_type type);

/*
 * Append a frame to out. value is borrowed. Returns 0, RB_NOMEM, RB_TOOBIG.
 */
int frame_write(struct buf *out, enum frame_type type, unsigned flags,
                uint32_t call, const json_t *value, const void *body,
                size_t body_size);

/* Set FRAME_BLOCKED on the frame that starts at offset of out. */
void frame_mark_blocked(struct buf *out, size_t offset);

/*
 * Take one frame from the front of size bytes. *used is how many bytes it
 * took; 0 means that more bytes are needed, and *out is untouched.
 * The header is checked before anything is allocated.
 * Returns 0, RB_INVALID or RB_NOMEM.
 */
int frame_read(const char *bytes, size_t size, struct frame *out, size_t *used,
               struct error *err);

/* Whether a whole frame is at the front, so that frame_read would take it or
   refuse it without more bytes. */
int frame_is_whole(const char *bytes, size_t size);

void frame_free(struct frame *f);

/*
 * The page shared from worker to engine (descriptor 4, written by the
 * worker, believed by nobody: it is shown in a message, never decided on).
 */
struct worker_page {
    uint64_t instructions; /* used so far */
    uint64_t memory;       /* bytes held by Lua now */
    uint64_t wanted;       /* bytes of the frame that was too large */
    uint32_t missing;      /* jail layers (layer.h) that could not be had */
    uint32_t refused;      /* number of the system call that was refused, in
                              a build with RBRUN_JAIL_TRAP */
    uint32_t line;         /* last line seen, 0 unknown */
    char file[116];        /* NUL-terminated */
};

enum worker_exit {
    WORKER_OK = 0,
    WORKER_INSTRUCTIONS = 10,
    WORKER_MEMORY = 11,
    WORKER_CLOSED = 12,
    WORKER_PROTOCOL = 13,
    WORKER_JAIL = 14,
    WORKER_FRAME = 15,   /* a document over the limit "frame" */
    WORKER_TRAPPED = 16, /* RBRUN_JAIL_TRAP: a forbidden system call */
    WORKER_HEAP = 17     /* the machine gave no more memory: no limit of ours */
};

#endif
