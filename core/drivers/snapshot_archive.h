/*
 * Read a pg_dump archive of directory format back, whole: every table's data
 * is decompressed and looked at to its end. A table of contents proves
 * nothing; `pg_restore --list` succeeds on a truncated archive, and so does
 * `pg_restore` itself where a compressed file ends early.
 */
#ifndef RBRUN_DRIVERS_SNAPSHOT_ARCHIVE_H
#define RBRUN_DRIVERS_SNAPSHOT_ARCHIVE_H

#include "../wire/error.h"

#include <stdint.h>

struct snapshot_archive {
    int64_t tables; /* whose data the table of contents promises */
    int64_t ends;   /* data that came to its end mark */
    int64_t bytes;  /* of SQL, uncompressed */
};

/*
 * program: pg_restore; timeout: ms. Returns 0; RB_CORRUPT (it is not whole,
 * err says where), RB_NOTFOUND (no such program), RB_IO.
 */
int snapshot_archive_read(const char *program, const char *directory,
                          int64_t timeout, struct snapshot_archive *out,
                          struct error *err);

#endif
