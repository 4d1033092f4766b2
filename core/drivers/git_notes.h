/*
 * CI results kept as git notes. The tree of notes is read directly: one note
 * costs one or two lookups in a tree, where git_note_read walks from the
 * reference each time.
 */
#ifndef RBRUN_DRIVERS_GIT_NOTES_H
#define RBRUN_DRIVERS_GIT_NOTES_H

#include "git_signals.h"

#include <git2.h>

struct git_notes;

/* Open the notes of a reference. RB_NOTFOUND says how to fetch them. */
int git_notes_open(git_repository *repo, const char *ref,
                   struct git_notes **out, struct error *err);
void git_notes_close(struct git_notes *notes); /* takes NULL */

/*
 * Add the signals that the notes hold for a commit; none is not an error.
 * RB_TOOBIG for a note over 64 KiB or with too many signals, else as
 * git_repo.h.
 */
int git_notes_signals(struct git_notes *notes, const git_oid *commit,
                      struct git_signals *out, struct error *err);

#endif
