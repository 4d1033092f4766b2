/*
 * rbrun with another file table: every file operation of the engine, and
 * every moment that it names, is a point with a number, at which a test can
 * end, tear or fail it. Built as build/tests/rbrun-faulty; the shipped
 * program has one table, and reads none of these variables.
 *
 *   FAULT_COUNT=FILE       append "N NAME DETAIL" for each point to FILE
 *   FAULT_KILL_AT=N        SIGKILL to itself just before point N
 *   FAULT_KILL_MOMENT=N    SIGKILL at the Nth moment after the run's approval,
 *                          or of a resumed run
 *   FAULT_KILL_AFTER=US    with KILL_AT: so many microseconds behind it
 *   FAULT_TEAR_AT=N        the first write from point N on writes half, then
 *                          SIGKILL
 *   FAULT_FAIL_AT=N        point N does nothing and fails with FAULT_ERRNO
 *                          (ENOSPC or EIO; default EIO)
 *   FAULT_FAIL_FROM=N      so does every writing point from N on
 *   FAULT_SYNC_FAIL_AT=N   the Nth flush fails with EIO
 *   FAULT_STOP_AT=N        send itself a signal at point N (FAULT_SIGNAL,
 *                          default SIGINT), and a second one at FAULT_AGAIN_AT
 *   FAULT_CLOCK, FAULT_SEED   faulty_clock.h
 *
 * Only the engine's own process counts: a driver process is a fork of it.
 */
#define _GNU_SOURCE
#include "../../core/cli/main.h"
#include "../../core/store/io.h"
#include "faulty_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static struct {
    pid_t engine;
    long point, flushes, moments;
    long kill_at, kill_moment, kill_after, tear_at, fail_at, fail_from,
        sync_fail_at;
    long stop_at, again_at;
    int signal, number;
    int count_fd;
} fault;

static long setting(const char *name)
{
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

static void end_now(int signal)
{
    (void)signal;
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static void end_soon(void)
{
    struct itimerval t = {{0, 0}, {0, 0}};
    t.it_value.tv_sec = fault.kill_after / 1000000;
    t.it_value.tv_usec = fault.kill_after % 1000000;
    signal(SIGALRM, end_now);
    setitimer(ITIMER_REAL, &t, NULL);
}

static void note(const char *name, const char *detail)
{
    char line[4300];
    int size;
    if (fault.count_fd < 0)
        return;
    size = snprintf(line, sizeof line, "%ld %s %s\n", fault.point, name,
                    detail ? detail : "");
    if (write(fault.count_fd, line, (size_t)size) != size)
        abort();
}

/* 0: go on; 1: this one is to be torn; -1: it has failed, errno is set. */
static int point(const char *name, const char *detail, int changes)
{
    if (getpid() != fault.engine)
        return 0;
    fault.point++;
    note(name, detail);
    if (fault.point == fault.stop_at || fault.point == fault.again_at)
        kill(getpid(), fault.signal);
    if (fault.point == fault.kill_at && fault.kill_after)
        end_soon();
    else if (fault.point == fault.kill_at)
        end_now(0);
    if (fault.point == fault.fail_at ||
        (changes && fault.fail_from && fault.point >= fault.fail_from)) {
        errno = fault.number;
        return -1;
    }
    return fault.tear_at && fault.point >= fault.tear_at;
}

/* What a descriptor names, for the list of points. */
static const char *name_of(int fd, char *path, size_t size)
{
    char link[64];
    ssize_t n;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, size - 1);
    path[n > 0 ? n : 0] = '\0';
    return path;
}

static int faulty_open(const char *path, int flags, mode_t mode)
{
    int changes = (flags & (O_CREAT | O_TRUNC)) != 0;
    return point("open", path, changes) < 0 ? -1
                                            : io_system.open(path, flags, mode);
}

static int faulty_close(int fd)
{
    char path[4096];
    return point("close", name_of(fd, path, sizeof path), 0) < 0
               ? -1
               : io_system.close(fd);
}

static ssize_t faulty_read(int fd, void *bytes, size_t size)
{
    char path[4096];
    return point("read", name_of(fd, path, sizeof path), 0) < 0
               ? -1
               : io_system.read(fd, bytes, size);
}

static ssize_t faulty_write(int fd, const void *bytes, size_t size)
{
    char path[4096];
    int what = point("write", name_of(fd, path, sizeof path), 1);
    if (what < 0 && fault.number == ENOSPC && size > 1) {
        /* A full disk takes what still fits; the next write fails. */
        fault.fail_at = fault.point + 1;
        return io_system.write(fd, bytes, size / 2);
    }
    if (what < 0)
        return -1;
    if (what > 0) {
        if (io_system.write(fd, bytes, size / 2) < 0)
            abort();
        end_now(0);
    }
    return io_system.write(fd, bytes, size);
}

static int flush_fails(void)
{
    if (getpid() != fault.engine || ++fault.flushes != fault.sync_fail_at)
        return 0;
    errno = EIO;
    return 1;
}

/* The size goes into the list: what a power failure leaves of the file. */
static int faulty_datasync(int fd)
{
    char path[4096], detail[4200];
    struct stat st = {0};
    fstat(fd, &st);
    snprintf(detail, sizeof detail, "%s %lld", name_of(fd, path, sizeof path),
             (long long)st.st_size);
    if (point("datasync", detail, 1) < 0)
        return -1;
    return flush_fails() ? -1 : io_system.datasync(fd);
}

static int faulty_sync(int fd)
{
    char path[4096];
    if (point("sync", name_of(fd, path, sizeof path), 1) < 0)
        return -1;
    return flush_fails() ? -1 : io_system.sync(fd);
}

static int faulty_allocate(int fd, off_t offset, off_t size)
{
    char path[4096];
    return point("allocate", name_of(fd, path, sizeof path), 1) < 0
               ? -1
               : io_system.allocate(fd, offset, size);
}

static int faulty_truncate(int fd, off_t size)
{
    char path[4096];
    return point("truncate", name_of(fd, path, sizeof path), 0) < 0
               ? -1
               : io_system.truncate(fd, size);
}

static int faulty_rename(const char *from, const char *to)
{
    return point("rename", to, 1) < 0 ? -1 : io_system.rename(from, to);
}

static int faulty_mkdir(const char *path, mode_t mode)
{
    return point("mkdir", path, 1) < 0 ? -1 : io_system.mkdir(path, mode);
}

static int faulty_unlink(const char *path)
{
    return point("unlink", path, 0) < 0 ? -1 : io_system.unlink(path);
}

static int faulty_lock(int fd, int operation)
{
    char path[4096];
    return point("lock", name_of(fd, path, sizeof path), 0) < 0
               ? -1
               : io_system.lock(fd, operation);
}

/* Planning has moments too, but nothing to lose. */
static void faulty_moment(const char *name)
{
    static int running;
    running = running || strcmp(name, "approval") == 0 ||
              strcmp(name, "note") == 0 || strcmp(name, "probe") == 0;
    if (running && getpid() == fault.engine &&
        ++fault.moments == fault.kill_moment)
        fault.kill_at = fault.point + 1;
    point("moment", name, 0);
}

static const struct io io_faulty = {
    .open = faulty_open,
    .close = faulty_close,
    .read = faulty_read,
    .write = faulty_write,
    .datasync = faulty_datasync,
    .sync = faulty_sync,
    .allocate = faulty_allocate,
    .truncate = faulty_truncate,
    .rename = faulty_rename,
    .mkdir = faulty_mkdir,
    .unlink = faulty_unlink,
    .lock = faulty_lock,
    .random = faulty_random,
    .moment = faulty_moment,
};

static void read_settings(void)
{
    const char *count = getenv("FAULT_COUNT"), *number = getenv("FAULT_ERRNO");
    fault.engine = getpid();
    fault.kill_at = setting("FAULT_KILL_AT");
    fault.kill_moment = setting("FAULT_KILL_MOMENT");
    fault.kill_after = setting("FAULT_KILL_AFTER");
    fault.tear_at = setting("FAULT_TEAR_AT");
    fault.fail_at = setting("FAULT_FAIL_AT");
    fault.fail_from = setting("FAULT_FAIL_FROM");
    fault.sync_fail_at = setting("FAULT_SYNC_FAIL_AT");
    fault.stop_at = setting("FAULT_STOP_AT");
    fault.again_at = setting("FAULT_AGAIN_AT");
    fault.signal =
        getenv("FAULT_SIGNAL") ? (int)setting("FAULT_SIGNAL") : SIGINT;
    fault.number = number && strcmp(number, "ENOSPC") == 0 ? ENOSPC : EIO;
    fault.count_fd =
        count ? open(count, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)
              : -1;
}

int main(int argc, char **argv)
{
    read_settings();
    faulty_clock_set();
    io = &io_faulty;
    return rbrun_main(argc, argv);
}
