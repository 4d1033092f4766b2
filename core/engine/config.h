/*
 * An environment file's text becomes a table: a worker of its own evaluates
 * it, jailed. What the table means is environment.c's to say.
 */
#ifndef RBRUN_ENGINE_CONFIG_H
#define RBRUN_ENGINE_CONFIG_H

#include "../wire/buf.h"
#include "../wire/error.h"
#include "../wire/value.h"

/*
 * name: the file's, for messages. *table is a new reference. RB_INVALID: the
 * file's own error, with its line; RB_DENIED, RB_TOOBIG, RB_IO: the worker
 * broke its rules, reached a limit, or crashed.
 */
int config_evaluate(const char *name, const struct buf *source,
                    int require_jail, json_t **table, struct error *err);

#endif
