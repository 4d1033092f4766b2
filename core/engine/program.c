#define _GNU_SOURCE
#include "program.h"
#include "../store/io.h"
#include "../store/place.h"
#include "../wire/heap.h"
#include "../wire/utf8.h"
#include "nearest.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void find_root(struct program *p)
{
    char *cut;
    snprintf(p->root, sizeof p->root, "%s", p->path);
    for (;;) {
        cut = strrchr(p->root, '/');
        if (!cut || cut == p->root)
            break;
        *cut = '\0';
        if (strcmp(strrchr(p->root, '/'), "/runbooks") == 0)
            return;
    }
    snprintf(p->root, sizeof p->root, "%s", p->path);
    cut = strrchr(p->root, '/');
    if (cut)
        *cut = '\0';
}

static int read_source(const char *path, struct buf *out,
                       char digest[DIGEST_SIZE], struct error *err)
{
    int rc = place_read_resolved(path, SOURCE_MAX, out, err);
    if (!rc)
        digest_bytes(buf_text(out), out->size, digest);
    if (rc == RB_TOOBIG) {
        error_set(err, rc,
                  "%s is larger than %u bytes (%u KiB), the most that the "
                  "limit source can be",
                  path, SOURCE_MAX, SOURCE_MAX >> 10);
        error_next(err, "split it into modules: require \"name\" loads "
                        "name.lua");
    }
    return rc;
}

/* The name in a folder that is nearest to a wrong one, "" when none is. */
static void nearest_file(const char *folder, const char *wanted,
                         char best[NAME_MAX + 1])
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    struct nearest n;
    if (!dir && errno == ENOMEM)
        heap_end();
    best[0] = '\0';
    nearest_start(&n, wanted);
    while (dir && (entry = readdir(dir))) {
        const char *before = n.best;
        /* The name itself is there too, as a link to nothing. */
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, wanted) != 0)
            nearest_offer(&n, entry->d_name);
        if (n.best != before)
            n.best = strcpy(best, entry->d_name);
    }
    if (dir)
        closedir(dir);
}

/* A name that is not there: most often one letter is wrong. */
static int no_such_file(const char *file, struct error *err)
{
    int rc = errno == ENOENT ? RB_NOTFOUND : RB_IO;
    const char *slash = strrchr(file, '/');
    int length = slash ? (int)(slash - file) + 1 : 0;
    char folder[PLACE_PATH], best[NAME_MAX + 1];
    error_set_errno(err, rc, "cannot read the runbook %s", file);
    snprintf(folder, sizeof folder, "%.*s", length ? length : 2,
             length ? file : "./");
    nearest_file(folder, file + length, best);
    if (best[0])
        error_next(err, "did you mean %s%s? otherwise: ls %s",
                   length ? folder : "", best, folder);
    else
        error_next(err, "ls %s", folder);
    return rc;
}

/* Grants go by it, so nothing of it is cut off, and people read it. */
static int take_name(struct program *p, const char *name, struct error *err)
{
    size_t size = strlen(name);
    for (size_t at = 0, length; at < size; at += length) {
        length = utf8_length(name + at, size - at);
        if (!length || utf8_commands(name + at, length))
            return error_set(err, RB_INVALID,
                             "the name of %s is not plain UTF-8: rename it",
                             name);
    }
    if (size >= sizeof p->name)
        return error_set(err, RB_TOOBIG,
                         "the path %s below its runbooks folder is longer than "
                         "%zu bytes",
                         name, sizeof p->name - 1);
    memcpy(p->name, name, size + 1);
    return 0;
}

/* One is beside the runbooks, in Lua, too: easily taken for one. */
static int no_runbook(const struct program *p, struct error *err)
{
    const char *name = strrchr(p->path, '/'), *folder = "/environments";
    size_t before = (size_t)(name - p->path), size = strlen(folder);
    if (before < size || strncmp(name - size, folder, size) != 0 ||
        strstr(buf_text(&p->source), "function run"))
        return 0;
    error_set(err, RB_INVALID, "%s is an environment, not a runbook",
              program_shown(p));
    error_next(err, "rbrun doctor --environment %s", program_shown(p));
    return RB_INVALID;
}

int program_read(struct program *p, const char *file, struct error *err)
{
    int rc;
    memset(p, 0, sizeof *p);
    if (!realpath(file, p->path))
        return no_such_file(file, err);
    rc = read_source(p->path, &p->source, p->digest, err);
    if (!rc)
        rc = no_runbook(p, err);
    if (rc && !err->next[0])
        error_next(err, "name a runbook, a file that ends in .lua: ls %s",
                   file);
    if (rc)
        return rc;
    find_root(p);
    return take_name(p, p->path + strlen(p->root) + 1, err);
}

const char *program_granted(const struct program *p)
{
    return p->granted[0] ? p->granted : p->name;
}

const char *program_shown(const struct program *p)
{
    return p->path[0] ? place_shown(p->path) : "FILE";
}

static int name_is_plain(const char *name)
{
    if (!isalpha((unsigned char)name[0]) || strlen(name) > 200)
        return 0;
    for (; *name; name++) {
        if (!isalnum((unsigned char)*name) && *name != '_' && *name != '-' &&
            !(*name == '.' && isalnum((unsigned char)name[1])))
            return 0;
    }
    return 1;
}

/*
 * The module that was meant, where each part of the path is there or has a
 * near neighbour: "polic/eror.lua" -> "policy.error". "" when there is none.
 */
static void near_module(const struct program *p, const char *file, char *out,
                        size_t size)
{
    char path[PATH_MAX + 512], best[NAME_MAX + 1];
    size_t used = (size_t)snprintf(path, sizeof path, "%s", p->root);
    size_t root = used;
    out[0] = '\0';
    while (*file) {
        size_t length = strcspn(file, "/");
        if (used + NAME_MAX + 2 > sizeof path || length > NAME_MAX)
            return;
        snprintf(path + used, sizeof path - used, "/%.*s", (int)length, file);
        if (access(path, F_OK) != 0) {
            char wanted[NAME_MAX + 1];
            snprintf(wanted, sizeof wanted, "%.*s", (int)length, file);
            path[used] = '\0';
            nearest_file(path, wanted, best);
            if (!best[0])
                return;
            snprintf(path + used, sizeof path - used, "/%s", best);
        }
        used = strlen(path);
        file += length + (file[length] == '/');
    }
    if (used < root + 5 || strcmp(path + used - 4, ".lua") != 0)
        return;
    path[used - 4] = '\0';
    snprintf(out, size, "%s", path + root + 1);
    for (char *c = out; *c; c++)
        *c = *c == '/' ? '.' : *c;
}

static int no_such_module(const struct program *p, const char *name,
                          const char *file, const char *path, struct error *err)
{
    char near[256];
    int missing = errno == ENOENT || errno == ENOTDIR;
    if (!missing)
        return error_set_errno(err, RB_IO, "module \"%s\": %s", name,
                               place_shown(path));
    near_module(p, file, near, sizeof near);
    return error_set(err, RB_NOTFOUND, "there is no file %s%s%s%s",
                     place_shown(path), near[0] ? " (did you mean " : "", near,
                     near[0] ? "?)" : "");
}

/* An environment holds passwords, and names what its runbooks may reach. */
static int is_environment(const char *file)
{
    return strncmp(file, "environments/", 13) == 0;
}

static int no_environment(const char *name, struct error *err)
{
    return error_set(err, RB_DENIED,
                     "module \"%s\" is below environments/, which no runbook "
                     "reads: give it what it needs as an input, or keep what "
                     "both need in a module elsewhere",
                     name);
}

static int module_path(const struct program *p, const char *name, char *file,
                       char *path, struct error *err)
{
    char wanted[PATH_MAX + 256];
    size_t root = strlen(p->root);
    if (!name_is_plain(name))
        return error_set(err, RB_INVALID, "\"%s\" is no module's name", name);
    snprintf(file, 256, "%s.lua", name);
    for (char *c = file; c < file + strlen(name); c++)
        *c = *c == '.' ? '/' : *c;
    if (is_environment(file))
        return no_environment(name, err);
    snprintf(wanted, sizeof wanted, "%s/%s", p->root, file);
    if (!realpath(wanted, path))
        return no_such_module(p, name, file, wanted, err);
    if (strncmp(path, p->root, root) != 0 || path[root] != '/')
        return error_set(err, RB_DENIED, "module \"%s\" leads out of %s, to %s",
                         name, p->root, path);
    return is_environment(path + root + 1) ? no_environment(name, err) : 0;
}

static struct module *add_module(struct program *p, const char *name,
                                 const char *file)
{
    struct module *m;
    if (p->count == MODULES_MAX)
        return NULL;
    m = heap_grow(p->modules, (p->count + 1) * sizeof *m);
    p->modules = m;
    m += p->count;
    memset(m, 0, sizeof *m);
    m->name = heap_text(name);
    m->file = heap_text(file);
    p->count++;
    return m;
}

int program_module(struct program *p, const char *name,
                   const struct module **out, struct error *err)
{
    char file[256], path[PATH_MAX];
    struct module *m;
    int rc;
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->modules[i].name, name) == 0)
            return *out = &p->modules[i], 0;
    }
    if (p->stored)
        return error_set(err, RB_NOTFOUND,
                         "no module \"%s\" was stored with the run", name);
    rc = module_path(p, name, file, path, err);
    if (rc)
        return rc;
    m = add_module(p, name, file);
    if (!m)
        return error_set(err, RB_NOMEM, "more than %d modules", MODULES_MAX);
    rc = read_source(path, &m->source, m->digest, err);
    if (rc) {
        p->count--;
        free(m->name);
        free(m->file);
        buf_free(&m->source);
    }
    *out = m;
    return rc;
}

static int store_one(const char *directory, const struct buf *source,
                     const char *digest, struct error *err)
{
    char name[DIGEST_SIZE + 8];
    snprintf(name, sizeof name, "%s.lua", digest);
    return place_put(directory, name, buf_text(source), source->size, err);
}

int program_store(const struct program *p, const char *directory,
                  struct error *err)
{
    char path[PLACE_PATH];
    int rc;
    snprintf(path, sizeof path, "%s/program", directory);
    if (io->mkdir(path, 0700) < 0 && errno != EEXIST)
        return error_set_errno(err, RB_IO, "cannot make %s", path);
    rc = store_one(path, &p->source, p->digest, err);
    for (size_t i = 0; !rc && i < p->count; i++)
        rc = store_one(path, &p->modules[i].source, p->modules[i].digest, err);
    return rc ? rc : place_flush(path, err);
}

json_t *program_describe(const struct program *p)
{
    json_t *modules = json_array();
    for (size_t i = 0; i < p->count; i++)
        json_array_append_new(modules, json_pack("{s:s, s:s, s:s}", "name",
                                                 p->modules[i].name, "file",
                                                 p->modules[i].file, "sha256",
                                                 p->modules[i].digest));
    return json_pack("{s:{s:s, s:s, s:s, s:s}, s:o}", "runbook", "name",
                     p->name, "path", p->path, "root", p->root, "sha256",
                     p->digest, "modules", modules);
}

static int load_one(const char *directory, const char *digest,
                    struct buf *source, char out[DIGEST_SIZE],
                    struct error *err)
{
    char path[PLACE_PATH];
    int rc;
    snprintf(path, sizeof path, "%s/program/%.64s.lua", directory, digest);
    rc = read_source(path, source, out, err);
    if (!rc && strcmp(out, digest) != 0)
        rc = error_set(err, RB_CORRUPT,
                       "%s differs from its hash in the journal", path);
    return rc;
}

int program_load(struct program *p, const char *directory,
                 const json_t *description, struct error *err)
{
    const json_t *book = json_object_get(description, "runbook");
    const json_t *list = json_object_get(description, "modules"), *one;
    size_t i;
    int rc;
    memset(p, 0, sizeof *p);
    snprintf(p->name, sizeof p->name, "%s", value_text(book, "name", ""));
    snprintf(p->path, sizeof p->path, "%s", value_text(book, "path", ""));
    snprintf(p->root, sizeof p->root, "%s", value_text(book, "root", ""));
    p->stored = 1;
    rc = load_one(directory, value_text(book, "sha256", ""), &p->source,
                  p->digest, err);
    json_array_foreach(list, i, one)
    {
        struct module *m;
        if (rc)
            break;
        m = add_module(p, value_text(one, "name", ""),
                       value_text(one, "file", ""));
        rc = m ? load_one(directory, value_text(one, "sha256", ""), &m->source,
                          m->digest, err)
               : error_set(err, RB_NOMEM, "too many modules");
    }
    return rc;
}

void program_free(struct program *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->modules[i].name);
        free(p->modules[i].file);
        buf_free(&p->modules[i].source);
    }
    free(p->modules);
    buf_free(&p->source);
    memset(p, 0, sizeof *p);
}
