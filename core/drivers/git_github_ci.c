#define _GNU_SOURCE
#include "git_github_ci.h"
#include "http_client.h"
#include "registry.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ANSWER_MAX (1u << 20)
#define DEFAULT_URL "https://api.github.com"

typedef int request_function(const struct http_request *q,
                             struct http_answer *a, struct error *err);

/* One of the two lists. */
struct source {
    const char *path;  /* below the commit */
    const char *items; /* key of the list */
    const char *name;  /* key of a signal's name */
    enum git_signal (*read)(const json_t *item);
};

static enum git_signal one_of(const char *word, const char *const *good,
                              const char *const *bad)
{
    for (; *good; good++) {
        if (strcmp(word, *good) == 0)
            return GIT_SIGNAL_SUCCESS;
    }
    for (; *bad; bad++) {
        if (strcmp(word, *bad) == 0)
            return GIT_SIGNAL_FAILURE;
    }
    return GIT_SIGNAL_UNKNOWN;
}

static enum git_signal read_check(const json_t *item)
{
    static const char *const good[] = {"success", "neutral", "skipped", NULL};
    static const char *const bad[] = {
        "failure",         "timed_out", "cancelled", "action_required",
        "startup_failure", "stale",     NULL};
    const char *conclusion = value_text(item, "conclusion", NULL);
    if (strcmp(value_text(item, "status", "completed"), "completed") != 0 ||
        !conclusion)
        return GIT_SIGNAL_PENDING;
    return one_of(conclusion, good, bad);
}

static enum git_signal read_status(const json_t *item)
{
    static const char *const good[] = {"success", NULL};
    static const char *const bad[] = {"failure", "error", NULL};
    const char *state = value_text(item, "state", "");
    if (strcmp(state, "pending") == 0)
        return GIT_SIGNAL_PENDING;
    return one_of(state, good, bad);
}

static const struct source sources[] = {
    {"check-runs", "check_runs", "name", read_check},
    {"status", "statuses", "context", read_status},
};

static const char *base_url(const struct git_github_ci *ci)
{
    return option_text(ci->call, "github_url", DEFAULT_URL);
}

static const char *repository(const struct git_github_ci *ci)
{
    return option_text(ci->call, "github_repo", "");
}

/* "owner/name" of the characters GitHub allows: it becomes part of a URL. */
static int is_repository(const char *text)
{
    size_t slashes = 0, part = 0;
    for (; *text; text++) {
        if (*text == '/') {
            if (!part)
                return 0;
            slashes++;
            part = 0;
        } else if (isalnum((unsigned char)*text) || strchr("-_.", *text)) {
            part++;
        } else {
            return 0;
        }
    }
    return slashes == 1 && part > 0;
}

/* A token in clear text is anybody's; loopback is where tests and proxies
   listen. */
static int is_private(const char *url)
{
    static const char *const good[] = {"https://", "http://127.0.0.1",
                                       "http://localhost", "http://[::1]"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        size_t n = strlen(good[i]);
        if (strncmp(url, good[i], n) == 0 && (i == 0 || strchr(":/", url[n])))
            return 1;
    }
    return 0;
}

int git_github_ci_check(const json_t *binding, struct error *err)
{
    const char *repo = value_text(binding, "github_repo", NULL);
    if (value_text(binding, "github_token", NULL) &&
        !is_private(value_text(binding, "github_url", DEFAULT_URL)))
        return error_set(err, RB_INVALID,
                         "github_url must begin with "
                         "https:// where there is a "
                         "github_token");
    if (!repo)
        return error_set(err, RB_INVALID,
                         "ci = \"github\" needs github_repo = \"owner/name\"");
    if (!is_repository(repo))
        return error_set(err, RB_INVALID,
                         "github_repo = \"%s\" is not \"owner/name\"", repo);
    return 0;
}

void git_github_ci_init(struct git_github_ci *ci,
                        const struct driver_call *call)
{
    memset(ci, 0, sizeof *ci);
    ci->call = call;
    ci->outcome = OUTCOME_OK;
    ci->deadline = clock_steady() + call->timeout - 500;
}

static int failed(struct git_github_ci *ci, enum outcome outcome, int code)
{
    ci->outcome = outcome;
    return code;
}

/* ---- one request ---- */

static int send_request(struct git_github_ci *ci, const char *url,
                        struct http_answer *a, struct error *err)
{
    static const char *const headers[] = {"Accept: application/vnd.github+json",
                                          "X-GitHub-Api-Version: 2022-11-28",
                                          "User-Agent: rbrun", NULL};
    struct http_request q = {.url = url,
                             .headers = headers,
                             .timeout = ci->deadline - clock_steady(),
                             .max_body = ANSWER_MAX,
                             .show_path = 1};
    request_function *request;
    int rc;
    const char *token = option_text(ci->call, "github_token", NULL);
    q.token = token && token[0] ? token : NULL;
    if (q.timeout <= 0) {
        error_set(err, RB_BUSY, "GitHub: the time is up after %d commits",
                  ci->asked);
        return failed(ci, OUTCOME_TIMEOUT, RB_BUSY);
    }
    if (!ci->request)
        ci->request = driver_symbol("rbrun-curl.so", "http_request", err);
    if (!ci->request)
        return failed(ci, OUTCOME_UNAVAILABLE, RB_IO);
    memcpy(&request, &ci->request, sizeof request);
    rc = request(&q, a, err);
    if (rc == RB_TOOBIG)
        return rc;
    if (rc)
        ci->outcome =
            a->class == HTTP_TIMEOUT_BEFORE || a->class == HTTP_TIMEOUT_AFTER
                ? OUTCOME_TIMEOUT
                : OUTCOME_UNAVAILABLE;
    return rc;
}

static void format_time(int64_t seconds, char *out, size_t size)
{
    time_t at = (time_t)seconds;
    struct tm tm;
    if (!gmtime_r(&at, &tm) || !strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm))
        snprintf(out, size, "an unknown time");
}

/* When the rate limit ends, in seconds since 1970, 0 when GitHub does not
   say. Asking for it costs nothing:
   https://docs.github.com/en/rest/rate-limit */
static int64_t rate_reset(struct git_github_ci *ci)
{
    struct http_answer a = {.class = HTTP_OK};
    struct error ignored = {0};
    json_t *v = NULL;
    char url[600];
    int64_t reset = 0;
    enum outcome kept = ci->outcome;
    snprintf(url, sizeof url, "%s/rate_limit", base_url(ci));
    if (send_request(ci, url, &a, &ignored) == 0 && a.status == 200 &&
        value_decode(buf_text(&a.body), a.body.size, &v, NULL) == 0)
        reset =
            value_int(json_object_get(json_object_get(v, "resources"), "core"),
                      "reset", 0);
    json_decref(v);
    buf_free(&a.body);
    ci->outcome = kept;
    return reset;
}

static int rate_limited(struct git_github_ci *ci, const struct http_answer *a,
                        struct error *err)
{
    char until[40];
    int64_t at = a->retry_after ? (clock_wall() + a->retry_after) / 1000
                                : rate_reset(ci);
    if (at)
        format_time(at, until, sizeof until);
    error_set(err, RB_BUSY,
              "GitHub refuses more requests (rate limit, HTTP %ld)%s%s after "
              "%d commits",
              a->status, at ? " until " : "", at ? until : "", ci->asked);
    error_next(err, "wait, or give the git binding a github_token (5000 "
                    "requests an hour instead of 60)");
    return failed(ci, OUTCOME_RETRYABLE, RB_BUSY);
}

static int not_there(struct git_github_ci *ci, long status, const char *commit,
                     struct error *err)
{
    error_set(err, RB_NOTFOUND,
              "GitHub has no commit %.12s in %s, or does not show it (HTTP "
              "%ld)",
              commit, repository(ci), status);
    error_next(err, "push the commit, correct github_repo, or give a "
                    "github_token that may read it");
    return failed(ci, OUTCOME_NOT_FOUND, RB_NOTFOUND);
}

static int refused(struct git_github_ci *ci, const struct http_answer *a,
                   const char *commit, struct error *err)
{
    long status = a->status;
    if (status == 429 ||
        (status == 403 &&
         (a->retry_after || strcasestr(buf_text(&a->body), "rate limit"))))
        return rate_limited(ci, a, err);
    if (status == 401 || status == 403) {
        error_set(err, RB_DENIED,
                  "GitHub refuses the credentials for %s "
                  "(HTTP %ld)",
                  repository(ci), status);
        error_next(err, "github_token needs read access to checks and commit "
                        "statuses");
        return failed(ci, OUTCOME_AUTH, RB_DENIED);
    }
    if (status == 404 || status == 422)
        return not_there(ci, status, commit, err);
    if (status >= 300 && status < 400) {
        error_set(err, RB_NOTFOUND,
                  "GitHub repository %s was moved (HTTP "
                  "%ld); correct github_repo",
                  repository(ci), status);
        return failed(ci, OUTCOME_NOT_FOUND, RB_NOTFOUND);
    }
    error_set(err, RB_BUSY, "GitHub answered HTTP %ld for commit %.12s of %s",
              status, commit, repository(ci));
    return failed(ci, status >= 500 ? OUTCOME_RETRYABLE : OUTCOME_REJECTED,
                  RB_BUSY);
}

/* ---- the lists ---- */

/* Add the items of a page. *total is how many there are on all pages. */
static int add_items(const struct source *s, const json_t *page,
                     struct git_signals *out, size_t *got, size_t *total)
{
    const json_t *items = json_object_get(page, s->items);
    int64_t all = value_int(page, "total_count", -1);
    int rc = 0;
    if (!json_is_array(items) || all < 0)
        return RB_INVALID;
    for (size_t i = 0; !rc && i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        const char *name = value_text(item, s->name, "");
        rc = git_signals_add(out, name, strlen(name), s->read(item));
    }
    *got += json_array_size(items);
    *total = json_array_size(items) ? (size_t)all : *got;
    return rc;
}

static int read_page(struct git_github_ci *ci, const struct source *s,
                     const char *text, size_t size, struct git_signals *out,
                     size_t *got, size_t *total, struct error *err)
{
    json_t *v = NULL;
    struct error why = {0};
    int rc = value_decode(text, size, &v, &why);
    if (!rc)
        rc = add_items(s, v, out, got, total);
    json_decref(v);
    if (rc == RB_TOOBIG)
        return rc;
    if (rc) {
        error_set(err, RB_INVALID,
                  "GitHub's list of %s for %s is not in the documented form%s"
                  "%s",
                  s->items, repository(ci), why.message[0] ? ": " : "",
                  why.message);
        error_next(err, "check github_url: is it the API's address?");
        return failed(ci, OUTCOME_UNAVAILABLE, rc);
    }
    return 0;
}

static int get_page(struct git_github_ci *ci, const struct source *s,
                    const char *commit, int size, int page,
                    struct git_signals *out, size_t *got, size_t *total,
                    struct error *err)
{
    struct http_answer a = {.class = HTTP_OK};
    char url[1024];
    int rc;
    snprintf(url, sizeof url, "%s/repos/%s/commits/%s/%s?per_page=%d&page=%d",
             base_url(ci), repository(ci), commit, s->path, size, page);
    rc = send_request(ci, url, &a, err);
    if (!rc && a.status != 200)
        rc = refused(ci, &a, commit, err);
    else if (!rc)
        rc = read_page(ci, s, buf_text(&a.body), a.body.size, out, got, total,
                       err);
    buf_free(&a.body);
    return rc;
}

/* A page is at most 1 MiB, and a check run may carry 128 KiB of prose: when
   100 do not fit, take fewer. */
static int get_list(struct git_github_ci *ci, const struct source *s,
                    const char *commit, struct git_signals *out,
                    struct error *err)
{
    size_t got = 0, total = 1;
    int rc = 0, size = 100;
    for (int page = 1; !rc && got < total; page++) {
        rc = get_page(ci, s, commit, size, page, out, &got, &total, err);
        if (rc == RB_TOOBIG && page == 1 && got == 0 && size > 5) {
            size = size == 100 ? 25 : 5;
            page = 0;
            rc = 0;
        }
    }
    return rc;
}

int git_github_ci_signals(void *self, const git_oid *commit,
                          struct git_signals *out, struct error *err)
{
    struct git_github_ci *ci = self;
    char id[GIT_OID_HEXSZ + 1];
    int rc = 0;
    git_oid_tostr(id, sizeof id, commit);
    for (size_t i = 0; !rc && i < sizeof sources / sizeof *sources; i++)
        rc = get_list(ci, &sources[i], id, out, err);
    ci->asked++;
    if (!rc)
        driver_progress(ci->call, "GitHub: %.12s is %s", id,
                        git_signals_state(out));
    return rc;
}
