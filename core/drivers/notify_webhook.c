/*
 * notify.send as a CloudEvent 1.0 in structured JSON over HTTP POST.
 * https://github.com/cloudevents/spec: source and id together name the
 * event; the id is the call's key, so a receiver that meets it again drops
 * it, and a try that may have been delivered may be repeated.
 */
#define _GNU_SOURCE
#include "http_post.h"
#include "notify_text.h"

#include <stdio.h>
#include <time.h>

static const char *const header_type =
    "Content-Type: application/cloudevents+json; charset=UTF-8";

/* RFC 3339, UTC. */
static void show_time(int64_t ms, char out[40])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    size_t n;
    gmtime_r(&seconds, &parts);
    n = strftime(out, 40, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(out + n, 40 - n, ".%03dZ", (int)(ms % 1000));
}

/* A URI reference: the option, or /rbrun/ENVIRONMENT/SERVICE. */
static int add_source(const struct driver_call *c, struct buf *out)
{
    const char *given = option_text(c, "source", NULL);
    int rc;
    if (given)
        return buf_adds(out, given);
    rc = buf_adds(out, "/rbrun/");
    if (rc == 0)
        rc = http_escape(out, c->environment);
    if (rc == 0)
        rc = buf_addc(out, '/');
    return rc == 0 ? http_escape(out, c->service) : rc;
}

static json_t *event(const struct driver_call *c, const struct notice *n,
                     const char *source, const char *text, const char *title)
{
    char now[40];
    show_time(clock_wall(), now);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s*, s:s, s:s, s:s, "
        "s:s}}",
        "specversion", "1.0", "id", c->key, "source", source, "type",
        "rbrun.notice", "subject", c->run, "time", now, "datacontenttype",
        "application/json", "data", "text", text, "title", title, "severity",
        n->severity, "run", c->run, "service", c->service, "environment",
        c->environment);
}

static int build(const struct driver_call *c, const struct notice *n,
                 struct buf *body)
{
    struct buf text = BUF_INIT(2 * NOTIFY_MAX_TEXT), source = BUF_INIT(4096);
    struct buf title = BUF_INIT(1024);
    json_t *message = NULL;
    int rc = notify_plain(&text, n->text, NOTIFY_MAX_TEXT);
    if (rc == 0 && n->title)
        rc = notify_line(&title, n->title, 200);
    if (rc == 0)
        rc = add_source(c, &source);
    if (rc == 0) {
        message = event(c, n, buf_text(&source), buf_text(&text),
                        n->title ? buf_text(&title) : NULL);
        rc = message ? value_encode(message, body) : RB_INVALID;
    }
    json_decref(message);
    buf_free(&text);
    buf_free(&source);
    buf_free(&title);
    return rc;
}

static int bind(const struct driver_call *c, struct http_binding *h,
                char key[128], struct error *err)
{
    int rc = http_bind(c, option_text(c, "url", ""), h, err);
    snprintf(key, 128, "Idempotency-Key: %s", c->key);
    if (rc == 0 && (http_binding_header(h, header_type) != 0 ||
                    http_binding_header(h, key) != 0))
        rc = error_set(err, RB_TOOBIG, "channel %s: over %d headers", c->system,
                       HTTP_MAX_HEADERS - 2);
    return rc;
}

static int send_notice(const struct driver_call *c, struct driver_answer *a)
{
    struct notice n;
    struct http_binding h;
    struct http_post post = {c, &h, NULL};
    struct buf body = BUF_INIT(64 * NOTIFY_MAX_TEXT);
    struct error err = {0};
    char key[128];
    if (bind(c, &h, key, &err) != 0) {
        answer_fail(a, OUTCOME_REJECTED, "%s", err.message);
    } else if (notify_read(c, &n, a) == 0) {
        if (build(c, &n, &body) != 0) {
            answer_fail(a, OUTCOME_REJECTED,
                        "channel %s: the event is too long", c->system);
        } else {
            h.request.body = body.data;
            h.request.body_size = body.size;
            notify_deliver(c, 1, http_post_try, &post, a);
        }
    }
    buf_free(&body);
    http_binding_free(&h);
    return 0;
}

static const struct driver_option options[] = {
    {"url", "url", 1, "where events are posted: may be a secret"},
    {"source", "text", 0,
     "the events' source (default /rbrun/ENVIRONMENT/SERVICE)"},
    {"headers", "table", 0, "name = text, sent with every request"},
    HTTP_OPTIONS,
    {NULL, NULL, 0, NULL},
};

static const struct driver_verb verbs[] = {
    {"notify.send", SETTLE_KEYED, send_notice, NULL},
    {NULL, SETTLE_PURE, NULL, NULL},
};

extern const struct driver notify_webhook;
const struct driver notify_webhook = {
    .family = "notify",
    .name = "webhook",
    .text = "CloudEvents 1.0 over HTTP POST",
    .options = options,
    .verbs = verbs,
    .check = NULL,
    .quick = 0,
};
