#define _GNU_SOURCE
#include "migrate_source.h"
#include "git_files.h"
#include "registry.h"

#include <string.h>

#define GIT "rbrun-git.so"

typedef int between_function(const char *, const char *, const char *,
                             const char *, json_t **, struct error *);
typedef int commit_function(const char *, const char *, char *, size_t,
                            struct error *);
typedef int at_function(const char *, const char *, const char *, json_t **,
                        struct error *);

/* ISO C has no cast from an object to a function; POSIX's dlsym needs one. */
static int function_of(const char *name, void *function, size_t size,
                       struct error *err)
{
    void *symbol = driver_symbol(GIT, name, err);
    memcpy(function, &symbol, size);
    return symbol ? 0 : RB_IO;
}

int migrate_source_place(const struct driver_call *c, char *repo, size_t size,
                         const char **folder, struct driver_answer *a)
{
    *folder = option_text(c, "migrations", NULL);
    if (option_path(c, "repo", repo, size) == 0 && *folder)
        return 0;
    answer_fail(a, OUTCOME_REJECTED,
                "database %s: the environment does not say where its "
                "migrations are; set `repo` (path of the git repository) and "
                "`migrations` (folder in it)",
                c->system);
    return 1;
}

static int failed(const struct driver_call *c, int code,
                  const struct error *err, struct driver_answer *a)
{
    enum outcome outcome =
        code == RB_NOTFOUND ? OUTCOME_NOT_FOUND : OUTCOME_REJECTED;
    answer_fail(a, outcome, "database %s: its migrations: %s", c->system,
                err->message);
    return 1;
}

int migrate_source_between(const struct driver_call *c, const char *from,
                           const char *to, json_t **files,
                           struct driver_answer *a)
{
    char repo[4096];
    const char *folder;
    struct error err = {0};
    between_function *between = NULL;
    int rc;
    if (migrate_source_place(c, repo, sizeof repo, &folder, a) != 0)
        return 1;
    rc = function_of("git_files_between", &between, sizeof between, &err);
    if (!rc)
        rc = between(repo, from, to, folder, files, &err);
    return rc ? failed(c, rc, &err, a) : 0;
}

int migrate_source_at(const struct driver_call *c, const char *revision,
                      json_t **files, struct driver_answer *a)
{
    char repo[4096];
    const char *folder;
    struct error err = {0};
    at_function *at = NULL;
    int rc;
    if (migrate_source_place(c, repo, sizeof repo, &folder, a) != 0)
        return 1;
    rc = function_of("git_files_at", &at, sizeof at, &err);
    if (!rc)
        rc = at(repo, revision, folder, files, &err);
    return rc ? failed(c, rc, &err, a) : 0;
}

int migrate_source_commit(const struct driver_call *c, const char *revision,
                          char *out, size_t size, struct driver_answer *a)
{
    char repo[4096];
    const char *folder;
    struct error err = {0};
    commit_function *commit = NULL;
    int rc;
    if (migrate_source_place(c, repo, sizeof repo, &folder, a) != 0)
        return 1;
    rc = function_of("git_files_commit", &commit, sizeof commit, &err);
    if (!rc)
        rc = commit(repo, revision, out, size, &err);
    return rc ? failed(c, rc, &err, a) : 0;
}
