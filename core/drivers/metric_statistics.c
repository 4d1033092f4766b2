#include "metric_statistics.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t count, double q)
{
    double rank = q * (double)(count - 1);
    size_t low = (size_t)rank;
    size_t high = low + 1 < count ? low + 1 : low;
    double part = rank - (double)low;
    return sorted[low] * (1 - part) + sorted[high] * part;
}

void metric_statistics(const double *values, size_t count, double *scratch,
                       struct metric_statistics *out)
{
    double mean = 0;
    memcpy(scratch, values, count * sizeof *values);
    qsort(scratch, count, sizeof *scratch, compare);
    /* Divided first: the sum of finite values may be none. */
    for (size_t i = 0; i < count; i++)
        mean += values[i] / (double)count;
    out->first = values[0];
    out->last = values[count - 1];
    out->min = scratch[0];
    out->max = scratch[count - 1];
    out->mean = mean;
    out->median = quantile(scratch, count, 0.5);
    out->p95 = quantile(scratch, count, 0.95);
}
