/*
 * The short cut through the bulk of a metric body: a run of samples
 * [seconds,"value"],[seconds,"value"],... without white space, as Prometheus
 * writes them. Whatever looks any other way is left to the JSON reader.
 */
#ifndef RBRUN_LUA_READER_PAIRS_H
#define RBRUN_LUA_READER_PAIRS_H

#include "../core/wire/error.h"
#include "reader_fold.h"

/*
 * **at points at a '['. Reads whole samples that are followed by ",[" and
 * moves *at behind each comma. Returns 0 or what fold_point returns.
 */
int pairs_read(struct fold *f, const char **at, const char *end,
               struct error *err);

#endif
