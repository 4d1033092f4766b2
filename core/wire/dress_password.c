/* The passwords inside connection strings: whoever hides an address has to
   hide them too, since a program may print one without the other. */
#define _GNU_SOURCE
#include "buf.h"
#include "dress.h"

#include <ctype.h>
#include <string.h>

struct finding {
    int (*each)(void *data, const char *text, size_t size);
    void *data;
};

static int give(const struct finding *f, struct buf *plain, int rc)
{
    if (!rc && plain->size)
        rc = f->each(f->data, buf_text(plain), plain->size);
    if (plain->size)
        explicit_bzero(plain->data, plain->size);
    buf_free(plain);
    return rc;
}

static int hex(char c)
{
    if (!isxdigit((unsigned char)c))
        return -1;
    return isdigit((unsigned char)c) ? c - '0' : (c | 32) - 'a' + 10;
}

/* "p%40ss" is p@ss to whoever is given the address. */
static int encoded(const struct finding *f, const char *text, size_t size)
{
    struct buf plain = BUF_INIT(DRESS_MAX);
    int rc = size ? f->each(f->data, text, size) : 0;
    for (size_t i = 0; !rc && i < size; i++) {
        int high = text[i] == '%' && i + 2 < size ? hex(text[i + 1]) : -1;
        int low = high >= 0 ? hex(text[i + 2]) : -1;
        rc = buf_addc(&plain, (char)(low >= 0 ? high << 4 | low : text[i]));
        i += low >= 0 ? 2 : 0;
    }
    return give(f, &plain, rc);
}

/* Keywords and values: as it is, or between quotes, with backslashes. */
static int quoted(const struct finding *f, const char *at)
{
    struct buf plain = BUF_INIT(DRESS_MAX);
    const char *end = *at == '\'' ? "'" : " \t\r\n";
    int rc = 0;
    for (at += *at == '\''; !rc && *at && !strchr(end, *at); at++) {
        if (*at == '\\' && at[1])
            at++;
        rc = buf_addc(&plain, *at);
    }
    return give(f, &plain, rc);
}

/* scheme://user:PASSWORD@ */
static int before_host(const struct finding *f, const char *at)
{
    const char *end = at + strcspn(at, "@/?#");
    const char *colon = memchr(at, ':', (size_t)(end - at));
    if (*end != '@' || !colon)
        return 0;
    return encoded(f, colon + 1, (size_t)(end - colon - 1));
}

int dress_passwords(const char *value,
                    int (*each)(void *data, const char *text, size_t size),
                    void *data)
{
    const struct finding f = {each, data};
    const char *address = strstr(value, "://"), *at = value;
    int rc = address ? before_host(&f, address + 3) : 0;
    while (!rc && (at = strstr(at, "password")) != NULL) {
        at += strlen("password");
        at += strspn(at, " \t");
        if (*at == '=' && address)
            rc = encoded(&f, at + 1, strcspn(at + 1, "&#"));
        else if (*at == '=')
            rc = quoted(&f, at + 1 + strspn(at + 1, " \t"));
    }
    return rc;
}
