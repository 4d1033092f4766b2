#define _GNU_SOURCE
#include "catalog_store.h"
#include "../wire/sha256.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_MAX (4u << 20)
#define RECORDS_MAX 200 /* of one commit: the newest are looked at */
#define ENDING ".json"

int catalog_store_is_commit(const char *text)
{
    size_t size = strlen(text);
    return (size == 40 || size == 64) &&
           strspn(text, "0123456789abcdef") == size;
}

/* A name of an environment as the name of a folder. */
static void escape(const char *name, char *out, size_t size)
{
    size_t used = 0;
    for (; *name && used + 4 < size; name++) {
        int plain =
            (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
            (*name >= '0' && *name <= '9') || *name == '-' || *name == '_';
        used += (size_t)snprintf(out + used, size - used,
                                 plain ? "%c" : "%%%02x", (unsigned char)*name);
    }
    out[used] = '\0';
}

static int folder(const struct driver_call *c, char *path, size_t size,
                  struct error *err)
{
    char name[200];
    if (!c->state)
        return error_set(err, RB_NOTFOUND,
                         "there is no state directory to keep catalogs in");
    escape(c->environment, name, sizeof name);
    if (snprintf(path, size, "%s/catalogs/%s", c->state, name) >= (int)size)
        return error_set(err, RB_TOOBIG, "the path %s is too long", c->state);
    return 0;
}

static int make_folder(const struct driver_call *c, char *path, size_t size,
                       struct error *err)
{
    char above[PATH_MAX];
    int rc = folder(c, path, size, err);
    if (rc)
        return rc;
    snprintf(above, sizeof above, "%s/catalogs", c->state);
    if ((mkdir(above, 0700) != 0 && errno != EEXIST) ||
        (mkdir(path, 0700) != 0 && errno != EEXIST))
        return error_set_errno(err, RB_IO, "cannot make %s", path);
    return 0;
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0) {
            bytes += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

static int sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Whole and durably, or not at all. */
static int write_file(const char *directory, const char *name,
                      const char *bytes, size_t size, struct error *err)
{
    char temporary[PATH_MAX + 40], final[PATH_MAX];
    int fd, bad;
    if (snprintf(final, sizeof final, "%s/%s", directory, name) >=
        (int)sizeof final)
        return error_set(err, RB_TOOBIG, "the path %s is too long", directory);
    snprintf(temporary, sizeof temporary, "%s.%ld.partial", final,
             (long)getpid());
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set_errno(err, RB_IO, "cannot create %s", temporary);
    bad = write_all(fd, bytes, size) != 0 || fsync(fd) != 0;
    if (close(fd) != 0 || bad || rename(temporary, final) != 0) {
        error_set_errno(err, RB_IO, "cannot write %s", final);
        unlink(temporary);
        return RB_IO;
    }
    return sync_folder(directory) == 0
               ? 0
               : error_set_errno(err, RB_IO, "cannot sync %s", directory);
}

/* A file named by its contents is written once. */
static int put_part(const char *directory, const char *part,
                    const struct buf *bytes, json_t *about, struct error *err)
{
    char name[120], hash[SHA256_TEXT];
    sha256_text(buf_text(bytes), bytes->size, hash);
    snprintf(name, sizeof name, "%s.%s", hash, part);
    json_object_set_new(about, "sha256", json_string(hash));
    json_object_set_new(about, "bytes", json_integer((json_int_t)bytes->size));
    return write_file(directory, name, buf_text(bytes), bytes->size, err);
}

static int put_record(const char *directory, const char *commit,
                      const json_t *record, char *path, size_t size,
                      struct error *err)
{
    struct buf text = BUF_INIT(RECORD_MAX);
    char name[120];
    int rc = value_encode(record, &text);
    snprintf(name, sizeof name, "%s.%lld" ENDING, commit,
             (long long)value_int(record, "taken_at", 0));
    if (rc)
        error_set(err, rc, "the record of a catalog is too large");
    else
        rc = write_file(directory, name, text.data, text.size, err);
    snprintf(path, size, "%s/%s", directory, name);
    buf_free(&text);
    return rc;
}

int catalog_store_put(const struct driver_call *c, const char *commit,
                      json_t *record, const struct buf *document,
                      const struct buf *statements, char *path, size_t size,
                      struct error *err)
{
    char directory[PATH_MAX];
    json_t *about = json_object();
    int rc = make_folder(c, directory, sizeof directory, err);
    json_object_set_new(record, "catalog", about);
    if (!rc)
        rc = put_part(directory, "catalog", document, about, err);
    if (!rc && statements)
        rc = put_part(directory, "statements", statements,
                      json_object_get(record, "statements"), err);
    if (rc)
        return rc;
    json_object_set_new(record, "format", json_integer(1));
    json_object_set_new(record, "environment", json_string(c->environment));
    json_object_set_new(record, "commit", json_string(commit));
    json_object_set_new(record, "key", json_string(c->key));
    return put_record(directory, commit, record, path, size, err);
}

static int read_file(const char *path, size_t max, struct buf *out,
                     struct error *err)
{
    char bytes[1 << 16];
    size_t before = out->size;
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
    if (fd < 0)
        return error_set_errno(err, errno == ENOENT ? RB_NOTFOUND : RB_IO,
                               "cannot open %s", path);
    for (;;) {
        ssize_t n = read(fd, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = error_set_errno(err, RB_IO, "cannot read %s", path);
        if (n <= 0)
            break;
        if (out->size - before + (size_t)n > max ||
            buf_add(out, bytes, (size_t)n) != 0) {
            rc = error_set(err, RB_TOOBIG, "%s is larger than %zu bytes", path,
                           max);
            break;
        }
    }
    close(fd);
    return rc;
}

int catalog_store_read(const struct driver_call *c, const json_t *record,
                       const char *part, struct buf *out, struct error *err)
{
    const char *hash =
        value_text(json_object_get(record, part), "sha256", NULL);
    char directory[PATH_MAX], path[PATH_MAX + 100], found[SHA256_TEXT];
    size_t before = out->size;
    int rc = folder(c, directory, sizeof directory, err);
    if (rc)
        return rc;
    if (!hash || strlen(hash) != SHA256_TEXT - 1 ||
        strspn(hash, "0123456789abcdef") != strlen(hash))
        return error_set(err, RB_NOTFOUND, "the record has no %s", part);
    snprintf(path, sizeof path, "%s/%s.%s", directory, hash, part);
    rc = read_file(path, CATALOG_STORE_MAX, out, err);
    if (rc)
        return rc;
    sha256_text(out->data + before, out->size - before, found);
    if (strcmp(found, hash) != 0)
        return error_set(err, RB_CORRUPT,
                         "%s is not what was written: its hash differs", path);
    return 0;
}

/* Newest first: the time in the name has as many digits for centuries. */
static int newest_first(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*b)->d_name, (*a)->d_name);
}

static int is_of(const char *name, const char *commit)
{
    size_t size = strlen(name), head = strlen(commit);
    return size > head + sizeof ENDING && strncmp(name, commit, head) == 0 &&
           name[head] == '.' &&
           strcmp(name + size - strlen(ENDING), ENDING) == 0;
}

static void take_record(const char *directory, const char *name,
                        const char *commit, json_t *records, json_t *broken)
{
    char path[PATH_MAX + 300];
    struct buf text = BUF_INIT(RECORD_MAX);
    struct error err = {0};
    json_t *record = NULL;
    int rc;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    rc = read_file(path, RECORD_MAX, &text, &err);
    if (!rc)
        rc = value_decode_canonical(buf_text(&text), text.size, &record, &err);
    if (!rc && strcmp(value_text(record, "commit", ""), commit) != 0)
        rc = error_set(&err, RB_CORRUPT, "%s is of another commit", path);
    if (rc) {
        json_array_append_new(broken, json_string(err.message));
    } else {
        json_object_set_new(record, "path", json_string(path));
        json_array_append(records, record);
    }
    json_decref(record);
    buf_free(&text);
}

int catalog_store_find(const struct driver_call *c, const char *commit,
                       json_t **records, json_t **broken, struct error *err)
{
    char directory[PATH_MAX];
    struct dirent **names = NULL;
    int count, taken = 0, rc = folder(c, directory, sizeof directory, err);
    if (rc)
        return rc;
    *records = json_array();
    *broken = json_array();
    count = scandir(directory, &names, NULL, newest_first);
    if (count < 0 && errno != ENOENT)
        return error_set_errno(err, RB_IO, "cannot list %s", directory);
    for (int i = 0; i < count; i++) {
        if (is_of(names[i]->d_name, commit) && taken++ < RECORDS_MAX)
            take_record(directory, names[i]->d_name, commit, *records, *broken);
        free(names[i]);
    }
    free(names);
    return 0;
}
