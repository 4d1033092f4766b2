/*
 * The journal of one run: an append-only file of one JSON record a line,
 *
 *   {"n":3,"prev":"<64 hex>","epoch":1,"at":1767225600000,"kind":"intent",...}
 *
 * where prev is the SHA-256 of the line before, without its newline (64
 * zeros for the first). The head has this fixed order so that the chain can
 * be checked without parsing; the rest is canonical. Appending does not
 * flush: whoever needs durability calls journal_flush. After one failure
 * the journal accepts nothing more: what is on the disk is read again by
 * whoever resumes the run.
 */
#ifndef RBRUN_STORE_JOURNAL_H
#define RBRUN_STORE_JOURNAL_H

#include "../wire/error.h"
#include "../wire/value.h"
#include "digest.h"

#include <stdint.h>
#include <sys/types.h>

#define JOURNAL_FORMAT 1
#define JOURNAL_MAX_RECORD ((1u << 20) + (64u << 10)) /* a frame and a head */
#define JOURNAL_MAX_RESULT (512u << 10) /* must fit a frame again */
#define JOURNAL_MAX_FILE (1u << 30)

enum record_kind {
    RECORD_STARTED,
    RECORD_INTENT,
    RECORD_RESULT,
    RECORD_DECISION,
    RECORD_APPROVAL,
    RECORD_LIMIT,
    RECORD_NOTE,
    RECORD_ENDED,
    RECORD_KINDS
};
const char *record_name(enum record_kind kind);

struct journal {
    int fd;
    uint64_t count;         /* records so far */
    uint64_t epoch;         /* of this process's appends */
    off_t size;             /* bytes of whole records */
    off_t reserved;         /* the file system holds room up to here */
    char last[DIGEST_SIZE]; /* hash of the last record */
    int64_t dirty_since;    /* steady ms of the oldest unflushed, 0: none */
    int torn;               /* a torn line is to be cut off first */
    int broken;             /* an earlier operation failed */
    char path[4096];
    struct buf line;
};

struct tape;

/* A new journal in directory; fails if there is one. 0, RB_IO. */
int journal_create(struct journal *j, const char *directory, struct error *err);

/* Go on behind a tape read from the same directory, in its next epoch. The
   first append cuts a torn last line off; nothing is changed before. 0,
   RB_IO. */
int journal_continue(struct journal *j, const char *directory,
                     const struct tape *t, struct error *err);

/*
 * Append one record; payload (an object, borrowed) must not hold the keys of
 * the head. 0; RB_IO when the disk refused (the torn line is cut off again
 * where possible); RB_TOOBIG.
 */
int journal_append(struct journal *j, enum record_kind kind,
                   const json_t *payload, struct error *err);

/* Make everything appended so far durable. 0 or RB_IO, then never again. */
int journal_flush(struct journal *j, struct error *err);

/* Make sure that size more bytes will fit, before an effect starts whose
   result must not be lost. 0 or RB_IO (disk full: nothing has happened). */
int journal_reserve(struct journal *j, off_t size, struct error *err);

/* Also gives back what was reserved and not used. */
void journal_close(struct journal *j);

/* One record as read back. */
struct record {
    uint64_t n;
    uint64_t epoch;
    int64_t at; /* ms since 1970 */
    enum record_kind kind;
    const char *text; /* the line, not terminated */
    size_t size;
    json_t *value; /* NULL until record_value */
};

/* A journal read from disk, its chain checked. */
struct tape {
    struct record *records;
    size_t count;
    off_t size;             /* bytes of whole records */
    int torn;               /* a torn last line was left out */
    int sealed;             /* it ends with `ended` */
    char last[DIGEST_SIZE]; /* hash of the last record */
    struct buf text;
};

/*
 * Read and check a journal. 0; RB_NOTFOUND when it has no whole record (the
 * run never started), RB_IO; RB_CORRUPT names the record that does not fit;
 * RB_INVALID for a newer format.
 */
int tape_load(struct tape *t, const char *directory, struct error *err);

/* The record's parsed line; borrowed. NULL and err when it is not JSON. */
const json_t *record_value(struct record *r, struct error *err);

void tape_free(struct tape *t);

#endif
