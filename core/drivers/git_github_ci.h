/*
 * CI results from the GitHub REST API: check runs and commit statuses are
 * two separate things there, and a commit's results are the union of both.
 * https://docs.github.com/en/rest/checks/runs
 * https://docs.github.com/en/rest/commits/statuses
 *
 * libcurl is loaded, through rbrun-curl.so, when the first commit is asked
 * about. The answers are parsed in the driver's process with the wire's
 * codec, at most 1 MiB each: there is no reader role for them yet. What the
 * process holds besides is the token, which this peer gave out itself.
 */
#ifndef RBRUN_DRIVERS_GIT_GITHUB_CI_H
#define RBRUN_DRIVERS_GIT_GITHUB_CI_H

#include "driver.h"
#include "git_signals.h"

#include <git2.h>

/* Two requests a commit, of 5000 that a token has in an hour. */
#define GIT_GITHUB_CI_MAX 200

struct git_github_ci {
    const struct driver_call *call; /* borrowed; its binding is read */
    int64_t deadline;               /* clock_steady() to give up at */
    enum outcome outcome;           /* of the failure, when one happened */
    void *request;                  /* http_request, once loaded */
    int asked;                      /* commits */
};

/* Whether the binding's GitHub options make sense. RB_INVALID. */
int git_github_ci_check(const json_t *binding, struct error *err);

void git_github_ci_init(struct git_github_ci *ci,
                        const struct driver_call *call);

/*
 * Add the signals of a commit; the signature is that of struct
 * git_green_ci, self a struct git_github_ci. Neutral and skipped check runs
 * are good, as they are for GitHub's own branch protection. On failure
 * ->outcome is retryable (rate limit, with the time it ends; 5xx), auth,
 * not_found (the repository, or a commit that was never pushed), timeout or
 * unavailable. RB_TOOBIG: more signals than are looked at.
 */
int git_github_ci_signals(void *self, const git_oid *commit,
                          struct git_signals *out, struct error *err);

#endif
