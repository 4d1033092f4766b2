/* Text of and for servers: what is shown of a URL, paths, forms, mails. */
#include "../../core/drivers/http_client.h"
#include "../../core/drivers/http_text.h"
#include "../../core/drivers/notify_mail.h"
#include "../../core/drivers/notify_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_show(void **state)
{
    static const struct {
        const char *url;
        int with_path;
        const char *shown;
    } cases[] = {
        {"http://a.example/x/y?z#w", 0, "http://a.example"},
        {"http://a.example/x/y?z#w", 1, "http://a.example/x/y"},
        {"https://ann:pw@a.example:8443/", 1, "https://a.example:8443"},
        {"smtp://u:p@127.0.0.1:25", 0, "smtp://127.0.0.1:25"},
        {"http://[::1]:80/x", 0, "http://[::1]:80"},
        {"", 0, "a malformed URL"},
        {"http://ann:p w@host/", 0, "a malformed URL"},
        {"http://host:port/", 0, "a malformed URL"},
        {NULL, 0, "a malformed URL"},
    };
    char out[400];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(
            http_show(cases[i].url, cases[i].with_path, out, sizeof out),
            cases[i].shown);
    assert_string_equal(http_show("http://a.example/", 0, out, 8), "http://");
}

static void test_form(void **state)
{
    struct buf b = BUF_INIT(64);
    (void)state;
    assert_int_equal(http_form(&b, "query", "a{b=\"c d\"}&x=\n\xC3\xA4"), 0);
    assert_int_equal(http_form(&b, "t", "1.5~"), 0);
    assert_string_equal(buf_text(&b),
                        "query=a%7Bb%3D%22c%20d%22%7D%26x%3D%0A%C3%A4"
                        "&t=1.5~");
    assert_int_equal(http_form(&b, "long", "0123456789012345"), RB_TOOBIG);
    buf_free(&b);
}

/* class, status, outcome of a read, outcome of a write */
static const struct {
    enum http_class class;
    long status;
    enum outcome read, write;
} outcomes[] = {
    {HTTP_OK, 200, OUTCOME_OK, OUTCOME_OK},
    {HTTP_OK, 204, OUTCOME_OK, OUTCOME_OK},
    {HTTP_OK, 301, OUTCOME_REJECTED, OUTCOME_REJECTED},
    {HTTP_OK, 400, OUTCOME_REJECTED, OUTCOME_REJECTED},
    {HTTP_OK, 401, OUTCOME_AUTH, OUTCOME_AUTH},
    {HTTP_OK, 404, OUTCOME_NOT_FOUND, OUTCOME_NOT_FOUND},
    {HTTP_OK, 409, OUTCOME_CONFLICT, OUTCOME_CONFLICT},
    {HTTP_OK, 429, OUTCOME_RETRYABLE, OUTCOME_RETRYABLE},
    {HTTP_OK, 500, OUTCOME_RETRYABLE, OUTCOME_UNKNOWN},
    {HTTP_OK, 501, OUTCOME_REJECTED, OUTCOME_REJECTED},
    {HTTP_OK, 502, OUTCOME_RETRYABLE, OUTCOME_UNKNOWN},
    {HTTP_OK, 503, OUTCOME_RETRYABLE, OUTCOME_RETRYABLE},
    {HTTP_OK, 504, OUTCOME_RETRYABLE, OUTCOME_UNKNOWN},
    {HTTP_UNREACHABLE, 0, OUTCOME_UNAVAILABLE, OUTCOME_UNAVAILABLE},
    {HTTP_UNTRUSTED, 0, OUTCOME_UNAVAILABLE, OUTCOME_UNAVAILABLE},
    {HTTP_INVALID, 0, OUTCOME_REJECTED, OUTCOME_REJECTED},
    {HTTP_TIMEOUT_BEFORE, 0, OUTCOME_TIMEOUT, OUTCOME_TIMEOUT},
    {HTTP_TIMEOUT_AFTER, 0, OUTCOME_TIMEOUT, OUTCOME_UNKNOWN},
    {HTTP_UNKNOWN, 0, OUTCOME_RETRYABLE, OUTCOME_UNKNOWN},
    {HTTP_UNKNOWN, 200, OUTCOME_RETRYABLE, OUTCOME_UNKNOWN},
    {HTTP_OVERFLOW, 200, OUTCOME_REJECTED, OUTCOME_UNKNOWN},
};

static void test_outcomes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        struct http_answer a = {0};
        a.class = outcomes[i].class;
        a.status = outcomes[i].status;
        assert_int_equal(http_outcome(&a, 0), outcomes[i].read);
        assert_int_equal(http_outcome(&a, 1), outcomes[i].write);
    }
}

static void test_paths(void **state)
{
    static const char *const good[] = {
        "/",        "/a/b", "/a//b",  "/a?x=../y", "/...",
        "/.hidden", "/a.b", "/a%20b", "/a..",      "/a?u=%2f%2e%2e"};
    static const char *const bad[] = {
        "",        "a",         "@b/",    "//\\x",     "/..",     "/../a",
        "/a/..",   "/a/../b",   "/.",     "/%2e%2E/a", "/a/.%2e", "/a b",
        "/a\r\nb", "/\xC3\xA4", "/a#b",   "/%2E",      "/a%2Fb",  "/..%5c",
        "/./a",    "/a/..?x",   "/a\x7f", ".",         "?x",      "http://x"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(http_is_path(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(http_is_path(bad[i]));
}

static void check_text(const char *bytes, size_t size, size_t max,
                       const char *wanted)
{
    struct buf b = BUF_INIT(100);
    json_t *text;
    assert_int_equal(buf_add(&b, bytes, size), 0);
    text = http_text(&b, max);
    assert_non_null(text);
    assert_string_equal(json_string_value(text), wanted);
    json_decref(text);
    buf_free(&b);
}

static void test_text(void **state)
{
    (void)state;
    check_text("", 0, 10, "");
    check_text("abc", 3, 2, "ab");
    check_text("a\0b", 3, 10,
               "a\xEF\xBF\xBD"
               "b");
    check_text("\xFFx", 2, 10, "\xEF\xBF\xBDx");
    check_text("a\xC3\xA4", 3, 2, "a");
    check_text("a\xC3", 2, 2, "a\xEF\xBF\xBD");
}

static void test_notice(void **state)
{
    struct buf b = BUF_INIT(100);
    (void)state;
    assert_int_equal(notify_plain(&b, "a\x1b[0m\xC2\x9b\n\tb\x7f", 50), 0);
    assert_string_equal(buf_text(&b), "a[0m\n\tb");
    buf_clear(&b);
    assert_int_equal(
        notify_line(&b, "a\r\nb\xE2\x80\xAE\xEF\xBB\xBF\xE2\x81\xA6", 50), 0);
    assert_string_equal(buf_text(&b), "a b");
    buf_clear(&b);
    assert_int_equal(notify_plain(&b,
                                  "a\xE2\x80\xA8\xD8\x9C"
                                  "b\xE2\x80\x8B",
                                  50),
                     0);
    assert_string_equal(buf_text(&b), "ab");
    buf_clear(&b);
    assert_int_equal(notify_line(&b, "\xC3\xA4\xC3\xA4", 3), 0);
    assert_string_equal(buf_text(&b), "\xC3\xA4...");
    buf_clear(&b);
    assert_int_equal(notify_line(&b, "\xE2\x9C\x93", 3), 0);
    assert_string_equal(buf_text(&b), "\xE2\x9C\x93");
    buf_free(&b);
}

static void test_addresses(void **state)
{
    static const char *const bad[] = {"",       "a",       "@b",      "a@",
                                      "a@b@c",  "a b@c",   "a@b\n",   "<a@b>",
                                      "a,b@c",  "\"a\"@b", "a@b\r\n", "a;@b",
                                      "a@\xC3", "a(x)@b",  "a@[::1]"};
    (void)state;
    assert_true(mail_is_address("first.last+tag@mail.example.org"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(mail_is_address(bad[i]));
}

static void test_mail(void **state)
{
    static const char wanted[] =
        "From: a@b.example\r\n"
        "To: c@d.example,\r\n e@f.example\r\n"
        "Subject: =?utf-8?q?=C3=9C_=3D_x?=\r\n"
        "Date: Thu, 01 Jan 1970 00:00:01 +0000\r\n"
        "Message-ID: <k@b.example>\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n"
        "\r\n"
        "=C3=A4=3D1=20\r\n"
        "\r\n"
        ".\r\n";
    struct buf out = BUF_INIT(4096), small = BUF_INIT(200);
    json_t *to = json_pack("[s, s]", "c@d.example", "e@f.example");
    struct mail m = {"a@b.example",      to,  "\xC3\x9C = x",
                     "\xC3\xA4=1 \n\n.", "k", 1000};
    (void)state;
    assert_int_equal(mail_write(&m, &out), 0);
    assert_string_equal(buf_text(&out), wanted);
    assert_int_equal(mail_write(&m, &small), RB_TOOBIG);
    buf_free(&out);
    buf_free(&small);
    json_decref(to);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_show),      cmocka_unit_test(test_form),
        cmocka_unit_test(test_outcomes),  cmocka_unit_test(test_paths),
        cmocka_unit_test(test_text),      cmocka_unit_test(test_notice),
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_mail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
