#define _GNU_SOURCE
#include "migrate_tool.h"

int migrate_tool_configured(const struct driver_call *c,
                            enum migrate_direction direction)
{
    const char *key = direction == MIGRATE_UP ? "tool_up" : "tool_down";
    return json_is_array(json_object_get(c->binding, key));
}
