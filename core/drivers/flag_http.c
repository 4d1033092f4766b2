/*
 * Feature flags of a service that speaks JSON over HTTP: GET an address for
 * the flag's state, PUT (or POST, PATCH) the new one, and GET again, because
 * only what is read back is believed.
 */
#define _GNU_SOURCE
#include "http_binding.h"
#include "json_file.h"

#include <stdlib.h>
#include <string.h>

#define MARGIN 200
#define READ_BACK 5000 /* ms that a change may take to be seen */
#define POLL 200       /* ms */
#define MAX_ANSWER (64u << 10)

static const char *const content_json = "Content-Type: application/json";

/* One call. */
struct flags {
    const struct driver_call *c;
    struct driver_answer *a;
    const char *flag;
    int64_t deadline; /* ms of the steady clock */
};

/* Append template with {flag} and {on} filled in. escape: for a URL. */
static int fill(struct buf *out, const char *template, const char *flag, int on,
                int escape)
{
    int rc = 0;
    while (*template && rc == 0) {
        if (strncmp(template, "{flag}", 6) == 0) {
            rc = escape ? http_escape(out, flag) : buf_adds(out, flag);
            template += 6;
        } else if (strncmp(template, "{on}", 4) == 0) {
            rc = buf_adds(out, on ? "true" : "false");
            template += 4;
        } else {
            rc = buf_addc(out, *template ++);
        }
    }
    return rc;
}

static int read_name(struct flags *f)
{
    const char *name = value_text(f->c->args, "flag", "");
    size_t plain = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz"
                                "0123456789-_.:/");
    f->flag = name;
    if (*name && !name[plain] && *name != '.' && strlen(name) <= 200)
        return 0;
    answer_fail(f->a, OUTCOME_REJECTED,
                "flag \"%.200s\": a name is made of letters, digits and "
                "- _ . : / and does not begin with a dot",
                name);
    return RB_INVALID;
}

/* The boolean that key, "a.b.c", leads to; NULL when it is none. */
static const json_t *dig(const json_t *value, const char *key)
{
    char name[200];
    size_t size;
    for (; value; key += size + 1) {
        size = strcspn(key, ".");
        if (size >= sizeof name)
            return NULL;
        memcpy(name, key, size);
        name[size] = '\0';
        value = json_object_get(value, name);
        if (!key[size])
            break;
    }
    return json_is_boolean(value) ? value : NULL;
}

static void read_state(struct flags *f, const struct http_answer *h, int *on)
{
    const char *key = option_text(f->c, "key", "on");
    json_t *value = NULL;
    const json_t *state = NULL;
    struct error err = {0};
    if (value_decode(buf_text(&h->body), h->body.size, &value, &err) == 0)
        state = dig(value, key);
    f->a->outcome = OUTCOME_OK;
    if (state)
        *on = json_is_true(state);
    else
        answer_fail(f->a, OUTCOME_REJECTED,
                    "flags %s: the answer for \"%s\" has no true or false at "
                    "\"%s\"%s%s",
                    f->c->system, f->flag, key, value ? "" : ": ",
                    value ? "" : err.message);
    json_decref(value);
}

static void fail_http(struct flags *f, const struct http_answer *h, int write)
{
    char where[400];
    http_show(option_text(f->c, "url", ""), 0, where, sizeof where);
    answer_fail(f->a, http_outcome(h, write),
                "flags %s: %s answers %ld %s to %s \"%s\"", f->c->system, where,
                h->status, http_reason(h->status),
                write ? "a change of" : "the question for", f->flag);
}

/* Send; OUTCOME_OK leaves the answer in *h, else f->a is filled. */
static void exchange(struct flags *f, struct http_binding *b, int write,
                     struct http_answer *h)
{
    struct error err = {0};
    b->request.timeout = http_try_timeout(f->c, f->deadline);
    b->request.max_body = MAX_ANSWER;
    b->request.cut = write;
    f->a->outcome = OUTCOME_OK;
    if (http_request(&b->request, h, &err) != 0)
        answer_fail(f->a, http_outcome(h, write), "flags %s: %s", f->c->system,
                    err.message);
    else if (http_outcome(h, write) != OUTCOME_OK)
        fail_http(f, h, write);
}

static int bind(struct flags *f, struct http_binding *b, struct buf *url)
{
    struct error err = {0};
    if (fill(url, option_text(f->c, "url", ""), f->flag, 0, 1) != 0)
        error_set(&err, RB_TOOBIG, "flags %s: its url is too long",
                  f->c->system);
    if (http_bind(f->c, buf_text(url), b, &err) == 0 && !err.code)
        return 0;
    answer_fail(f->a, OUTCOME_REJECTED, "%s", err.message);
    return RB_INVALID;
}

static enum outcome ask(struct flags *f, int *on)
{
    struct http_binding b;
    struct buf url = BUF_INIT(8192);
    struct http_answer h = {0};
    if (bind(f, &b, &url) == 0) {
        exchange(f, &b, 0, &h);
        if (f->a->outcome == OUTCOME_OK)
            read_state(f, &h, on);
    }
    http_binding_free(&b);
    buf_free(&url);
    buf_free(&h.body);
    return f->a->outcome;
}

/* The body of a change: the option, or {"KEY":true}. */
static int build_body(struct flags *f, int on, struct buf *out)
{
    const char *template = option_text(f->c, "body", NULL);
    const char *key = option_text(f->c, "key", "on");
    json_t *simple;
    int rc;
    if (template)
        return fill(out, template, f->flag, on, 0);
    simple = json_pack("{s:b}", key, on);
    rc = simple ? value_encode(simple, out) : RB_INVALID;
    json_decref(simple);
    return rc;
}

static enum outcome change(struct flags *f, int on)
{
    struct http_binding b;
    struct buf url = BUF_INIT(8192), body = BUF_INIT(65536);
    struct http_answer h = {0};
    char key[128];
    if (bind(f, &b, &url) != 0)
        goto out;
    snprintf(key, sizeof key, "Idempotency-Key: %s", f->c->key);
    if (http_binding_header(&b, content_json) != 0 ||
        http_binding_header(&b, key) != 0 || build_body(f, on, &body) != 0) {
        answer_fail(f->a, OUTCOME_REJECTED,
                    "flags %s: its headers or its body are too long",
                    f->c->system);
        goto out;
    }
    b.request.method = option_text(f->c, "method", "PUT");
    b.request.body = buf_text(&body);
    b.request.body_size = body.size;
    exchange(f, &b, 1, &h);
out:
    http_binding_free(&b);
    buf_free(&url);
    buf_free(&body);
    buf_free(&h.body);
    return f->a->outcome;
}

static int begin(struct flags *f)
{
    static const char *const methods[] = {"PUT", "POST", "PATCH"};
    const char *method = option_text(f->c, "method", "PUT");
    f->deadline = clock_steady() + f->c->timeout - MARGIN;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (strcmp(method, methods[i]) == 0)
            return read_name(f);
    }
    answer_fail(f->a, OUTCOME_REJECTED,
                "flags %s: method \"%s\" is not one of PUT, POST, PATCH",
                f->c->system, method);
    return RB_INVALID;
}

static int get(const struct driver_call *c, struct driver_answer *a)
{
    struct flags f = {.c = c, .a = a};
    int on = 0;
    if (begin(&f) == 0 && ask(&f, &on) == OUTCOME_OK)
        answer_ok(a, json_pack("{s:s, s:b}", "flag", f.flag, "on", on));
    return 0;
}

static json_t *changed(const struct flags *f, int on, int before)
{
    return json_pack("{s:s, s:b, s:b}", "flag", f->flag, "on", on, "before",
                     before);
}

/* Whether the new state is seen within READ_BACK: other nodes of the service
   may learn of it later than the one that took it. */
static int is_seen(struct flags *f, int on)
{
    int64_t end = clock_steady() + READ_BACK;
    int now = !on;
    if (end > f->deadline)
        end = f->deadline;
    for (;;) {
        int64_t asked = clock_steady();
        if (ask(f, &now) == OUTCOME_OK && now == on)
            return 1;
        if (asked >= end)
            return 0;
        clock_sleep(POLL);
    }
}

static int set_state(struct flags *f, int on, int before)
{
    struct error err = {0};
    json_t *note = json_boolean(before);
    enum outcome o;
    int rc = note_write(f->c, note, &err);
    json_decref(note);
    if (rc != 0)
        return answer_fail(f->a, OUTCOME_RETRYABLE, "flags %s: %s",
                           f->c->system, err.message);
    o = change(f, on);
    /* An unclear answer to the change is cleared up by reading back; any
       other failure says that nothing has happened. */
    if (o != OUTCOME_OK && o != OUTCOME_UNKNOWN)
        return 0;
    if (is_seen(f, on))
        return answer_ok(f->a, changed(f, on, before));
    return answer_fail(f->a, OUTCOME_UNKNOWN,
                       "flags %s: \"%s\" was to be switched %s, and is not "
                       "seen to be so; it may still come",
                       f->c->system, f->flag, on ? "on" : "off");
}

static int set(const struct driver_call *c, struct driver_answer *a)
{
    struct flags f = {.c = c, .a = a};
    int on = value_bool(c->args, "on", 0), now = 0, before;
    json_t *note;
    if (begin(&f) != 0 || ask(&f, &now) != OUTCOME_OK)
        return 0;
    note = note_read(c); /* made again: how it was at first */
    before = note ? json_is_true(note) : now;
    json_decref(note);
    if (now == on)
        return answer_ok(a, changed(&f, on, before));
    return set_state(&f, on, before);
}

static int probe_set(const struct driver_call *c, struct driver_answer *a)
{
    struct flags f = {.c = c, .a = a};
    int on = value_bool(c->args, "on", 0), now = 0;
    json_t *note;
    if (begin(&f) != 0 || ask(&f, &now) != OUTCOME_OK) {
        a->outcome = OUTCOME_UNKNOWN;
        return 0;
    }
    note = note_read(c);
    if (now == on)
        answer_ok(a,
                  json_pack("{s:b, s:o}", "applied", 1, "value",
                            changed(&f, on, note ? json_is_true(note) : on)));
    else /* with the note written, the change may have left */
        answer_ok(a, json_pack("{s:b, s:s*}", "applied", 0, "partly",
                               note ? "the change was perhaps sent, is not "
                                      "seen, and may still come"
                                    : NULL));
    json_decref(note);
    return 0;
}

static const struct driver_option options[] = {
    {"url", "url", 1, "address of a flag, with {flag} for its name"},
    {"key", "text", 0,
     "where in the JSON answer its state is: \"on\" (default), \"a.b.on\""},
    {"method", "text", 0, "of a change: PUT (default), POST or PATCH"},
    {"body", "text", 0,
     "of a change, with {flag} and {on} (default {\"KEY\":{on}})"},
    {"headers", "table", 0, "name = text, sent with every request"},
    HTTP_OPTIONS,
    {NULL, NULL, 0, NULL},
};

static const struct driver_verb verbs[] = {
    {"flag.get", SETTLE_PURE, get, NULL},
    {"flag.set", SETTLE_PROBED, set, probe_set},
    {NULL, SETTLE_PURE, NULL, NULL},
};

extern const struct driver flag_http;
const struct driver flag_http = {
    .family = "flag",
    .name = "http",
    .text = "feature flags of a service with a JSON interface",
    .options = options,
    .verbs = verbs,
    .check = NULL,
    .quick = 0,
};
