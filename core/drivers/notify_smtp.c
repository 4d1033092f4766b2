/*
 * notify.send as a mail, by SMTP submission (RFC 5321, 6409). Every try of a
 * call, and one repeated after a crash, carries the same Message-ID, so the
 * mailbox shows it once. A mail whose final dot was not sent is not
 * delivered (RFC 5321 section 4.1.1.4): only after that is a lost answer an
 * unknown outcome.
 */
#define _GNU_SOURCE
#include "../wire/heap.h"
#include "http_client.h"
#include "notify_mail.h"
#include "notify_text.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_TO 100

/* One mail, and how far the current try has got. */
struct sending {
    const struct driver_call *c;
    CURL *curl;
    struct curl_slist *to;
    struct buf message;
    size_t sent;
    int whole; /* curl has asked beyond the end: the dot may be out */
    long security;
    char reply[200]; /* the server's last line */
    char where[400];
    char ca_file[4096];
};

static size_t give(char *out, size_t one, size_t count, void *context)
{
    struct sending *s = context;
    size_t size = one * count, left = s->message.size - s->sent;
    if (size > left)
        size = left;
    if (size == 0)
        s->whole = 1;
    else
        memcpy(out, s->message.data + s->sent, size);
    s->sent += size;
    return size;
}

/* Each line of the server's; the last refusal is kept, without its end. */
static size_t hear(char *line, size_t one, size_t count, void *context)
{
    struct sending *s = context;
    size_t size = one * count, keep = size;
    while (keep > 0 && strchr("\r\n", line[keep - 1]))
        keep--;
    if (keep > 0 && (*line == '4' || *line == '5'))
        snprintf(s->reply, sizeof s->reply, "%.*s", (int)keep, line);
    return size;
}

static int is_loopback(const char *url)
{
    char host[400];
    const char *at = strstr(http_show(url, 0, host, sizeof host), "://");
    at = at ? at + 3 : host;
    return strncasecmp(at, "localhost:", 10) == 0 ||
           strncmp(at, "127.", 4) == 0 || strncmp(at, "[::1]", 5) == 0 ||
           strcasecmp(at, "localhost") == 0;
}

static int bad_security(const struct driver_call *c, const char *word,
                        const char *cause, struct driver_answer *a)
{
    answer_fail(a, OUTCOME_REJECTED, "channel %s: tls = \"%s\" %s", c->system,
                word, cause);
    return RB_INVALID;
}

/* The binding's word about TLS as curl's; 0 or RB_INVALID. */
static int read_security(struct sending *s, struct driver_answer *a)
{
    const char *url = option_text(s->c, "url", "");
    int loopback = is_loopback(url);
    int clear = strncasecmp(url, "smtps://", 8) != 0;
    const char *word =
        option_text(s->c, "tls", loopback && clear ? "none" : "required");
    if (strcmp(word, "required") == 0)
        s->security = CURLUSESSL_ALL;
    else if (strcmp(word, "opportunistic") == 0)
        s->security = CURLUSESSL_TRY;
    else if (strcmp(word, "none") == 0)
        s->security = CURLUSESSL_NONE;
    else
        return bad_security(s->c, word,
                            "is not one of required, opportunistic, none", a);
    if (clear && s->security != CURLUSESSL_ALL && !loopback &&
        option_text(s->c, "password", NULL))
        return bad_security(s->c, word,
                            "could send its password in the clear; set it to "
                            "\"required\"",
                            a);
    return 0;
}

static int bad_address(const struct driver_call *c, const char *which,
                       const char *text, struct driver_answer *a)
{
    answer_fail(a, OUTCOME_REJECTED,
                "channel %s: %s \"%s\" is not a plain address, name@domain",
                c->system, which, text ? text : "");
    return RB_INVALID;
}

static int read_addresses(struct sending *s, struct driver_answer *a)
{
    const char *from = option_text(s->c, "from", "");
    const json_t *to = json_object_get(s->c->binding, "to");
    size_t i;
    json_t *one;
    if (!mail_is_address(from))
        return bad_address(s->c, "from", from, a);
    if (json_array_size(to) == 0 || json_array_size(to) > MAX_TO)
        return bad_address(s->c, "to must list 1 to 100 of them;", "", a);
    json_array_foreach(to, i, one)
    {
        const char *text = json_string_value(one);
        struct curl_slist *longer;
        if (!text || !mail_is_address(text))
            return bad_address(s->c, "to", text, a);
        longer = curl_slist_append(s->to, text);
        if (!longer)
            heap_end();
        s->to = longer;
    }
    return 0;
}

static int add_subject(struct sending *s, const struct notice *n,
                       struct buf *out)
{
    int rc = 0;
    if (strcmp(n->severity, "info") != 0)
        rc = buf_addf(out, "[%s] ", n->severity);
    if (rc == 0)
        rc = notify_line(out, n->title ? n->title : n->text, 160);
    return rc == 0 ? buf_addf(out, " (%s)", s->c->service) : rc;
}

static int compose(struct sending *s, const struct notice *n)
{
    struct buf subject = BUF_INIT(1024), body = BUF_INIT(4 * NOTIFY_MAX_TEXT);
    struct mail m = {0};
    int rc = add_subject(s, n, &subject);
    if (rc == 0)
        rc = notify_plain(&body, n->text, NOTIFY_MAX_TEXT);
    if (rc == 0)
        rc = buf_adds(&body, "\n\n-- \n");
    if (rc == 0)
        rc = notify_origin(&body, s->c);
    if (rc == 0) {
        m.from = option_text(s->c, "from", "");
        m.to = json_object_get(s->c->binding, "to");
        m.subject = buf_text(&subject);
        m.body = buf_text(&body);
        m.key = s->c->key;
        m.date = clock_wall();
        rc = mail_write(&m, &s->message);
    }
    buf_free(&subject);
    buf_free(&body);
    return rc;
}

static void set_options(struct sending *s, int64_t timeout)
{
    const struct driver_call *c = s->c;
    const char *username = option_text(c, "username", NULL);
    CURL *curl = s->curl;
    curl_easy_setopt(curl, CURLOPT_URL, option_text(c, "url", ""));
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout);
    /* libcurl waits for the reply to the final dot without a look at the
       limit above, 120 s long unless this says otherwise. */
    curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT,
                     (long)(timeout / 2 + 999) / 1000);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_USE_SSL, s->security);
    if (option_path(c, "ca_file", s->ca_file, sizeof s->ca_file) == 0)
        curl_easy_setopt(curl, CURLOPT_CAINFO, s->ca_file);
    if (username) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, username);
        curl_easy_setopt(curl, CURLOPT_PASSWORD,
                         option_text(c, "password", ""));
    }
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, option_text(c, "from", ""));
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, s->to);
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, hear);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, s);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(curl, CURLOPT_READDATA, s);
}

/* reply: the server's last one. 5xx refuses for good, 4xx for now; a 4xx or
   5xx behind the dot says that the mail was not taken. */
static enum outcome outcome_of(const struct sending *s, CURLcode code,
                               long reply)
{
    switch (code) {
    case CURLE_OK:
        return OUTCOME_OK;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
        return OUTCOME_UNAVAILABLE;
    case CURLE_LOGIN_DENIED:
        return OUTCOME_AUTH;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_USE_SSL_FAILED:
    case CURLE_SSL_CACERT_BADFILE:
        return OUTCOME_REJECTED;
    default:
        break;
    }
    if (reply == 530 || reply == 535)
        return OUTCOME_AUTH;
    if (reply >= 500 && reply < 600)
        return OUTCOME_REJECTED;
    if (reply >= 400 && reply < 500)
        return OUTCOME_RETRYABLE;
    if (s->whole)
        return OUTCOME_UNKNOWN;
    return code == CURLE_OPERATION_TIMEDOUT ? OUTCOME_TIMEOUT
                                            : OUTCOME_RETRYABLE;
}

static const char *hint(CURLcode code, enum outcome o)
{
    if (code == CURLE_USE_SSL_FAILED)
        return "; the server offers no STARTTLS: use smtps://, or set tls";
    if (o == OUTCOME_AUTH)
        return "; check username and password of the binding";
    if (o == OUTCOME_UNKNOWN)
        return "; the mail had been sent, its receipt was not confirmed";
    return "";
}

static void fail(struct sending *s, CURLcode code, const char *detail,
                 long reply, struct driver_answer *a)
{
    enum outcome o = outcome_of(s, code, reply);
    const char *cause = *detail ? detail : curl_easy_strerror(code);
    if (code == CURLE_URL_MALFORMAT) /* the detail would quote the URL */
        cause = curl_easy_strerror(code);
    if (reply >= 400)
        answer_fail(a, o, "channel %s: %s says \"%s\"%s", s->c->system,
                    s->where, s->reply, hint(code, o));
    else
        answer_fail(a, o, "channel %s: %s: %s%s", s->c->system, s->where, cause,
                    hint(code, o));
}

static void try_mail(void *context, int64_t timeout, int64_t *pause,
                     struct driver_answer *a)
{
    struct sending *s = context;
    char detail[CURL_ERROR_SIZE] = "";
    long reply = 0;
    CURLcode code;
    *pause = 0;
    s->sent = 0;
    s->whole = 0;
    s->reply[0] = '\0';
    curl_easy_reset(s->curl);
    set_options(s, timeout);
    curl_easy_setopt(s->curl, CURLOPT_ERRORBUFFER, detail);
    code = curl_easy_perform(s->curl);
    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &reply);
    a->outcome = OUTCOME_OK;
    if (code != CURLE_OK)
        fail(s, code, detail, reply, a);
}

static int prepare(struct sending *s, struct driver_answer *a)
{
    struct notice n;
    http_show(option_text(s->c, "url", ""), 0, s->where, sizeof s->where);
    if (notify_read(s->c, &n, a) != 0 || read_security(s, a) != 0 ||
        read_addresses(s, a) != 0)
        return RB_INVALID;
    s->curl = curl_easy_init();
    if (!s->curl || compose(s, &n) != 0) {
        answer_fail(a, OUTCOME_REJECTED, "channel %s: the mail is too long",
                    s->c->system);
        return RB_TOOBIG;
    }
    return 0;
}

static int send_notice(const struct driver_call *c, struct driver_answer *a)
{
    struct sending s = {.c = c, .message = BUF_INIT(64 * NOTIFY_MAX_TEXT)};
    if (prepare(&s, a) == 0)
        notify_deliver(c, 1, try_mail, &s, a);
    curl_slist_free_all(s.to);
    curl_easy_cleanup(s.curl);
    buf_free(&s.message);
    return 0;
}

static const struct driver_option options[] = {
    {"url", "url", 1, "smtp://HOST:PORT, or smtps:// for TLS from the start"},
    {"from", "text", 1, "address of the sender, name@domain"},
    {"to", "list", 1, "addresses of the receivers"},
    {"username", "text", 0, "for SMTP AUTH"},
    {"password", "text", 0, "its password: a reference to a secret"},
    {"tls", "text", 0,
     "required (default), opportunistic, or none (default on loopback)"},
    {"ca_file", "path", 0, "certificates to trust instead of the system's"},
    {"timeout", "duration", 0, "for one try (default 10s)"},
    {NULL, NULL, 0, NULL},
};

static const struct driver_verb verbs[] = {
    {"notify.send", SETTLE_KEYED, send_notice, NULL},
    {NULL, SETTLE_PURE, NULL, NULL},
};

extern const struct driver notify_smtp;
const struct driver notify_smtp = {
    .family = "notify",
    .name = "smtp",
    .text = "mail by SMTP",
    .options = options,
    .verbs = verbs,
    .check = NULL,
    .quick = 0,
};
