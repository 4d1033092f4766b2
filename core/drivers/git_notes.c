#define _GNU_SOURCE
#include "git_notes.h"
#include "git_repo.h"

#include "../wire/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTE_MAX_BYTES (64u << 10)

struct git_notes {
    git_repository *repo;
    git_odb *odb;
    git_tree *folder[256]; /* below the root, NULL until met */
    git_tree *root;        /* parsed: asked for every commit */
    git_oid last;          /* the note that text holds, zero at first */
    struct buf text;
};

static int no_notes(git_repository *repo, const char *ref, struct error *err)
{
    error_set(err, RB_NOTFOUND,
              "repository %s has no %s, where its CI "
              "results should be",
              git_repo_name(repo), ref);
    error_next(err,
               "git -C %s fetch origin %s:%s, or correct \"notes_ref\" "
               "of the git binding",
               git_repo_name(repo), ref, ref);
    return RB_NOTFOUND;
}

int git_notes_open(git_repository *repo, const char *ref,
                   struct git_notes **out, struct error *err)
{
    struct git_notes *n = NULL;
    git_oid tip;
    int rc = git_reference_name_to_id(&tip, repo, ref);
    if (rc < 0)
        return no_notes(repo, ref, err);
    n = calloc(1, sizeof *n);
    if (!n)
        return error_set(err, RB_NOMEM, "no memory for the notes");
    n->repo = repo;
    n->text.max = NOTE_MAX_BYTES;
    rc = git_repo_tree(repo, &tip, &n->root, err);
    if (!rc && git_repository_odb(&n->odb, repo) < 0)
        rc = error_set(err, RB_CORRUPT, "repository %s has no objects",
                       git_repo_name(repo));
    if (rc)
        git_notes_close(n);
    else
        *out = n;
    return rc;
}

void git_notes_close(struct git_notes *notes)
{
    if (!notes)
        return;
    buf_free(&notes->text);
    for (int i = 0; i < 256; i++)
        git_tree_free(notes->folder[i]);
    git_odb_free(notes->odb);
    git_tree_free(notes->root);
    free(notes);
}

/* Read a note into notes->text. Its size is asked first: a blob over the
   maximum is never in memory. */
static int load_note(struct git_notes *notes, const git_oid *blob,
                     struct error *err)
{
    git_odb_object *object = NULL;
    git_object_t type;
    size_t size;
    int rc = git_odb_read_header(&size, &type, notes->odb, blob);
    if (rc == 0 && size > NOTE_MAX_BYTES)
        return error_set(err, RB_TOOBIG,
                         "repository %s: note %.12s is %zu bytes, more than "
                         "%u",
                         git_repo_name(notes->repo), git_oid_tostr_s(blob),
                         size, NOTE_MAX_BYTES);
    if (rc == 0)
        rc = git_odb_read(&object, notes->odb, blob);
    if (rc < 0)
        return git_repo_damaged(notes->repo, rc, blob, err);
    buf_clear(&notes->text);
    rc = buf_add(&notes->text, git_odb_object_data(object),
                 git_odb_object_size(object));
    git_odb_object_free(object);
    if (rc)
        return error_set(err, rc, "no memory for a note");
    notes->last = *blob;
    return 0;
}

/* Most commits of a branch say the same, and equal notes are one object. */
static int read_note(struct git_notes *notes, const git_oid *blob,
                     struct git_signals *out, struct error *err)
{
    int rc = 0;
    if (!git_oid_equal(blob, &notes->last))
        rc = load_note(notes, blob, err);
    if (rc)
        return rc;
    rc = git_signals_note(out, buf_text(&notes->text), notes->text.size);
    return rc ? error_set(err, rc,
                          "repository %s: note %.12s holds more than %d "
                          "signals",
                          git_repo_name(notes->repo), git_oid_tostr_s(blob),
                          GIT_SIGNALS_MAX)
              : 0;
}

/* The folder of two digits below the root, kept: 500 commits meet most of
   the 256 folders, many of them several times. */
static int open_folder(struct git_notes *notes, const git_oid *commit,
                       git_tree **out, struct error *err)
{
    git_tree **kept = &notes->folder[commit->id[0]];
    const git_tree_entry *e;
    char pair[3];
    int rc = 0;
    snprintf(pair, sizeof pair, "%02x", commit->id[0]);
    e = *kept ? NULL : git_tree_entry_byname(notes->root, pair);
    if (e && git_tree_entry_type(e) == GIT_OBJECT_TREE) {
        rc = git_tree_lookup(kept, notes->repo, git_tree_entry_id(e));
        if (rc < 0)
            rc = git_repo_damaged(notes->repo, rc, git_tree_entry_id(e), err);
    }
    *out = *kept;
    return rc;
}

/*
 * Git names a note after its object's 40 digits and, as notes become many,
 * splits two of them off into a folder, again and again (git's notes.c calls
 * it fanout). Both forms of one name may exist at a level while nobody has
 * rewritten the tree: then both count.
 */
static int read_level(struct git_notes *notes, const git_tree *tree,
                      const char *digits, struct git_signals *out,
                      struct error *err)
{
    const git_tree_entry *e = git_tree_entry_byname(tree, digits);
    char pair[3] = {digits[0], digits[1], '\0'};
    git_tree *below = NULL;
    int rc = 0;
    if (e && git_tree_entry_type(e) == GIT_OBJECT_BLOB)
        rc = read_note(notes, git_tree_entry_id(e), out, err);
    if (rc || tree == notes->root || strlen(digits) <= 2)
        return rc;
    e = git_tree_entry_byname(tree, pair);
    if (!e || git_tree_entry_type(e) != GIT_OBJECT_TREE)
        return 0;
    rc = git_tree_lookup(&below, notes->repo, git_tree_entry_id(e));
    if (rc < 0)
        return git_repo_damaged(notes->repo, rc, git_tree_entry_id(e), err);
    rc = read_level(notes, below, digits + 2, out, err);
    git_tree_free(below);
    return rc;
}

int git_notes_signals(struct git_notes *notes, const git_oid *commit,
                      struct git_signals *out, struct error *err)
{
    char digits[GIT_OID_HEXSZ + 1];
    git_tree *folder = NULL;
    int rc;
    git_oid_tostr(digits, sizeof digits, commit);
    rc = read_level(notes, notes->root, digits, out, err);
    if (!rc)
        rc = open_folder(notes, commit, &folder, err);
    return rc || !folder ? rc : read_level(notes, folder, digits + 2, out, err);
}
