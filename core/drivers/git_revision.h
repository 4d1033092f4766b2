/*
 * What a person's name for a version means: the commit.
 *
 *   NAME            a tag or a branch; HEAD; refs/...; origin/NAME. When a tag
 *                   and a branch of this name differ, it is ambiguous. A
 *                   branch that is not here is looked for as origin/NAME.
 *   HASH            4 to 40 hexadecimal digits that begin exactly one commit
 *   semver:RANGE    the highest tag in the range, see git_semver.h
 *   any of these, followed by ~N or ^ (N first parents, or one, back)
 *
 * The rest of git's revision grammar (@{...}, :/text, ^2) is refused: what
 * it means changes with reflogs and with the day.
 */
#ifndef RBRUN_DRIVERS_GIT_REVISION_H
#define RBRUN_DRIVERS_GIT_REVISION_H

#include "git_tags.h"

struct git_revision {
    git_oid commit;
    char tag[GIT_TAGS_NAME]; /* the tag that was named, "" otherwise */
};

/*
 * Returns 0; RB_NOTFOUND with the nearest names; RB_INVALID (ambiguous, with
 * the candidates; malformed; not a commit); or a code of git_repo.h.
 */
int git_revision_find(git_repository *repo, const char *text,
                      struct git_revision *out, struct error *err);

/* A branch: NAME, then origin/NAME. RB_NOTFOUND names those there are. */
int git_revision_branch(git_repository *repo, const char *name, git_oid *out,
                        struct error *err);

#endif
