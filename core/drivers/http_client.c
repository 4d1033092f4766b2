#define _GNU_SOURCE
#include "http_client.h"
#include "../wire/heap.h"

#include <curl/curl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TIMEOUT 30000
#define DEFAULT_BODY (1u << 20)
#define ERROR_BODY (64u << 10)
#define CONNECT_TIMEOUT 10000

/* What the callbacks of one request share. */
struct exchange {
    const struct http_request *q;
    struct http_answer *a;
    CURL *curl;
    int overflow;
    int stopped;
};

static const struct {
    long status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
};

const char *http_reason(long status)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return "";
}

/* One part, NULL where the address has none. */
static char *url_part(CURLU *u, CURLUPart what)
{
    char *part = NULL;
    if (curl_url_get(u, what, &part, 0) == CURLUE_OUT_OF_MEMORY)
        heap_end();
    return part;
}

static void show_parts(CURLU *u, int with_path, char *out, size_t size)
{
    char *scheme = url_part(u, CURLUPART_SCHEME);
    char *host = url_part(u, CURLUPART_HOST);
    char *port = url_part(u, CURLUPART_PORT);
    char *path = with_path ? url_part(u, CURLUPART_PATH) : NULL;
    snprintf(out, size, "%s://%s%s%s%s", scheme ? scheme : "?",
             host ? host : "?", port ? ":" : "", port ? port : "",
             path && strcmp(path, "/") != 0 ? path : "");
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);
}

const char *http_show(const char *url, int with_path, char *out, size_t size)
{
    CURLU *u = curl_url();
    CURLUcode rc = !u ? CURLUE_OUT_OF_MEMORY : CURLUE_MALFORMED_INPUT;
    if (u && url)
        rc = curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
    if (rc == CURLUE_OUT_OF_MEMORY) /* which says nothing of the address */
        heap_end();
    if (rc == CURLUE_OK)
        show_parts(u, with_path, out, size);
    else
        snprintf(out, size, "a malformed URL");
    curl_url_cleanup(u);
    return out;
}

int http_escape(struct buf *b, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789-._~";
    int rc = 0;
    for (; *text && rc == 0; text++) {
        if (strchr(plain, *text))
            rc = buf_addc(b, *text);
        else
            rc = buf_addf(b, "%%%02X", (unsigned char)*text);
    }
    return rc;
}

int http_form(struct buf *b, const char *name, const char *value)
{
    int rc = b->size > 0 ? buf_addc(b, '&') : 0;
    if (rc == 0)
        rc = http_escape(b, name);
    if (rc == 0)
        rc = buf_addc(b, '=');
    return rc == 0 ? http_escape(b, value) : rc;
}

static int is_success(CURL *curl)
{
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300;
}

static size_t on_body(char *bytes, size_t one, size_t count, void *context)
{
    struct exchange *x = context;
    struct buf *body = &x->a->body;
    size_t size = one * count, room = body->max - body->size;
    int good = is_success(x->curl);
    if (good && x->q->sink) {
        x->stopped = x->q->sink(x->q->context, bytes, size) != 0;
        return x->stopped ? 0 : size;
    }
    if (size > room && good && !x->q->cut) {
        x->overflow = 1;
        return 0;
    }
    x->a->truncated |= size > room;
    if (buf_add(body, bytes, size < room ? size : room) != 0)
        return 0;
    return size;
}

static struct curl_slist *header_list(const struct http_request *q)
{
    /* No "Expect: 100-continue": it costs a second against servers that do
       not know it. No default content type: the caller knows. */
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    for (const char *const *h = q->headers; list && h && *h; h++) {
        struct curl_slist *longer = NULL;
        if (!strpbrk(*h, "\r\n"))
            longer = curl_slist_append(list, *h);
        if (!longer)
            curl_slist_free_all(list);
        list = longer;
    }
    return list;
}

static void set_limits(CURL *curl, const struct http_request *q)
{
    int64_t ms = q->timeout > 0 ? q->timeout : DEFAULT_TIMEOUT;
    long total = ms < LONG_MAX ? (long)ms : LONG_MAX;
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, total);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     total < CONNECT_TIMEOUT ? total : (long)CONNECT_TIMEOUT);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_PROXY, q->proxy ? q->proxy : "");
}

static void set_credentials(CURL *curl, const struct http_request *q)
{
    if (q->token) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, q->token);
    } else if (q->username) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERNAME, q->username);
        curl_easy_setopt(curl, CURLOPT_PASSWORD,
                         q->password ? q->password : "");
    }
    if (q->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, q->ca_file);
    if (q->unix_socket)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, q->unix_socket);
}

static void set_request(struct exchange *x, struct curl_slist *headers)
{
    const struct http_request *q = x->q;
    curl_easy_setopt(x->curl, CURLOPT_URL, q->url);
    curl_easy_setopt(x->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(x->curl, CURLOPT_USERAGENT, "rbrun/" RBRUN_VERSION);
    curl_easy_setopt(x->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(x->curl, CURLOPT_WRITEDATA, x);
    if (q->body) {
        curl_easy_setopt(x->curl, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)q->body_size);
        curl_easy_setopt(x->curl, CURLOPT_POSTFIELDS, q->body);
    }
    if (q->method && strcmp(q->method, "HEAD") == 0)
        curl_easy_setopt(x->curl, CURLOPT_NOBODY, 1L);
    else if (q->method)
        curl_easy_setopt(x->curl, CURLOPT_CUSTOMREQUEST, q->method);
}

/* Whether a byte of the request may have reached the server. */
static int has_left(CURL *curl)
{
    long sent = 0;
    curl_off_t before_transfer = 0;
    curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &sent);
    curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &before_transfer);
    return sent > 0 || before_transfer > 0;
}

static enum http_class classify(const struct exchange *x, CURLcode code)
{
    int left = has_left(x->curl);
    if (x->stopped)
        return HTTP_STOPPED;
    if (x->overflow)
        return HTTP_OVERFLOW;
    switch (code) {
    case CURLE_OK:
        return HTTP_OK;
    case CURLE_OPERATION_TIMEDOUT:
        return left ? HTTP_TIMEOUT_AFTER : HTTP_TIMEOUT_BEFORE;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_FUNCTION_ARGUMENT:
        return HTTP_INVALID;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
        return left ? HTTP_UNKNOWN : HTTP_UNTRUSTED;
    default:
        return left ? HTTP_UNKNOWN : HTTP_UNREACHABLE;
    }
}

static void read_answer(struct exchange *x)
{
    struct http_answer *a = x->a;
    char *type = NULL, *location = NULL;
    curl_off_t took = 0, retry = 0;
    curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &a->status);
    curl_easy_getinfo(x->curl, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(x->curl, CURLINFO_REDIRECT_URL, &location);
    curl_easy_getinfo(x->curl, CURLINFO_TOTAL_TIME_T, &took);
    snprintf(a->type, sizeof a->type, "%s", type ? type : "");
    if (location)
        http_show(location, 0, a->location, sizeof a->location);
    curl_easy_getinfo(x->curl, CURLINFO_RETRY_AFTER, &retry);
    a->took = took / 1000;
    a->retry_after = retry > 0 && retry < 86400 ? retry * 1000 : 0;
}

static int fail(struct exchange *x, CURLcode code, const char *detail,
                struct error *err)
{
    char where[400], took[32];
    const char *cause = *detail ? detail : curl_easy_strerror(code);
    http_show(x->q->url, x->q->show_path, where, sizeof where);
    duration_format(x->a->took, took, sizeof took);
    switch (x->a->class) {
    case HTTP_INVALID:
        /* curl's detail would quote the URL. */
        return error_set(err, RB_INVALID, "%s: %s", where,
                         curl_easy_strerror(code));
    case HTTP_TIMEOUT_BEFORE:
        return error_set(err, RB_BUSY, "%s: no connection within %s", where,
                         took);
    case HTTP_TIMEOUT_AFTER:
        return error_set(err, RB_BUSY, "%s: no whole answer within %s", where,
                         took);
    case HTTP_OVERFLOW:
        return error_set(err, RB_TOOBIG,
                         "%s: the answer is larger than %zu bytes", where,
                         x->a->body.max);
    case HTTP_STOPPED:
        return error_set(err, RB_INVALID, "%s: the answer was refused", where);
    default:
        return error_set(err, RB_CLOSED, "%s: %s", where, cause);
    }
}

static int perform(struct exchange *x, struct error *err)
{
    char detail[CURL_ERROR_SIZE] = "";
    CURLcode code;
    struct curl_slist *headers = header_list(x->q);
    if (!headers)
        return error_set(err, RB_INVALID,
                         "a header of the request holds a line break, or "
                         "memory is used up");
    set_limits(x->curl, x->q);
    set_credentials(x->curl, x->q);
    set_request(x, headers);
    curl_easy_setopt(x->curl, CURLOPT_ERRORBUFFER, detail);
    code = curl_easy_perform(x->curl);
    x->a->class = classify(x, code);
    read_answer(x);
    curl_slist_free_all(headers);
    return x->a->class == HTTP_OK ? 0 : fail(x, code, detail, err);
}

int http_request(const struct http_request *q, struct http_answer *a,
                 struct error *err)
{
    struct exchange x = {q, a, curl_easy_init(), 0, 0};
    int rc;
    memset(a, 0, sizeof *a);
    a->class = HTTP_INVALID;
    a->body.max = q->max_body ? q->max_body : DEFAULT_BODY;
    if (q->sink && a->body.max > ERROR_BODY)
        a->body.max = ERROR_BODY;
    if (!x.curl)
        return error_set(err, RB_NOMEM, "libcurl could not start: no memory");
    rc = perform(&x, err);
    curl_easy_cleanup(x.curl);
    return rc;
}

static enum outcome status_outcome(long status, int write)
{
    if (status >= 200 && status < 300)
        return OUTCOME_OK;
    switch (status) {
    case 401:
    case 403:
    case 407:
        return OUTCOME_AUTH;
    case 404:
    case 410:
        return OUTCOME_NOT_FOUND;
    case 409:
    case 412:
        return OUTCOME_CONFLICT;
    case 408:
    case 425:
    case 429:
    case 503:
        return OUTCOME_RETRYABLE;
    default:
        break;
    }
    if (status >= 500 && status != 501 && status != 505)
        return write ? OUTCOME_UNKNOWN : OUTCOME_RETRYABLE;
    return OUTCOME_REJECTED;
}

enum outcome http_outcome(const struct http_answer *a, int write)
{
    switch (a->class) {
    case HTTP_OK:
        return status_outcome(a->status, write);
    case HTTP_UNREACHABLE:
    case HTTP_UNTRUSTED:
        return OUTCOME_UNAVAILABLE;
    case HTTP_TIMEOUT_BEFORE:
        return OUTCOME_TIMEOUT;
    case HTTP_TIMEOUT_AFTER:
        return write ? OUTCOME_UNKNOWN : OUTCOME_TIMEOUT;
    case HTTP_UNKNOWN:
        return write ? OUTCOME_UNKNOWN : OUTCOME_RETRYABLE;
    case HTTP_INVALID:
        return OUTCOME_REJECTED;
    case HTTP_OVERFLOW:
    case HTTP_STOPPED:
        break;
    }
    /* The answer came; only its body was of no use. */
    return write ? OUTCOME_UNKNOWN : OUTCOME_REJECTED;
}
