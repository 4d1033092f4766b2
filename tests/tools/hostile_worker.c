/*
 * A worker that obeys nobody but the file `script` beside it: it stands in
 * the place of rbrun-worker, and becomes the real one (beside it, as
 * real-worker) wherever the script does not begin with its role and mode.
 * For tests only; tests/spec/support/hostile.lua writes the scripts.
 *
 *   at ROLE MODE         "run live", "run plan", "config -"
 *   take TYPE            read frames up to one of this type (a number)
 *   frame T F N JSON     a frame: type, flags, number, document as it is
 *   raw HEX              bytes as they are
 *   zeros N              so many zero bytes
 *   flood T F N JSON     the same frame for ever, N counted up
 *   drip HEX             one byte every 20 ms, again and again
 *   page LINE HEX        what the shared page says: line, bytes of the file
 *   await FILE           go on when it is there
 *   skip FILE            make it and pass over the next line, once
 *   engine SIGNAL        send the engine a signal, as a person would
 *   exit N, die SIGNAL, hang
 *   jail                 close the real jail
 *   forbidden NAME       a system call that the jail must not let through
 */
#define _GNU_SOURCE
#include "../../core/wire/frame.h"
#include "../../lua/jail.h"
#include "hostile_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SOCKET 3
#define PAGE 4
#define MISTAKE 99 /* of the script: no verdict is this */

static struct buf out = BUF_INIT(128u << 20);
static struct worker_page *page;
static int skipping; /* the next line */

static _Noreturn void mistaken(void)
{
    _exit(MISTAKE); /* nobody would see what we print */
}

static void send_all(void)
{
    size_t at = 0;
    while (at < out.size) {
        ssize_t n = write(SOCKET, out.data + at, out.size - at);
        if (n <= 0 && errno != EINTR)
            _exit(0);
        at += n > 0 ? (size_t)n : 0;
    }
    buf_clear(&out);
}

static void read_all(void *into, size_t size)
{
    char *at = into;
    while (size) {
        ssize_t n = read(SOCKET, at, size);
        if (n <= 0)
            _exit(0);
        at += n;
        size -= (size_t)n;
    }
}

static uint32_t number(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
           (uint32_t)at[3] << 24;
}

static void put(unsigned char *at, uint32_t n)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(n >> (8 * i));
}

static void do_take(const char *rest)
{
    unsigned char head[FRAME_HEADER];
    int wanted = atoi(rest);
    send_all();
    do {
        size_t size;
        char *document;
        read_all(head, sizeof head);
        size = (size_t)number(head) + number(head + 4);
        document = malloc(size + 1);
        if (!document)
            mistaken();
        read_all(document, size);
        free(document);
    } while (head[8] != wanted);
}

static void add_frame(const char *rest, uint32_t count)
{
    unsigned char head[FRAME_HEADER] = {0};
    unsigned type, flags, call;
    int used = 0;
    if (sscanf(rest, "%u %u %u %n", &type, &flags, &call, &used) != 3)
        mistaken();
    put(head, (uint32_t)strlen(rest + used));
    head[8] = (unsigned char)type;
    head[9] = (unsigned char)flags;
    put(head + 12, call ? call + count : 0);
    buf_add(&out, head, sizeof head);
    buf_adds(&out, rest + used);
}

static void do_frame(const char *rest)
{
    add_frame(rest, 0);
}

static void do_flood(const char *rest)
{
    for (uint32_t i = 0;; i++) {
        add_frame(rest, i);
        if (out.size > 60000)
            send_all();
    }
}

static size_t unhex(const char *rest, char *into, size_t size)
{
    size_t n = 0;
    unsigned byte;
    while (n < size && sscanf(rest + 2 * n, "%2x", &byte) == 1)
        into[n++] = (char)byte;
    return n;
}

static void do_raw(const char *rest)
{
    static char bytes[1 << 16];
    buf_add(&out, bytes, unhex(rest, bytes, sizeof bytes));
}

static void do_zeros(const char *rest)
{
    static const char zeros[4096];
    for (long left = atol(rest); left > 0; left -= (long)sizeof zeros)
        buf_add(&out, zeros,
                left < (long)sizeof zeros ? (size_t)left : sizeof zeros);
}

static void do_drip(const char *rest)
{
    struct timespec pause_for = {0, 20000000};
    char bytes[256];
    size_t n = unhex(rest, bytes, sizeof bytes);
    send_all();
    for (size_t i = 0;; i++) {
        buf_add(&out, bytes + i % n, 1);
        send_all();
        nanosleep(&pause_for, NULL);
    }
}

static void do_page(const char *rest)
{
    int used = 0;
    if (sscanf(rest, "%u %n", &page->line, &used) != 1)
        mistaken();
    memset(page->file, 'x', sizeof page->file);
    unhex(rest + used, page->file, sizeof page->file);
    page->instructions = UINT64_MAX;
    page->memory = UINT64_MAX;
    page->wanted = UINT64_MAX;
}

static void do_await(const char *rest)
{
    struct timespec pause_for = {0, 2000000};
    send_all();
    while (access(rest, F_OK) != 0)
        nanosleep(&pause_for, NULL);
}

static void do_skip(const char *rest)
{
    int fd = open(rest, O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    skipping = fd >= 0;
    if (fd >= 0)
        close(fd);
}

static void do_engine(const char *rest)
{
    send_all();
    kill(getppid(), atoi(rest));
}

static void do_exit(const char *rest)
{
    send_all();
    _exit(atoi(rest));
}

static void do_die(const char *rest)
{
    send_all();
    signal(atoi(rest), SIG_DFL);
    raise(atoi(rest));
}

static void do_hang(const char *rest)
{
    (void)rest;
    send_all();
    for (;;)
        pause();
}

static void do_jail(const char *rest)
{
    (void)rest;
    send_all();
    hostile_prepare();
    jail_close((size_t)64 << 20, 20);
}

static void do_forbidden(const char *rest)
{
    if (hostile_call(rest) != 0)
        mistaken();
}

static void obey(char *line)
{
    static const struct {
        const char *word;
        void (*act)(const char *rest);
    } words[] = {
        {"take", do_take}, {"frame", do_frame},   {"flood", do_flood},
        {"raw", do_raw},   {"zeros", do_zeros},   {"drip", do_drip},
        {"page", do_page}, {"exit", do_exit},     {"die", do_die},
        {"hang", do_hang}, {"jail", do_jail},     {"await", do_await},
        {"skip", do_skip}, {"engine", do_engine}, {"forbidden", do_forbidden},
    };
    char *rest = line + strcspn(line, " ");
    if (skipping) {
        skipping = 0;
        return;
    }
    if (*rest)
        *rest++ = '\0';
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i].word, line) == 0) {
            words[i].act(rest);
            return;
        }
    }
    mistaken();
}

/* START is only looked at: the real worker, too, wants to read it. */
static int is_meant(const char *role, const char *first)
{
    static char start[65536];
    char wanted[16] = "", mode[16] = "", text[40];
    ssize_t n;
    if (sscanf(first, "at %15s %15s", wanted, mode) != 2)
        mistaken();
    if (strcmp(wanted, role) != 0)
        return 0;
    if (strcmp(role, "config") == 0)
        return 1;
    snprintf(text, sizeof text, "\"mode\":\"%s\"", mode);
    n = recv(SOCKET, start, sizeof start - 1, MSG_PEEK);
    return n > 0 && memmem(start, (size_t)n, text, strlen(text)) != NULL;
}

/* All of it at once: in the jail nothing can be read any more. */
static char *read_script(const char *directory)
{
    struct buf text = BUF_INIT(4u << 20);
    char path[4200], bytes[65536];
    size_t n;
    FILE *file;
    snprintf(path, sizeof path, "%s/script", directory);
    file = fopen(path, "re");
    if (!file)
        mistaken();
    while ((n = fread(bytes, 1, sizeof bytes, file)) > 0)
        buf_add(&text, bytes, n);
    fclose(file);
    if (!text.data)
        mistaken();
    return text.data;
}

static char *line_of(char **rest)
{
    char *line = *rest;
    size_t size = strcspn(line, "\n");
    if (!*line)
        return NULL;
    *rest = line + size + (line[size] == '\n');
    line[size] = '\0';
    return line;
}

int main(int argc, char **argv)
{
    char directory[4096], path[4200], *rest, *line;
    if (argc != 2 || !strchr(argv[0], '/'))
        return MISTAKE;
    snprintf(directory, sizeof directory, "%s", argv[0]);
    *strrchr(directory, '/') = '\0';
    rest = read_script(directory);
    line = line_of(&rest);
    if (!line)
        return MISTAKE;
    if (!is_meant(argv[1], line)) {
        char *const none[] = {NULL};
        snprintf(path, sizeof path, "%s/real-worker", directory);
        execve(path, argv, none);
        return MISTAKE;
    }
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, PAGE, 0);
    if (page == MAP_FAILED)
        return MISTAKE;
    signal(SIGPIPE, SIG_IGN);
    while ((line = line_of(&rest)))
        obey(line);
    send_all();
    _exit(0);
}
