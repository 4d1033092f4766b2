/*
 * Reads the answer of a Prometheus query while it arrives
 * (https://prometheus.io/docs/prometheus/latest/querying/api/, "Format
 * overview" and "Expression queries"): status, warnings and series as a
 * small document, samples as numbers. Memory grows with the points kept and
 * with nothing else.
 */
#ifndef RBRUN_LUA_READER_METRIC_H
#define RBRUN_LUA_READER_METRIC_H

#include "../core/wire/error.h"
#include "../core/wire/value.h"
#include "reader_fold.h"

#include <stddef.h>

/* What a frame's raw body holds. */
#define METRIC_MAX_POINTS ((64u << 20) / sizeof(struct point))

struct metric;

/*
 * options: {"fold": "sum"|"max"|"min"|"mean"|null, "max_points": n}; both
 * may be missing. Returns 0, RB_INVALID or RB_NOMEM.
 */
int metric_open(const json_t *options, struct metric **out, struct error *err);

/* The next bytes. Returns 0, RB_INVALID (err names the byte), RB_TOOBIG. */
int metric_push(struct metric *m, const char *bytes, size_t size,
                struct error *err);

/*
 * The end of the body. *reply, a new reference:
 *   status, error_type, error   as answered
 *   type        "vector", "matrix", "scalar" or "string"
 *   series      how many
 *   names       label sets of the first five, as text
 *   points      how many [t, v] pairs there are
 *   histograms  series with native histograms, which are not read
 *   text        the value of a "string"
 *   warnings    of the server, the first 20
 * Points of several series that were not folded are not kept. *points is
 * borrowed. Returns 0, RB_INVALID or RB_NOMEM.
 */
int metric_finish(struct metric *m, json_t **reply, const struct point **points,
                  size_t *count, struct error *err);

void metric_free(struct metric *m); /* takes NULL */

#endif
