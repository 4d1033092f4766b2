/*
 * A scratch PostgreSQL: a cluster of its own in a fresh directory, reached on
 * a unix socket in it and by nobody else, thrown away afterwards. It knows
 * processes and files; it does not know libpq, and nothing of migrations.
 *
 * A second process, the keeper, makes it, runs it and removes it. It hears
 * the end of its owner (a pipe that closes), however that comes about: kill
 * -9 and Ctrl-C leave nothing behind. Should the keeper itself be killed, the
 * server goes with it, and the next start removes the directory.
 *
 *     struct scratch_options o = {.major = 15, .timeout = 60000};
 *     if (scratch_start(&o, &s, &err) != 0) ...
 *     PQconnectdb(scratch_url(s, NULL, url, sizeof url)) ...
 *     scratch_stop(s);
 */
#ifndef RBRUN_DRIVERS_SCRATCH_H
#define RBRUN_DRIVERS_SCRATCH_H

#include "../wire/error.h"

#include <stddef.h>
#include <stdint.h>

struct scratch_options {
    const char *directory; /* where its directory is made; NULL: $TMPDIR, or
                              /tmp where that is too deep for a socket or
                              closed to the account */
    const char *bin;       /* folder of initdb and postgres; NULL: searched */
    const char *user;      /* who runs it where we are root, whom the server
                              refuses; NULL: postgres */
    int major;             /* version wanted, such as 15; the next later one
                              is taken where it is not installed. 0: newest */
    int64_t timeout;       /* ms until it has to be ready */
};

struct scratch;

/*
 * Start one; the superuser is SCRATCH_USER, the encoding UTF-8, the locale C.
 * Removes what dead owners have left in the same directory. Returns 0;
 * RB_NOTFOUND (no such server programs here, no such user); RB_IO (no room,
 * a directory that cannot be written: err says which); RB_TOOBIG (the path
 * is too long for a socket).
 */
int scratch_start(const struct scratch_options *o, struct scratch **out,
                  struct error *err);

#define SCRATCH_USER "rbrun_scratch"

/* A connection string for a database of it (NULL: postgres); gives out. */
const char *scratch_url(const struct scratch *s, const char *database,
                        char *out, size_t size);

/* Its directory (socket, log), the folder of its programs, its version. */
const char *scratch_directory(const struct scratch *s);
const char *scratch_bin(const struct scratch *s);
int scratch_major(const struct scratch *s);

/* End the server and remove everything; waits for it. Takes NULL. */
void scratch_stop(struct scratch *s);

/*
 * The folder of the server's and the client's programs of a version, as
 * scratch_start searches it. *found is the version it has, 0 where bin was
 * given. RB_NOTFOUND, RB_TOOBIG.
 */
int scratch_programs(const char *bin, int major, char *folder, size_t size,
                     int *found, struct error *err);

#endif
