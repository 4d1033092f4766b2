/*
 * What rbrun has to know about a PromQL expression before it may believe its
 * value: how far into the past it looks, and which samples it reads. A
 * scanner, not a parser: Prometheus itself judges the syntax, and an
 * expression that it would refuse gives some answer here.
 * https://prometheus.io/docs/prometheus/latest/querying/basics/
 */
#ifndef RBRUN_DRIVERS_METRIC_PROMQL_H
#define RBRUN_DRIVERS_METRIC_PROMQL_H

#include "../wire/buf.h"

#include <stddef.h>
#include <stdint.h>

#define PROMQL_MAX_SELECTORS 32

/* Longer offsets compare with the past on purpose and do not count. */
#define PROMQL_DELAY_OFFSET 900000 /* ms */

struct promql {
    /* ms: a value computed now is made of samples no older than this,
       look-back for a stale series aside. The ranges of nested subqueries
       and offsets up to PROMQL_DELAY_OFFSET add up; a recording rule that is
       named level:metric:rate5m counts with its 5m. */
    int64_t reach;
    struct {
        const char *text; /* into the expression */
        size_t size;
    } selectors[PROMQL_MAX_SELECTORS]; /* different ones */
    size_t count;
    int too_many; /* there are more, or they are nested too deep */
};

void promql_scan(const char *expr, struct promql *out);

/*
 * Append a query for the time of the newest sample behind every selector,
 * of which the oldest: `timestamp()` of an expression would be the time of
 * the evaluation. Looks back window ms in steps of step ms, so that a target
 * that has vanished from the instant vector is still found.
 * Returns 0, RB_NOMEM, RB_TOOBIG (too_many, or out's), or RB_NOTFOUND when
 * there is no selector.
 */
int promql_age_query(const struct promql *q, int64_t window, int64_t step,
                     struct buf *out);

#endif
