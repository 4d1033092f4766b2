/*
 * notify.send to a Slack incoming webhook, or what is compatible with one.
 * https://api.slack.com/messaging/webhooks: the answer is the text "ok" on
 * success; anything else, whatever its status, is a refusal. Slack does not
 * de-duplicate, so a try that may have been delivered is not repeated.
 */
#define _GNU_SOURCE
#include "http_post.h"
#include "notify_text.h"

#include <string.h>
#include <strings.h>

static const char *const header_json = "Content-Type: application/json";

static const struct {
    char plain;
    const char *escaped;
} entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}};

static int is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_';
}

/* "@channel" and its like call everybody in some compatible systems. */
static int is_mention(const char *p)
{
    static const char *const all[] = {"channel", "here", "all", "everyone",
                                      "group"};
    if (*p != '@')
        return 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        size_t size = strlen(all[i]);
        if (strncasecmp(p + 1, all[i], size) == 0 && !is_word(p[1 + size]))
            return 1;
    }
    return 0;
}

/* https://api.slack.com/reference/surfaces/formatting#escaping */
static int escape(struct buf *out, const char *text)
{
    int rc = 0;
    for (; *text && rc == 0; text++) {
        const char *as = NULL;
        for (size_t i = 0; i < sizeof entities / sizeof *entities; i++) {
            if (*text == entities[i].plain)
                as = entities[i].escaped;
        }
        if (is_mention(text))
            as = "@\xE2\x80\x8B"; /* a zero width space breaks the word */
        rc = as ? buf_adds(out, as) : buf_addc(out, *text);
    }
    return rc;
}

static int compose(const struct driver_call *c, const struct notice *n,
                   struct buf *out)
{
    struct buf plain = BUF_INIT(4 * NOTIFY_MAX_TEXT);
    int rc = 0;
    if (strcmp(n->severity, "info") != 0)
        rc = buf_addf(&plain, "[%s] ", n->severity);
    if (rc == 0 && n->title)
        rc = notify_line(&plain, n->title, 200);
    if (rc == 0 && n->title)
        rc = buf_addc(&plain, '\n');
    if (rc == 0)
        rc = notify_plain(&plain, n->text, NOTIFY_MAX_TEXT);
    if (rc == 0)
        rc = buf_addc(&plain, '\n');
    if (rc == 0)
        rc = notify_origin(&plain, c);
    if (rc == 0)
        rc = escape(out, buf_text(&plain));
    buf_free(&plain);
    return rc;
}

/* "mrkdwn": false, because nothing in a hostile text is our formatting. */
static int build(const struct driver_call *c, const struct notice *n,
                 struct buf *body)
{
    struct buf text = BUF_INIT(32 * NOTIFY_MAX_TEXT);
    json_t *message = NULL;
    int rc = compose(c, n, &text);
    if (rc == 0) {
        message = json_pack("{s:s, s:b}", "text", buf_text(&text), "mrkdwn", 0);
        rc = message ? value_encode(message, body) : RB_INVALID;
    }
    json_decref(message);
    buf_free(&text);
    return rc;
}

static void judge(const struct driver_call *c, const struct http_answer *h,
                  struct driver_answer *a)
{
    if (h->body.size == 2 && memcmp(h->body.data, "ok", 2) == 0)
        return;
    answer_fail(a, OUTCOME_REJECTED,
                "channel %s: the webhook answers %ld but not \"ok\": "
                "\"%.80s\"; is its address that of an incoming webhook?",
                c->system, h->status, buf_text(&h->body));
}

static int send_notice(const struct driver_call *c, struct driver_answer *a)
{
    struct notice n;
    struct http_binding h;
    struct http_post post = {c, &h, judge};
    struct buf body = BUF_INIT(64 * NOTIFY_MAX_TEXT);
    struct error err = {0};
    int rc = http_bind(c, option_text(c, "webhook", ""), &h, &err);
    if (rc == 0)
        rc = http_binding_header(&h, header_json);
    if (rc != 0) {
        answer_fail(a, OUTCOME_REJECTED, "%s", err.message);
    } else if (notify_read(c, &n, a) == 0) {
        if (build(c, &n, &body) != 0) {
            answer_fail(a, OUTCOME_REJECTED,
                        "channel %s: the message is too long", c->system);
        } else {
            h.request.body = body.data;
            h.request.body_size = body.size;
            notify_deliver(c, 0, http_post_try, &post, a);
        }
    }
    buf_free(&body);
    http_binding_free(&h);
    return 0;
}

static const struct driver_option options[] = {
    {"webhook", "url", 1, "address of the incoming webhook: a secret"},
    {"headers", "table", 0, "name = text, sent with every request"},
    HTTP_OPTIONS,
    {NULL, NULL, 0, NULL},
};

static const struct driver_verb verbs[] = {
    {"notify.send", SETTLE_MANUAL, send_notice, NULL},
    {NULL, SETTLE_PURE, NULL, NULL},
};

extern const struct driver notify_slack;
const struct driver notify_slack = {
    .family = "notify",
    .name = "slack",
    .text = "a Slack incoming webhook, or what is compatible with one",
    .options = options,
    .verbs = verbs,
    .check = NULL,
    .quick = 0,
};
