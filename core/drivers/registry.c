#define _GNU_SOURCE
#include "registry.h"
#include "../wire/heap.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CURL "rbrun-curl.so"
#define PG "rbrun-pg.so"
#define GIT "rbrun-git.so"

const struct driver_place driver_places[] = {
    {"metric", "prometheus", CURL},
    {"metric", "memory", NULL},
    {"git", "libgit2", GIT},
    {"deploy", "symlink", CURL},
    {"deploy", "command", NULL},
    {"deploy", "haproxy", NULL},
    {"deploy", "memory", NULL},
    {"migrate", "postgres", PG},
    {"notify", "slack", CURL},
    {"notify", "webhook", CURL},
    {"notify", "smtp", CURL},
    {"notify", "memory", NULL},
    {"snapshot", "pg_dump", NULL},
    {"snapshot", "http", CURL},
    {"snapshot", "command", NULL},
    {"flag", "file", NULL},
    {"flag", "http", CURL},
    {"flag", "memory", NULL},
    {"http", "http", CURL},
    {"command", "command", NULL},
    {NULL, NULL, NULL},
};

extern const struct driver *const builtin_drivers[];

int own_file(const char *name, char *path, size_t size, struct error *err)
{
    static const char *const places[] = {"", "/..", "/../lib/rbrun",
                                         "/../libexec/rbrun"};
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return error_set_errno(err, RB_IO, "cannot read /proc/self/exe");
    self[n] = '\0';
    *strrchr(self, '/') = '\0';
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(path, size, "%s%s/%s", self, places[i], name);
        if (access(path, R_OK) == 0)
            return 0;
    }
    error_set(err, RB_NOTFOUND, "%s is not beside the engine in %s", name,
              self);
    error_next(err, "build or install rbrun again");
    return RB_NOTFOUND;
}

static void *open_module(const char *module, struct error *err)
{
    char path[4200];
    void *handle;
    if (own_file(module, path, sizeof path, err) != 0)
        return NULL;
    errno = 0;
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    /* For want of memory it says what is not so ("no such file"). */
    if (!handle && errno == ENOMEM)
        heap_end();
    if (!handle)
        error_set(err, RB_IO, "cannot load %s: %s", module, dlerror());
    return handle;
}

void *driver_symbol(const char *module, const char *name, struct error *err)
{
    void *handle = open_module(module, err);
    void *symbol = handle ? dlsym(handle, name) : NULL;
    if (handle && !symbol)
        error_set(err, RB_IO, "%s has no %s: it is of another version", module,
                  name);
    return symbol;
}

static const struct driver *search(const struct driver *const *list,
                                   const char *family, const char *name)
{
    for (; list && *list; list++) {
        if (strcmp((*list)->family, family) == 0 &&
            strcmp((*list)->name, name) == 0)
            return *list;
    }
    return NULL;
}

static int unknown(const char *family, const char *name, struct error *err)
{
    char known[400] = "";
    for (const struct driver_place *p = driver_places; p->family; p++) {
        size_t used = strlen(known);
        if (strcmp(p->family, family) == 0)
            snprintf(known + used, sizeof known - used, "%s%s",
                     used ? ", " : "", p->name);
    }
    return error_set(err, RB_NOTFOUND,
                     "there is no %s driver \"%s\" (there are: %s)", family,
                     name, known[0] ? known : "none");
}

int driver_find(const char *family, const char *name, const struct driver **out,
                struct error *err)
{
    const struct driver_place *p = driver_places;
    const struct driver *const *list = builtin_drivers;
    while (p->family &&
           (strcmp(p->family, family) != 0 || strcmp(p->name, name) != 0))
        p++;
    if (!p->family)
        return unknown(family, name, err);
    if (p->module) {
        list = driver_symbol(p->module, "rbrun_drivers", err);
        if (!list)
            return RB_IO;
    }
    *out = search(list, family, name);
    if (!*out)
        return error_set(err, RB_NOTFOUND, "%s lacks its %s driver \"%s\"",
                         p->module ? p->module : "rbrun", family, name);
    return 0;
}

const struct driver_verb *driver_verb(const struct driver *d, const char *verb)
{
    for (const struct driver_verb *v = d->verbs; v->verb; v++) {
        if (strcmp(v->verb, verb) == 0)
            return v;
    }
    return NULL;
}
