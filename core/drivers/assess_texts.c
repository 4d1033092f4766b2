#define _GNU_SOURCE
#include "assess_texts.h"
#include "../wire/heap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int by_path(const void *a, const void *b)
{
    const struct assess_text *x = a, *y = b;
    return strcmp(x->path, y->path);
}

static struct assess_text *add(struct assess_texts *t, const char *path)
{
    if (t->count == t->room) {
        t->room = t->room ? t->room * 2 : 64;
        t->list = heap_grow(t->list, t->room * sizeof *t->list);
    }
    t->list[t->count] = (struct assess_text){heap_text(path), NULL, 0, 0};
    return &t->list[t->count++];
}

static int code_of(int number)
{
    return number == ENOENT || number == ENOTDIR ? RB_NOTFOUND
           : number == EACCES || number == EPERM ? RB_DENIED
                                                 : RB_IO;
}

static int skipped(const char *name)
{
    return name[0] == '.' || strcmp(name, "node_modules") == 0 ||
           strcmp(name, "__pycache__") == 0;
}

static int walk(struct assess_texts *t, const char *folder, int depth,
                struct error *err);

/* One entry of a folder. A link to a folder is not followed: it may lead
   back; one to a file is. */
static int enter(struct assess_texts *t, const char *folder, const char *name,
                 int depth, struct error *err)
{
    char path[8192], full[12400];
    struct stat st;
    if (snprintf(path, sizeof path, "%s%s%s", folder, folder[0] ? "/" : "",
                 name) >= (int)sizeof path ||
        snprintf(full, sizeof full, "%s/%s", t->root, path) >= (int)sizeof full)
        return error_set(err, RB_TOOBIG, "a path below %s is too long",
                         t->root);
    if (lstat(full, &st) != 0)
        return 0; /* gone since it was listed */
    if (S_ISDIR(st.st_mode))
        return depth < ASSESS_MAX_DEPTH ? walk(t, path, depth + 1, err) : 0;
    if (S_ISLNK(st.st_mode) && stat(full, &st) != 0)
        return 0;
    if (!S_ISREG(st.st_mode))
        return 0;
    if (t->count == ASSESS_MAX_FILES) {
        error_set(err, RB_TOOBIG, "directory %s holds more than %d files",
                  t->root, ASSESS_MAX_FILES);
        error_next(err, "name the folder that holds the migrations alone");
        return RB_TOOBIG;
    }
    add(t, path);
    return 0;
}

static int walk(struct assess_texts *t, const char *folder, int depth,
                struct error *err)
{
    char full[12400];
    struct dirent *e;
    DIR *dir;
    int rc = 0;
    snprintf(full, sizeof full, "%s%s%s", t->root, folder[0] ? "/" : "",
             folder);
    dir = opendir(full);
    if (!dir) {
        rc = code_of(errno);
        error_set_errno(err, rc, "cannot list the directory %s", full);
        error_next(err, rc == RB_DENIED ? "give yourself the right to read it"
                                        : "correct the path");
        return rc;
    }
    while (!rc && (e = readdir(dir)) != NULL) {
        if (!skipped(e->d_name))
            rc = enter(t, folder, e->d_name, depth, err);
    }
    closedir(dir);
    return rc;
}

int assess_texts_directory(struct assess_texts *t, const char *path,
                           struct error *err)
{
    struct stat st;
    int rc;
    if (stat(path, &st) != 0) {
        rc = code_of(errno);
        error_set_errno(err, rc, "cannot read the directory %s", path);
        error_next(err, "correct the path; rbrun help assess");
        return rc;
    }
    if (!S_ISDIR(st.st_mode)) {
        error_set(err, RB_INVALID, "%s is not a directory", path);
        error_next(err, "rbrun assess --release %s", path);
        return RB_INVALID;
    }
    t->root = heap_text(path);
    for (size_t n = strlen(t->root); n > 1 && t->root[n - 1] == '/'; n--)
        t->root[n - 1] = '\0';
    rc = walk(t, "", 1, err);
    if (!rc && t->count)
        qsort(t->list, t->count, sizeof *t->list, by_path);
    return rc;
}

int assess_texts_list(struct assess_texts *t, const char *const *paths,
                      size_t count, struct error *err)
{
    int rc = 0;
    t->root = heap_text("");
    for (size_t i = 0; !rc && i < count; i++)
        rc = assess_texts_load(t, add(t, paths[i]), err);
    qsort(t->list, t->count, sizeof *t->list, by_path);
    for (size_t i = 1; !rc && i < t->count; i++) {
        if (strcmp(t->list[i - 1].path, t->list[i].path) == 0)
            rc = error_set(err, RB_INVALID, "%s is named twice",
                           t->list[i].path);
    }
    return rc;
}

int assess_texts_commit(struct assess_texts *t, const json_t *files,
                        const char *folder, struct error *err)
{
    size_t i, skip = folder[0] ? strlen(folder) + 1 : 0;
    const json_t *file;
    json_array_foreach(files, i, file)
    {
        const char *path = value_text(file, "path", "");
        const json_t *content = json_object_get(file, "content");
        struct assess_text *text;
        if (strlen(path) <= skip)
            continue;
        text = add(t, path + skip);
        text->binary = !json_is_string(content);
        text->size = json_string_length(content);
        text->bytes = heap_get(text->size + 1);
        if (content)
            memcpy(text->bytes, json_string_value(content), text->size);
        text->bytes[text->size] = '\0';
        t->bytes += text->size;
    }
    if (t->bytes > ASSESS_MAX_BYTES)
        return error_set(err, RB_TOOBIG, "the files hold more than %u bytes",
                         ASSESS_MAX_BYTES);
    if (t->count)
        qsort(t->list, t->count, sizeof *t->list, by_path);
    return 0;
}

struct assess_text *assess_texts_find(struct assess_texts *t, const char *path)
{
    struct assess_text key = {(char *)(uintptr_t)path, NULL, 0, 0};
    return t->count ? bsearch(&key, t->list, t->count, sizeof *t->list, by_path)
                    : NULL;
}

static int check_size(const struct assess_texts *t, const char *name,
                      off_t size, struct error *err)
{
    if (size > (off_t)ASSESS_MAX_FILE) {
        error_set(err, RB_TOOBIG, "%s is %lld bytes, more than %u", name,
                  (long long)size, ASSESS_MAX_FILE);
        error_next(err, "split it, or move data out of it");
        return RB_TOOBIG;
    }
    if ((size_t)size > ASSESS_MAX_BYTES - t->bytes) {
        error_set(err, RB_TOOBIG,
                  "the migrations up to %s hold more than %u bytes together",
                  name, ASSESS_MAX_BYTES);
        error_next(err, "assess a part of them: rbrun assess --from REV "
                        "--to REV");
        return RB_TOOBIG;
    }
    return 0;
}

static int read_all(int fd, const char *name, struct assess_text *text,
                    struct error *err)
{
    size_t got = 0;
    while (got < text->size) {
        ssize_t n = read(fd, text->bytes + got, text->size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set_errno(err, RB_IO, "cannot read %s", name);
        if (n == 0)
            break; /* it was made shorter meanwhile */
        got += (size_t)n;
    }
    text->size = got;
    text->bytes[got] = '\0';
    return 0;
}

/* The file is open: have its bytes. */
static int take(struct assess_texts *t, int fd, const char *name,
                struct assess_text *text, struct error *err)
{
    struct stat st;
    int rc;
    if (fstat(fd, &st) != 0)
        return error_set_errno(err, RB_IO, "cannot read %s", name);
    if (!S_ISREG(st.st_mode)) {
        error_set(err, RB_INVALID, "%s is not a file", name);
        error_next(err,
                   S_ISDIR(st.st_mode) ? "rbrun assess %s"
                                       : "correct the path %s",
                   name);
        return RB_INVALID;
    }
    rc = check_size(t, name, st.st_size, err);
    if (rc)
        return rc;
    text->size = (size_t)st.st_size;
    text->bytes = heap_get(text->size + 1);
    rc = read_all(fd, name, text, err);
    t->bytes += text->size;
    return rc;
}

int assess_texts_load(struct assess_texts *t, struct assess_text *text,
                      struct error *err)
{
    char name[12400];
    int fd, rc;
    if (text->bytes || text->binary)
        return 0;
    snprintf(name, sizeof name, "%s%s%s", t->root, t->root[0] ? "/" : "",
             text->path);
    fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        rc = code_of(errno);
        error_set_errno(err, rc, "cannot read %s", name);
        error_next(err, rc == RB_DENIED
                            ? "give yourself the right to read it: nothing is "
                              "judged while a migration is missing"
                            : "correct the path");
        return rc;
    }
    rc = take(t, fd, name, text, err);
    close(fd);
    return rc;
}

void assess_texts_free(struct assess_texts *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free(t->list[i].path);
        free(t->list[i].bytes);
    }
    free(t->list);
    free(t->root);
    memset(t, 0, sizeof *t);
}
