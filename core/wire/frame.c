#include "frame.h"

#include <string.h>

static const char *const names[FRAME_TYPES] = {
    [FRAME_START] = "START",   [FRAME_MODULE] = "MODULE",
    [FRAME_SOURCE] = "SOURCE", [FRAME_LOADED] = "LOADED",
    [FRAME_RUN] = "RUN",       [FRAME_CALL] = "CALL",
    [FRAME_RESULT] = "RESULT", [FRAME_EVENT] = "EVENT",
    [FRAME_CANCEL] = "CANCEL", [FRAME_STOP] = "STOP",
    [FRAME_UNDO] = "UNDO",     [FRAME_DONE] = "DONE",
    [FRAME_FAIL] = "FAIL",     [FRAME_WAIT] = "WAIT",
};

const char *frame_name(enum frame_type type)
{
    return type > 0 && type < FRAME_TYPES ? names[type] : "?";
}

static void put32(unsigned char *at, uint32_t n)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(n >> (8 * i));
}

static uint32_t get32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
           (uint32_t)at[3] << 24;
}

int frame_write(struct buf *out, enum frame_type type, unsigned flags,
                uint32_t call, const json_t *value, const void *body,
                size_t body_size)
{
    unsigned char header[FRAME_HEADER] = {0};
    size_t start = out->size, size;
    int rc = body_size > FRAME_MAX_BODY ? RB_TOOBIG
                                        : buf_add(out, header, sizeof header);
    if (!rc)
        rc = value_encode(value, out);
    size = out->size - start - sizeof header;
    if (!rc && size > FRAME_MAX_DOCUMENT)
        rc = RB_TOOBIG;
    if (!rc)
        rc = buf_add(out, body, body_size);
    if (rc) {
        out->size = start;
        return rc;
    }
    put32(header, (uint32_t)size);
    put32(header + 4, (uint32_t)body_size);
    header[8] = (unsigned char)type;
    header[9] = (unsigned char)flags;
    put32(header + 12, call);
    memcpy(out->data + start, header, sizeof header);
    return 0;
}

void frame_mark_blocked(struct buf *out, size_t offset)
{
    out->data[offset + 9] |= FRAME_BLOCKED;
}

static int check_header(const unsigned char *h, struct error *err)
{
    if (h[8] == 0 || h[8] >= FRAME_TYPES)
        return error_set(err, RB_INVALID, "a frame of unknown type %u", h[8]);
    if (h[9] > FRAME_BLOCKED || h[10] || h[11])
        return error_set(err, RB_INVALID, "a %s frame with unknown flags",
                         names[h[8]]);
    if (get32(h) > FRAME_MAX_DOCUMENT || get32(h + 4) > FRAME_MAX_BODY)
        return error_set(err, RB_INVALID,
                         "a %s frame that announces %u and %u bytes",
                         names[h[8]], get32(h), get32(h + 4));
    return 0;
}

int frame_read(const char *bytes, size_t size, struct frame *out, size_t *used,
               struct error *err)
{
    const unsigned char *h = (const unsigned char *)bytes;
    uint32_t document, body;
    int rc;
    *used = 0;
    if (size < FRAME_HEADER)
        return 0;
    rc = check_header(h, err);
    if (rc)
        return rc;
    document = get32(h);
    body = get32(h + 4);
    if (size - FRAME_HEADER < (size_t)document + body)
        return 0;
    rc = value_decode_canonical(bytes + FRAME_HEADER, document, &out->value,
                                err);
    if (rc) {
        error_prefix(err, "a %s frame: ", names[h[8]]);
        return rc;
    }
    out->type = (enum frame_type)h[8];
    out->flags = h[9];
    out->call = get32(h + 12);
    out->body = bytes + FRAME_HEADER + document;
    out->body_size = body;
    *used = FRAME_HEADER + (size_t)document + body;
    return 0;
}

int frame_is_whole(const char *bytes, size_t size)
{
    const unsigned char *h = (const unsigned char *)bytes;
    return size >= FRAME_HEADER &&
           (check_header(h, NULL) != 0 ||
            size - FRAME_HEADER >= (size_t)get32(h) + get32(h + 4));
}

void frame_free(struct frame *f)
{
    json_decref(f->value);
    f->value = NULL;
    f->body = NULL;
    f->body_size = 0;
}
