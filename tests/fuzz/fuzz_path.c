/*
 * http_is_path: a path that is accepted, put behind a bound address, stays
 * on that host and below that path in whatever way a server decodes it.
 * http_text: any bytes become a text, at most as long as asked for.
 */
#include "fuzz.h"
#include "../../core/drivers/http_text.h"
#include "../../core/wire/utf8.h"

static int hex(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c ? strchr(digits, c | 0x20) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Percent-decoded up to the query. */
static void decode(const char *path, char *out)
{
    while (*path && *path != '?') {
        int high = *path == '%' ? hex(path[1]) : -1;
        int low = high >= 0 ? hex(path[2]) : -1;
        *out++ = low >= 0 ? (char)(high << 4 | low) : *path;
        path += low >= 0 ? 3 : 1;
    }
    *out = '\0';
}

static void stays_below(const char *path)
{
    char *plain = malloc(strlen(path) + 1), *rest = NULL;
    size_t slashes = 0, decoded = 0;
    CHECK(plain);
    decode(path, plain);
    for (const char *p = path; *p && *p != '?'; p++)
        slashes += *p == '/';
    for (const char *p = plain; *p; p++)
        decoded += *p == '/' || *p == '\\';
    CHECK(slashes == decoded);
    for (char *s = strtok_r(plain, "/", &rest); s;
         s = strtok_r(NULL, "/", &rest))
        CHECK(strcmp(s, ".") != 0 && strcmp(s, "..") != 0);
    free(plain);
}

static void path(const char *text)
{
    if (!http_is_path(text))
        return;
    CHECK(text[0] == '/');
    for (const char *p = text; *p; p++)
        CHECK(*p > 0x20 && *p < 0x7f && *p != '\\' && *p != '#');
    if (!strstr(text, "%00"))
        stays_below(text);
}

static void any_text(char *bytes, size_t size, size_t max)
{
    const struct buf b = {size ? bytes : NULL, size, size + 1, size};
    json_t *text = http_text(&b, max);
    CHECK(text && json_string_length(text) <= 3 * max);
    CHECK(strlen(json_string_value(text)) == json_string_length(text));
    json_decref(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    size_t max = input_byte(&in), left = in.left;
    char *text = input_bytes(&in, left);
    path(text);
    any_text(text, left, max);
    free(text);
    return 0;
}
