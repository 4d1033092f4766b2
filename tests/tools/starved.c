/*
 * An allocator that gives nothing on request: linked into rbrun-starved, and
 * into a worker and a reader of the tests. It stands in for the C library's
 * own, so that it serves every library of the process, too; in a build with
 * sanitizers it serves what is linked statically.
 *
 *   STARVE_AT=N     the Nth allocation of the process fails
 *   STARVE_FROM=N   so does every one behind it
 *   STARVE_FORK=K   count those of the Kth process that was forked, and let
 *                   those of the first process be
 *   STARVE_TOLD=F   keep struct told in the file F
 *
 * A worker and a reader get no variables: there the file `starve` beside the
 * program holds them, a line each. It is read at the first allocation, before
 * the jail is closed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(STARVE_BEHIND)
#undef __real_malloc
#undef __real_calloc
#undef __real_realloc
#define OURS(name) starved_##name
#define REAL(name) __real_##name
#elif defined(RBRUN_SANITIZE)
#define OURS(name) __wrap_##name
#define REAL(name) __real_##name
#else
#define OURS(name) name
#define REAL(name) __libc_##name
#endif

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t count, size_t size);
void *REAL(realloc)(void *block, size_t size);
void *OURS(malloc)(size_t size);
void *OURS(calloc)(size_t count, size_t size);
void *OURS(realloc)(void *block, size_t size);

/* Shared with whoever looks at the file: allocations of the process that
   they are counted of, how many were refused, processes that were forked. */
struct told {
    long count, refused, forks;
};

static struct told nobody;

static struct {
    int ready;
    pid_t here;
    int counts; /* those of the process that is here are counted */
    long at, from, fork, count;
    struct told *told;
} starve;

static void map_told(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void *page = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, sizeof nobody) == 0)
        page = mmap(NULL, sizeof nobody, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                    0);
    if (fd >= 0)
        close(fd);
    if (page != MAP_FAILED)
        starve.told = page;
}

static void take_line(const char *line)
{
    if (strncmp(line, "STARVE_AT=", 10) == 0)
        starve.at = atol(line + 10);
    else if (strncmp(line, "STARVE_FROM=", 12) == 0)
        starve.from = atol(line + 12);
    else if (strncmp(line, "STARVE_FORK=", 12) == 0)
        starve.fork = atol(line + 12);
    else if (strncmp(line, "STARVE_TOLD=", 12) == 0)
        map_told(line + 12);
}

static void read_file(void)
{
    char path[4096], text[512];
    char *line = text, *end;
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 8);
    int fd;
    if (n < 0)
        return;
    path[n] = '\0';
    strcpy(strrchr(path, '/') + 1, "starve");
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    while ((end = strchr(line, '\n'))) {
        *end = '\0';
        take_line(line);
        line = end + 1;
    }
}

static void prepare(void)
{
    int saved = errno;
    starve.ready = 1;
    starve.told = &nobody;
    for (char **one = environ; one && *one; one++) {
        if (strncmp(*one, "STARVE_", 7) == 0)
            take_line(*one);
    }
    read_file();
    starve.here = getpid();
    starve.counts = !starve.fork;
    errno = saved;
}

/* Who asks? Nothing jailed forks, or may ask for its number. */
static int is_counted(void)
{
#ifndef STARVE_JAILED
    pid_t pid = getpid();
    if (pid != starve.here) {
        starve.here = pid;
        starve.count = 0;
        starve.counts = ++starve.told->forks == starve.fork;
    }
#endif
    return starve.counts;
}

static int refused(void)
{
    if (!starve.ready)
        prepare();
    if (!is_counted())
        return 0;
    starve.count++;
    if (starve.count > starve.told->count)
        starve.told->count = starve.count;
    if (starve.count != starve.at &&
        (!starve.from || starve.count < starve.from))
        return 0;
    starve.told->refused++;
    errno = ENOMEM;
    return 1;
}

void *OURS(malloc)(size_t size)
{
    return refused() ? NULL : REAL(malloc)(size);
}

void *OURS(calloc)(size_t count, size_t size)
{
    return refused() ? NULL : REAL(calloc)(count, size);
}

void *OURS(realloc)(void *block, size_t size)
{
    return size && refused() ? NULL : REAL(realloc)(block, size);
}
