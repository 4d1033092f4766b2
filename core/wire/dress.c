#define _GNU_SOURCE
#include "dress.h"
#include "buf.h"
#include "error.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

typedef int each_fn(void *data, const char *text, size_t size);

static int json_forms(const char *value, size_t size, each_fn *each, void *data)
{
    static const size_t habits[] = {0, JSON_ENSURE_ASCII, JSON_ESCAPE_SLASH,
                                    JSON_ENSURE_ASCII | JSON_ESCAPE_SLASH};
    json_t *text = json_stringn(value, size);
    int rc = 0;
    for (size_t i = 0; text && !rc && i < sizeof habits / sizeof *habits; i++) {
        char *json = json_dumps(text, JSON_ENCODE_ANY | habits[i]);
        size_t length = json ? strlen(json) : 0;
        rc = json ? each(data, json + 1, length - 2) : RB_NOMEM;
        if (json)
            explicit_bzero(json, length);
        free(json);
    }
    json_decref(text);
    return rc;
}

static int encode(const char *value, size_t size, const char *digits,
                  struct buf *out)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < size; i++) {
        unsigned char c = (unsigned char)value[i];
        if (c < 0x80 && (isalnum(c) || (c && strchr("-_.~", c)))) {
            rc = buf_addc(out, (char)c);
        } else {
            rc = buf_addc(out, '%');
            rc = rc ? rc : buf_addc(out, digits[c >> 4]);
            rc = rc ? rc : buf_addc(out, digits[c & 15]);
        }
    }
    return rc;
}

static int address_forms(const char *value, size_t size, each_fn *each,
                         void *data)
{
    static const char *const digits[] = {"0123456789ABCDEF",
                                         "0123456789abcdef"};
    int rc = 0;
    for (size_t i = 0; !rc && i < 2; i++) {
        struct buf out = BUF_INIT(3 * DRESS_MAX + 1);
        rc = encode(value, size, digits[i], &out);
        if (!rc)
            rc = each(data, buf_text(&out), out.size);
        if (out.data)
            explicit_bzero(out.data, out.size);
        buf_free(&out);
    }
    return rc;
}

int dress_each(const char *value, size_t size, each_fn *each, void *data)
{
    int rc = size > DRESS_MAX ? RB_TOOBIG : each(data, value, size);
    if (!rc)
        rc = json_forms(value, size, each, data);
    return rc ? rc : address_forms(value, size, each, data);
}
