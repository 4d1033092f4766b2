#define _GNU_SOURCE
#include "scratch.h"
#include "scratch_keeper.h"
#include "../wire/heap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT (60 * 1000)
#define SOCKET_ROOM 80 /* bytes of a path before "/.s.PGSQL.5432" */
#define TAIL "/rbrun-scratch-XXXXXX"
#define COMMON "/tmp" /* where every account may make a directory */

struct scratch {
    pid_t keeper;
    int alive; /* the keeper reads its end */
    int major;
    char directory[SOCKET_ROOM];
    char bin[1024];
};

/* Where distributions put the programs of a version. */
static const char *const places[] = {
    "/usr/lib/postgresql/%d/bin", "/usr/pgsql-%d/bin",
    "/usr/local/pgsql-%d/bin", "/opt/postgresql/%d/bin", NULL};

#define OLDEST 10
#define NEWEST 40

static int has_programs(const char *folder)
{
    char path[1100];
    snprintf(path, sizeof path, "%s/initdb", folder);
    if (access(path, X_OK) != 0)
        return 0;
    snprintf(path, sizeof path, "%s/postgres", folder);
    return access(path, X_OK) == 0;
}

static int version_at(int major, char *folder, size_t size)
{
    for (size_t i = 0; places[i]; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(folder, size, places[i], major);
#pragma GCC diagnostic pop
        if (has_programs(folder))
            return 1;
    }
    return 0;
}

/* The wanted version, else the next later one; without a wish, the newest. */
static int search(int major, char *folder, size_t size)
{
    int step = major ? 1 : -1;
    for (int v = major ? major : NEWEST; v >= OLDEST && v <= NEWEST; v += step)
        if (version_at(v, folder, size))
            return v;
    return 0;
}

int scratch_programs(const char *bin, int major, char *folder, size_t size,
                     int *found, struct error *err)
{
    *found = 0;
    if (bin && strlen(bin) >= size)
        return error_set(err, RB_TOOBIG, "the path %s is too long", bin);
    if (bin) {
        snprintf(folder, size, "%s", bin);
        if (has_programs(folder))
            return 0;
        return error_set(err, RB_NOTFOUND,
                         "%s has no initdb and no postgres in it", bin);
    }
    *found = search(major, folder, size);
    if (*found)
        return 0;
    if (major)
        error_set(err, RB_NOTFOUND,
                  "the server programs of PostgreSQL %d or later are not "
                  "installed here",
                  major);
    else
        error_set(err, RB_NOTFOUND,
                  "PostgreSQL's server programs are not installed here");
    error_next(err, "install the package postgresql (its service need not "
                    "run), or say where initdb and postgres are");
    return RB_NOTFOUND;
}

static int open_pipes(int alive[2], int report[2], struct error *err)
{
    if (pipe2(alive, O_CLOEXEC) != 0)
        return error_set_errno(err, RB_IO, "no pipe for a scratch PostgreSQL");
    if (pipe2(report, O_CLOEXEC) == 0)
        return 0;
    error_set_errno(err, RB_IO, "no pipe for a scratch PostgreSQL");
    close(alive[0]);
    close(alive[1]);
    return RB_IO;
}

/* What the keeper says: one line, then the pipe's end. */
static void hear(int fd, char *text, size_t size)
{
    size_t used = 0;
    ssize_t n;
    while (used + 1 < size) {
        n = read(fd, text + used, size - used - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    text[used] = '\0';
}

static int understand(struct scratch *s, const char *text, struct error *err)
{
    if (text[0] == '+') {
        snprintf(s->directory, sizeof s->directory, "%.*s", SOCKET_ROOM - 1,
                 text + 1);
        return 0;
    }
    error_set(err, RB_IO, "no scratch PostgreSQL: %s",
              text[0] == '-' ? text + 1 : "its keeper was ended");
    error_next(err, "make room, or choose another directory for it");
    return RB_IO;
}

static int fork_keeper(struct scratch *s, struct scratch_keeper *k,
                       struct error *err)
{
    int alive[2], report[2];
    char text[1400];
    if (open_pipes(alive, report, err) != 0)
        return RB_IO;
    k->alive = alive[0];
    k->report = report[1];
    s->keeper = fork();
    if (s->keeper == 0)
        scratch_keep(k);
    close(alive[0]);
    close(report[1]);
    s->alive = alive[1];
    if (s->keeper < 0) {
        error_set_errno(err, RB_IO, "no process for a scratch PostgreSQL");
        close(report[0]);
        return RB_IO;
    }
    hear(report[0], text, sizeof text);
    close(report[0]);
    return understand(s, text, err);
}

/* TMPDIR is the caller's, and may be too deep for a socket. */
static const char *temporary(void)
{
    const char *own = getenv("TMPDIR");
    return own && own[0] == '/' && strlen(own) + sizeof TAIL <= SOCKET_ROOM
               ? own
               : COMMON;
}

int scratch_start(const struct scratch_options *o, struct scratch **out,
                  struct error *err)
{
    const char *base = o->directory ? o->directory : temporary();
    struct scratch *s = heap_zeroed(1, sizeof *s);
    struct scratch_keeper k = {base,
                               o->directory ? NULL : COMMON,
                               s->bin,
                               o->user ? o->user : "postgres",
                               o->timeout > 0 ? o->timeout : TIMEOUT,
                               -1,
                               -1};
    int rc = scratch_programs(o->bin, o->major, s->bin, sizeof s->bin,
                              &s->major, err);
    s->alive = -1;
    if (!rc && strlen(k.base) + sizeof TAIL > SOCKET_ROOM)
        rc = error_set(err, RB_TOOBIG,
                       "%s is too long a path for a server's socket", k.base);
    if (!rc)
        rc = fork_keeper(s, &k, err);
    if (rc) {
        scratch_stop(s);
        return rc;
    }
    *out = s;
    return 0;
}

const char *scratch_url(const struct scratch *s, const char *database,
                        char *out, size_t size)
{
    snprintf(out, size, "host=%s port=5432 user=" SCRATCH_USER " dbname=%s",
             s->directory, database ? database : "postgres");
    return out;
}

const char *scratch_directory(const struct scratch *s)
{
    return s->directory;
}

const char *scratch_bin(const struct scratch *s)
{
    return s->bin;
}

int scratch_major(const struct scratch *s)
{
    return s->major;
}

void scratch_stop(struct scratch *s)
{
    if (!s)
        return;
    if (s->alive >= 0)
        close(s->alive);
    while (s->keeper > 0 && waitpid(s->keeper, NULL, 0) < 0 && errno == EINTR)
        continue;
    free(s);
}
