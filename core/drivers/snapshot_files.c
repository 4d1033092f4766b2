#define _GNU_SOURCE
#include "snapshot_files.h"
#include "snapshot_manifest.h"
#include "../wire/sha256.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK (256u << 10)
#define DEEPEST 64 /* folders in one another */

int snapshot_sha256(const void *bytes, size_t size, char out[65])
{
    sha256_text(bytes, size, out);
    return 0;
}

static int digest_fd(int fd, struct sha256 *s, int64_t *size)
{
    static char block[BLOCK];
    ssize_t got;
    while ((got = read(fd, block, sizeof block)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return RB_IO;
        sha256_add(s, block, (size_t)got);
        *size += got;
    }
    return 0;
}

static int hash_file(const char *path, char out[65], int64_t *size,
                     struct error *err)
{
    struct sha256 s;
    int rc, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    *size = 0;
    if (fd < 0)
        return error_set_errno(err, RB_IO, "cannot read %s", path);
    /* Ask for the bytes of the disk, not for those still in memory. */
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    sha256_start(&s);
    rc = digest_fd(fd, &s, size);
    if (rc)
        error_set_errno(err, rc, "cannot read all of %s", path);
    sha256_end(&s, out);
    close(fd);
    return rc;
}

/*
 * A walk over a directory and all below it, in the order of names. Each file
 * is visited, and each directory behind what it holds. Not by fts(3), whose
 * first step crashes where it gets no memory.
 */
struct walk {
    char path[4096]; /* where it is */
    size_t skip;     /* of path, to the name in the manifest */
    int depth;
    int goes_on; /* behind an error, too */
    int (*visit)(struct walk *w, const struct stat *st, struct error *err);
    json_t *files; /* of hash_one */
    int64_t bytes;
};

static int no_dots(const struct dirent *e)
{
    return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int walk_here(struct walk *w, struct error *err);

static int walk_below(struct walk *w, const char *name, struct error *err)
{
    size_t length = strlen(w->path), room = sizeof w->path - length;
    int rc;
    if ((size_t)snprintf(w->path + length, room, "/%s", name) < room)
        rc = walk_here(w, err);
    else
        rc = error_set(err, RB_TOOBIG, "a path below %.*s is too long",
                       (int)w->skip - 1, w->path);
    w->path[length] = '\0';
    return rc;
}

static int walk_list(struct walk *w, struct error *err)
{
    struct dirent **list = NULL;
    int rc = 0, count;
    if (w->depth >= DEEPEST)
        return error_set(err, RB_TOOBIG, "%s lies more than %d folders deep",
                         w->path, DEEPEST);
    count = scandir(w->path, &list, no_dots, by_name);
    if (count < 0)
        return error_set_errno(err, RB_IO, "cannot read %s", w->path);
    w->depth++;
    for (int i = 0; i < count; i++) {
        int bad = !rc || w->goes_on ? walk_below(w, list[i]->d_name, err) : 0;
        rc = bad ? bad : rc;
        free(list[i]);
    }
    w->depth--;
    free(list);
    return rc;
}

static int walk_here(struct walk *w, struct error *err)
{
    struct stat st;
    int rc = 0;
    if (lstat(w->path, &st))
        return error_set_errno(err, RB_IO, "cannot read %s", w->path);
    if (S_ISDIR(st.st_mode))
        rc = walk_list(w, err);
    return rc ? rc : w->visit(w, &st, err);
}

static int walk(struct walk *w, const char *path, struct error *err)
{
    w->skip = strlen(path) + 1;
    if (w->skip > sizeof w->path)
        return error_set(err, RB_TOOBIG, "the path %s is too long", path);
    memcpy(w->path, path, w->skip);
    return walk_here(w, err);
}

static int hash_one(struct walk *w, const struct stat *st, struct error *err)
{
    char sum[65];
    int64_t size;
    int rc;
    const char *name = w->path + w->skip;
    if (S_ISDIR(st->st_mode) || strcmp(name, SNAPSHOT_MANIFEST) == 0)
        return 0;
    if (!S_ISREG(st->st_mode))
        return error_set(err, RB_CORRUPT, "%s is not a regular file", w->path);
    if (json_array_size(w->files) >= SNAPSHOT_MAX_FILES)
        return error_set(err, RB_TOOBIG, "%.*s holds more than %d files",
                         (int)w->skip - 1, w->path, SNAPSHOT_MAX_FILES);
    rc = hash_file(w->path, sum, &size, err);
    if (rc)
        return rc;
    w->bytes += size;
    if (json_array_append_new(w->files,
                              json_pack("{s:s, s:I, s:s}", "path", name, "size",
                                        (json_int_t)size, "sha256", sum)) != 0)
        return error_set(err, RB_INVALID, "%s: a name that is not UTF-8",
                         w->path);
    return 0;
}

int snapshot_files_hash(const char *directory, json_t **files, int64_t *bytes,
                        struct error *err)
{
    struct walk w = {.visit = hash_one, .files = json_array()};
    int rc = walk(&w, directory, err);
    *bytes = w.bytes;
    *files = rc ? NULL : w.files;
    if (rc)
        json_decref(w.files);
    return rc;
}

int snapshot_file_sync(const char *path, struct error *err)
{
    int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return error_set_errno(err, RB_IO, "cannot open %s", path);
    if (fsync(fd) < 0)
        rc = error_set_errno(err, RB_IO, "cannot make %s durable", path);
    close(fd);
    return rc;
}

static int sync_one(struct walk *w, const struct stat *st, struct error *err)
{
    return S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)
               ? snapshot_file_sync(w->path, err)
               : 0;
}

int snapshot_files_sync(const char *path, struct error *err)
{
    struct walk w = {.visit = sync_one};
    return walk(&w, path, err);
}

static int remove_one(struct walk *w, const struct stat *st, struct error *err)
{
    return (S_ISDIR(st->st_mode) ? rmdir(w->path) : unlink(w->path))
               ? error_set_errno(err, RB_IO, "cannot remove %s", w->path)
               : 0;
}

int snapshot_files_remove(const char *directory, struct error *err)
{
    struct walk w = {.visit = remove_one, .goes_on = 1};
    if (access(directory, F_OK) < 0 && errno == ENOENT)
        return 0;
    return walk(&w, directory, err);
}
