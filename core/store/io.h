/*
 * Every file operation of the engine goes through this table, so that a
 * test can make each one fail, tear or kill the process (tests/tools/
 * faulty.c). The shipped program has one table and no switch to change it.
 * Each function does what the system call of its name does, errno included.
 */
#ifndef RBRUN_STORE_IO_H
#define RBRUN_STORE_IO_H

#include <stddef.h>
#include <sys/types.h>

struct io {
    int (*open)(const char *path, int flags, mode_t mode);
    int (*close)(int fd);
    ssize_t (*read)(int fd, void *bytes, size_t size);
    ssize_t (*write)(int fd, const void *bytes, size_t size);
    int (*datasync)(int fd);
    int (*sync)(int fd);
    int (*allocate)(int fd, off_t offset, off_t size);
    int (*truncate)(int fd, off_t size);
    int (*rename)(const char *from, const char *to);
    int (*mkdir)(const char *path, mode_t mode);
    int (*unlink)(const char *path);
    int (*lock)(int fd, int operation);
    /* Not a file operation: what makes a run's id and its seed. */
    ssize_t (*random)(void *bytes, size_t size);
    /* Not a file operation: a named moment at which a test may kill. */
    void (*moment)(const char *name);
};

/* The table in use. Only a test's main() assigns it. */
extern const struct io *io;

/* The system's own functions. */
extern const struct io io_system;

/* Write all of it, through short writes and EINTR. 0, or -1 with errno. */
int io_write_all(int fd, const void *bytes, size_t size);

/* Flush a directory, so that a name made in it lasts. 0, or -1. */
int io_sync_directory(const char *path);

#endif
