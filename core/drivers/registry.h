/*
 * Which drivers there are, and in which module each lives. Modules are
 * loaded when one of their drivers is first needed.
 */
#ifndef RBRUN_DRIVERS_REGISTRY_H
#define RBRUN_DRIVERS_REGISTRY_H

#include "driver.h"

struct driver_place {
    const char *family;
    const char *name;
    const char *module; /* "rbrun-curl.so", or NULL: part of the engine */
};
extern const struct driver_place driver_places[]; /* ends with a NULL family */

/* Load the driver. RB_NOTFOUND names the known ones; RB_IO the dlopen error. */
int driver_find(const char *family, const char *name, const struct driver **out,
                struct error *err);

/* The row of a verb in a driver, or NULL. */
const struct driver_verb *driver_verb(const struct driver *d, const char *verb);

/* A function of another module, such as http_request of rbrun-curl.so; NULL
   with err set when it cannot be loaded. */
void *driver_symbol(const char *module, const char *name, struct error *err);

/* Where the engine's own files lie: the directory of /proc/self/exe, or the
   private library directory beside an installed one. name may be
   "rbrun-worker", "rbrun-reader" or a module. */
int own_file(const char *name, char *path, size_t size, struct error *err);

#endif
