/*
 * A small JSON document in a file that others read at any moment: taken
 * whole, replaced whole. What is written is on disk before the old content is
 * gone (write, fsync, rename, fsync of the directory), so a reader, a full
 * disk or a crash meets either the old or the new document.
 */
#ifndef RBRUN_DRIVERS_JSON_FILE_H
#define RBRUN_DRIVERS_JSON_FILE_H

#include "driver.h"

#define JSON_FILE_MAX (1u << 20) /* bytes */

/*
 * Lock path against others that lock it this way, for at most wait ms (0:
 * try once). The lock is on the file itself and is taken again when another
 * writer has replaced it meanwhile. *fd is open for reading; closing it, or
 * the end of the process, unlocks. Returns 0, RB_NOTFOUND, RB_DENIED, RB_BUSY
 * (somebody holds it), RB_IO.
 */
int json_file_lock(const char *path, int64_t wait, int *fd, struct error *err);

/*
 * Read the object in path. *out is a new reference. Returns 0, RB_NOTFOUND,
 * RB_DENIED, RB_IO, RB_TOOBIG, RB_INVALID (malformed, or no object).
 */
int json_file_read(const char *path, json_t **out, struct error *err);

/*
 * Put value (borrowed) in place of the document in path; mode and owner of
 * an existing file are kept, a symbolic link is followed. Returns 0, or
 * RB_IO, RB_NOTFOUND, RB_DENIED: then the old document is still there; or
 * RB_CORRUPT: the new one is there, and a loss of power may take it back.
 */
int json_file_write(const char *path, const json_t *value, struct error *err);

/* Make the name of path (which holds a slash) durable: fsync of the directory
   that it is in. Returns 0 or -1 with errno. */
int json_file_sync_name(const char *path);

/*
 * What a call writes down before its effect, for its own probe or its
 * repetition in another process: the artifact call-N.note, believed only
 * when it carries the key of this call.
 */
int note_write(const struct driver_call *c, json_t *value, struct error *err);
json_t *note_read(const struct driver_call *c); /* new reference, or NULL */

#endif
