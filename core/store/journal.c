#define _GNU_SOURCE
#include "journal.h"
#include "../wire/clock.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const kind_names[RECORD_KINDS] = {
    [RECORD_STARTED] = "started",   [RECORD_INTENT] = "intent",
    [RECORD_RESULT] = "result",     [RECORD_DECISION] = "decision",
    [RECORD_APPROVAL] = "approval", [RECORD_LIMIT] = "limit",
    [RECORD_NOTE] = "note",         [RECORD_ENDED] = "ended",
};

const char *record_name(enum record_kind kind)
{
    return (unsigned)kind < RECORD_KINDS ? kind_names[kind] : "?";
}

static void start(struct journal *j, const char *directory)
{
    memset(j, 0, sizeof *j);
    j->fd = -1;
    j->epoch = 1;
    j->line.max = JOURNAL_MAX_RECORD;
    memset(j->last, '0', DIGEST_SIZE - 1);
    snprintf(j->path, sizeof j->path, "%s/journal.ndjson", directory);
}

static int broke(struct journal *j, struct error *err, const char *what)
{
    j->broken = 1;
    error_set_errno(err, RB_IO, "cannot %s the journal %s", what, j->path);
    return RB_IO;
}

int journal_create(struct journal *j, const char *directory, struct error *err)
{
    start(j, directory);
    j->fd = io->open(j->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0600);
    if (j->fd < 0)
        return broke(j, err, "create");
    if (io_sync_directory(directory) < 0)
        return broke(j, err, "flush the directory of");
    return 0;
}

int journal_continue(struct journal *j, const char *directory,
                     const struct tape *t, struct error *err)
{
    start(j, directory);
    j->count = t->count;
    j->size = j->reserved = t->size;
    memcpy(j->last, t->last, sizeof j->last);
    if (t->count)
        j->epoch = t->records[t->count - 1].epoch + 1;
    j->fd = io->open(j->path, O_WRONLY | O_APPEND, 0);
    if (j->fd < 0)
        return broke(j, err, "open");
    j->torn = t->torn;
    return 0;
}

static int format(struct journal *j, enum record_kind kind,
                  const json_t *payload)
{
    size_t head;
    int rc;
    buf_clear(&j->line);
    j->line.max =
        kind == RECORD_RESULT ? JOURNAL_MAX_RESULT : JOURNAL_MAX_RECORD;
    rc = buf_addf(&j->line,
                  "{\"n\":%" PRIu64 ",\"prev\":\"%s\",\"epoch\":%" PRIu64
                  ",\"at\":%" PRId64 ",\"kind\":\"%s\"",
                  j->count + 1, j->last, j->epoch, clock_wall(),
                  record_name(kind));
    head = j->line.size;
    if (!rc)
        rc = value_encode(payload, &j->line);
    if (rc)
        return rc;
    if (j->line.size == head + 2)
        j->line.data[head] = '}', j->line.size--;
    else
        j->line.data[head] = ',';
    return buf_addc(&j->line, '\n');
}

int journal_append(struct journal *j, enum record_kind kind,
                   const json_t *payload, struct error *err)
{
    int rc;
    if (j->broken)
        return error_set(err, RB_IO, "the journal %s has failed before",
                         j->path);
    rc = format(j, kind, payload);
    if (rc)
        return error_set(err, rc, "a %s record does not fit the journal",
                         record_name(kind));
    if (j->torn && io->truncate(j->fd, j->size) < 0)
        return broke(j, err, "cut the torn end off");
    j->torn = 0;
    if (io_write_all(j->fd, j->line.data, j->line.size) < 0) {
        int saved = errno;
        if (io->truncate(j->fd, j->size) < 0)
            j->broken = 1; /* the torn line is left out when it is read */
        errno = saved;
        return broke(j, err, "write");
    }
    digest_bytes(j->line.data, j->line.size - 1, j->last);
    j->count++;
    j->size += (off_t)j->line.size;
    if (!j->dirty_since)
        j->dirty_since = clock_steady();
    io->moment(record_name(kind));
    return 0;
}

int journal_flush(struct journal *j, struct error *err)
{
    if (j->broken)
        return error_set(err, RB_IO, "the journal %s has failed before",
                         j->path);
    if (!j->dirty_since)
        return 0;
    if (io->datasync(j->fd) < 0) {
        broke(j, err, "flush");
        /* The kernel now calls those pages clean. Whoever resumes must read
           what is on the disk, not what should have been. */
        posix_fadvise(j->fd, 0, 0, POSIX_FADV_DONTNEED);
        return RB_IO;
    }
    j->dirty_since = 0;
    return 0;
}

/* In steps of a megabyte: one system call for some hundred effects. */
int journal_reserve(struct journal *j, off_t size, struct error *err)
{
    const off_t step = 1 << 20;
    if (j->size + size <= j->reserved)
        return 0;
    if (io->allocate(j->fd, j->size, size + step) == 0) {
        j->reserved = j->size + size + step;
        return 0;
    }
    if (errno == ENOSPC && io->allocate(j->fd, j->size, size) == 0) {
        j->reserved = j->size + size;
        return 0;
    }
    if (errno == EOPNOTSUPP)
        return 0; /* such a file system cannot promise */
    error_set_errno(err, RB_IO, "no room for a result in the journal %s",
                    j->path);
    error_next(err, "free space on that file system, then rbrun resume");
    return RB_IO;
}

void journal_close(struct journal *j)
{
    if (j->fd >= 0 && !j->broken && j->reserved > j->size &&
        io->truncate(j->fd, j->size) < 0)
        j->broken = 1; /* the room stays taken; the records are whole */
    if (j->fd >= 0)
        io->close(j->fd);
    j->fd = -1;
    buf_free(&j->line);
}
