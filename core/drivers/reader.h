/*
 * Have foreign text parsed in a jail: starts `rbrun-reader ROLE`, a process
 * that can only read its input and write its reply, and which is limited in
 * memory and time. Used by drivers; the text never meets a parser in a
 * process that holds a secret.
 */
#ifndef RBRUN_DRIVERS_READER_H
#define RBRUN_DRIVERS_READER_H

#include "../wire/error.h"
#include "../wire/value.h"

#include <stddef.h>
#include <stdint.h>

struct reader;

/*
 * Start a reader. role: "metric" or "sql". options: an object, borrowed,
 * what the role wants to know before the text. Returns 0, RB_IO or
 * RB_NOTFOUND (not installed).
 */
int reader_open(const char *role, const json_t *options, struct reader **out,
                struct error *err);

/* Hand it more of the text. RB_CLOSED when it has ended: finish says why. */
int reader_feed(struct reader *r, const void *bytes, size_t size,
                struct error *err);

/*
 * End of the text. *reply is a new reference to what it read, however large
 * (one that is too large for a frame's document comes as its body, up to
 * FRAME_MAX_BODY); *numbers, when
 * not NULL, is a malloc'ed array of *count doubles that came as the raw body.
 * Frees the reader in every case. Returns 0, RB_INVALID (the text is
 * malformed: err says where), RB_TOOBIG, RB_IO (it crashed, was killed by
 * its jail, or took longer than timeout ms).
 */
int reader_finish(struct reader *r, int64_t timeout, json_t **reply,
                  double **numbers, size_t *count, struct error *err);

/* Give up: kill it. Takes NULL. */
void reader_abort(struct reader *r);

#endif
