#define _GNU_SOURCE
#include "metric_prometheus_ask.h"
#include "http_binding.h"
#include "reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FORM (256u << 10)
#define READ_TIMEOUT 30000 /* ms for the reader to end after the body has */

/* One question while it is being asked. */
struct asking {
    const struct driver_call *c;
    const struct prometheus_question *q;
    struct driver_answer *a;
    struct http_answer http;
    struct reader *reader;
    struct error err;
    char where[400];
};

static int feed(void *context, const void *bytes, size_t size)
{
    struct asking *s = context;
    return reader_feed(s->reader, bytes, size, &s->err);
}

static int open_reader(struct asking *s)
{
    int rc;
    json_t *options = json_pack("{s:s?, s:I}", "fold", s->q->fold, "max_points",
                                (json_int_t)s->q->max_points);
    if (!options)
        return error_set(&s->err, RB_NOMEM, "no memory for the reader");
    rc = reader_open("metric", options, &s->reader, &s->err);
    json_decref(options);
    return rc;
}

static int add_number(struct buf *b, const char *name, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.3f", value);
    return http_form(b, name, text);
}

static int build_form(const struct prometheus_question *q, struct buf *b)
{
    char timeout[40];
    int rc = http_form(b, "query", q->expr);
    snprintf(timeout, sizeof timeout, "%lldms", (long long)q->timeout);
    if (rc == 0)
        rc = http_form(b, "timeout", timeout);
    if (rc == 0 && q->range)
        rc = add_number(b, "start", q->start);
    if (rc == 0 && q->range)
        rc = add_number(b, "end", q->end);
    if (rc == 0 && q->range)
        rc = add_number(b, "step", q->step);
    return rc;
}

static int build_url(const struct asking *s, struct buf *b)
{
    const char *base = option_text(s->c, "url", "");
    size_t size = strlen(base);
    while (size > 0 && base[size - 1] == '/')
        size--;
    if (strpbrk(base, "?#"))
        return RB_INVALID;
    return buf_addf(b, "%.*s/api/v1/query%s", (int)size, base,
                    s->q->range ? "_range" : "");
}

/* Send the question; 0 when a whole answer came, however bad. */
static int post(struct asking *s, const char *url, const struct buf *form)
{
    struct http_binding h;
    int rc = http_bind(s->c, url, &h, &s->err);
    if (rc == 0) {
        h.request.method = "POST";
        h.request.body = form->data;
        h.request.body_size = form->size;
        h.request.timeout = s->q->timeout;
        h.request.sink = feed;
        h.request.context = s;
        rc = http_request(&h.request, &s->http, &s->err);
    } else {
        s->http.class = HTTP_INVALID;
    }
    http_binding_free(&h);
    return rc;
}

static int fail_transport(struct asking *s)
{
    enum outcome o = http_outcome(&s->http, 0);
    const char *hint = "";
    if (o == OUTCOME_UNAVAILABLE)
        hint = "; is Prometheus running, and is the url of the binding right?";
    if (o == OUTCOME_TIMEOUT)
        hint = "; the query may be too heavy, or the server hangs";
    return answer_fail(s->a, o, "metric source %s: %s%s", s->c->system,
                       s->err.message, hint);
}

/* Read the error document of an answer that was not 2xx; NULL when it is
   not one of Prometheus' own, which a proxy's page is not. */
static json_t *read_error(struct asking *s)
{
    json_t *doc = NULL;
    struct error ignored;
    if (!s->http.body.size || open_reader(s) != 0)
        return NULL;
    if (reader_feed(s->reader, s->http.body.data, s->http.body.size,
                    &ignored) != 0 &&
        ignored.code != RB_CLOSED)
        reader_abort(s->reader);
    else if (reader_finish(s->reader, READ_TIMEOUT, &doc, NULL, NULL,
                           &ignored) != 0)
        doc = NULL;
    s->reader = NULL;
    return doc;
}

/* error_type as the API documents it; the status decides where it says
   nothing else. */
static enum outcome error_outcome(const char *type, long status)
{
    struct http_answer like = {0};
    if (strcmp(type, "bad_data") == 0 || strcmp(type, "execution") == 0)
        return OUTCOME_REJECTED;
    if (strcmp(type, "timeout") == 0)
        return OUTCOME_TIMEOUT;
    if (strcmp(type, "unavailable") == 0 || strcmp(type, "canceled") == 0 ||
        strcmp(type, "internal") == 0)
        return OUTCOME_RETRYABLE;
    if (strcmp(type, "not_found") == 0)
        return OUTCOME_NOT_FOUND;
    like.status = status;
    return status < 300 ? OUTCOME_REJECTED : http_outcome(&like, 0);
}

static int fail_named(struct asking *s, const json_t *doc)
{
    const char *type = value_text(doc, "error_type", "");
    return answer_fail(s->a, error_outcome(type, s->http.status),
                       "metric source %s: Prometheus has no answer to `%s`: "
                       "%s%s%s",
                       s->c->system, s->q->expr, type, *type ? ": " : "",
                       value_text(doc, "error", "no reason given"));
}

static int fail_status(struct asking *s)
{
    const char *hint = "";
    long status = s->http.status;
    enum outcome o = http_outcome(&s->http, 0);
    if (o == OUTCOME_AUTH)
        hint = "; check username, password or token of the binding";
    if (o == OUTCOME_NOT_FOUND)
        hint = "; is the url of the binding the address of Prometheus?";
    if (s->http.location[0])
        return answer_fail(s->a, OUTCOME_REJECTED,
                           "metric source %s: %s answers %ld %s to %s; name "
                           "that address in the binding",
                           s->c->system, s->where, status, http_reason(status),
                           s->http.location);
    return answer_fail(s->a, o, "metric source %s: %s answers %ld %s%s",
                       s->c->system, s->where, status, http_reason(status),
                       hint);
}

static int fail_http(struct asking *s)
{
    json_t *doc = NULL;
    int rc;
    if (http_outcome(&s->http, 0) != OUTCOME_AUTH)
        doc = read_error(s);
    if (doc && strcmp(value_text(doc, "status", ""), "error") == 0)
        rc = fail_named(s, doc);
    else
        rc = fail_status(s);
    json_decref(doc);
    return rc;
}

static int fail_several(struct asking *s, const json_t *doc)
{
    char names[900] = "";
    size_t i, used = 0;
    json_t *name;
    json_array_foreach(json_object_get(doc, "names"), i, name)
    {
        int n = snprintf(names + used, sizeof names - used, "%s%s",
                         i ? ", " : "", json_string_value(name));
        if (n < 0 || (size_t)n >= sizeof names - used || i == 4)
            break;
        used += (size_t)n;
    }
    return answer_fail(s->a, OUTCOME_REJECTED,
                       "metric source %s: %lld series where one number is "
                       "wanted (%s%s); fold them: fold = \"sum\", \"max\", "
                       "\"min\" or \"mean\", or aggregate in the query",
                       s->c->system, (long long)value_int(doc, "series", 0),
                       names, value_int(doc, "series", 0) > 5 ? ", ..." : "");
}

static int fail_partial(struct asking *s, const json_t *warnings)
{
    const char *first = json_string_value(json_array_get(warnings, 0));
    return answer_fail(s->a, OUTCOME_PARTIAL,
                       "metric source %s: Prometheus calls its answer "
                       "incomplete (%zu warnings): %s",
                       s->c->system, json_array_size(warnings),
                       first ? first : "no text");
}

/* Whether the document holds numbers that may be believed. */
static int judge(struct asking *s, const json_t *doc,
                 const struct prometheus_reply *r)
{
    const json_t *warnings = json_object_get(doc, "warnings");
    if (strcmp(value_text(doc, "status", ""), "success") != 0)
        return fail_named(s, doc);
    if (json_array_size(warnings) > 0)
        return fail_partial(s, warnings);
    if (strcmp(r->type, "string") == 0 ||
        (strcmp(r->type, "matrix") == 0) != s->q->range)
        return answer_fail(s->a, OUTCOME_REJECTED,
                           "metric source %s: `%s` gives a %s, not a number; "
                           "for a range of samples use metric.range with an "
                           "instant expression",
                           s->c->system, s->q->expr, r->type);
    if (r->series == 0 && r->points == 0)
        return answer_fail(s->a, OUTCOME_NO_DATA,
                           "metric source %s: no series matches `%s`",
                           s->c->system, s->q->expr);
    if (r->series > 1 && !s->q->fold)
        return fail_several(s, doc);
    if (r->points == 0)
        return answer_fail(s->a, OUTCOME_NO_DATA,
                           "metric source %s: `%s` has no points", s->c->system,
                           s->q->expr);
    s->a->outcome = OUTCOME_OK;
    return 0;
}

/* Malformed text, or a reader that could not work: not told apart by the
   runbook, but by whoever reads the message. */
static int fail_unreadable(struct asking *s)
{
    if (s->err.code != RB_INVALID)
        return answer_fail(s->a, OUTCOME_REJECTED,
                           "metric source %s: the answer of %s could not be "
                           "read: %s",
                           s->c->system, s->where, s->err.message);
    return answer_fail(s->a, OUTCOME_REJECTED,
                       "metric source %s: the answer of %s is not of "
                       "Prometheus' API: %s",
                       s->c->system, s->where, s->err.message);
}

static int read_reply(struct asking *s, struct prometheus_reply *r)
{
    json_t *doc = NULL;
    size_t count = 0;
    struct reader *reader = s->reader;
    s->reader = NULL;
    if (reader_finish(reader, READ_TIMEOUT, &doc, &r->pairs, &count, &s->err) !=
        0)
        return fail_unreadable(s);
    snprintf(r->type, sizeof r->type, "%s", value_text(doc, "type", "?"));
    r->series = (size_t)value_int(doc, "series", 0);
    r->points = count / 2;
    judge(s, doc, r);
    json_decref(doc);
    return 0;
}

static void ask(struct asking *s, const char *url, const struct buf *form,
                struct prometheus_reply *r)
{
    int sent = post(s, url, form);
    if (s->http.class == HTTP_STOPPED) {
        read_reply(s, r);
        return;
    }
    if (sent != 0 || s->http.status < 200 || s->http.status > 299) {
        reader_abort(s->reader);
        s->reader = NULL;
        if (sent != 0)
            fail_transport(s);
        else
            fail_http(s);
        return;
    }
    read_reply(s, r);
}

enum outcome prometheus_ask(const struct driver_call *c,
                            const struct prometheus_question *q,
                            struct prometheus_reply *r, struct driver_answer *a)
{
    struct asking s = {.c = c, .q = q, .a = a};
    struct buf form = BUF_INIT(MAX_FORM), url = BUF_INIT(4096);
    memset(r, 0, sizeof *r);
    if (build_form(q, &form) != 0 || build_url(&s, &url) != 0)
        answer_fail(a, OUTCOME_REJECTED,
                    "metric source %s: the query is over %u bytes, or the "
                    "url of the binding is too long or holds a ? or #",
                    c->system, MAX_FORM / 3);
    else if (open_reader(&s) != 0)
        answer_fail(a, OUTCOME_UNAVAILABLE, "metric source %s: %s", c->system,
                    s.err.message);
    else {
        http_show(buf_text(&url), 0, s.where, sizeof s.where);
        ask(&s, buf_text(&url), &form, r);
    }
    buf_free(&form);
    buf_free(&url);
    buf_free(&s.http.body);
    return a->outcome;
}

void prometheus_reply_free(struct prometheus_reply *r)
{
    free(r->pairs);
    r->pairs = NULL;
}
