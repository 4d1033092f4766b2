/*
 * Plays the engine for one worker, by a script, and prints what it said:
 *
 *   worker-drive WORKER ROLE FILE [SCRIPT.json]
 *
 * The script, every member optional:
 *   "start"    members that replace those of START
 *   "source"   the text of the file, which then need not exist
 *   "modules"  name -> source of a module that may be required; "*" is any
 *   "input"    what RUN carries
 *   "answers"  verb -> list of RESULT documents, used in turn; the last one
 *              stays. Without one a call is answered {"ok":{}}.
 *   "order"    call numbers in the order of delivery; then the oldest first
 *   "stop"     send STOP in place of this delivery (1 is the first)
 *   "undo"     send UNDO after DONE
 *   "instead"  {"at": frame, ...}: at the first frame of that name, do not
 *              react but send {"type": n, "call": n, "document": {..}}, or
 *              the bytes of "raw", or close the socket
 *
 * Prints a line a frame, "TYPE CALL DOCUMENT", with a "!" behind the type
 * when it is the last of its burst; then "exit N" or "signal N", and the
 * page: "page LINE FILE", "instructions N". What differs from process to
 * process, bytes and milliseconds, goes to stderr.
 */
#define _GNU_SOURCE
#include "../../core/wire/frame.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_CALLS 4096

struct drive {
    int fd;
    pid_t pid;
    struct worker_page *page;
    json_t *script;
    json_t *calls[MAX_CALLS]; /* the open ones, by number */
    int used[MAX_CALLS];      /* answers given, by position of the verb */
    size_t order_at;
    int deliveries;
    int is_over;
    int is_ahead; /* something was sent that this burst did not wait for */
    struct buf in;
};

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static void send_frame(struct drive *d, enum frame_type type, uint32_t call,
                       json_t *value, const char *body, size_t size)
{
    struct buf out = BUF_INIT(80u << 20);
    size_t at = 0;
    if (frame_write(&out, type, 0, call, value, body, size)) {
        fprintf(stderr, "cannot write a %s\n", frame_name(type));
        exit(2);
    }
    while (at < out.size) {
        ssize_t n = send(d->fd, out.data + at, out.size - at, MSG_NOSIGNAL);
        if (n < 0)
            break; /* the worker is gone: its exit status says why */
        at += (size_t)n;
    }
    json_decref(value);
    buf_free(&out);
}

/* The answer to a call; a new reference. */
static json_t *answer_for(struct drive *d, const json_t *call)
{
    json_t *answers = json_object_get(d->script, "answers");
    const char *verb = value_text(call, "verb", "");
    const char *key;
    json_t *list;
    int position = 0;
    json_object_foreach(answers, key, list)
    {
        if (!strcmp(key, verb)) {
            size_t n = (size_t)d->used[position]++;
            if (n >= json_array_size(list))
                n = json_array_size(list) - 1;
            return json_incref(json_array_get(list, n));
        }
        position++;
    }
    return json_pack("{s:{}}", "ok");
}

static uint32_t next_call(struct drive *d)
{
    const json_t *order = json_object_get(d->script, "order");
    while (d->order_at < json_array_size(order)) {
        json_int_t n = json_integer_value(json_array_get(order, d->order_at++));
        if (n > 0 && n < MAX_CALLS && d->calls[n])
            return (uint32_t)n;
    }
    for (uint32_t n = 1; n < MAX_CALLS; n++)
        if (d->calls[n])
            return n;
    return 0;
}

/* The worker is blocked: give it one thing. */
static void deliver(struct drive *d)
{
    uint32_t n;
    if (d->is_ahead) {
        d->is_ahead = 0;
        return;
    }
    n = next_call(d);
    d->deliveries++;
    if (value_int(d->script, "stop", 0) == d->deliveries) {
        send_frame(d, FRAME_STOP, 0, json_pack("{s:s}", "because", "test"),
                   NULL, 0);
        return;
    }
    if (!n) {
        puts("deadlock");
        exit(1);
    }
    send_frame(d, FRAME_RESULT, n, answer_for(d, d->calls[n]), NULL, 0);
    json_decref(d->calls[n]);
    d->calls[n] = NULL;
}

static void send_module(struct drive *d, const json_t *request)
{
    const char *name = value_text(request, "name", "");
    const json_t *modules = json_object_get(d->script, "modules");
    const char *text =
        value_text(modules, name, value_text(modules, "*", NULL));
    char file[128];
    json_t *value;
    snprintf(file, sizeof file, "%s.lua", name);
    for (char *at = file; *at && strcmp(at, ".lua"); at++)
        if (*at == '.')
            *at = '/';
    value = text
                ? json_pack("{s:s,s:s}", "name", name, "file", file)
                : json_pack("{s:s,s:s}", "name", name, "error", "no such file");
    send_frame(d, FRAME_SOURCE, 0, value, text ? text : "",
               text ? strlen(text) : 0);
}

static void cancel(struct drive *d, const json_t *calls)
{
    size_t i;
    json_t *n;
    json_array_foreach(calls, i, n)
    {
        json_int_t number = json_integer_value(n);
        json_decref(d->calls[number]);
        d->calls[number] = NULL;
    }
}

static void on_done(struct drive *d)
{
    if (!d->is_over && json_is_true(json_object_get(d->script, "undo")))
        send_frame(d, FRAME_UNDO, 0, json_object(), NULL, 0);
    d->is_over = 1;
}

/* The script's own answer to a frame; 0 when it has none. */
static int react_instead(struct drive *d, const struct frame *f)
{
    json_t *instead = json_object_get(d->script, "instead");
    const char *raw = value_text(instead, "raw", NULL);
    json_t *document = json_object_get(instead, "document");
    if (strcmp(value_text(instead, "at", ""), frame_name(f->type)) != 0)
        return 0;
    d->is_ahead = f->type == FRAME_CANCEL;
    if (d->is_ahead)
        cancel(d, json_object_get(f->value, "calls"));
    if (raw)
        send(d->fd, raw, strlen(raw), MSG_NOSIGNAL);
    else if (document)
        send_frame(d, (enum frame_type)value_int(instead, "type", 0),
                   (uint32_t)value_int(instead, "call", 0),
                   json_incref(document), NULL, 0);
    if (!document)
        shutdown(d->fd, SHUT_WR);
    json_object_del(d->script, "instead");
    return 1;
}

static void take(struct drive *d, const struct frame *f)
{
    json_t *input = json_object_get(d->script, "input");
    if (react_instead(d, f))
        return;
    if (f->type == FRAME_CALL && f->call < MAX_CALLS)
        d->calls[f->call] = json_incref(f->value);
    else if (f->type == FRAME_CANCEL)
        cancel(d, json_object_get(f->value, "calls"));
    if (f->type == FRAME_MODULE)
        send_module(d, f->value);
    else if (f->type == FRAME_LOADED)
        send_frame(d, FRAME_RUN, 0,
                   json_pack("{s:o}", "input",
                             input ? json_incref(input) : json_object()),
                   NULL, 0);
    else if (f->type == FRAME_DONE)
        on_done(d);
    else if ((f->flags & FRAME_BLOCKED) && f->type != FRAME_FAIL)
        deliver(d);
}

static void print_frame(const struct frame *f)
{
    struct buf text = BUF_INIT(FRAME_MAX_DOCUMENT);
    if (value_encode(f->value, &text))
        exit(2);
    printf("%s%s %u %s\n", frame_name(f->type),
           f->flags & FRAME_BLOCKED ? "!" : "", f->call, buf_text(&text));
    fflush(stdout);
    buf_free(&text);
}

/* Take every whole frame that has arrived. */
static void take_all(struct drive *d)
{
    for (;;) {
        struct frame f = {0};
        struct error err = {0};
        size_t used = 0;
        if (!d->in.size)
            return;
        if (frame_read(d->in.data, d->in.size, &f, &used, &err)) {
            printf("malformed: %s\n", err.message);
            exit(1);
        }
        if (!used)
            return;
        print_frame(&f);
        take(d, &f);
        frame_free(&f);
        buf_consume(&d->in, used);
    }
}

static void start_worker(struct drive *d, const char *path, const char *role)
{
    int pair[2], page = memfd_create("page", 0);
    if (page < 0 || ftruncate(page, 4096) ||
        socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
        die("socketpair");
    d->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, page, 0);
    d->pid = fork();
    if (d->pid < 0)
        die("fork");
    if (!d->pid) {
        int null = open("/dev/null", O_RDWR);
        char *argv[] = {(char *)path, (char *)role, NULL};
        char *environment[] = {"LC_ALL=C", NULL};
        int high = fcntl(pair[1], F_DUPFD, 10);
        int high_page = fcntl(page, F_DUPFD, 10);
        for (int fd = 0; fd < 3; fd++)
            dup2(null, fd);
        dup2(high, 3);
        dup2(high_page, 4);
        close_range(5, ~0u, 0);
        execve(path, argv, environment);
        _exit(127);
    }
    close(pair[1]);
    close(page);
    d->fd = pair[0];
}

static json_t *verbs(void)
{
    static const char *const table[][2] = {
        {"metric.query", "read"},   {"metric.await", "read"},
        {"git.last_green", "read"}, {"git.resolve", "read"},
        {"deploy.current", "read"}, {"deploy.release", "write"},
        {"migrate.assess", "read"}, {"flag.get", "read"},
        {"flag.set", "write"},      {"http.check", "read"},
        {"notify.send", "notify"},  {"wait.sleep", "wait"},
        {"clock.now", "read"},      {"snapshot.take", "write"},
    };
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        json_array_append_new(list, json_pack("{s:s,s:s}", "name", table[i][0],
                                              "effect", table[i][1]));
    return list;
}

static char *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "r");
    char *text = malloc(2u << 20);
    if (!f || !text)
        die(path);
    *size = fread(text, 1, 2u << 20, f);
    fclose(f);
    return text;
}

static void send_start(struct drive *d, const char *role, const char *file)
{
    json_t *given = json_object_get(d->script, "source");
    json_t *start = json_pack("{s:s,s:s,s:i,s:o,s:s,s:{},s:{}}", "role", role,
                              "source_name", file, "seed", 7, "verbs", verbs(),
                              "mode", "live", "limits", "inputs");
    size_t size = json_string_length(given);
    char *text = given ? NULL : read_file(file, &size);
    json_object_update(start, json_object_get(d->script, "start"));
    send_frame(d, FRAME_START, 0, start,
               given ? json_string_value(given) : text, size);
    free(text);
}

static void print_end(const struct drive *d, double seconds)
{
    int status;
    if (waitpid(d->pid, &status, 0) < 0)
        die("waitpid");
    if (WIFSIGNALED(status))
        printf("signal %d\n", WTERMSIG(status));
    else
        printf("exit %d\n", WEXITSTATUS(status));
    printf("page %u %s\n", d->page->line, d->page->file);
    printf("instructions %llu\n", (unsigned long long)d->page->instructions);
    fprintf(stderr, "memory %llu loaded_ms %.2f\n",
            (unsigned long long)d->page->memory, seconds * 1000);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static struct drive d;
    double begin, loaded = 0;
    ssize_t n;
    if (argc < 4) {
        fputs("usage: worker-drive WORKER ROLE FILE [SCRIPT]\n", stderr);
        return 2;
    }
    d.script = argc > 4 ? json_load_file(argv[4], 0, NULL) : json_object();
    if (!d.script) {
        fprintf(stderr, "%s is no JSON\n", argv[4]);
        return 2;
    }
    d.in.max = 80u << 20;
    begin = now();
    start_worker(&d, argv[1], argv[2]);
    send_start(&d, argv[2], argv[3]);
    while (!buf_reserve(&d.in, 65536) &&
           (n = read(d.fd, d.in.data + d.in.size, 65536)) > 0) {
        if (!loaded)
            loaded = now() - begin;
        d.in.size += (size_t)n;
        take_all(&d);
        if (d.is_over && !json_is_true(json_object_get(d.script, "undo")))
            shutdown(d.fd, SHUT_WR);
    }
    print_end(&d, loaded);
    return 0;
}
