/*
 * One question to Prometheus' HTTP API. The body of the answer never meets a
 * parser here: it streams into the jailed reader, and what comes back is a
 * small document and numbers. Classifies every way in which Prometheus, or
 * a proxy before it, can fail to answer.
 * https://prometheus.io/docs/prometheus/latest/querying/api/
 */
#ifndef RBRUN_DRIVERS_METRIC_PROMETHEUS_ASK_H
#define RBRUN_DRIVERS_METRIC_PROMETHEUS_ASK_H

#include "driver.h"

#include <stddef.h>

struct prometheus_question {
    const char *expr;
    const char *fold;  /* "sum", "max", "min", "mean", or NULL */
    int range;         /* query_range with the three below */
    double start, end; /* s since 1970 */
    double step;       /* s */
    size_t max_points; /* the reader gives up behind so many */
    int64_t timeout;   /* ms for the request */
};

struct prometheus_reply {
    char type[16]; /* "vector", "matrix", "scalar" */
    size_t series;
    double *pairs; /* time in s, value, time, value, ...; owned */
    size_t points; /* pairs */
};

/*
 * Ask. OUTCOME_OK fills *r: at least one point, one series or folded ones;
 * every other outcome has filled *a. Free *r in every case.
 */
enum outcome prometheus_ask(const struct driver_call *c,
                            const struct prometheus_question *q,
                            struct prometheus_reply *r,
                            struct driver_answer *a);
void prometheus_reply_free(struct prometheus_reply *r);

#endif
