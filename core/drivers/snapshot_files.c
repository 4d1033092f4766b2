#define _GNU_SOURCE
#include "snapshot_files.h"
#include "snapshot_manifest.h"
#include "../wire/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK (256u << 10)

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

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static FTS *walk(const char *path)
{
    char *roots[2] = {(char *)path, NULL};
    return fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
}

static int hash_entry(const FTSENT *e, size_t skip, json_t *files,
                      int64_t *bytes, struct error *err)
{
    char sum[65];
    int64_t size;
    int rc;
    const char *name = e->fts_path + skip;
    if (strcmp(name, SNAPSHOT_MANIFEST) == 0)
        return 0;
    if (json_array_size(files) >= SNAPSHOT_MAX_FILES)
        return error_set(err, RB_TOOBIG, "%.*s holds more than %d files",
                         (int)skip - 1, e->fts_path, SNAPSHOT_MAX_FILES);
    rc = hash_file(e->fts_path, sum, &size, err);
    if (rc)
        return rc;
    *bytes += size;
    if (json_array_append_new(files,
                              json_pack("{s:s, s:I, s:s}", "path", name, "size",
                                        (json_int_t)size, "sha256", sum)) != 0)
        return error_set(err, RB_INVALID, "%s: a name that is not UTF-8",
                         e->fts_path);
    return 0;
}

/* fts_read(3) returns NULL at the end, and where it can go no further. */
static int at_end(int rc, const char *directory, struct error *err)
{
    if (rc || !errno)
        return rc;
    return error_set_errno(err, RB_IO, "cannot read all of %s", directory);
}

int snapshot_files_hash(const char *directory, json_t **files, int64_t *bytes,
                        struct error *err)
{
    FTS *tree = walk(directory);
    FTSENT *e;
    int rc = 0;
    *files = json_array();
    *bytes = 0;
    if (!tree)
        rc = error_set_errno(err, RB_IO, "cannot read %s", directory);
    while (!rc && (e = fts_read(tree)) != NULL) {
        if (e->fts_info == FTS_F)
            rc = hash_entry(e, strlen(directory) + 1, *files, bytes, err);
        else if (e->fts_info == FTS_ERR || e->fts_info == FTS_DNR ||
                 e->fts_info == FTS_NS)
            rc = error_set(err, RB_IO, "cannot read %s: %s", e->fts_path,
                           strerror(e->fts_errno));
        else if (e->fts_info != FTS_D && e->fts_info != FTS_DP)
            rc = error_set(err, RB_CORRUPT, "%s is not a regular file",
                           e->fts_path);
    }
    rc = at_end(rc, directory, err);
    if (tree)
        fts_close(tree);
    if (rc) {
        json_decref(*files);
        *files = NULL;
    }
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

int snapshot_files_sync(const char *path, struct error *err)
{
    FTS *tree = walk(path);
    FTSENT *e;
    int rc = 0;
    if (!tree)
        return error_set_errno(err, RB_IO, "cannot read %s", path);
    while (!rc && (e = fts_read(tree)) != NULL) {
        if (e->fts_info == FTS_F || e->fts_info == FTS_DP)
            rc = snapshot_file_sync(e->fts_path, err);
    }
    rc = at_end(rc, path, err);
    fts_close(tree);
    return rc;
}

int snapshot_files_remove(const char *directory, struct error *err)
{
    FTS *tree;
    FTSENT *e;
    int rc = 0;
    if (access(directory, F_OK) < 0 && errno == ENOENT)
        return 0;
    tree = walk(directory);
    if (!tree)
        return error_set_errno(err, RB_IO, "cannot read %s", directory);
    while ((e = fts_read(tree)) != NULL) {
        int bad = 0;
        if (e->fts_info == FTS_DP)
            bad = rmdir(e->fts_path);
        else if (e->fts_info != FTS_D)
            bad = unlink(e->fts_path);
        if (bad)
            rc = error_set_errno(err, RB_IO, "cannot remove %s", e->fts_path);
    }
    rc = at_end(rc, directory, err);
    fts_close(tree);
    return rc;
}
