/*
 * An environment file from its text: evaluated as the worker does, taken as
 * the engine does. However it ends, it ends as a worker may; and what is
 * taken can be asked (fuzz_environment.c looks at the answers).
 */
#include "fuzz.h"
#include "inside/inside.h"
#include "../../core/engine/environment.h"
#include "../../core/wire/frame.h"

static int may_end_so(int status)
{
    return status == WORKER_OK || status == WORKER_INSTRUCTIONS ||
           status == WORKER_MEMORY || status == WORKER_FRAME;
}

static void take(const struct frame *f)
{
    struct error err = {0};
    struct environment e = {0};
    int rc = environment_take(&e, "/etc/rbrun/lab.lua", f->value, &err);
    CHECK(rc == 0 || err.message[0]);
    if (rc == 0)
        CHECK(e.name[0]);
    environment_free(&e);
}

/* One frame, and nothing but it. */
static void read_answer(const char *bytes, size_t size)
{
    struct frame f = {0};
    struct error err = {0};
    size_t used = 0;
    CHECK(frame_read(bytes, size, &f, &used, &err) == 0);
    CHECK(used == size && f.flags == FRAME_BLOCKED);
    CHECK(f.type == FRAME_LOADED || f.type == FRAME_FAIL);
    if (f.type == FRAME_LOADED)
        take(&f);
    else
        CHECK(value_text(f.value, "message", NULL));
    frame_free(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int started;
    struct input in = {data, size};
    const char *bytes;
    char *text;
    int status;
    if (!started) {
        inside_start("config", "return {}");
        started = 1;
    }
    text = input_bytes(&in, size);
    status = inside_config(text, size);
    CHECK(may_end_so(status));
    bytes = inside_said(&size);
    if (status == WORKER_OK)
        read_answer(bytes, size);
    else
        CHECK(size == 0);
    inside_forget();
    free(text);
    return 0;
}
