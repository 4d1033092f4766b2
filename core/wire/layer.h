/*
 * The layers of the jail that depend on the kernel. What does not (a process
 * of its own, its descriptors, the limits inside Lua, the engine's watchdog)
 * always holds. A run whose worker lacks one of them says so, and does not
 * start under --require-jail. Landlock is one more wall behind seccomp, which
 * alone keeps files and sockets away: it is not essential to doctor.
 */
#ifndef RBRUN_WIRE_LAYER_H
#define RBRUN_WIRE_LAYER_H

#include <jansson.h>
#include <stddef.h>

enum jail_layer {
    JAIL_RLIMITS = 1,
    JAIL_NO_NEW_PRIVS = 2,
    JAIL_LANDLOCK = 4,
    JAIL_SECCOMP = 8
};
#define JAIL_ALL 15u
#define JAIL_ESSENTIAL (JAIL_RLIMITS | JAIL_NO_NEW_PRIVS | JAIL_SECCOMP)

/* Names of a set of layers, "rlimits, seccomp", into out. */
void layer_names(unsigned layers, char *out, size_t size);

/* The set as a list of names (new reference), and back. Unknown names and
   other types count for nothing. */
json_t *layer_list(unsigned layers);
unsigned layer_set(const json_t *list);

#endif
