/*
 * Where runs live: $RBRUN_STATE, or $XDG_STATE_HOME/rbrun, or
 * ~/.local/state/rbrun. Below it runs/ID/ and locks/.
 */
#ifndef RBRUN_STORE_PLACE_H
#define RBRUN_STORE_PLACE_H

#include "../wire/buf.h"
#include "../wire/error.h"

#include <stdint.h>

#define PLACE_PATH 4096
#define RUN_ID 24

/* The state directory, made when it is missing. 0 or RB_IO. */
int place_root(char *path, size_t size, struct error *err);

/*
 * Make the directory of a new run. id is its date and four random letters of
 * Crockford's base 32, such as "20260131-7F3K". 0 or RB_IO; nothing is left
 * behind on failure.
 */
int place_new_run(char id[RUN_ID], char *path, size_t size, struct error *err);

/*
 * Find a run by its id, or by the end of it when that is unique ("7F3K");
 * "last" is the newest. 0, RB_NOTFOUND or RB_INVALID (several, named).
 */
int place_find_run(const char *name, char id[RUN_ID], char *path, size_t size,
                   struct error *err);

/* Ids of all runs, oldest first. *ids is malloc'ed, as one block. */
int place_list_runs(char (**ids)[RUN_ID], size_t *count, struct error *err);

/* The path for a person to type: relative where it lies below the working
   directory. Borrowed from path. */
const char *place_shown(const char *path);

/* Read a whole file of at most max bytes. 0, RB_NOTFOUND, RB_IO, RB_TOOBIG. */
int place_read(const char *path, size_t max, struct buf *out,
               struct error *err);

/* The same for a path that realpath gave: what is opened must be there, and
   no link that took a place on the way since. RB_DENIED. */
int place_read_resolved(const char *path, size_t max, struct buf *out,
                        struct error *err);

/* Write a file so that it is there whole and durably, or not at all. */
int place_write(const char *directory, const char *name, const void *bytes,
                size_t size, struct error *err);

/* The same in two parts, for many files of one directory: the bytes are
   durable after place_put, the names of all after place_flush. Between the
   two a file is there whole or not at all. */
int place_put(const char *directory, const char *name, const void *bytes,
              size_t size, struct error *err);
int place_flush(const char *directory, struct error *err);

#endif
