/*
 * The worker's side of the socket: frames of an engine, in whatever order
 * and with whatever values, to a runbook that looks at all it gets. The
 * worker waits or ends as a worker may; all it says is whole frames of the
 * types that are its to send, calls numbered in order, and a burst's last
 * frame alone is marked. Input: a first byte 1: bytes of the socket as they
 * are. Otherwise lines: a letter (R run, S stop, U undo, A to P an answer to
 * call 1 to 16, others a frame of that type), then the document, in any JSON.
 */
#include "fuzz.h"
#include "inside/inside.h"
#include "../../core/wire/frame.h"

static const char book[] =
    "runbook { service = 'web', summary = 's', uses = { '*' },\n"
    "  inputs = { a = 'text?' } }\n"
    "local function see(v, depth)\n"
    "  if type(v) ~= 'table' then return log(tostring(v)) end\n"
    "  if depth < 4 then for _, x in pairs(v) do see(x, depth + 1) end end\n"
    "end\n"
    "function run(input)\n"
    "  see(input, 0)\n"
    "  on_failure('tell', function(why)\n"
    "    notify.send { channel = 'c', text = tostring(why) } end)\n"
    "  local live = deploy.current()\n"
    "  see(live, 0)\n"
    "  undo('back', function() deploy.release { version = live.version } end)\n"
    "  local well = parallel {\n"
    "    function() return http.check { path = '/' } end,\n"
    "    function() return metric.query { query = live } end,\n"
    "    function() return pcall(flag.set, { flag = 'f', to = true }) end }\n"
    "  see(well, 0)\n"
    "  step('act', function()\n"
    "    local ok, err = pcall(deploy.release, live)\n"
    "    if not ok then see(err, 0) log(tostring(err)) end\n"
    "  end)\n"
    "  wait('1s')\n"
    "  decide = require 'decide'\n"
    "  finish { as = 'recovered', because = tostring(live) }\n"
    "end\n";

static int may_end_so(int status)
{
    return status == INSIDE_WAITS || status == WORKER_OK ||
           status == WORKER_INSTRUCTIONS || status == WORKER_MEMORY ||
           status == WORKER_FRAME || status == WORKER_CLOSED ||
           status == WORKER_PROTOCOL;
}

static int is_the_workers(enum frame_type type)
{
    return type == FRAME_CALL || type == FRAME_EVENT || type == FRAME_CANCEL ||
           type == FRAME_DONE || type == FRAME_WAIT || type == FRAME_MODULE;
}

static void read_said(const char *bytes, size_t size, int status)
{
    uint32_t calls = 0;
    int blocked = 1;
    while (size) {
        struct frame f = {0};
        struct error err = {0};
        size_t used = 0;
        CHECK(frame_read(bytes, size, &f, &used, &err) == 0 && used > 0);
        CHECK(is_the_workers(f.type) && f.body_size == 0);
        if (f.type == FRAME_CALL)
            CHECK(f.call == ++calls && value_text(f.value, "verb", NULL));
        else
            CHECK(f.call == 0);
        blocked = f.flags & FRAME_BLOCKED;
        CHECK(f.type != FRAME_WAIT || blocked);
        frame_free(&f);
        bytes += used;
        size -= used;
    }
    CHECK(blocked || status != INSIDE_WAITS);
}

static void put(struct buf *out, enum frame_type type, uint32_t call,
                const json_t *value)
{
    CHECK(frame_write(out, type, 0, call, value, NULL, 0) == 0);
}

static void put_line(struct buf *out, const char *line, size_t size)
{
    unsigned char c = size ? (unsigned char)line[0] : 0;
    struct error err = {0};
    json_t *value = NULL;
    if (!size || (size > 1 && value_decode(line + 1, size - 1, &value, &err)))
        return;
    if (!value)
        value = json_object();
    if (c >= 'A' && c <= 'P')
        put(out, FRAME_RESULT, c - 'A' + 1u, value);
    else
        put(out,
            c == 'R'   ? FRAME_RUN
            : c == 'S' ? FRAME_STOP
            : c == 'U' ? FRAME_UNDO
                       : 1 + c % (FRAME_TYPES - 1),
            0, value);
    json_decref(value);
}

static void put_lines(struct buf *out, const char *text, size_t size)
{
    while (size) {
        const char *end = memchr(text, '\n', size);
        size_t n = end ? (size_t)(end - text) : size;
        put_line(out, text, n);
        text += n + (end != NULL);
        size -= n + (end != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int started;
    struct buf frames = BUF_INIT(1 << 20);
    const char *said;
    int status;
    if (!started) {
        inside_start("run", book);
        started = 1;
    }
    if (size && data[0] == 1)
        buf_add(&frames, data + 1, size - 1);
    else
        put_lines(&frames, (const char *)data, size);
    status = inside_run(buf_text(&frames), frames.size);
    CHECK(may_end_so(status));
    said = inside_said(&size);
    read_said(said, size, status);
    inside_forget();
    buf_free(&frames);
    return 0;
}
