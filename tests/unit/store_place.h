/* A scratch directory for the tests of core/store, and files in it. */
#ifndef RBRUN_TESTS_STORE_PLACE_H
#define RBRUN_TESTS_STORE_PLACE_H

#include "../../core/wire/buf.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char place[200];

static inline int place_make(void **state)
{
    const char *top = getenv("TMPDIR");
    (void)state;
    snprintf(place, sizeof place, "%.150s/unit-store.XXXXXX",
             top && top[0] ? top : "/tmp");
    return mkdtemp(place) ? 0 : -1;
}

static inline int place_remove(void **state)
{
    char command[260];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", place);
    return system(command) == 0 ? 0 : -1;
}

static inline void file_put(const char *name, const char *bytes, size_t size)
{
    char path[300];
    FILE *file;
    snprintf(path, sizeof path, "%s/%s", place, name);
    file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        abort();
}

static inline void file_get(const char *name, struct buf *out)
{
    char path[300];
    int c;
    FILE *file;
    snprintf(path, sizeof path, "%s/%s", place, name);
    buf_clear(out);
    file = fopen(path, "rb");
    if (!file)
        abort();
    while ((c = fgetc(file)) != EOF)
        buf_addc(out, (char)c);
    fclose(file);
}

static inline void file_remove(const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", place, name);
    unlink(path);
}

#endif
