/*
 * The numbers of a metric body: [t, v] points of one series, or of several
 * folded into one by time. Owns its memory, which is bounded.
 */
#ifndef RBRUN_LUA_READER_FOLD_H
#define RBRUN_LUA_READER_FOLD_H

#include "../core/wire/error.h"

#include <stddef.h>
#include <stdint.h>

enum fold_how { FOLD_NONE, FOLD_SUM, FOLD_MAX, FOLD_MIN, FOLD_MEAN, FOLDS };

/* "sum" and so on; NULL is FOLD_NONE. Returns 0 or RB_INVALID. */
int fold_named(const char *name, enum fold_how *out, struct error *err);

struct point {
    double t; /* seconds since 1970 */
    double v;
};

struct fold {
    enum fold_how how;
    size_t max; /* points */
    struct point *points;
    size_t count, room;
    uint32_t *seen; /* FOLD_MEAN: samples in each point */
    size_t seen_room;
    struct point *extra; /* times of this series that no other had */
    size_t extra_count, extra_room;
    size_t cursor;
    double last; /* time of the series' last point */
    uint64_t series;
};

void fold_begin(struct fold *f, enum fold_how how, size_t max);

/* A new series starts. Without a way to fold, the second one drops all
   numbers: which series was meant is for the caller to say. */
void fold_series(struct fold *f);

/*
 * One sample. max and min pass over NaN where another series has a number,
 * as PromQL's do; sum and mean keep it.
 * Returns 0, RB_INVALID (times must ascend) or RB_TOOBIG.
 */
int fold_point(struct fold *f, double t, double v, struct error *err);

/* The series is complete. Returns 0 or RB_TOOBIG. */
int fold_series_end(struct fold *f, struct error *err);

/* All are complete: sums become means. */
void fold_finish(struct fold *f);
void fold_free(struct fold *f);

#endif
