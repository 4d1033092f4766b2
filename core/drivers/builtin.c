/* The drivers that need no external library: part of the engine itself. */
#include "driver.h"

extern const struct driver command_command, deploy_command, deploy_haproxy;
extern const struct driver flag_file;
extern const struct driver deploy_memory, flag_memory, metric_memory;
extern const struct driver notify_memory;
extern const struct driver snapshot_pg_dump, snapshot_command;

extern const struct driver *const builtin_drivers[];

const struct driver *const builtin_drivers[] = {
    &command_command,
    &deploy_command,
    &deploy_haproxy,
    &flag_file,
    &deploy_memory,
    &flag_memory,
    &metric_memory,
    &notify_memory,
    &snapshot_pg_dump,
    &snapshot_command,
    NULL,
};
