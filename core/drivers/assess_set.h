/*
 * Which migrations are judged, and after which others: out of the files of a
 * directory, a list, or two commits. Knows paths and texts; asks nobody what
 * a statement means.
 */
#ifndef RBRUN_DRIVERS_ASSESS_SET_H
#define RBRUN_DRIVERS_ASSESS_SET_H

#include "assess.h"
#include "assess_texts.h"
#include "migrate_layout.h"

struct assess_unit {
    const json_t *file;            /* of the layout, or NULL; borrowed */
    const char *path;              /* as the layout names it */
    const char *format;            /* for the reader */
    struct assess_texts *from;     /* where its texts are; borrowed */
    struct assess_text *up, *down; /* down: NULL, or the same file */
    int context;                   /* it ran before: not judged */
    const char *problem; /* "migration_changed", "migration_removed", or
                            NULL: a reason why nothing can be said */
};

struct assess_set {
    struct assess_texts texts, older; /* older: at --from, or the history */
    struct migrate_layout layout, older_layout;
    struct assess_unit *units; /* owned; in the order in which they run */
    size_t count, judged, room;
    int complete;     /* the history begins with an empty database */
    char where[8192]; /* what was looked at, for people */
    char base[4096];  /* what goes before a path to open it: "db/migrate" */
};

/* Fill from a question. Codes of assess.h. Free in every case. */
int assess_set_read(const struct assess_question *q, struct assess_set *set,
                    struct error *err);
void assess_set_free(struct assess_set *set);

/* assess_git.c: the two sides of a range, and their common folder. */
int assess_git_read(const struct assess_question *q, struct assess_set *set,
                    struct error *err);

/* Put one unit behind the others; the rest of it is zero. */
struct assess_unit *assess_set_add(struct assess_set *set);

#endif
