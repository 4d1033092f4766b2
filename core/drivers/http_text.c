#define _GNU_SOURCE
#include "http_text.h"
#include "../wire/utf8.h"

#include <string.h>
#include <strings.h>

json_t *http_text(const struct buf *bytes, size_t max)
{
    struct buf out = BUF_INIT(3 * max);
    size_t left = bytes->size < max ? bytes->size : max;
    const char *p = buf_text(bytes);
    json_t *text = NULL;
    int rc = 0;
    while (left > 0 && rc == 0) {
        size_t size = utf8_length(p, left);
        if (!size && utf8_length(p, bytes->size - (size_t)(p - bytes->data)))
            break;
        if (size && *p)
            rc = buf_add(&out, p, size);
        else
            rc = buf_adds(&out, "\xEF\xBF\xBD");
        size += !size;
        p += size;
        left -= size;
    }
    if (rc == 0)
        text = json_stringn(buf_text(&out), out.size);
    buf_free(&out);
    return text;
}

/* Bytes of a dot at p, in clear or percent-encoded; 0 for anything else. */
static size_t dot(const char *p)
{
    if (*p == '.')
        return 1;
    return strncasecmp(p, "%2e", 3) == 0 ? 3 : 0;
}

/* "." or ".." up to the next slash, query or end. */
static int leads_up(const char *segment)
{
    size_t n = dot(segment);
    if (n)
        n += dot(segment + n);
    return n && strchr("/?", segment[n]) != NULL;
}

int http_is_path(const char *path)
{
    size_t query = strcspn(path, "?");
    if (*path != '/')
        return 0;
    for (size_t i = 0; path[i]; i++) {
        if (path[i] <= 0x20 || path[i] >= 0x7F || strchr("\\#", path[i]))
            return 0;
        if (i < query && (strncasecmp(path + i, "%2f", 3) == 0 ||
                          strncasecmp(path + i, "%5c", 3) == 0))
            return 0;
        if (i < query && path[i] == '/' && leads_up(path + i + 1))
            return 0;
    }
    return 1;
}
