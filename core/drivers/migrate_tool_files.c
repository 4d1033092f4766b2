/* The files of one revision, written out for a tool to read: never those of
   a checkout that happens to lie about. */
#define _GNU_SOURCE
#include "migrate_tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_parents(char *path, struct error *err)
{
    for (char *slash = strchr(path + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return error_set_errno(err, RB_IO, "cannot make %s", path);
        *slash = '/';
    }
    return 0;
}

static int write_file(const char *path, const char *text, size_t size,
                      struct error *err)
{
    int fd =
        open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    int rc = fd < 0;
    while (!rc && size > 0) {
        ssize_t n = write(fd, text, size);
        if (n > 0) {
            text += n;
            size -= (size_t)n;
        } else if (n < 0 && errno != EINTR) {
            rc = 1;
        }
    }
    if (fd >= 0 && close(fd) != 0)
        rc = 1;
    return rc ? error_set_errno(err, RB_IO, "cannot write %s", path) : 0;
}

static int write_one(const char *folder, const char *prefix,
                     const json_t *entry, struct error *err)
{
    const char *path = value_text(entry, "path", "");
    const json_t *content = json_object_get(entry, "content");
    size_t n = strlen(prefix);
    char full[8192];
    if (n && strncmp(path, prefix, n) == 0 && path[n] == '/')
        path += n + 1;
    if (path[0] == '/' || strstr(path, "../"))
        return error_set(err, RB_INVALID, "%s leads out of its folder", path);
    if (!json_is_string(content))
        return 0;
    if ((size_t)snprintf(full, sizeof full, "%s/%s", folder, path) >=
        sizeof full)
        return error_set(err, RB_TOOBIG, "%s is too long a path", path);
    return make_parents(full, err) != 0 ||
           write_file(full, json_string_value(content),
                      json_string_length(content), err) != 0;
}

int migrate_tool_files(const struct migrate_prepared *p, char *folder,
                       size_t size, struct error *err)
{
    const char *prefix = option_text(p->call, "migrations", "");
    char name[64];
    json_t *entry;
    size_t i;
    int rc;
    snprintf(name, sizeof name, "call-%u.migrations", p->call->sequence);
    rc = driver_artifact(p->call, name, folder, size, err);
    if (!rc && mkdir(folder, 0755) != 0 && errno != EEXIST)
        rc = error_set_errno(err, RB_IO, "cannot make %s", folder);
    json_array_foreach(p->files, i, entry)
    {
        if (!rc)
            rc = write_one(folder, prefix, entry, err);
    }
    return rc;
}
