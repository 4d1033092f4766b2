/*
 * One mail. Whatever subject and body are, the header has the lines it
 * should have and no other, no line is longer than RFC 5322 and 2047 allow,
 * and a mail program that undoes the encodings sees just the words given.
 * Input: subject, sender, body.
 */
#include "fuzz.h"
#include "../../core/drivers/notify_mail.h"
#include "../../core/wire/value.h"

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* "=41" at p: the byte, or -1. */
static int quoted(const char *p)
{
    int high = *p == '=' ? hex(p[1]) : -1;
    return high < 0 || hex(p[2]) < 0 ? -1 : high << 4 | hex(p[2]);
}

/* RFC 2047, the part of it that a Q-encoded subject needs. Returns what is
   behind the subject's last line. */
static const char *read_subject(const char *p, char *out)
{
    static const char word[] = "=?utf-8?q?";
    int words = strncmp(p, word, sizeof word - 1) == 0;
    while (strncmp(p, "\r\n", 2) != 0 || p[2] == ' ') {
        CHECK(*p);
        if (!words) {
            *out++ = *p++;
            continue;
        }
        if (*p == '\r')
            p += 3; /* between two words: not shown */
        CHECK(strncmp(p, word, sizeof word - 1) == 0);
        for (p += sizeof word - 1; strncmp(p, "?=", 2) != 0;) {
            int byte = *p == '_' ? ' ' : *p == '=' ? quoted(p) : *p;
            CHECK(*p && *p != '\r' && byte >= 0);
            p += *p == '=' ? 3 : 1;
            *out++ = (char)byte;
        }
        p += 2;
    }
    *out = '\0';
    return p + 2;
}

/* RFC 2045, section 6.7. */
static void read_body(const char *p, char *out)
{
    while (*p) {
        int byte = quoted(p);
        if (strncmp(p, "=\r\n", 3) == 0) {
            p += 3;
        } else if (strncmp(p, "\r\n", 2) == 0) {
            *out++ = '\n';
            p += 2;
        } else if (*p == '=') {
            CHECK(byte >= 0);
            *out++ = (char)byte;
            p += 3;
        } else {
            *out++ = *p++;
        }
    }
    *out = '\0';
}

static void lines_are_short_and_plain(const char *p)
{
    while (*p) {
        size_t n = strcspn(p, "\r\n");
        CHECK(n <= 76 || strncmp(p, "From: ", 6) == 0 ||
              strncmp(p, "To: ", 4) == 0 ||
              strncmp(p, "Message-ID: ", 12) == 0);
        CHECK(n <= 998);
        CHECK(strncmp(p + n, "\r\n", 2) == 0);
        for (size_t i = 0; i < n; i++)
            CHECK(p[i] >= 0x20 && p[i] < 0x7f);
        CHECK(n == 0 || p[n - 1] != ' ' || strncmp(p, "Subject: ", 9) == 0);
        p += n + 2;
    }
}

/* Takes the line NAME: ANYTHING, with its folded ones, off the front. */
static const char *header(const char *p, const char *name)
{
    CHECK(strncmp(p, name, strlen(name)) == 0);
    p = strstr(p, "\r\n");
    CHECK(p && p[2] != ' ');
    return p + 2;
}

static void read_mail(const char *p, const struct mail *m, char *room)
{
    static const char *const rest[] = {
        "Date: ",         "Message-ID: <",  "Auto-Submitted: auto-generated\r",
        "MIME-Version: ", "Content-Type: ", "Content-Transfer-Encoding: "};
    size_t n = strlen(m->body);
    p = header(p, "From: ");
    p = header(p, "To: ");
    CHECK(strncmp(p, "Subject: ", 9) == 0);
    p = read_subject(p + 9, room);
    CHECK(strcmp(room, m->subject) == 0);
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        p = header(p, rest[i]);
    CHECK(strncmp(p, "\r\n", 2) == 0);
    read_body(p + 2, room);
    CHECK(strncmp(room, m->body, n) == 0);
    /* A last line without its end gets one. */
    CHECK(strcmp(room + n, n && m->body[n - 1] != '\n' ? "\n" : "") == 0);
}

static void address(const char *text)
{
    if (!mail_is_address(text))
        return;
    CHECK(strlen(text) <= 254 && strchr(text, '@') > text);
    CHECK(strchr(text, '@') == strrchr(text, '@'));
    for (; *text; text++)
        CHECK(*text > 0x20 && *text < 0x7f && !strchr("<>()[]\\,;:\"", *text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    char *subject = input_text(&in, '\0'), *from = input_text(&in, '\0');
    char *body = input_text(&in, '\0');
    json_t *to = json_pack("[s]", "ops@example.org");
    struct buf out = BUF_INIT(1u << 22);
    char *room = malloc(size + 2);
    struct mail m = {"rbrun@example.org", to, subject, body, "key", 0};
    address(from);
    if (mail_is_address(from))
        m.from = from;
    CHECK(room && mail_write(&m, &out) == 0);
    lines_are_short_and_plain(out.data);
    read_mail(out.data, &m, room);
    buf_free(&out);
    json_decref(to);
    free(room);
    free(subject);
    free(from);
    free(body);
    return 0;
}
