#include "http_post.h"

#define MAX_ANSWER 4096

static const char *hint(const struct http_answer *h, enum outcome o)
{
    if (o == OUTCOME_AUTH)
        return "; its credentials are not accepted";
    if (o == OUTCOME_NOT_FOUND)
        return "; is the address in the binding still valid?";
    if (h->status >= 300 && h->status < 400)
        return "; a redirect is not followed: name the final address";
    return "";
}

static void refuse(const struct http_post *p, const struct http_answer *h,
                   struct driver_answer *a)
{
    char where[400];
    enum outcome o = http_outcome(h, 1);
    http_show(p->binding->request.url, 0, where, sizeof where);
    answer_fail(a, o, "channel %s: %s answers %ld %s: \"%.80s\"%s",
                p->c->system, where, h->status, http_reason(h->status),
                buf_text(&h->body), hint(h, o));
}

void http_post_try(void *context, int64_t timeout, int64_t *pause,
                   struct driver_answer *a)
{
    struct http_post *p = context;
    struct http_request q = p->binding->request;
    struct http_answer h;
    struct error err = {0};
    q.method = "POST";
    q.timeout = timeout;
    q.max_body = MAX_ANSWER;
    q.cut = 1;
    a->outcome = OUTCOME_OK;
    if (http_request(&q, &h, &err) != 0)
        answer_fail(a, http_outcome(&h, 1), "channel %s: %s", p->c->system,
                    err.message);
    else if (http_outcome(&h, 1) != OUTCOME_OK)
        refuse(p, &h, a);
    else if (p->judge)
        p->judge(p->c, &h, a);
    *pause = h.retry_after;
    buf_free(&h.body);
}
