/*
 * The files of a directory, a list or a commit, by their paths. Contents are
 * read when they are asked for, and never more than the maxima below: a
 * history of any size costs its names and what is under way.
 */
#ifndef RBRUN_DRIVERS_ASSESS_TEXTS_H
#define RBRUN_DRIVERS_ASSESS_TEXTS_H

#include "../wire/error.h"
#include "../wire/value.h"

#include <stddef.h>

#define ASSESS_MAX_FILES 200000     /* names in one directory */
#define ASSESS_MAX_DEPTH 8          /* folders below it */
#define ASSESS_MAX_FILE (32u << 20) /* bytes of one file */
#define ASSESS_MAX_BYTES                                                       \
    (60u << 20) /* of all that are read; the SQL reader                        \
                   takes 64 MiB with what it is told */

struct assess_text {
    char *path;  /* below the root */
    char *bytes; /* NULL: not read yet */
    size_t size;
    int binary; /* git: no text, has no bytes */
};

struct assess_texts {
    char *root;               /* directory, or NULL: contents were given */
    struct assess_text *list; /* ordered by path */
    size_t count, room;
    size_t bytes; /* read so far */
};

/* All regular files below a directory, but for hidden ones and for what
   programs leave (node_modules, __pycache__). RB_NOTFOUND, RB_DENIED,
   RB_TOOBIG, RB_INVALID (not a directory). */
int assess_texts_directory(struct assess_texts *t, const char *path,
                           struct error *err);

/* These files, as paths from where we stand, with their contents. As above,
   and RB_INVALID for one that is named twice or is no file. */
int assess_texts_list(struct assess_texts *t, const char *const *paths,
                      size_t count, struct error *err);

/* What git_files_at gave for this folder ("" is the root). */
int assess_texts_commit(struct assess_texts *t, const json_t *files,
                        const char *folder, struct error *err);

struct assess_text *assess_texts_find(struct assess_texts *t, const char *path);

/* Have its bytes. RB_NOTFOUND, RB_DENIED, RB_TOOBIG, RB_IO. */
int assess_texts_load(struct assess_texts *t, struct assess_text *text,
                      struct error *err);

void assess_texts_free(struct assess_texts *t); /* takes a zeroed one */

#endif
