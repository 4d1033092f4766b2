#define _GNU_SOURCE
#include "lock.h"
#include "io.h"
#include "place.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LOOK 50          /* ms that somebody else's look may last */
#define DRIVERS_END 5000 /* ms that driver processes take to end */

/* Names are the author's: everything unusual becomes %XX, so that two
   services never share a file and none escapes the directory. */
static void file_name(const char *text, char *out, size_t size)
{
    size_t n = 0;
    for (; *text && n + 4 < size; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || c == '-' || c == '_')
            out[n++] = (char)c;
        else
            n += (size_t)snprintf(out + n, size - n, "%%%02X", c);
    }
    out[n] = '\0';
}

static int open_lock(const char *service, const char *environment, int *fd,
                     char *path, size_t size, struct error *err)
{
    char root[PLACE_PATH], a[200], b[200];
    int rc = place_root(root, sizeof root, err);
    if (rc)
        return rc;
    file_name(service, a, sizeof a);
    file_name(environment, b, sizeof b);
    snprintf(path, size, "%s/locks", root);
    if (io->mkdir(path, 0700) < 0 && errno != EEXIST)
        return error_set_errno(err, RB_IO, "cannot make %s", path);
    snprintf(path, size, "%s/locks/%s@%s", root, a, b);
    *fd = io->open(path, O_RDWR | O_CREAT | O_APPEND, 0600);
    if (*fd < 0)
        return error_set_errno(err, RB_IO, "cannot open the lock %s", path);
    return 0;
}

static void read_holder(int fd, char *holder, size_t size)
{
    ssize_t n = pread(fd, holder, size - 1, 0);
    holder[n > 0 ? n : 0] = '\0';
    holder[strcspn(holder, " \n")] = '\0';
}

/* The lock outlives a killed engine for as long as its driver processes do:
   a moment. */
static int engine_is_gone(int fd)
{
    char text[128];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    const char *blank;
    text[n > 0 ? n : 0] = '\0';
    blank = strchr(text, ' ');
    return blank && atol(blank) > 0 && kill((pid_t)atol(blank), 0) < 0 &&
           errno == ESRCH;
}

/* lock_holder's look takes the lock for a moment, which is nobody's run; a
   killed engine's lock will be free as soon as its drivers are gone. */
static int wait_for(int fd, int64_t patience)
{
    const struct timespec pause = {0, 5000000};
    int64_t waited = 0;
    while (io->lock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return RB_IO;
        if (waited >= patience && waited >= LOOK &&
            !(waited < DRIVERS_END && engine_is_gone(fd)))
            return RB_BUSY;
        nanosleep(&pause, NULL);
        waited += 5;
    }
    return 0;
}

static int busy(int fd, const char *service, const char *environment,
                struct error *err)
{
    char holder[64];
    read_holder(fd, holder, sizeof holder);
    if (!holder[0] || strcmp(holder, LOCK_STARTING) == 0) {
        error_set(err, RB_BUSY,
                  "the lock of service %s in environment %s is held by "
                  "somebody who is about to start a run",
                  service, environment);
        error_next(err, "ask who it is, or try again in a moment");
        return RB_BUSY;
    }
    error_set(err, RB_BUSY,
              "the lock of service %s in environment %s is held by run %s",
              service, environment, holder);
    error_next(err, "rbrun status %s", holder);
    return RB_BUSY;
}

int lock_name(int fd, const char *run, struct error *err)
{
    char text[128];
    int size = snprintf(text, sizeof text, "%s %ld\n", run, (long)getpid());
    if (io->truncate(fd, 0) < 0 || io_write_all(fd, text, (size_t)size) < 0)
        return error_set_errno(err, RB_IO, "cannot write the lock");
    return 0;
}

int lock_take(const char *service, const char *environment, const char *run,
              int64_t patience, int *fd, struct error *err)
{
    char path[PLACE_PATH + 512];
    int own = -1, rc;
    rc = open_lock(service, environment, &own, path, sizeof path, err);
    if (rc)
        return rc;
    rc = wait_for(own, patience);
    if (rc == RB_BUSY)
        busy(own, service, environment, err);
    else if (rc)
        error_set_errno(err, rc, "cannot lock %s", path);
    if (!rc) {
        rc = lock_name(own, run, err);
        if (rc)
            error_prefix(err, "%s: ", path);
    }
    if (rc)
        io->close(own);
    else
        *fd = own;
    return rc;
}

int lock_holder(const char *service, const char *environment, char *holder,
                unsigned size, struct error *err)
{
    char path[PLACE_PATH + 512];
    int fd = -1, rc;
    holder[0] = '\0';
    rc = open_lock(service, environment, &fd, path, sizeof path, err);
    if (rc)
        return rc;
    if (io->lock(fd, LOCK_SH | LOCK_NB) < 0 && !engine_is_gone(fd))
        read_holder(fd, holder, size);
    io->close(fd);
    return 0;
}
