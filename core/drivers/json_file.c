#define _GNU_SOURCE
#include "json_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int code_of(int number)
{
    if (number == ENOENT || number == ENOTDIR)
        return RB_NOTFOUND;
    return number == EACCES || number == EPERM ? RB_DENIED : RB_IO;
}

static int failed(struct error *err, const char *what, const char *path)
{
    return error_set_errno(err, code_of(errno), "cannot %s %s", what, path);
}

/* Whether path still names the file that is open. */
static int same_file(int fd, const char *path)
{
    struct stat open_one, named;
    return fstat(fd, &open_one) == 0 && stat(path, &named) == 0 &&
           open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev;
}

int json_file_lock(const char *path, int64_t wait, int *fd, struct error *err)
{
    int64_t until = clock_steady() + wait;
    for (;;) {
        int held;
        *fd = open(path, O_RDONLY | O_CLOEXEC);
        if (*fd < 0)
            return failed(err, "open", path);
        held = flock(*fd, LOCK_EX | LOCK_NB) == 0;
        if (held && same_file(*fd, path))
            return 0;
        close(*fd);
        *fd = -1;
        if (!held && errno != EWOULDBLOCK && errno != EINTR)
            return failed(err, "lock", path);
        if (clock_steady() >= until)
            return error_set(err, RB_BUSY, "%s is locked by another process",
                             path);
        clock_sleep(10);
    }
}

static int read_all(int fd, struct buf *b)
{
    char bytes[4096];
    for (;;) {
        ssize_t n = read(fd, bytes, sizeof bytes);
        int rc;
        if (n == 0)
            return 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return RB_IO;
        rc = buf_add(b, bytes, (size_t)n);
        if (rc)
            return rc;
    }
}

int json_file_read(const char *path, json_t **out, struct error *err)
{
    struct buf text = BUF_INIT(JSON_FILE_MAX);
    int fd, rc;
    *out = NULL;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return failed(err, "open", path);
    rc = read_all(fd, &text);
    if (rc == RB_IO)
        failed(err, "read", path);
    else if (rc)
        error_set(err, rc, "%s is larger than %u bytes", path, JSON_FILE_MAX);
    else
        rc = value_decode(buf_text(&text), text.size, out, err);
    if (rc == RB_INVALID)
        error_prefix(err, "%s: ", path);
    if (!rc && !json_is_object(*out)) {
        json_decref(*out);
        *out = NULL;
        rc = error_set(err, RB_INVALID, "%s does not hold a JSON object", path);
    }
    close(fd);
    buf_free(&text);
    return rc;
}

static int write_text(int fd, const char *text)
{
    size_t left = strlen(text);
    while (left) {
        ssize_t n = write(fd, text, left);
        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0) {
            text += n;
            left -= (size_t)n;
        }
    }
    return 0;
}

/* Mode and owner of the file that is going to be replaced. */
static int adopt(int fd, const char *path)
{
    struct stat old;
    if (stat(path, &old) != 0)
        return errno == ENOENT ? 0 : -1;
    if (fchown(fd, old.st_uid, old.st_gid) != 0)
        return -1;
    return fchmod(fd, old.st_mode & 07777);
}

int json_file_sync_name(const char *path)
{
    char directory[PATH_MAX];
    int fd, rc;
    snprintf(directory, sizeof directory, "%.*s",
             (int)(strrchr(path, '/') - path + 1), path);
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    rc = fsync(fd);
    close(fd);
    return rc;
}

/* path is absolute and no link. */
static int replace(const char *path, const char *text, struct error *err)
{
    char temporary[PATH_MAX + 16];
    const char *doing = "write";
    int fd, rc;
    snprintf(temporary, sizeof temporary, "%s.rbrun", path);
    unlink(temporary); /* of a call that was killed; ours is locked */
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(err, "create", temporary);
    rc = write_text(fd, text) != 0 || write_text(fd, "\n") != 0 ||
         adopt(fd, path) != 0 || fsync(fd) != 0;
    if (close(fd) != 0)
        rc = 1;
    if (!rc && rename(temporary, path) != 0) {
        doing = "replace";
        rc = 1;
    }
    if (rc) {
        int saved = errno;
        unlink(temporary);
        errno = saved;
        return failed(err, doing, path);
    }
    if (json_file_sync_name(path) != 0)
        return error_set_errno(err, RB_CORRUPT,
                               "%s is replaced, but cannot be synced", path);
    return 0;
}

int json_file_write(const char *path, const json_t *value, struct error *err)
{
    char resolved[PATH_MAX], *text;
    int rc;
    if (!realpath(path, resolved))
        snprintf(resolved, sizeof resolved, "%s", path);
    if (resolved[0] != '/')
        return error_set(err, RB_INVALID, "%s is not an absolute path", path);
    text = json_dumps(value, JSON_INDENT(2));
    if (!text)
        return error_set(err, RB_NOMEM, "no memory for %s", path);
    rc = replace(resolved, text, err);
    free(text);
    return rc;
}

static int note_path(const struct driver_call *c, char *path, size_t size,
                     struct error *err)
{
    char name[32], given[PATH_MAX], *directory;
    int rc;
    snprintf(name, sizeof name, "call-%u.note", c->sequence);
    rc = driver_artifact(c, name, given, sizeof given, err);
    if (rc)
        return rc;
    directory = realpath(c->artifacts, NULL);
    if (!directory)
        return failed(err, "find", c->artifacts);
    if (snprintf(path, size, "%s/%s", directory, name) >= (int)size)
        rc = error_set(err, RB_TOOBIG, "the path of %s is too long", given);
    free(directory);
    return rc;
}

int note_write(const struct driver_call *c, json_t *value, struct error *err)
{
    char path[PATH_MAX];
    json_t *note;
    int rc = note_path(c, path, sizeof path, err);
    if (rc)
        return rc;
    note = json_pack("{s:s, s:O}", "key", c->key, "note", value);
    rc = note ? json_file_write(path, note, err)
              : error_set(err, RB_NOMEM, "no memory for %s", path);
    json_decref(note);
    return rc;
}

json_t *note_read(const struct driver_call *c)
{
    char path[PATH_MAX];
    json_t *all = NULL, *note = NULL;
    if (note_path(c, path, sizeof path, NULL) == 0 &&
        json_file_read(path, &all, NULL) == 0 &&
        strcmp(value_text(all, "key", ""), c->key) == 0)
        note = json_incref(json_object_get(all, "note"));
    json_decref(all);
    return note;
}
