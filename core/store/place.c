#define _GNU_SOURCE
#include "place.h"
#include "../wire/clock.h"
#include "../wire/heap.h"
#include "io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Its name is flushed: what is durable below it must stay reachable. */
static int make_directory(const char *path, struct error *err)
{
    char parent[PLACE_PATH + 8];
    char *slash;
    if (io->mkdir(path, 0700) < 0)
        return errno == EEXIST
                   ? 0
                   : error_set_errno(err, RB_IO, "cannot make the directory %s",
                                     path);
    snprintf(parent, sizeof parent, "%s", path);
    slash = strrchr(parent, '/');
    slash[slash == parent] = '\0';
    if (io_sync_directory(parent) < 0 && errno != EINVAL && errno != EACCES)
        return error_set_errno(err, RB_IO, "cannot flush %s", parent);
    return 0;
}

/* mkdir -p for the state directory's own path. */
static int make_parents(const char *path, struct error *err)
{
    char part[PLACE_PATH];
    for (const char *slash = strchr(path + 1, '/');;
         slash = strchr(slash + 1, '/')) {
        int length = slash ? (int)(slash - path) : (int)strlen(path);
        snprintf(part, sizeof part, "%.*s", length, path);
        if (access(part, F_OK) != 0) {
            int rc = make_directory(part, err);
            if (rc)
                return rc;
        }
        if (!slash)
            return 0;
    }
}

int place_root(char *path, size_t size, struct error *err)
{
    const char *own = getenv("RBRUN_STATE"), *xdg = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int n;
    if (own && own[0] && own[0] != '/') {
        error_set(err, RB_INVALID,
                  "RBRUN_STATE is \"%s\", and must be an absolute path", own);
        error_next(err, "export RBRUN_STATE=\"$PWD/%s\", or unset RBRUN_STATE",
                   own);
        return RB_INVALID;
    }
    if (own && own[0])
        n = snprintf(path, size, "%s", own);
    else if (xdg && xdg[0] == '/')
        n = snprintf(path, size, "%s/rbrun", xdg);
    else if (home && home[0] == '/')
        n = snprintf(path, size, "%s/.local/state/rbrun", home);
    else
        return error_set(err, RB_IO,
                         "no place for runs: neither RBRUN_STATE nor "
                         "XDG_STATE_HOME nor HOME is an absolute path");
    if (n < 0 || (size_t)n + 64 >= size)
        return error_set(err, RB_TOOBIG,
                         "the state directory's path is too "
                         "long");
    return make_parents(path, err);
}

static int random_name(char *out, size_t digits, struct error *err)
{
    static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    unsigned char bytes[8];
    if (io->random(bytes, digits) != (ssize_t)digits)
        return error_set_errno(err, RB_IO, "no random numbers");
    for (size_t i = 0; i < digits; i++)
        out[i] = alphabet[bytes[i] % 32];
    out[digits] = '\0';
    return 0;
}

static int new_id(char id[RUN_ID], struct error *err)
{
    char day[16], name[8];
    time_t now = (time_t)(clock_wall() / 1000);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(day, sizeof day, "%Y%m%d", &utc);
    int rc = random_name(name, 4, err);
    if (!rc)
        snprintf(id, RUN_ID, "%s-%s", day, name);
    return rc;
}

int place_new_run(char id[RUN_ID], char *path, size_t size, struct error *err)
{
    char root[PLACE_PATH], runs[PLACE_PATH + 8];
    int rc = place_root(root, sizeof root, err);
    snprintf(runs, sizeof runs, "%s/runs", root);
    if (!rc)
        rc = make_directory(runs, err);
    for (int tries = 0; !rc && tries < 64; tries++) {
        rc = new_id(id, err);
        if (rc)
            break;
        snprintf(path, size, "%s/%s", runs, id);
        if (io->mkdir(path, 0700) == 0) {
            if (io_sync_directory(runs) == 0)
                return 0;
            rc = error_set_errno(err, RB_IO, "cannot flush %s", runs);
            rmdir(path);
        } else if (errno != EEXIST) {
            rc = error_set_errno(err, RB_IO, "cannot make %s", path);
        }
    }
    return rc ? rc : error_set(err, RB_IO, "no free run id in %s", runs);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

int place_list_runs(char (**ids)[RUN_ID], size_t *count, struct error *err)
{
    char root[PLACE_PATH], runs[PLACE_PATH + 8];
    char(*list)[RUN_ID] = NULL;
    size_t room = 0, n = 0;
    struct dirent *entry;
    DIR *dir;
    int rc = place_root(root, sizeof root, err);
    *ids = NULL;
    *count = 0;
    if (rc)
        return rc;
    snprintf(runs, sizeof runs, "%s/runs", root);
    dir = opendir(runs);
    if (!dir)
        return errno == ENOENT
                   ? 0
                   : error_set_errno(err, RB_IO, "cannot read %s", runs);
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] == '.' || strlen(entry->d_name) >= RUN_ID)
            continue;
        if (n == room) {
            room = room ? 2 * room : 64;
            list = heap_grow(list, room * sizeof *list);
        }
        strcpy(list[n++], entry->d_name);
    }
    closedir(dir);
    if (n)
        qsort(list, n, RUN_ID, by_name);
    *ids = list;
    *count = n;
    return 0;
}

static int ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcasecmp(text + a - b, end) == 0;
}

static int pick(const char *name, char (*ids)[RUN_ID], size_t count,
                char id[RUN_ID], struct error *err)
{
    size_t hits = 0;
    if (strcmp(name, "last") == 0 && count) {
        /* Ids of one day are random: the newest is by modification time. */
        struct error ignored;
        char path[PLACE_PATH];
        struct timespec newest = {0, 0};
        struct stat st;
        place_root(path, sizeof path, &ignored);
        size_t root = strlen(path);
        for (size_t i = 0; i < count; i++) {
            snprintf(path + root, sizeof path - root, "/runs/%s", ids[i]);
            if (stat(path, &st) == 0 &&
                (st.st_mtim.tv_sec > newest.tv_sec ||
                 (st.st_mtim.tv_sec == newest.tv_sec &&
                  st.st_mtim.tv_nsec >= newest.tv_nsec))) {
                newest = st.st_mtim;
                strcpy(id, ids[i]);
            }
        }
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (name[0] && ends_with(ids[i], name)) {
            strcpy(id, ids[i]);
            hits++;
        }
    }
    if (hits == 1)
        return 0;
    if (hits)
        error_set(err, RB_INVALID, "%zu runs end in \"%s\"", hits, name);
    else
        error_set(err, RB_NOTFOUND, "there is no run \"%s\"", name);
    error_next(err, "rbrun history");
    return hits ? RB_INVALID : RB_NOTFOUND;
}

int place_find_run(const char *name, char id[RUN_ID], char *path, size_t size,
                   struct error *err)
{
    char(*ids)[RUN_ID];
    char root[PLACE_PATH];
    size_t count;
    int rc = place_list_runs(&ids, &count, err);
    if (!rc)
        rc = pick(name, ids, count, id, err);
    free(ids);
    if (!rc)
        rc = place_root(root, sizeof root, err);
    if (!rc)
        snprintf(path, size, "%s/runs/%s", root, id);
    return rc;
}

/* Where the kernel found what a descriptor names (proc(5)). */
static int is_at(int fd, const char *path)
{
    char link[64], found[PATH_MAX];
    ssize_t size;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    size = readlink(link, found, sizeof found);
    return size >= 0 && (size_t)size == strlen(path) &&
           memcmp(found, path, (size_t)size) == 0;
}

static int read_all(const char *path, size_t max, int resolved, struct buf *out,
                    struct error *err)
{
    /* A pipe would wait here for somebody who writes. */
    int fd = io->open(path, O_RDONLY | O_NONBLOCK, 0), rc = 0;
    struct stat st;
    if (fd < 0)
        return error_set_errno(err, errno == ENOENT ? RB_NOTFOUND : RB_IO,
                               "cannot read %s", path);
    if (resolved && !is_at(fd, path))
        rc = error_set(err, RB_DENIED,
                       "%s was replaced by a link while it was read", path);
    else if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        rc = error_set(err, RB_IO, "%s is not a file", path);
    else if ((size_t)st.st_size > max)
        rc =
            error_set(err, RB_TOOBIG, "%s is larger than %zu bytes", path, max);
    out->max = max + 1;
    while (!rc) {
        ssize_t got;
        if (buf_reserve(out, (size_t)st.st_size - out->size + 1) != 0) {
            rc = error_set(err, RB_TOOBIG, "%s grew while it was read", path);
            break;
        }
        got = io->read(fd, out->data + out->size,
                       (size_t)st.st_size - out->size + 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            rc = error_set_errno(err, RB_IO, "cannot read %s", path);
        if (got <= 0)
            break;
        out->size += (size_t)got;
        if (out->size > (size_t)st.st_size)
            st.st_size = (off_t)out->size;
    }
    if (out->data)
        out->data[out->size] = '\0';
    io->close(fd);
    return rc;
}

int place_read(const char *path, size_t max, struct buf *out, struct error *err)
{
    return read_all(path, max, 0, out, err);
}

int place_read_resolved(const char *path, size_t max, struct buf *out,
                        struct error *err)
{
    return read_all(path, max, 1, out, err);
}

int place_put(const char *directory, const char *name, const void *bytes,
              size_t size, struct error *err)
{
    char path[PLACE_PATH], temporary[PLACE_PATH];
    int fd, rc = 0;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    if (snprintf(temporary, sizeof temporary, "%s/.%s.new", directory, name) >=
        (int)sizeof temporary)
        return error_set(err, RB_TOOBIG, "the path of %s is too long", name);
    fd = io->open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return error_set_errno(err, RB_IO, "cannot write %s", temporary);
    if (io_write_all(fd, bytes, size) < 0 || io->datasync(fd) < 0)
        rc = error_set_errno(err, RB_IO, "cannot write %s", temporary);
    io->close(fd);
    if (!rc && io->rename(temporary, path) < 0)
        rc = error_set_errno(err, RB_IO, "cannot rename %s", temporary);
    if (rc)
        io->unlink(temporary);
    return rc;
}

int place_flush(const char *directory, struct error *err)
{
    if (io_sync_directory(directory) < 0)
        return error_set_errno(err, RB_IO, "cannot flush %s", directory);
    return 0;
}

int place_write(const char *directory, const char *name, const void *bytes,
                size_t size, struct error *err)
{
    int rc = place_put(directory, name, bytes, size, err);
    return rc ? rc : place_flush(directory, err);
}

const char *place_shown(const char *path)
{
    char here[PLACE_PATH];
    size_t size;
    if (!getcwd(here, sizeof here))
        return path;
    size = strlen(here);
    if (strncmp(path, here, size) == 0 && path[size] == '/')
        return path + size + 1;
    return path;
}
