#define _GNU_SOURCE
#include "notify_mail.h"
#include "../wire/utf8.h"

#include <string.h>
#include <time.h>

/* RFC 2047 section 2: an encoded word is at most 75 characters, 12 of them
   around the text, and its line, with the header's name, at most 76; RFC 2045
   section 6.7: a line of a body is at most 76. */
#define WORD_TEXT 60
#define NAME_TEXT 9 /* "Subject: " */
#define LINE_TEXT 73

int mail_is_address(const char *text)
{
    const char *at = strchr(text, '@');
    size_t size = strlen(text);
    if (!at || at == text || !at[1] || strchr(at + 1, '@') || size > 254)
        return 0;
    for (; *text; text++) {
        if (*text <= 0x20 || *text >= 0x7F || strchr("<>()[]\\,;:\"", *text))
            return 0;
    }
    return 1;
}

/* Bytes of the UTF-8 character at p; 1 where it is none. */
static size_t character(const char *p)
{
    size_t size = utf8_length(p, strnlen(p, 4));
    return size ? size : 1;
}

static int is_plain(const char *text)
{
    for (; *text; text++) {
        if (*text < 0x20 || *text > 0x7E)
            return 0;
    }
    return 1;
}

static int add_quoted(struct buf *out, const char *p, size_t size)
{
    int rc = 0;
    for (size_t i = 0; i < size && rc == 0; i++)
        rc = buf_addf(out, "=%02X", (unsigned char)p[i]);
    return rc;
}

/* RFC 2047 section 4.2 and 5(3): what stands for itself in a word. */
static int is_word_text(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
}

static int add_words(struct buf *out, const char *text)
{
    size_t used = NAME_TEXT, size;
    int rc = buf_adds(out, "=?utf-8?q?");
    for (; *text && rc == 0; text += size) {
        int self = is_word_text(*text) || *text == ' ';
        size = character(text);
        if (used + (self ? 1 : 3 * size) > WORD_TEXT) {
            rc = buf_adds(out, "?=\r\n =?utf-8?q?");
            used = 0;
        }
        used += self ? 1 : 3 * size;
        if (rc == 0 && self)
            rc = buf_addc(out, *text == ' ' ? '_' : *text);
        else if (rc == 0)
            rc = add_quoted(out, text, size);
    }
    return rc == 0 ? buf_adds(out, "?=") : rc;
}

/* A long plain text is written as words too: they fold, and a plain text
   that looks like a word ("=?") must not become one. */
static int add_subject(struct buf *out, const char *text)
{
    int rc = buf_adds(out, "Subject: ");
    if (rc == 0 && is_plain(text) && strlen(text) <= 66 && !strstr(text, "=?"))
        rc = buf_adds(out, text);
    else if (rc == 0)
        rc = add_words(out, text);
    return rc == 0 ? buf_adds(out, "\r\n") : rc;
}

static int add_to(struct buf *out, const json_t *to)
{
    int rc = 0;
    size_t i;
    json_t *one;
    json_array_foreach(to, i, one)
    {
        if (rc == 0)
            rc = buf_addf(out, "%s%s",
                          i ? ",\r\n " : "To: ", json_string_value(one));
    }
    return rc == 0 ? buf_adds(out, "\r\n") : rc;
}

/* RFC 5322 section 3.3, in UTC; names are English whatever the locale. */
static int add_date(struct buf *out, int64_t ms)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(ms / 1000);
    struct tm t;
    gmtime_r(&seconds, &t);
    return buf_addf(out, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d +0000\r\n",
                    days + 3 * t.tm_wday, t.tm_mday, months + 3 * t.tm_mon,
                    t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

static int add_line(struct buf *out, const char *text, size_t size)
{
    size_t used = 0, width;
    int rc = 0;
    for (size_t i = 0; i < size && rc == 0; i += width) {
        int last = i + 1 == size;
        int self = text[i] >= 0x20 && text[i] < 0x7F && text[i] != '=' &&
                   !(text[i] == ' ' && last);
        width = character(text + i);
        if (used + (self ? 1 : 3 * width) > LINE_TEXT) {
            rc = buf_adds(out, "=\r\n");
            used = 0;
        }
        used += self ? 1 : 3 * width;
        if (rc == 0 && self)
            rc = buf_addc(out, text[i]);
        else if (rc == 0)
            rc = add_quoted(out, text + i, width);
    }
    return rc == 0 ? buf_adds(out, "\r\n") : rc;
}

static int add_body(struct buf *out, const char *text)
{
    int rc = 0;
    while (*text && rc == 0) {
        size_t size = strcspn(text, "\n");
        rc = add_line(out, text, size);
        text += size + (text[size] == '\n');
    }
    return rc;
}

int mail_write(const struct mail *m, struct buf *out)
{
    int rc = buf_addf(out, "From: %s\r\n", m->from);
    if (rc == 0)
        rc = add_to(out, m->to);
    if (rc == 0)
        rc = add_subject(out, m->subject);
    if (rc == 0)
        rc = add_date(out, m->date);
    if (rc == 0)
        rc = buf_addf(out, "Message-ID: <%s%s>\r\n", m->key,
                      strchr(m->from, '@'));
    if (rc == 0) /* RFC 3834: no out-of-office answers */
        rc = buf_adds(out, "Auto-Submitted: auto-generated\r\n"
                           "MIME-Version: 1.0\r\n"
                           "Content-Type: text/plain; charset=utf-8\r\n"
                           "Content-Transfer-Encoding: quoted-printable\r\n"
                           "\r\n");
    return rc == 0 ? add_body(out, m->body) : rc;
}
