/*
 * The assessment of migrations without a runbook: files from a directory, a
 * list or a repository, judged by their text and, on demand, on a scratch
 * PostgreSQL. It tells what it finds line by line and prints nothing. It is
 * run in a process of its own, which may be ended at any moment.
 *
 * Lines are objects with "is":
 *   progress  "text": what is under way
 *   set       "tool", "where", "files" (to be judged), "context" (before
 *             them), "problems" (of the layout), "about": what is judged
 *   file      one migration; docs/assess.schema.json says its fields
 *   net       a release as one change; the same page
 */
#ifndef RBRUN_DRIVERS_ASSESS_H
#define RBRUN_DRIVERS_ASSESS_H

#include "../wire/error.h"
#include "../wire/value.h"

#include <stddef.h>

enum assess_mode {
    ASSESS_HISTORY, /* each migration after those before it */
    ASSESS_RANGE,   /* what lies between two revisions, as one net change */
    ASSESS_RELEASE  /* these files, as one net change */
};

struct assess_question {
    enum assess_mode mode;
    const char *directory;    /* history, range: the folder. NULL: the range's
                                 whole repository */
    const char *repository;   /* range; NULL: the one around the folder */
    const char *from, *to;    /* range: revisions, see git_revision.h */
    const char *const *files; /* release: paths, in the order they run */
    size_t file_count;
    const char *history;    /* release: folder of what ran before, or NULL */
    const char *tool;       /* of migrate_layout_tools(), or NULL */
    const char *format;     /* of every file, or NULL: told by the layout */
    size_t last;            /* history: judge only so many; 0: all */
    int shadow;             /* apply them to a scratch PostgreSQL, too */
    const char *statements; /* shadow: file of the older code's statements */
};

/* Takes a line, which it consumes. Not 0 ends the assessment. */
typedef int assess_tell(void *data, json_t *line);

/*
 * Assess. Returns 0; what tell returned; RB_NOTFOUND (directory, file,
 * revision, tool, no migrations, no server programs), RB_INVALID (no order,
 * two tools, a malformed option), RB_TOOBIG, RB_DENIED, RB_IO: err says what
 * and the way out, and nothing was changed anywhere.
 */
int assess_answer(const struct assess_question *q, assess_tell *tell,
                  void *data, struct error *err);

#endif
