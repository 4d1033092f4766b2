/*
 * snapshot http: keep what some addresses answer, each body as a file under
 * the name that the binding gives it. An answer other than 2xx, or one cut
 * short, is no state to keep: then there is no snapshot.
 */
#define _GNU_SOURCE
#include "http_binding.h"
#include "snapshot_manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MARGIN 500
#define MAX_ADDRESSES 100
#define MAX_BODY (1LL << 30) /* bytes; option max_bytes */

/* One address while its body is being written. */
struct fetch {
    int fd;
    int64_t size, max;
    struct error err;
};

static int keep(void *context, const void *bytes, size_t size)
{
    struct fetch *f = context;
    const char *p = bytes;
    f->size += (int64_t)size;
    if (f->size > f->max)
        return error_set(&f->err, RB_TOOBIG, "over max_bytes = %lld",
                         (long long)f->max);
    while (size > 0) {
        ssize_t n = write(f->fd, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set_errno(&f->err, RB_IO, "cannot write its body");
        p += n;
        size -= (size_t)n;
    }
    return 0;
}

/* What the manifest says of one answer. */
static json_t *describe(const char *name, const char *url,
                        const struct http_answer *h, const struct fetch *f)
{
    char where[1024];
    return json_pack("{s:s, s:s, s:I, s:s, s:I, s:I}", "name", name, "address",
                     http_show(url, 1, where, sizeof where), "status",
                     (json_int_t)h->status, "type", h->type, "bytes",
                     (json_int_t)f->size, "took_ms", (json_int_t)h->took);
}

static int fail_fetch(const struct driver_call *c, const char *name,
                      const struct http_answer *h, const struct fetch *f,
                      const char *cause, struct driver_answer *a)
{
    if (f->err.code == RB_IO)
        return answer_fail(a, OUTCOME_RETRYABLE, "snapshot %s: %s: %s",
                           c->system, name, f->err.message);
    if (f->err.code)
        return answer_fail(a, OUTCOME_REJECTED, "snapshot %s: %s: %s",
                           c->system, name, f->err.message);
    if (h->class != HTTP_OK)
        return answer_fail(a, http_outcome(h, 0), "snapshot %s: %s: %s",
                           c->system, name, cause);
    return answer_fail(a, http_outcome(h, 0),
                       "snapshot %s: %s answers %ld %s, which is no state to "
                       "keep",
                       c->system, name, h->status, http_reason(h->status));
}

static int is_name(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789-_.";
    size_t size = strspn(name, allowed);
    return size > 0 && size <= 100 && !name[size] && name[0] != '.' &&
           strcmp(name, "manifest.json") != 0;
}

static int open_file(struct snapshot *s, const char *name, struct fetch *f)
{
    char path[4300];
    int rc = snapshot_path(s, name, path, sizeof path, &f->err);
    if (rc != 0)
        return rc;
    f->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (f->fd < 0)
        return error_set_errno(&f->err, RB_IO, "cannot make %s", path);
    return 0;
}

/* 0 with the answer's description in *out, or -1 with *a filled. */
static int fetch_one(struct snapshot *s, const char *name, const char *url,
                     int64_t deadline, json_t **out, struct driver_answer *a)
{
    const struct driver_call *c = s->call;
    struct fetch f = {.fd = -1};
    struct http_binding b = {0};
    struct http_answer h = {0};
    struct error err = {0};
    f.max = value_int(c->binding, "max_bytes", MAX_BODY);
    if (open_file(s, name, &f) == 0 && http_bind(c, url, &b, &f.err) == 0) {
        b.request.timeout = http_try_timeout(c, deadline);
        b.request.show_path = 1;
        b.request.sink = keep;
        b.request.context = &f;
        if (http_request(&b.request, &h, &err) == 0 &&
            http_outcome(&h, 0) == OUTCOME_OK)
            *out = describe(name, url, &h, &f);
    }
    if (!*out)
        fail_fetch(c, name, &h, &f, err.message, a);
    if (f.fd >= 0)
        close(f.fd);
    http_binding_free(&b);
    buf_free(&h.body);
    return *out ? 0 : -1;
}

static int fetch_all(struct snapshot *s, json_t *answers,
                     struct driver_answer *a)
{
    const struct driver_call *c = s->call;
    int64_t deadline = clock_steady() + c->timeout - MARGIN;
    const char *name;
    json_t *url;
    json_object_foreach(json_object_get(c->binding, "urls"), name, url)
    {
        json_t *answer = NULL;
        driver_progress(c, "fetching %s", name);
        if (fetch_one(s, name, json_string_value(url), deadline, &answer, a) !=
            0)
            return -1;
        json_array_append_new(answers, answer);
    }
    return 0;
}

static json_t *limits_of_it(void)
{
    return json_pack("[s, s, s]", "anything but what these addresses answer",
                     "one moment: the addresses were read one after another",
                     "whether the answers were complete by their own meaning");
}

static int check_urls(const struct driver_call *c, struct driver_answer *a)
{
    json_t *urls = json_object_get(c->binding, "urls"), *url;
    const char *name;
    size_t count = json_object_size(urls);
    if (count == 0 || count > MAX_ADDRESSES) {
        answer_fail(a, OUTCOME_REJECTED,
                    "snapshot %s: urls holds %zu addresses, 1 to %d are "
                    "possible",
                    c->system, count, MAX_ADDRESSES);
        return RB_INVALID;
    }
    json_object_foreach(urls, name, url)
    {
        if (is_name(name) && json_is_string(url))
            continue;
        answer_fail(a, OUTCOME_REJECTED,
                    "snapshot %s: urls: \"%.100s\" must be a file name of "
                    "letters, digits and - _ . and its address a text",
                    c->system, name);
        return RB_INVALID;
    }
    return 0;
}

static void take_into(struct snapshot *s, struct driver_answer *a)
{
    struct error err = {0};
    json_t *answers = json_array();
    int rc;
    if (fetch_all(s, answers, a) != 0) {
        json_decref(answers);
        return;
    }
    rc = snapshot_seal(s, json_pack("{s:o}", "answers", answers),
                       limits_of_it(), &err);
    if (rc != 0)
        snapshot_failed(a, rc, &err);
    else
        snapshot_answer(s, a);
}

static int take(const struct driver_call *c, struct driver_answer *a)
{
    struct snapshot s = {0};
    struct error err = {0};
    int rc;
    if (check_urls(c, a) != 0)
        return 0;
    rc = snapshot_open(&s, c, "http", &err);
    if (rc != 0)
        snapshot_failed(a, rc, &err);
    else if (s.kept)
        snapshot_answer(&s, a);
    else
        take_into(&s, a);
    snapshot_drop(&s);
    snapshot_free(&s);
    return 0;
}

static int verify(const struct driver_call *c, struct driver_answer *a)
{
    return snapshot_verify_files(c, "http", a);
}

static const struct driver_option options[] = {
    {"urls", "table", 1, "file name = address to keep the answer of"},
    {"directory", "path", 0, "where snapshots are kept (default: the run)"},
    {"max_bytes", "int", 0, "of one answer (default 1 GiB)"},
    {"headers", "table", 0, "name = text, sent with every request"},
    HTTP_OPTIONS,
    {NULL, NULL, 0, NULL},
};

static const struct driver_verb verbs[] = {
    {"snapshot.take", SETTLE_PROBED, take, snapshot_probe},
    {"snapshot.verify", SETTLE_PURE, verify, NULL},
    {NULL, SETTLE_PURE, NULL, NULL},
};

extern const struct driver snapshot_http;
const struct driver snapshot_http = {
    .family = "snapshot",
    .name = "http",
    .text = "what some HTTP addresses answer",
    .options = options,
    .verbs = verbs,
    .check = NULL,
    .quick = 0,
};
