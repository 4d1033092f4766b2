#define _GNU_SOURCE
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int system_open(const char *path, int flags, mode_t mode)
{
    return open(path, flags | O_CLOEXEC, mode);
}

/* Blocks past the end, so that the size (and a reader's view) stays. */
static int system_allocate(int fd, off_t offset, off_t size)
{
    return fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, size);
}

static ssize_t system_random(void *bytes, size_t size)
{
    return getrandom(bytes, size, 0);
}

static void system_moment(const char *name)
{
    (void)name;
}

const struct io io_system = {
    .open = system_open,
    .close = close,
    .read = read,
    .write = write,
    .datasync = fdatasync,
    .sync = fsync,
    .allocate = system_allocate,
    .truncate = ftruncate,
    .rename = rename,
    .mkdir = mkdir,
    .unlink = unlink,
    .lock = flock,
    .random = system_random,
    .moment = system_moment,
};

const struct io *io = &io_system;

int io_write_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size) {
        ssize_t put = io->write(fd, at, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return -1;
        at += put;
        size -= (size_t)put;
    }
    return 0;
}

int io_sync_directory(const char *path)
{
    int fd = io->open(path, O_RDONLY | O_DIRECTORY, 0), rc;
    if (fd < 0)
        return -1;
    rc = io->sync(fd);
    io->close(fd);
    return rc;
}
