#include "inside.h"
#include "../../../core/wire/buf.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void *page_instead(void *at, size_t size, int prot, int flags, int fd,
                          off_t offset)
{
    (void)at, (void)size, (void)prot, (void)flags, (void)fd, (void)offset;
    return inside_page();
}

#define main worker_main
#define mmap page_instead
#define close(fd) ((void)(fd))
#define _exit inside_exit
int worker_main(int argc, char **argv);
#include "../../../lua/worker.c"

unsigned jail_close(size_t memory, int64_t cpu)
{
    (void)memory, (void)cpu;
    return JAIL_ALL;
}

void jail_trap(uint32_t *refused)
{
    (void)refused;
}

static struct worker now, kept; /* Lua knows where now.budget is */
static struct worker_page page, kept_page;
static jmp_buf ended;
static int status;
static const char *given;
static size_t left;
static char said[8u << 20];
static size_t said_size;

void *inside_page(void)
{
    return &page;
}

void inside_exit(int code)
{
    status = code;
    longjmp(ended, 1);
}

ssize_t inside_read(int fd, void *bytes, size_t size)
{
    (void)fd;
    if (!left) {
        status = INSIDE_WAITS;
        longjmp(ended, 1);
    }
    size = size < left ? size : left;
    memcpy(bytes, given, size);
    given += size;
    left -= size;
    return (ssize_t)size;
}

ssize_t inside_write(int fd, const void *bytes, size_t size)
{
    (void)fd;
    if (size > sizeof said - said_size)
        inside_exit(WORKER_CLOSED);
    memcpy(said + said_size, bytes, size);
    said_size += size;
    return (ssize_t)size;
}

const char *inside_said(size_t *size)
{
    *size = said_size;
    return said;
}

unsigned long long inside_used(void)
{
    return page.instructions;
}

static void start_frame(struct buf *out, const char *role, const char *source)
{
    static const char *const verbs[][2] = {
        {"deploy.current", "read"},     {"deploy.release", "write"},
        {"metric.query", "read"},       {"http.check", "read"},
        {"flag.set", "write"},          {"notify.send", "notify"},
        {"snapshot.remove", "cleanup"}, {"wait.sleep", "wait"}};
    json_t *list = json_array(), *start;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        json_array_append_new(list, json_pack("{s:s, s:s}", "name", verbs[i][0],
                                              "effect", verbs[i][1]));
    start = json_pack("{s:s, s:s, s:s, s:i, s:o, s:{s:i, s:i, s:i}}", "role",
                      role, "mode", "plan", "source_name", "f.lua", "seed", 7,
                      "verbs", list, "limits", "instructions", 300000, "memory",
                      8 << 20, "frame", 256 << 10);
    if (frame_write(out, FRAME_START, 0, 0, start, source, strlen(source)))
        abort();
    json_decref(start);
}

void inside_start(const char *role, const char *source)
{
    struct buf start = BUF_INIT(1 << 20);
    start_frame(&start, role, source);
    given = start.data;
    left = start.size;
    json_object_seed(1);
    now.role = role;
    now.budget.page = map_page();
    now.budget.memory = DEFAULT_MEMORY;
    now.budget.instructions = DEFAULT_INSTRUCTIONS;
    if (!setjmp(ended))
        work(&now); /* returns for "config", would read on for "run" */
    if (status > 0 || !now.entries) {
        fprintf(stderr, "the worker ended with %d: %.*s\n", status,
                (int)said_size, said + FRAME_HEADER);
        abort();
    }
    lua_settop(now.L, now.entries);
    kept = now;
    kept_page = page;
    inside_keep();
    inside_report_reset(1);
    inside_link_reset(1);
    inside_forget();
    buf_free(&start);
}

void inside_forget(void)
{
    inside_free_all();
    inside_again();
    inside_link_reset(0);
    inside_host_reset();
    inside_report_reset(0);
    now = kept;
    page = kept_page;
    said_size = 0;
}

int inside_run(const char *frames, size_t size)
{
    given = frames;
    left = size;
    inside_watch(1);
    if (!setjmp(ended))
        run(&now);
    inside_watch(0);
    return status;
}

int inside_config(const char *text, size_t size)
{
    struct frame f = {.type = FRAME_START, .body = text, .body_size = size};
    inside_watch(1);
    status = WORKER_OK;
    if (!setjmp(ended)) {
        f.value = json_pack("{s:s}", "source_name", "f.lua");
        load_config(&now, &f);
        link_flush();
    }
    inside_watch(0);
    return status;
}
