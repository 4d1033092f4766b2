/*
 * The files of one snapshot directory: hash, make durable, remove. Regular
 * files and directories only; anything else is an error, never followed.
 */
#ifndef RBRUN_DRIVERS_SNAPSHOT_FILES_H
#define RBRUN_DRIVERS_SNAPSHOT_FILES_H

#include "../wire/error.h"
#include "../wire/value.h"

#include <stdint.h>

#define SNAPSHOT_MANIFEST "manifest.json"

/*
 * Read every file below directory except its manifest, from the disk where
 * the system allows it. *files is a new list of {"path","sha256","size"},
 * by path; *bytes the sum of the sizes.
 * Returns 0, RB_IO, RB_TOOBIG (too many files), RB_CORRUPT (not a file).
 */
int snapshot_files_hash(const char *directory, json_t **files, int64_t *bytes,
                        struct error *err);

/* fsync every file and directory at and below path. Returns 0 or RB_IO. */
int snapshot_files_sync(const char *path, struct error *err);

/* fsync one file or directory. Returns 0 or RB_IO. */
int snapshot_file_sync(const char *path, struct error *err);

/* Remove directory and all below it. A missing one is fine; 0 or RB_IO. */
int snapshot_files_remove(const char *directory, struct error *err);

/* SHA-256 (FIPS 180-4) of some bytes, as 64 hex digits. */
int snapshot_sha256(const void *bytes, size_t size, char out[65]);

#endif
