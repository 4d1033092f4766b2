/*
 * Where snapshots lie and how they are believed. A snapshot is a directory
 * "snap-" + 12 hex digits of the call's key. It is written under the same
 * name with ".partial" behind it, every file is hashed into manifest.json,
 * everything is made durable, and only then is it renamed: a directory of
 * the final name is complete, and the probe of a call needs nothing else.
 *
 * This module knows files and hashes. It does not know how a snapshot is
 * made or what is in it. Used by every snapshot driver:
 *
 *     if (snapshot_open(&s, c, "http", &err)) return snapshot_failed(a, ..);
 *     if (s.kept) return snapshot_answer(&s, a);    (the call came twice)
 *     ... write files below s.partial ...
 *     rc = snapshot_seal(&s, about, not_covered, &err);
 *     return rc ? snapshot_failed(a, rc, &err) : snapshot_answer(&s, a);
 */
#ifndef RBRUN_DRIVERS_SNAPSHOT_MANIFEST_H
#define RBRUN_DRIVERS_SNAPSHOT_MANIFEST_H

#include "driver.h"

#define SNAPSHOT_MAX_FILES 100000
#define SNAPSHOT_MAX_MANIFEST (64u << 20) /* bytes */

struct snapshot {
    const struct driver_call *call; /* borrowed */
    const char *kind;               /* "pg_dump", "http", "command" */
    char id[24];
    char place[3072];   /* the directory that holds all snapshots */
    char final[4096];   /* place/ID */
    char partial[4096]; /* place/ID.partial, empty after snapshot_open */
    int kept;           /* final exists: this very call was done before */
    int64_t begun;      /* ms of the steady clock */
    json_t *manifest;   /* owned; NULL until sealed or loaded */
};

/*
 * Name the snapshot of this call and make its empty partial directory, or
 * read everything back when it is kept already. Options read: "directory"
 * (default: the run's artifacts); it is made when its parent exists. What an
 * earlier attempt of the same call left behind is removed.
 * Returns 0, RB_IO, RB_TOOBIG, RB_CORRUPT. Free in every case.
 */
int snapshot_open(struct snapshot *s, const struct driver_call *c,
                  const char *kind, struct error *err);

/* The path of a new file below the partial directory. */
int snapshot_path(const struct snapshot *s, const char *name, char *path,
                  size_t size, struct error *err);

/*
 * Hash every file below the partial directory, write the manifest, make all
 * of it durable, rename, and read everything back. about: an object, what
 * the kind has to say (tool versions, address, status); not_covered: a list
 * of texts, what the snapshot does not hold. Both are stolen; about may be
 * NULL. Returns 0, RB_IO, RB_TOOBIG, RB_CORRUPT (what was read back differs).
 */
int snapshot_seal(struct snapshot *s, json_t *about, json_t *not_covered,
                  struct error *err);

/* Remove what was written so far; for a call that failed. */
void snapshot_drop(struct snapshot *s);
void snapshot_free(struct snapshot *s);

/* Fill the answer of snapshot.take from the manifest of s. Returns 0. */
int snapshot_answer(const struct snapshot *s, struct driver_answer *a);

/* Fill the answer from an error of this module: RB_NOTFOUND is not_found,
   RB_CORRUPT conflict, RB_INVALID rejected, a full disk or another failure
   of the system retryable. Returns 0. */
int snapshot_failed(struct driver_answer *a, int code, const struct error *err);

/*
 * Open a kept snapshot by the call's argument "id" and read every byte of
 * every file again: sizes, hashes, nothing missing, nothing added.
 * Returns 0, RB_INVALID (not an id), RB_NOTFOUND, RB_CORRUPT (names the
 * file), RB_IO. Free in every case.
 */
int snapshot_check(struct snapshot *s, const struct driver_call *c,
                   const char *kind, struct error *err);

/* Fill the answer of snapshot.verify from the manifest of s. Returns 0. */
int snapshot_answer_checked(const struct snapshot *s, struct driver_answer *a);

/* Whole functions for a driver's rows, where checksums are all there is to
   check: snapshot.verify, and the probe of snapshot.take. */
int snapshot_verify_files(const struct driver_call *c, const char *kind,
                          struct driver_answer *a);
int snapshot_probe(const struct driver_call *c, struct driver_answer *a);

#endif
