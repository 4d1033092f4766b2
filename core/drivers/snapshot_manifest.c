#define _GNU_SOURCE
#include "snapshot_manifest.h"
#include "snapshot_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SELF "manifest_sha256"

static int place(struct snapshot *s, struct error *err)
{
    const struct driver_call *c = s->call;
    int rc = option_path(c, "directory", s->place, sizeof s->place);
    if (rc == RB_NOTFOUND) {
        const char *own = c->artifacts;
        rc = own && (size_t)snprintf(s->place, sizeof s->place, "%s", own) <
                         sizeof s->place
                 ? 0
                 : RB_TOOBIG;
    }
    if (rc)
        return error_set(err, rc,
                         "snapshot %s: the directory's path is too "
                         "long",
                         c->system);
    return 0;
}

static int name_paths(struct snapshot *s, struct error *err)
{
    int a = snprintf(s->final, sizeof s->final, "%s/%s", s->place, s->id);
    int b = snprintf(s->partial, sizeof s->partial, "%s/%s.partial", s->place,
                     s->id);
    if (a < 0 || b < 0 || (size_t)b >= sizeof s->partial)
        return error_set(err, RB_TOOBIG, "the path of %s is too long", s->id);
    return 0;
}

/* Begin with the names; nothing on disk is touched. */
static int prepare(struct snapshot *s, const struct driver_call *c,
                   const char *kind, struct error *err)
{
    int rc;
    memset(s, 0, sizeof *s);
    s->call = c;
    s->kind = kind;
    s->begun = clock_steady();
    snprintf(s->id, sizeof s->id, "snap-%.12s", c->key);
    rc = place(s, err);
    return rc ? rc : name_paths(s, err);
}

/* The manifest without its own digest, as bytes. */
static int digest_of(json_t *manifest, char out[65])
{
    struct buf text = BUF_INIT(SNAPSHOT_MAX_MANIFEST);
    json_t *kept = json_incref(json_object_get(manifest, SELF));
    int rc;
    json_object_del(manifest, SELF);
    rc = value_encode(manifest, &text);
    if (!rc)
        rc = snapshot_sha256(text.data, text.size, out);
    if (kept)
        json_object_set_new(manifest, SELF, kept);
    buf_free(&text);
    return rc;
}

static int read_all(const char *path, struct buf *out, struct error *err)
{
    char block[16384];
    ssize_t got;
    int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return error_set_errno(err, errno == ENOENT ? RB_NOTFOUND : RB_IO,
                               "cannot read %s", path);
    while (!rc && (got = read(fd, block, sizeof block)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            rc = error_set_errno(err, RB_IO, "cannot read %s", path);
        else if ((rc = buf_add(out, block, (size_t)got)) != 0)
            error_set(err, rc, "%s is larger than a manifest can be", path);
    }
    close(fd);
    return rc;
}

static int load(struct snapshot *s, struct error *err)
{
    struct buf text = BUF_INIT(SNAPSHOT_MAX_MANIFEST);
    struct error why = {0};
    char path[4200], sum[65] = "";
    int rc;
    snprintf(path, sizeof path, "%s/" SNAPSHOT_MANIFEST, s->final);
    rc = read_all(path, &text, err);
    if (!rc && value_decode(buf_text(&text), text.size, &s->manifest, &why))
        rc = error_set(err, RB_CORRUPT, "%s: %s", path, why.message);
    if (!rc &&
        (!json_is_object(s->manifest) || digest_of(s->manifest, sum) != 0 ||
         strcmp(sum, value_text(s->manifest, SELF, "")) != 0 ||
         strcmp(s->id, value_text(s->manifest, "id", "")) != 0))
        rc = error_set(err, RB_CORRUPT,
                       "%s is not as it was written: its own digest or id "
                       "differs",
                       path);
    buf_free(&text);
    return rc;
}

static int differs(const struct snapshot *s, const json_t *want,
                   const json_t *have, struct error *err)
{
    const char *path = value_text(want, "path", "?");
    int64_t wanted = value_int(want, "size", -1);
    int64_t found = value_int(have, "size", -2);
    if (!have)
        return error_set(err, RB_CORRUPT, "%s: %s is missing", s->final, path);
    if (wanted != found)
        return error_set(err, RB_CORRUPT,
                         "%s: %s has %lld bytes, %lld were written", s->final,
                         path, (long long)found, (long long)wanted);
    if (!json_equal(want, have))
        return error_set(err, RB_CORRUPT,
                         "%s: %s has other contents than were written "
                         "(SHA-256)",
                         s->final, path);
    return 0;
}

static json_t *by_path(const json_t *files)
{
    json_t *object = json_object(), *file;
    size_t i;
    json_array_foreach(files, i, file)
    {
        json_object_set(object, value_text(file, "path", "?"), file);
    }
    return object;
}

/* Read everything back and hold it against the manifest. */
static int compare(const struct snapshot *s, struct error *err)
{
    const json_t *files = json_object_get(s->manifest, "files");
    json_t *have = NULL, *found = NULL, *file;
    int64_t bytes;
    size_t i;
    const char *path;
    int rc = snapshot_files_hash(s->final, &have, &bytes, err);
    if (rc)
        return rc;
    found = by_path(have);
    for (i = 0; !rc && i < json_array_size(files); i++) {
        file = json_array_get(files, i);
        path = value_text(file, "path", "?");
        rc = differs(s, file, json_object_get(found, path), err);
        json_object_del(found, path);
    }
    json_object_foreach(found, path, file)
    {
        if (!rc)
            rc = error_set(err, RB_CORRUPT,
                           "%s: %s was not there when it was taken", s->final,
                           path);
    }
    json_decref(found);
    json_decref(have);
    return rc;
}

int snapshot_open(struct snapshot *s, const struct driver_call *c,
                  const char *kind, struct error *err)
{
    struct stat st;
    int rc = prepare(s, c, kind, err);
    if (rc)
        return rc;
    if (lstat(s->final, &st) == 0) {
        s->kept = 1;
        rc = load(s, err);
        if (!rc)
            rc = compare(s, err);
        return rc == RB_NOTFOUND ? RB_CORRUPT : rc;
    }
    if (mkdir(s->place, 0700) < 0 && errno != EEXIST)
        return error_set_errno(err, RB_IO, "snapshot %s: cannot make %s",
                               c->system, s->place);
    rc = snapshot_files_remove(s->partial, err);
    if (!rc && mkdir(s->partial, 0700) < 0)
        rc = error_set_errno(err, RB_IO, "snapshot %s: cannot make %s",
                             c->system, s->partial);
    return rc;
}

int snapshot_path(const struct snapshot *s, const char *name, char *path,
                  size_t size, struct error *err)
{
    int n = snprintf(path, size, "%s/%s", s->partial, name);
    if (n < 0 || (size_t)n >= size)
        return error_set(err, RB_TOOBIG, "the path %s/%s is too long",
                         s->partial, name);
    return 0;
}

static void stamp(int64_t wall, char out[32])
{
    time_t t = (time_t)(wall / 1000);
    struct tm utc;
    gmtime_r(&t, &utc);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* Steals about, not_covered and files. */
static int compose(struct snapshot *s, json_t *about, json_t *not_covered,
                   json_t *files, int64_t bytes)
{
    const struct driver_call *c = s->call;
    double seconds = (double)(clock_steady() - s->begun) / 1000.0;
    char at[32], sum[65];
    stamp(clock_wall(), at);
    s->manifest = json_pack(
        "{s:i, s:s, s:s, s:s, s:s, s:s, s:s?, s:s, s:s, s:I, s:f, s:I, "
        "s:o*, s:o*, s:o}",
        "format", 1, "id", s->id, "kind", s->kind, "of", c->system, "run",
        c->run, "environment", c->environment, "service", c->service, "note",
        value_text(c->args, "note", ""), "taken_at", at, "taken_ms",
        (json_int_t)clock_wall(), "seconds", seconds, "bytes",
        (json_int_t)bytes, "about", about, "not_covered", not_covered, "files",
        files);
    if (!s->manifest || digest_of(s->manifest, sum) != 0)
        return RB_NOMEM;
    return json_object_set_new(s->manifest, SELF, json_string(sum)) ? RB_NOMEM
                                                                    : 0;
}

static int write_all(const char *path, const char *bytes, size_t size,
                     struct error *err)
{
    int rc = 0, fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set_errno(err, RB_IO, "cannot make %s", path);
    while (!rc && size > 0) {
        ssize_t put = write(fd, bytes, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0) {
            rc = error_set_errno(err, RB_IO, "cannot write %s", path);
        } else {
            bytes += put;
            size -= (size_t)put;
        }
    }
    if (close(fd) < 0 && !rc)
        rc = error_set_errno(err, RB_IO, "cannot write %s", path);
    return rc;
}

static int write_manifest(struct snapshot *s, struct error *err)
{
    struct buf text = BUF_INIT(SNAPSHOT_MAX_MANIFEST);
    char path[4200];
    int rc = value_encode(s->manifest, &text);
    if (!rc)
        rc = buf_addc(&text, '\n');
    snprintf(path, sizeof path, "%s/" SNAPSHOT_MANIFEST, s->partial);
    if (rc)
        error_set(err, rc, "%s: the manifest is too large", s->id);
    else
        rc = write_all(path, text.data, text.size, err);
    buf_free(&text);
    return rc;
}

/* The order matters: contents, then the name, then the name's directory. */
static int publish(struct snapshot *s, struct error *err)
{
    int rc = snapshot_files_sync(s->partial, err);
    if (!rc && rename(s->partial, s->final) < 0)
        rc = error_set_errno(err, RB_IO, "cannot rename %s to %s", s->partial,
                             s->final);
    return rc ? rc : snapshot_file_sync(s->place, err);
}

int snapshot_seal(struct snapshot *s, json_t *about, json_t *not_covered,
                  struct error *err)
{
    json_t *files = NULL;
    int64_t bytes = 0;
    int rc = snapshot_files_hash(s->partial, &files, &bytes, err);
    if (rc) {
        json_decref(about);
        json_decref(not_covered);
        return rc;
    }
    if (compose(s, about, not_covered, files, bytes) != 0)
        return error_set(err, RB_NOMEM, "%s: no memory for the manifest",
                         s->id);
    rc = write_manifest(s, err);
    if (!rc)
        rc = publish(s, err);
    return rc ? rc : compare(s, err);
}

void snapshot_drop(struct snapshot *s)
{
    if (s->partial[0])
        snapshot_files_remove(s->partial, NULL);
}

void snapshot_free(struct snapshot *s)
{
    json_decref(s->manifest);
    s->manifest = NULL;
}

static json_int_t count_files(const struct snapshot *s)
{
    return (json_int_t)json_array_size(json_object_get(s->manifest, "files"));
}

int snapshot_answer(const struct snapshot *s, struct driver_answer *a)
{
    return answer_ok(
        a, json_pack("{s:s, s:I, s:I, s:f, s:b, s:s, s:O*}", "id", s->id,
                     "bytes", (json_int_t)value_int(s->manifest, "bytes", 0),
                     "files", count_files(s), "seconds",
                     value_number(s->manifest, "seconds", 0), "verified", 1,
                     "path", s->final, "not_covered",
                     json_object_get(s->manifest, "not_covered")));
}

int snapshot_failed(struct driver_answer *a, int code, const struct error *err)
{
    enum outcome outcome = code == RB_NOTFOUND  ? OUTCOME_NOT_FOUND
                           : code == RB_CORRUPT ? OUTCOME_CONFLICT
                           : code == RB_INVALID ? OUTCOME_REJECTED
                           : code == RB_TOOBIG  ? OUTCOME_REJECTED
                                                : OUTCOME_RETRYABLE;
    return answer_fail(a, outcome, "%s", err->message);
}

/* An id names one directory of the place and nothing else. */
static int id_ok(const char *id)
{
    return strlen(id) == 17 && memcmp(id, "snap-", 5) == 0 &&
           strspn(id + 5, "0123456789abcdef") == 12;
}

int snapshot_check(struct snapshot *s, const struct driver_call *c,
                   const char *kind, struct error *err)
{
    const char *id = value_text(c->args, "id", "");
    int rc = prepare(s, c, kind, err);
    if (rc)
        return rc;
    if (!id_ok(id))
        return error_set(err, RB_INVALID,
                         "\"%s\" is not a snapshot's id; snapshot.take gives "
                         "one, such as snap-0123456789ab",
                         id);
    snprintf(s->id, sizeof s->id, "%s", id);
    rc = name_paths(s, err);
    if (!rc && access(s->final, F_OK) < 0)
        return error_set(err, RB_NOTFOUND,
                         "there is no snapshot %s in %s; a binding of "
                         "%s without `directory` keeps them with their run",
                         id, s->place, c->system);
    if (!rc)
        rc = load(s, err);
    if (rc == RB_NOTFOUND)
        return error_set(err, RB_CORRUPT, "%s has no " SNAPSHOT_MANIFEST,
                         s->final);
    if (!rc && strcmp(value_text(s->manifest, "kind", ""), kind) != 0)
        return error_set(err, RB_INVALID, "%s is a snapshot by %s, not by %s",
                         id, value_text(s->manifest, "kind", "?"), kind);
    return rc ? rc : compare(s, err);
}

int snapshot_answer_checked(const struct snapshot *s, struct driver_answer *a)
{
    int64_t taken = value_int(s->manifest, "taken_ms", 0);
    return answer_ok(a,
                     json_pack("{s:s, s:I, s:I, s:f}", "id", s->id, "files",
                               count_files(s), "bytes",
                               (json_int_t)value_int(s->manifest, "bytes", 0),
                               "age", (double)(clock_wall() - taken) / 1000.0));
}

int snapshot_verify_files(const struct driver_call *c, const char *kind,
                          struct driver_answer *a)
{
    struct snapshot s;
    struct error err = {0};
    int rc = snapshot_check(&s, c, kind, &err);
    rc = rc ? snapshot_failed(a, rc, &err) : snapshot_answer_checked(&s, a);
    snapshot_free(&s);
    return rc;
}

int snapshot_probe(const struct driver_call *c, struct driver_answer *a)
{
    struct snapshot s;
    struct error err = {0};
    struct driver_answer value = {OUTCOME_UNKNOWN, NULL, ""};
    int rc = prepare(&s, c, "", &err);
    if (rc) {
        answer_fail(a, OUTCOME_UNKNOWN, "%s", err.message);
    } else if (access(s.final, F_OK) < 0) {
        answer_ok(a, json_pack("{s:b}", "applied", 0));
    } else if ((rc = load(&s, &err)) != 0 || (rc = compare(&s, &err)) != 0) {
        answer_fail(a, OUTCOME_UNKNOWN, "%s", err.message);
    } else {
        snapshot_answer(&s, &value);
        answer_ok(a,
                  json_pack("{s:b, s:o}", "applied", 1, "value", value.value));
    }
    snapshot_free(&s);
    return 0;
}
