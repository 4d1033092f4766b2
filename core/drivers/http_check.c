/*
 * http.check: ask an address, and say whether it answers as it should. A
 * redirect is an answer like any other: it is named, not followed.
 */
#define _GNU_SOURCE
#include "http_binding.h"
#include "http_text.h"

#include <string.h>

#define POLL 500 /* ms */
#define MARGIN 200
#define BODY_SHOWN 4096
#define BODY_READ (1u << 20)

/* What is asked, and what counts as well. */
struct check {
    const struct driver_call *c;
    struct driver_answer *a;
    struct http_binding h;
    struct buf url;
    int64_t status;
    const char *contains;
    int64_t begun, deadline, hard; /* ms of the steady clock */
};

static int build_url(struct check *k)
{
    const char *base = option_text(k->c, "url", "");
    const char *path = value_text(k->c->args, "path", NULL);
    size_t size = strlen(base);
    if (path && !http_is_path(path)) {
        answer_fail(k->a, OUTCOME_REJECTED,
                    "http.check: path \"%s\" must begin with / and stay "
                    "below the address of %s",
                    path, k->c->system);
        return RB_INVALID;
    }
    if (path && strpbrk(base, "?#")) {
        answer_fail(k->a, OUTCOME_REJECTED,
                    "http.check: no path can follow the query in the url of "
                    "%s",
                    k->c->system);
        return RB_INVALID;
    }
    while (path && size > 0 && base[size - 1] == '/')
        size--;
    if (buf_addf(&k->url, "%.*s%s", (int)size, base, path ? path : "") == 0)
        return 0;
    answer_fail(k->a, OUTCOME_REJECTED,
                "http.check: the address of %s with its path is over %zu bytes",
                k->c->system, k->url.max);
    return RB_TOOBIG;
}

static int prepare(struct check *k)
{
    int64_t most = k->c->timeout - MARGIN, within;
    struct error err = {0};
    within = arg_duration(k->c, "within", 0);
    k->status = value_int(k->c->binding, "status", 200);
    k->status = value_int(k->c->args, "status", k->status);
    k->contains = option_text(k->c, "contains", NULL);
    k->contains = value_text(k->c->args, "contains", k->contains);
    k->begun = clock_steady();
    k->hard = k->begun + most;
    k->deadline = k->begun + (within && within < most ? within : most);
    if (build_url(k) != 0)
        return RB_INVALID;
    if (http_bind(k->c, buf_text(&k->url), &k->h, &err) != 0) {
        answer_fail(k->a, OUTCOME_REJECTED, "%s", err.message);
        return RB_INVALID;
    }
    k->h.request.show_path = 1;
    k->h.request.max_body = BODY_READ;
    k->h.request.cut = 1;
    return 0;
}

static int holds_text(const struct check *k, const struct http_answer *h)
{
    return !k->contains || memmem(buf_text(&h->body), h->body.size, k->contains,
                                  strlen(k->contains)) != NULL;
}

static int answer_good(struct check *k, const struct http_answer *h)
{
    return answer_ok(k->a, json_pack("{s:I, s:f, s:o}", "status",
                                     (json_int_t)h->status, "seconds",
                                     (double)h->took / 1000, "body",
                                     http_text(&h->body, BODY_SHOWN)));
}

static int answer_bad(struct check *k, const struct http_answer *h)
{
    char where[400];
    enum outcome o = http_outcome(h, 0);
    http_show(buf_text(&k->url), 1, where, sizeof where);
    if (h->status == k->status)
        return answer_fail(k->a, OUTCOME_REJECTED,
                           "check %s: %s answers %ld, without the text "
                           "\"%.100s\"%s",
                           k->c->system, where, h->status, k->contains,
                           h->truncated ? " in the first MiB" : "");
    return answer_fail(k->a, o == OUTCOME_OK ? OUTCOME_REJECTED : o,
                       "check %s: %s answers %ld %s%s%s, wanted %lld",
                       k->c->system, where, h->status, http_reason(h->status),
                       h->location[0] ? " to " : "", h->location,
                       (long long)k->status);
}

/* Ask once; the answer says how it went. */
static void ask(struct check *k)
{
    struct http_answer h;
    struct error err = {0};
    k->h.request.timeout = http_poll_timeout(k->c, k->deadline, k->hard);
    if (http_request(&k->h.request, &h, &err) != 0)
        answer_fail(k->a, http_outcome(&h, 0), "check %s: %s", k->c->system,
                    err.message);
    else if (h.status == k->status && holds_text(k, &h))
        answer_good(k, &h);
    else
        answer_bad(k, &h);
    buf_free(&h.body);
}

static void keep_asking(struct check *k)
{
    char waited[40], trouble[sizeof k->a->message];
    for (;;) {
        int64_t asked = clock_steady(), left;
        ask(k);
        if (k->a->outcome == OUTCOME_OK)
            return;
        if (asked >= k->deadline)
            break;
        driver_progress(k->c, "%s", k->a->message);
        left = k->deadline - clock_steady();
        clock_sleep(left < POLL ? left : POLL);
    }
    duration_format(clock_steady() - k->begun, waited, sizeof waited);
    memcpy(trouble, k->a->message, sizeof trouble);
    answer_fail(k->a, OUTCOME_NOT_REACHED, "%s (after %s of trying)", trouble,
                waited);
}

static int check(const struct driver_call *c, struct driver_answer *a)
{
    struct check k = {.c = c, .a = a, .url = BUF_INIT(8192)};
    if (prepare(&k) == 0) {
        if (arg_duration(c, "within", 0) > 0)
            keep_asking(&k);
        else
            ask(&k);
    }
    http_binding_free(&k.h);
    buf_free(&k.url);
    return 0;
}

static const struct driver_option options[] = {
    {"url", "url", 1, "the address; a call may add a path"},
    {"status", "int", 0, "what counts as well (default 200)"},
    {"contains", "text", 0, "the body must hold this text"},
    {"headers", "table", 0, "name = text, sent with every request"},
    HTTP_OPTIONS,
    {NULL, NULL, 0, NULL},
};

static const struct driver_verb verbs[] = {
    {"http.check", SETTLE_PURE, check, NULL},
    {NULL, SETTLE_PURE, NULL, NULL},
};

extern const struct driver http_http;
const struct driver http_http = {
    .family = "http",
    .name = "http",
    .text = "an HTTP address",
    .options = options,
    .verbs = verbs,
    .check = NULL,
    .quick = 0,
};
