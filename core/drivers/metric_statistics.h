/* Summary of a run of numbers. Pure; knows nobody. */
#ifndef RBRUN_DRIVERS_METRIC_STATISTICS_H
#define RBRUN_DRIVERS_METRIC_STATISTICS_H

#include <stddef.h>

struct metric_statistics {
    double first, last, min, max, mean, median, p95;
};

/* Of count > 0 finite values, oldest first; scratch has room for as many.
   Quantiles interpolate between the two nearest ranks, as Prometheus'
   quantile() does. */
void metric_statistics(const double *values, size_t count, double *scratch,
                       struct metric_statistics *out);

#endif
