#define _GNU_SOURCE
#include "git_diff_list.h"
#include "git_repo.h"
#include "git_text.h"

#include "../wire/value.h"

#include <stdlib.h>
#include <string.h>

static int compare_paths(const void *a, const void *b)
{
    return strcmp(value_text(*(json_t *const *)a, "path", ""),
                  value_text(*(json_t *const *)b, "path", ""));
}

int git_diff_list_sort(json_t *list, struct error *err)
{
    size_t count = json_array_size(list);
    json_t **item = calloc(count + 1, sizeof *item);
    if (!item)
        return error_set(err, RB_NOMEM, "no memory to sort %zu files", count);
    for (size_t i = 0; i < count; i++)
        item[i] = json_incref(json_array_get(list, i));
    qsort(item, count, sizeof *item, compare_paths);
    for (size_t i = 0; i < count; i++)
        json_array_set_new(list, i, item[i]);
    free(item);
    return 0;
}

int git_diff_list_has(git_repository *repo, const git_oid *commit,
                      const char *folder, struct error *err)
{
    git_tree *tree = NULL;
    git_tree_entry *entry = NULL;
    int rc;
    if (!folder[0])
        return 1;
    rc = git_repo_tree(repo, commit, &tree, err);
    if (rc)
        return rc;
    rc = git_tree_entry_bypath(&entry, tree, folder);
    if (rc < 0 && rc != GIT_ENOTFOUND)
        rc = git_repo_damaged(repo, rc, git_tree_id(tree), err);
    else
        rc = rc == 0 && git_tree_entry_type(entry) == GIT_OBJECT_TREE;
    git_tree_entry_free(entry);
    git_tree_free(tree);
    return rc;
}

/* A mistyped folder must not read as "nothing changed". */
static int check_folder(git_repository *repo, const git_oid *from,
                        const git_oid *to, const char *folder,
                        struct error *err)
{
    int rc = git_diff_list_has(repo, from, folder, err);
    if (rc == 0)
        rc = git_diff_list_has(repo, to, folder, err);
    if (rc)
        return rc < 0 ? rc : 0;
    error_set(err, RB_NOTFOUND,
              "repository %s has no folder %s, neither at "
              "the older nor at the newer commit",
              git_repo_name(repo), folder);
    error_next(err, "correct the folder; it starts at the repository's root");
    return RB_NOTFOUND;
}

static const char *change_name(git_delta_t status)
{
    switch (status) {
    case GIT_DELTA_ADDED:
    case GIT_DELTA_COPIED:
        return "added";
    case GIT_DELTA_DELETED:
        return "removed";
    case GIT_DELTA_RENAMED:
        return "renamed";
    default: /* GIT_DELTA_MODIFIED, GIT_DELTA_TYPECHANGE */
        return "modified";
    }
}

static json_t *path_json(const char *path)
{
    return git_text_json(path, strlen(path), 4096);
}

static json_t *entry_of(const git_diff_delta *d)
{
    int removed = d->status == GIT_DELTA_DELETED;
    json_t *entry =
        json_pack("{s:o, s:s}", "path",
                  path_json(removed ? d->old_file.path : d->new_file.path),
                  "change", change_name(d->status));
    if (entry && d->status == GIT_DELTA_RENAMED)
        json_object_set_new(entry, "old_path", path_json(d->old_file.path));
    return entry;
}

static int collect(git_diff *diff, git_diff_list_each *each, void *payload,
                   json_t *list, struct error *err)
{
    size_t count = git_diff_num_deltas(diff);
    int rc = 0;
    for (size_t i = 0; !rc && i < count; i++) {
        const git_diff_delta *d = git_diff_get_delta(diff, i);
        json_t *entry = entry_of(d);
        if (!entry || json_array_append_new(list, entry) != 0)
            return error_set(err, RB_NOMEM, "no memory for %zu files", count);
        if (each)
            rc = each(d, entry, payload, err);
    }
    return rc ? rc : git_diff_list_sort(list, err);
}

static int make_diff(git_repository *repo, const git_oid *from,
                     const git_oid *to, const char *folder, git_diff **out,
                     struct error *err)
{
    git_diff_options options;
    char *spec = (char *)(uintptr_t)folder;
    git_tree *old = NULL, *new = NULL;
    int rc = git_repo_tree(repo, from, &old, err);
    if (!rc)
        rc = git_repo_tree(repo, to, &new, err);
    git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
    /* The names of files are names here, not patterns. */
    options.flags =
        GIT_DIFF_DISABLE_PATHSPEC_MATCH | GIT_DIFF_INCLUDE_TYPECHANGE;
    if (folder[0]) {
        options.pathspec.strings = &spec;
        options.pathspec.count = 1;
    }
    if (!rc) {
        rc = git_diff_tree_to_tree(out, repo, old, new, &options);
        if (rc < 0)
            rc = git_repo_damaged(repo, rc, to, err);
    }
    git_tree_free(new);
    git_tree_free(old);
    return rc;
}

static int find_renames(git_repository *repo, git_diff *diff, size_t max,
                        struct error *err)
{
    git_diff_find_options options;
    size_t count = git_diff_num_deltas(diff);
    int rc;
    if (count > 2 * max)
        return error_set(err, RB_TOOBIG,
                         "repository %s: %zu files differ, "
                         "more than %zu",
                         git_repo_name(repo), count, max);
    git_diff_find_options_init(&options, GIT_DIFF_FIND_OPTIONS_VERSION);
    options.flags = GIT_DIFF_FIND_RENAMES;
    rc = git_diff_find_similar(diff, &options);
    if (rc < 0)
        return error_set(err, RB_CORRUPT,
                         "repository %s: a file that differs "
                         "cannot be read",
                         git_repo_name(repo));
    if (git_diff_num_deltas(diff) > max)
        return error_set(err, RB_TOOBIG,
                         "repository %s: %zu files differ, "
                         "more than %zu",
                         git_repo_name(repo), git_diff_num_deltas(diff), max);
    return 0;
}

int git_diff_list(git_repository *repo, const git_oid *from, const git_oid *to,
                  const char *folder, size_t max, git_diff_list_each *each,
                  void *payload, json_t **out, struct error *err)
{
    git_diff *diff = NULL;
    json_t *list = json_array();
    int rc = check_folder(repo, from, to, folder, err);
    if (!rc)
        rc = make_diff(repo, from, to, folder, &diff, err);
    if (!rc)
        rc = find_renames(repo, diff, max, err);
    if (!rc)
        rc = collect(diff, each, payload, list, err);
    git_diff_free(diff);
    if (rc)
        json_decref(list);
    else
        *out = list;
    return rc;
}
