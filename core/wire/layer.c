#include "layer.h"

#include <stdio.h>
#include <string.h>

static const struct {
    enum jail_layer layer;
    const char *name;
} table[] = {
    {JAIL_RLIMITS, "rlimits"},
    {JAIL_NO_NEW_PRIVS, "no_new_privs"},
    {JAIL_LANDLOCK, "landlock"},
    {JAIL_SECCOMP, "seccomp"},
};

#define LAYERS (sizeof table / sizeof *table)

void layer_names(unsigned layers, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; i < LAYERS; i++) {
        size_t used = strlen(out);
        if (layers & table[i].layer)
            snprintf(out + used, size - used, "%s%s", used ? ", " : "",
                     table[i].name);
    }
}

json_t *layer_list(unsigned layers)
{
    json_t *list = json_array();
    for (size_t i = 0; i < LAYERS; i++) {
        if (layers & table[i].layer)
            json_array_append_new(list, json_string(table[i].name));
    }
    return list;
}

unsigned layer_set(const json_t *list)
{
    unsigned layers = 0;
    for (size_t n = 0; n < json_array_size(list); n++) {
        const char *name = json_string_value(json_array_get(list, n));
        for (size_t i = 0; name && i < LAYERS; i++) {
            if (strcmp(name, table[i].name) == 0)
                layers |= table[i].layer;
        }
    }
    return layers;
}
