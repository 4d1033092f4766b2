#include "git_text.h"

#include "../wire/buf.h"

#include <string.h>

/* Bytes of the UTF-8 sequence at the front of text, 0 when there is none.
   jansson is asked, so that both agree on what UTF-8 is. */
static size_t sequence(const char *text, size_t size)
{
    unsigned char c = (unsigned char)text[0];
    size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    json_t *probe;
    if (n == 1 || n > size)
        return n == 1;
    probe = json_stringn(text, n);
    json_decref(probe);
    return probe ? n : 0;
}

static json_t *repaired(const char *text, size_t size)
{
    struct buf b = BUF_INIT(size * 3);
    json_t *value = NULL;
    int rc = 0;
    for (size_t i = 0; !rc && i < size;) {
        size_t n = sequence(text + i, size - i);
        rc = n ? buf_add(&b, text + i, n) : buf_adds(&b, "\xef\xbf\xbd");
        i += n ? n : 1;
    }
    if (!rc)
        value = json_stringn(buf_text(&b), b.size);
    buf_free(&b);
    return value;
}

json_t *git_text_json(const char *text, size_t size, size_t max)
{
    json_t *value;
    if (size > max) {
        size = max;
        while (size && ((unsigned char)text[size] & 0xc0) == 0x80)
            size--;
    }
    value = json_stringn(text, size);
    return value ? value : repaired(text, size);
}

json_t *git_text_content(const void *bytes, size_t size)
{
    if (size && memchr(bytes, '\0', size))
        return NULL;
    return json_stringn(size ? bytes : "", size);
}
