#define _GNU_SOURCE
#include "git_tags.h"
#include "git_repo.h"

#include <stdlib.h>
#include <string.h>

static int compare_versions(const struct git_tags_entry *a,
                            const struct git_tags_entry *b)
{
    int order;
    if (a->is_version != b->is_version)
        return a->is_version ? 1 : -1;
    order = a->is_version ? git_semver_compare(&a->version, &b->version) : 0;
    return order ? order : strcmp(a->name, b->name);
}

static int compare_entries(const void *a, const void *b)
{
    const struct git_tags_entry *x = a, *y = b;
    int order = git_oid_cmp(&x->commit, &y->commit);
    return order ? order : compare_versions(y, x);
}

/* A tag of something else than a commit is not an error: such tags exist
   (keys, trees), and nothing asked for this one. */
static int commit_of(git_repository *repo, git_odb *odb, git_reference *ref,
                     git_oid *out)
{
    const git_oid *target = git_reference_target_peel(ref);
    git_object *object = NULL;
    git_object_t type;
    size_t size;
    if (!target)
        target = git_reference_target(ref);
    if (!target || git_odb_read_header(&size, &type, odb, target) < 0)
        return RB_NOTFOUND;
    if (type == GIT_OBJECT_COMMIT) {
        *out = *target;
        return 0;
    }
    if (type != GIT_OBJECT_TAG ||
        git_reference_peel(&object, ref, GIT_OBJECT_COMMIT) < 0)
        return RB_NOTFOUND;
    *out = *git_object_id(object);
    git_object_free(object);
    (void)repo;
    return 0;
}

static int add(struct git_tags *tags, const char *name, const git_oid *commit)
{
    struct git_tags_entry *e;
    if (tags->count == GIT_TAGS_MAX)
        return RB_TOOBIG;
    if (tags->count == tags->room) {
        size_t room = tags->room ? tags->room * 2 : 64;
        e = realloc(tags->entry, room * sizeof *e);
        if (!e)
            return RB_NOMEM;
        tags->entry = e;
        tags->room = room;
    }
    e = &tags->entry[tags->count];
    e->name = strdup(name);
    if (!e->name)
        return RB_NOMEM;
    e->commit = *commit;
    e->is_version = git_semver_parse(name, &e->version) == 0;
    tags->count++;
    return 0;
}

static int add_all(git_repository *repo, git_odb *odb,
                   git_reference_iterator *all, struct git_tags *out)
{
    git_reference *ref;
    int rc = 0;
    while (!rc && git_reference_next(&ref, all) == 0) {
        const char *name = git_reference_name(ref) + strlen("refs/tags/");
        git_oid commit;
        if (strlen(name) < GIT_TAGS_NAME &&
            commit_of(repo, odb, ref, &commit) == 0)
            rc = add(out, name, &commit);
        git_reference_free(ref);
    }
    return rc;
}

int git_tags_load(git_repository *repo, struct git_tags *out, struct error *err)
{
    git_reference_iterator *all = NULL;
    git_odb *odb = NULL;
    int rc = RB_IO;
    memset(out, 0, sizeof *out);
    if (git_repository_odb(&odb, repo) == 0 &&
        git_reference_iterator_glob_new(&all, repo, "refs/tags/*") == 0)
        rc = add_all(repo, odb, all, out);
    git_reference_iterator_free(all);
    git_odb_free(odb);
    if (rc == RB_TOOBIG)
        return error_set(err, rc, "repository %s has more than %d tags",
                         git_repo_name(repo), GIT_TAGS_MAX);
    if (rc)
        return error_set(err, rc, "repository %s: its tags cannot be read",
                         git_repo_name(repo));
    if (out->count)
        qsort(out->entry, out->count, sizeof *out->entry, compare_entries);
    return 0;
}

void git_tags_free(struct git_tags *tags)
{
    for (size_t i = 0; i < tags->count; i++)
        free(tags->entry[i].name);
    free(tags->entry);
    memset(tags, 0, sizeof *tags);
}

const char *git_tags_at(const struct git_tags *tags, const git_oid *commit)
{
    size_t low = 0, high = tags->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (git_oid_cmp(&tags->entry[middle].commit, commit) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == tags->count || git_oid_cmp(&tags->entry[low].commit, commit))
        return NULL;
    return tags->entry[low].name;
}

static const struct git_tags_entry *best(const struct git_tags *tags,
                                         const struct git_semver_range *range)
{
    const struct git_tags_entry *found = NULL;
    for (size_t i = 0; i < tags->count; i++) {
        const struct git_tags_entry *e = &tags->entry[i];
        if (!e->is_version || (range && !git_semver_in(&e->version, range)))
            continue;
        if (!found || compare_versions(e, found) > 0)
            found = e;
    }
    return found;
}

static int no_version(const struct git_tags *tags, const char *range,
                      struct error *err)
{
    const struct git_tags_entry *top = best(tags, NULL);
    size_t versions = 0;
    for (size_t i = 0; i < tags->count; i++)
        versions += tags->entry[i].is_version != 0;
    if (!top)
        return error_set(err, RB_NOTFOUND,
                         "no tag in semver:%s: none of the %zu tags is a "
                         "version such as v1.2.3",
                         range, tags->count);
    return error_set(err, RB_NOTFOUND,
                     "no tag in semver:%s: %zu tags are versions, the "
                     "highest is %s",
                     range, versions, top->name);
}

int git_tags_highest(const struct git_tags *tags, const char *range,
                     const struct git_tags_entry **out, struct error *err)
{
    struct git_semver_range r;
    int rc = git_semver_range(range, &r, err);
    if (rc)
        return rc;
    *out = best(tags, &r);
    if (!*out)
        return no_version(tags, range, err);
    for (size_t i = 0; i < tags->count; i++) {
        const struct git_tags_entry *e = &tags->entry[i];
        if (e->is_version &&
            git_semver_compare(&e->version, &(*out)->version) == 0 &&
            git_oid_cmp(&e->commit, &(*out)->commit) != 0)
            return error_set(err, RB_INVALID,
                             "semver:%s is ambiguous: %s and %s are the same "
                             "version, on different commits",
                             range, e->name, (*out)->name);
    }
    return 0;
}

/* Levenshtein's distance, with one row; names are below GIT_TAGS_NAME. */
static size_t distance(const char *a, const char *b)
{
    size_t row[GIT_TAGS_NAME + 1], an = strlen(a), bn = strlen(b);
    for (size_t j = 0; j <= bn; j++)
        row[j] = j;
    for (size_t i = 1; i <= an; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= bn; j++) {
            size_t change = corner + (a[i - 1] != b[j - 1]);
            size_t other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            corner = row[j];
            row[j] = change < other ? change : other;
        }
    }
    return row[bn];
}

/* Nearest first; among equals the higher version. */
static int nearer(const struct git_tags_entry *a, size_t a_far,
                  const struct git_tags_entry *b, size_t b_far)
{
    if (a_far != b_far)
        return a_far < b_far;
    return compare_versions(a, b) > 0;
}

void git_tags_near(const struct git_tags *tags, const char *name,
                   struct buf *out)
{
    const struct git_tags_entry *near[3] = {NULL, NULL, NULL};
    size_t far[3] = {0, 0, 0}, enough = strlen(name) / 3 + 1;
    for (size_t i = 0; i < tags->count; i++) {
        const struct git_tags_entry *e = &tags->entry[i];
        size_t d = strlen(name) < GIT_TAGS_NAME ? distance(name, e->name) : 99;
        if (d > enough)
            d = enough + 1; /* all that are far are equally far */
        for (int k = 0; k < 3; k++) {
            const struct git_tags_entry *other = near[k];
            size_t other_far = far[k];
            if (other && !nearer(e, d, other, other_far))
                continue;
            near[k] = e;
            far[k] = d;
            if (!other)
                break;
            e = other;
            d = other_far;
        }
    }
    for (int k = 0; k < 3 && near[k]; k++) {
        if (buf_addf(out, "%s\"%s\"", k ? ", " : "", near[k]->name) != 0)
            return;
    }
}
