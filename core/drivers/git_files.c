#define _GNU_SOURCE
#include "git_files.h"
#include "git_diff_list.h"
#include "git_repo.h"
#include "git_revision.h"
#include "git_text.h"

#include <stdio.h>
#include <string.h>

struct reading {
    git_repository *repo;
    git_odb *odb;
    json_t *list; /* git_files_at only */
    const char *folder;
    size_t total; /* bytes of all contents so far */
    struct error *err;
    int code;
};

static int check_size(struct reading *r, const char *path, size_t size,
                      struct error *err)
{
    if (size > GIT_FILES_MAX_FILE)
        return error_set(err, RB_TOOBIG, "file %s is %zu bytes, more than %u",
                         path, size, GIT_FILES_MAX_FILE);
    if (size > GIT_FILES_MAX_ALL - r->total)
        return error_set(err, RB_TOOBIG,
                         "files up to %s hold more than %u bytes together",
                         path, GIT_FILES_MAX_ALL);
    r->total += size;
    return 0;
}

/* Put the contents of one blob into entry under key. The size is asked
   first: a file over the maximum is never read into memory. */
static int add_content(struct reading *r, const char *path, const git_oid *id,
                       uint32_t mode, const char *key, json_t *entry,
                       struct error *err)
{
    git_odb_object *object = NULL;
    json_t *text;
    git_object_t type;
    size_t size = 0;
    int rc;
    if (mode != GIT_FILEMODE_BLOB && mode != GIT_FILEMODE_BLOB_EXECUTABLE)
        return json_object_set_new(entry, "binary", json_true());
    rc = git_odb_read_header(&size, &type, r->odb, id);
    if (rc < 0)
        return git_repo_damaged(r->repo, rc, id, err);
    rc = check_size(r, path, size, err);
    if (rc)
        return rc;
    rc = git_odb_read(&object, r->odb, id);
    if (rc < 0)
        return git_repo_damaged(r->repo, rc, id, err);
    text = git_text_content(git_odb_object_data(object),
                            git_odb_object_size(object));
    git_odb_object_free(object);
    return text ? json_object_set_new(entry, key, text)
                : json_object_set_new(entry, "binary", json_true());
}

static int add_sides(const git_diff_delta *d, json_t *entry, void *payload,
                     struct error *err)
{
    struct reading *r = payload;
    int rc = 0;
    if (d->status != GIT_DELTA_DELETED)
        rc = add_content(r, d->new_file.path, &d->new_file.id, d->new_file.mode,
                         "content", entry, err);
    if (!rc && d->status != GIT_DELTA_ADDED)
        rc = add_content(r, d->old_file.path, &d->old_file.id, d->old_file.mode,
                         "old_content", entry, err);
    return rc;
}

static int open_reading(const char *repository, const char *path,
                        struct reading *r, char *folder, size_t size,
                        struct error *err)
{
    int rc = git_repo_folder(path, folder, size, err);
    if (!rc)
        rc = git_repo_open(repository, &r->repo, err);
    if (!rc && git_repository_odb(&r->odb, r->repo) < 0)
        rc = error_set(err, RB_CORRUPT, "repository %s has no objects",
                       repository);
    return rc;
}

static void close_reading(struct reading *r)
{
    git_odb_free(r->odb);
    git_repository_free(r->repo);
}

int git_files_between(const char *repository, const char *from, const char *to,
                      const char *path, json_t **files, struct error *err)
{
    struct reading r = {0};
    struct git_revision old, new;
    char folder[4096];
    int rc = open_reading(repository, path, &r, folder, sizeof folder, err);
    if (!rc)
        rc = git_revision_find(r.repo, from, &old, err);
    if (!rc)
        rc = git_revision_find(r.repo, to, &new, err);
    if (!rc)
        rc = git_diff_list(r.repo, &old.commit, &new.commit, folder,
                           GIT_FILES_MAX, add_sides, &r, files, err);
    close_reading(&r);
    return rc;
}

/* One entry of the walk below the folder; its error stops the walk. */
static int add_file(const char *root, const git_tree_entry *e, void *payload)
{
    struct reading *r = payload;
    const char *name = git_tree_entry_name(e);
    char path[8192];
    json_t *entry;
    if (git_tree_entry_type(e) == GIT_OBJECT_TREE)
        return 0;
    snprintf(path, sizeof path, "%s%s%s%s", r->folder, r->folder[0] ? "/" : "",
             root, name);
    if (json_array_size(r->list) == GIT_FILES_MAX)
        r->code = error_set(r->err, RB_TOOBIG,
                            "folder %s holds more than %d files (%s)",
                            r->folder, GIT_FILES_MAX, path);
    if (r->code)
        return -1;
    entry = json_pack("{s:o}", "path",
                      git_text_json(path, strlen(path), sizeof path));
    if (json_array_append_new(r->list, entry) != 0)
        r->code = error_set(r->err, RB_NOMEM, "no memory for %s", path);
    else
        r->code =
            add_content(r, path, git_tree_entry_id(e),
                        git_tree_entry_filemode(e), "content", entry, r->err);
    return r->code ? -1 : 0;
}

/* The tree of the folder at a commit. */
static int open_folder(git_repository *repo, const git_oid *commit,
                       const char *folder, git_tree **out, struct error *err)
{
    git_tree *root = NULL;
    git_tree_entry *entry = NULL;
    int rc = git_diff_list_has(repo, commit, folder, err);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return error_set(err, RB_NOTFOUND,
                         "repository %s has no folder %s at %.12s",
                         git_repo_name(repo), folder, git_oid_tostr_s(commit));
    rc = git_repo_tree(repo, commit, &root, err);
    if (rc || !folder[0]) {
        *out = root;
        return rc;
    }
    rc = git_tree_entry_bypath(&entry, root, folder);
    if (rc == 0)
        rc = git_tree_lookup(out, repo, git_tree_entry_id(entry));
    if (rc < 0)
        rc = git_repo_damaged(repo, rc, git_tree_id(root), err);
    git_tree_entry_free(entry);
    git_tree_free(root);
    return rc;
}

static int walk_folder(struct reading *r, const git_oid *commit,
                       struct error *err)
{
    git_tree *tree = NULL;
    int rc = open_folder(r->repo, commit, r->folder, &tree, err);
    if (rc)
        return rc;
    rc = git_tree_walk(tree, GIT_TREEWALK_PRE, add_file, r);
    if (r->code)
        rc = r->code;
    else if (rc < 0)
        rc = git_repo_damaged(r->repo, rc, git_tree_id(tree), err);
    else
        rc = git_diff_list_sort(r->list, err);
    git_tree_free(tree);
    return rc;
}

int git_files_at(const char *repository, const char *revision, const char *path,
                 json_t **files, struct error *err)
{
    struct reading r = {.err = err};
    struct git_revision at;
    char folder[4096];
    int rc = open_reading(repository, path, &r, folder, sizeof folder, err);
    if (!rc)
        rc = git_revision_find(r.repo, revision, &at, err);
    if (!rc) {
        r.folder = folder;
        r.list = json_array();
        rc = walk_folder(&r, &at.commit, err);
    }
    close_reading(&r);
    if (rc)
        json_decref(r.list);
    else
        *files = r.list;
    return rc;
}

int git_files_commit(const char *repository, const char *revision, char *out,
                     size_t size, struct error *err)
{
    git_repository *repo = NULL;
    struct git_revision at;
    int rc = git_repo_open(repository, &repo, err);
    if (!rc)
        rc = git_revision_find(repo, revision, &at, err);
    if (!rc)
        git_oid_tostr(out, size, &at.commit);
    git_repository_free(repo);
    return rc;
}
