/*
 * A range of migrations: the files of a folder at two revisions, through the
 * git module. What is in the working tree does not matter.
 */
#define _GNU_SOURCE
#include "assess_set.h"
#include "git_files.h"
#include "registry.h"
#include "../wire/heap.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GIT "rbrun-git.so"

struct side {
    struct assess_texts *texts;
    struct migrate_layout *layout;
    const char *revision;
};

typedef int at_function(const char *, const char *, const char *, json_t **,
                        struct error *);
typedef int between_function(const char *, const char *, const char *,
                             const char *, json_t **, struct error *);

/* POSIX's dlsym gives an object pointer; ISO C has no cast to a function. */
static int function_of(const char *name, void *function, size_t size,
                       struct error *err)
{
    void *symbol = driver_symbol(GIT, name, err);
    memcpy(function, &symbol, size);
    return symbol ? 0 : RB_IO;
}

static int is_repository(const char *path)
{
    char inside[PATH_MAX + 16];
    snprintf(inside, sizeof inside, "%s/.git", path);
    if (access(inside, F_OK) == 0)
        return 1;
    snprintf(inside, sizeof inside, "%s/objects", path);
    if (access(inside, F_OK) != 0)
        return 0;
    snprintf(inside, sizeof inside, "%s/HEAD", path);
    return access(inside, F_OK) == 0;
}

/* "../db/./migrate" from here, without asking the disk: the folder may be in
   the commits only. */
static int absolute(const char *path, char *out, size_t size)
{
    char here[PATH_MAX], whole[2 * PATH_MAX], *rest = whole, *part;
    size_t used = 0;
    if (!getcwd(here, sizeof here))
        return RB_IO;
    snprintf(whole, sizeof whole, "%s/%s", path[0] == '/' ? "" : here, path);
    out[0] = '\0';
    while ((part = strsep(&rest, "/")) != NULL) {
        if (!*part || strcmp(part, ".") == 0)
            continue;
        if (strcmp(part, "..") == 0) {
            while (used && out[--used] != '/')
                continue;
            out[used] = '\0';
            continue;
        }
        if (used + strlen(part) + 2 > size)
            return RB_TOOBIG;
        used += (size_t)sprintf(out + used, "/%s", part);
    }
    return 0;
}

/* The repository around a folder, and the folder's path in it. */
static int find_repository(const char *folder, char *repository, size_t size,
                           char *inside, size_t room, struct error *err)
{
    char path[PATH_MAX];
    char *end;
    if (absolute(folder, path, sizeof path) != 0)
        return error_set(err, RB_TOOBIG, "the path %s is too long", folder);
    snprintf(repository, size, "%s", path);
    while (!is_repository(repository[0] ? repository : "/")) {
        end = strrchr(repository, '/');
        if (!end) {
            error_set(err, RB_NOTFOUND, "%s is in no git repository", path);
            error_next(err, "rbrun assess --from REV --to REV --repository "
                            "DIR [FOLDER IN IT]");
            return RB_NOTFOUND;
        }
        *end = '\0';
    }
    end = path + strlen(repository);
    snprintf(inside, room, "%s", *end == '/' ? end + 1 : end);
    return 0;
}

static int read_side(const char *repository, const char *folder,
                     const struct assess_question *q, struct side *side,
                     struct error *err)
{
    at_function *at = NULL;
    json_t *files = NULL, *names = json_array();
    const char *tool = q->tool;
    int rc = function_of("git_files_at", &at, sizeof at, err);
    if (!rc)
        rc = at(repository, side->revision, folder, &files, err);
    if (!rc)
        rc = assess_texts_commit(side->texts, files, folder, err);
    for (size_t i = 0; !rc && i < side->texts->count; i++) {
        const struct assess_text *text = &side->texts->list[i];
        json_t *one = json_pack("{s:s}", "path", text->path);
        if (!text->binary)
            json_object_set_new(one, "content",
                                json_stringn(text->bytes, text->size));
        json_array_append_new(names, one);
    }
    if (!rc)
        rc = migrate_layout(names, tool, NULL, NULL, side->layout, err);
    json_decref(files);
    json_decref(names);
    return rc;
}

static int same(const struct assess_text *a, const struct assess_text *b)
{
    return a && b && a->binary == b->binary && a->size == b->size &&
           memcmp(a->bytes, b->bytes, a->size) == 0;
}

static void add_unit(struct assess_set *set, struct assess_texts *from,
                     const json_t *file, const char *format, int context)
{
    struct assess_unit *u = assess_set_add(set);
    const char *down = value_text(file, "down_path", NULL);
    u->file = file;
    u->path = value_text(file, "path", "");
    u->format = format ? format : value_text(file, "format", "plain");
    u->from = from;
    u->up = assess_texts_find(from, u->path);
    u->down = down ? assess_texts_find(from, down) : NULL;
    u->context = context;
}

/* Whether the other side has a migration of this version, under another
   name, with the same contents: it was only renamed. */
static int renamed(const struct migrate_layout *layout,
                   struct assess_texts *texts, const json_t *file,
                   const struct assess_text *text)
{
    const char *version = value_text(file, "version", "");
    const json_t *other;
    size_t i;
    json_array_foreach(layout->files, i, other)
    {
        if (strcmp(value_text(other, "version", ""), version) == 0 &&
            same(assess_texts_find(texts, value_text(other, "path", "")), text))
            return 1;
    }
    return 0;
}

/* What the newer commit has besides, in its order; what it has changed is
   told, and so is what it no longer has. */
static void collect(struct assess_set *set, const char *format)
{
    const json_t *file;
    size_t i;
    json_array_foreach(set->older_layout.files, i, file)
    {
        add_unit(set, &set->older, file, format, 1);
    }
    json_array_foreach(set->layout.files, i, file)
    {
        const char *path = value_text(file, "path", "");
        struct assess_text *now = assess_texts_find(&set->texts, path);
        struct assess_text *then = assess_texts_find(&set->older, path);
        if (same(then, now) ||
            (!then && renamed(&set->older_layout, &set->older, file, now)))
            continue;
        add_unit(set, &set->texts, file, format, 0);
        if (then)
            set->units[set->count - 1].problem = "migration_changed";
    }
    json_array_foreach(set->older_layout.files, i, file)
    {
        const char *path = value_text(file, "path", "");
        if (assess_texts_find(&set->texts, path) ||
            renamed(&set->layout, &set->texts, file,
                    assess_texts_find(&set->older, path)))
            continue;
        add_unit(set, &set->older, file, format, 0);
        set->units[set->count - 1].problem = "migration_removed";
    }
}

/* Revisions and folder exist; on one side the folder may be missing. */
static int check(const char *repository, const char *folder,
                 const struct assess_question *q, struct error *err)
{
    between_function *between = NULL;
    json_t *changed = NULL;
    int rc = function_of("git_files_between", &between, sizeof between, err);
    if (!rc)
        rc = between(repository, q->from, q->to, folder, &changed, err);
    json_decref(changed);
    return rc;
}

static int read_sides(const char *repository, const char *folder,
                      const struct assess_question *q, struct assess_set *set,
                      struct error *err)
{
    struct side to = {&set->texts, &set->layout, q->to};
    struct side from = {&set->older, &set->older_layout, q->from};
    struct error missing = {0};
    int rc = check(repository, folder, q, err);
    int none = 0;
    if (!rc) {
        rc = read_side(repository, folder, q, &from, &missing);
        none = rc == RB_NOTFOUND; /* the first migrations, or the last */
        if (none)
            rc = 0;
        else if (rc)
            *err = missing;
    }
    if (!rc) {
        rc = read_side(repository, folder, q, &to, &missing);
        if (rc == RB_NOTFOUND && !none)
            rc = 0;
        else if (rc)
            *err = missing;
    }
    return rc;
}

int assess_git_read(const struct assess_question *q, struct assess_set *set,
                    struct error *err)
{
    char repository[PATH_MAX], folder[PATH_MAX];
    int rc = 0;
    if (q->repository) {
        snprintf(repository, sizeof repository, "%s", q->repository);
        snprintf(folder, sizeof folder, "%s", q->directory ? q->directory : "");
    } else {
        rc = find_repository(q->directory ? q->directory : ".", repository,
                             sizeof repository, folder, sizeof folder, err);
    }
    snprintf(set->where, sizeof set->where, "%s between %s and %s",
             folder[0] ? folder : "the repository", q->from, q->to);
    snprintf(set->base, sizeof set->base, "%s", folder);
    if (!rc)
        rc = read_sides(repository, folder, q, set, err);
    if (rc && !err->next[0])
        error_next(err, "correct --from, --to, --repository or the folder; "
                        "rbrun help assess");
    if (!rc)
        collect(set, q->format);
    return rc;
}
