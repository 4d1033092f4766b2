#include "reader_fold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[FOLDS] = {NULL, "sum", "max", "min", "mean"};

int fold_named(const char *name, enum fold_how *out, struct error *err)
{
    *out = FOLD_NONE;
    if (!name)
        return 0;
    for (int i = 1; i < FOLDS; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (enum fold_how)i;
            return 0;
        }
    }
    return error_set(err, RB_INVALID,
                     "no way to fold is called \"%s\" (there are: sum, max, "
                     "min, mean)",
                     name);
}

void fold_begin(struct fold *f, enum fold_how how, size_t max)
{
    memset(f, 0, sizeof *f);
    f->how = how;
    f->max = max;
}

void fold_free(struct fold *f)
{
    free(f->points);
    free(f->seen);
    free(f->extra);
    fold_begin(f, f->how, f->max);
}

static int too_many(const struct fold *f, struct error *err)
{
    return error_set(err, RB_TOOBIG,
                     "the answer holds more than %zu points: ask for a "
                     "shorter range or a longer step",
                     f->max);
}

/* Room for count points; *room never exceeds the maximum. */
static int grow(const struct fold *f, struct point **points, size_t *room,
                size_t count, struct error *err)
{
    size_t more = *room ? *room * 2 : 1024;
    struct point *bigger;
    if (count <= *room)
        return 0;
    if (count > f->max)
        return too_many(f, err);
    if (more < count)
        more = count;
    if (more > f->max)
        more = f->max;
    bigger = realloc(*points, more * sizeof **points);
    if (!bigger)
        return error_set(err, RB_TOOBIG, "no memory for %zu points", more);
    *points = bigger;
    *room = more;
    return 0;
}

static int grow_seen(struct fold *f, size_t count, struct error *err)
{
    uint32_t *bigger;
    if (f->how != FOLD_MEAN || count <= f->seen_room)
        return 0;
    bigger = realloc(f->seen, f->room * sizeof *bigger);
    if (!bigger)
        return error_set(err, RB_TOOBIG, "no memory for %zu points", f->room);
    f->seen = bigger;
    f->seen_room = f->room;
    return 0;
}

void fold_series(struct fold *f)
{
    f->series++;
    f->cursor = 0;
    f->extra_count = 0;
    f->last = -INFINITY;
    if (f->series == 2 && f->how == FOLD_NONE) {
        free(f->points);
        f->points = NULL;
        f->count = f->room = 0;
    }
}

static double combine(enum fold_how how, double a, double b)
{
    switch (how) {
    case FOLD_MAX:
        return fmax(a, b);
    case FOLD_MIN:
        return fmin(a, b);
    default:
        return a + b;
    }
}

/* The first point at or after t, from the cursor on: the next one nearly
   always, else by halving. */
static size_t seek(const struct fold *f, double t)
{
    size_t low = f->cursor, high = f->count;
    if (low >= high || f->points[low].t >= t)
        return low;
    if (low + 1 < high && f->points[low + 1].t >= t)
        return low + 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->points[middle].t < t)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int append(struct fold *f, double t, double v, struct error *err)
{
    int rc = grow(f, &f->points, &f->room, f->count + 1, err);
    if (!rc)
        rc = grow_seen(f, f->count + 1, err);
    if (rc)
        return rc;
    f->points[f->count].t = t;
    f->points[f->count].v = v;
    if (f->seen)
        f->seen[f->count] = 1;
    f->count++;
    return 0;
}

static int fold_in(struct fold *f, double t, double v, struct error *err)
{
    size_t at = f->cursor = seek(f, t);
    int rc;
    if (at < f->count && f->points[at].t == t) {
        f->points[at].v = combine(f->how, f->points[at].v, v);
        if (f->seen)
            f->seen[at]++;
        return 0;
    }
    rc = grow(f, &f->extra, &f->extra_room, f->extra_count + 1, err);
    if (rc)
        return rc;
    f->extra[f->extra_count].t = t;
    f->extra[f->extra_count++].v = v;
    return 0;
}

int fold_point(struct fold *f, double t, double v, struct error *err)
{
    if (!(t > f->last))
        return error_set(err, RB_INVALID,
                         "the times of series %llu do not ascend",
                         (unsigned long long)f->series);
    f->last = t;
    if (f->series == 1)
        return append(f, t, v, err);
    return f->how == FOLD_NONE ? 0 : fold_in(f, t, v, err);
}

/* Merge the extra times in, from the back, in place. */
int fold_series_end(struct fold *f, struct error *err)
{
    size_t old = f->count, more = f->extra_count, at = old + more;
    int rc;
    if (!more)
        return 0;
    rc = grow(f, &f->points, &f->room, at, err);
    if (!rc)
        rc = grow_seen(f, at, err);
    if (rc)
        return rc;
    f->count = at;
    while (more) {
        int is_old = old && f->points[old - 1].t > f->extra[more - 1].t;
        at--;
        if (f->seen)
            f->seen[at] = is_old ? f->seen[old - 1] : 1;
        f->points[at] = is_old ? f->points[--old] : f->extra[--more];
    }
    f->extra_count = 0;
    return 0;
}

void fold_finish(struct fold *f)
{
    for (size_t i = 0; f->seen && i < f->count; i++)
        f->points[i].v /= f->seen[i];
}
