#include "value.h"
#include "heap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEW_MEMBERS 16

static int encode(const json_t *value, struct buf *out, int depth);

static int stands_for_itself(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

static int encode_escape(unsigned char c, struct buf *out)
{
    static const char hex[] = "0123456789abcdef";
    const char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    const char *brief = c == '"'    ? "\\\""
                        : c == '\\' ? "\\\\"
                        : c == '\n' ? "\\n"
                        : c == '\r' ? "\\r"
                        : c == '\t' ? "\\t"
                                    : NULL;
    return brief ? buf_add(out, brief, 2) : buf_add(out, escape, 6);
}

/* RFC 8259 section 7; other bytes stand for themselves. */
static int encode_text(const char *text, size_t size, struct buf *out)
{
    size_t start = 0, i = 0;
    int rc = buf_addc(out, '"');
    while (!rc) {
        while (i < size && stands_for_itself((unsigned char)text[i]))
            i++;
        rc = buf_add(out, text + start, i - start);
        if (i == size || rc)
            break;
        rc = encode_escape((unsigned char)text[i], out);
        start = ++i;
    }
    return rc ? rc : buf_addc(out, '"');
}

/* snprintf would take longer than all the rest of a small document. */
static int encode_integer(json_int_t integer, struct buf *out)
{
    char text[24], *at = text + sizeof text;
    uint64_t left = integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer;
    do
        *--at = (char)('0' + left % 10);
    while (left /= 10);
    if (integer < 0)
        *--at = '-';
    return buf_add(out, at, (size_t)(text + sizeof text - at));
}

/* The fewest digits that read back as the same double; always with a '.',
   so that a real never reads back as an integer. */
static int encode_real(double real, struct buf *out)
{
    char text[40];
    if (!isfinite(real))
        return RB_INVALID;
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, real);
        if (strtod(text, NULL) == real)
            break;
    }
    if (!strpbrk(text, ".e"))
        strcat(text, ".0");
    return buf_adds(out, text);
}

struct member {
    const char *key;
    const json_t *value;
};

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->key,
                  ((const struct member *)b)->key);
}

/* Most objects have a few members: to insert beats qsort there. */
static void sort_members(struct member *list, size_t count)
{
    if (count > FEW_MEMBERS) {
        qsort(list, count, sizeof *list, compare_keys);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct member m = list[i];
        size_t at = i;
        for (; at && strcmp(list[at - 1].key, m.key) > 0; at--)
            list[at] = list[at - 1];
        list[at] = m;
    }
}

static int encode_member(const struct member *m, int first, struct buf *out,
                         int depth)
{
    int rc = first ? 0 : buf_addc(out, ',');
    if (!rc)
        rc = encode_text(m->key, strlen(m->key), out);
    if (!rc)
        rc = buf_addc(out, ':');
    return rc ? rc : encode(m->value, out, depth + 1);
}

static int encode_object(const json_t *object, struct buf *out, int depth)
{
    struct member few[FEW_MEMBERS], *list = few;
    size_t count = json_object_size(object), i = 0;
    const char *key;
    json_t *value;
    int rc = buf_addc(out, '{');
    if (count > FEW_MEMBERS)
        list = heap_get(count * sizeof *list);
    json_object_foreach((json_t *)object, key, value)
    {
        list[i++] = (struct member){key, value};
    }
    sort_members(list, count);
    for (i = 0; !rc && i < count; i++)
        rc = encode_member(&list[i], i == 0, out, depth);
    if (list != few)
        free(list);
    return rc ? rc : buf_addc(out, '}');
}

static int encode_array(const json_t *array, struct buf *out, int depth)
{
    int rc = buf_addc(out, '[');
    for (size_t i = 0; !rc && i < json_array_size(array); i++) {
        if (i)
            rc = buf_addc(out, ',');
        if (!rc)
            rc = encode(json_array_get(array, i), out, depth + 1);
    }
    return rc ? rc : buf_addc(out, ']');
}

static int encode(const json_t *value, struct buf *out, int depth)
{
    if (!value || depth > VALUE_MAX_DEPTH)
        return RB_INVALID;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return encode_object(value, out, depth);
    case JSON_ARRAY:
        return encode_array(value, out, depth);
    case JSON_STRING:
        return encode_text(json_string_value(value), json_string_length(value),
                           out);
    case JSON_INTEGER:
        return encode_integer(json_integer_value(value), out);
    case JSON_REAL:
        return encode_real(json_real_value(value), out);
    case JSON_TRUE:
        return buf_adds(out, "true");
    case JSON_FALSE:
        return buf_adds(out, "false");
    case JSON_NULL:
        return buf_adds(out, "null");
    }
    return RB_INVALID;
}

int value_encode(const json_t *value, struct buf *out)
{
    size_t before = out->size;
    int rc = encode(value, out, 0);
    if (rc && out->data) {
        out->size = before;
        out->data[before] = '\0';
    }
    return rc;
}

/* jansson's own limit is 2048 levels; ours must hold before it recurses. */
static int too_deep(const char *text, size_t size)
{
    int depth = 0, quoted = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = 0;
        } else if (c == '"') {
            quoted = 1;
        } else if (c == '{' || c == '[') {
            if (++depth > VALUE_MAX_DEPTH)
                return 1;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return 0;
}

int value_decode(const char *text, size_t size, json_t **out, struct error *err)
{
    json_error_t json;
    json_t *value;
    if (too_deep(text, size))
        return error_set(err, RB_INVALID, "more than %d levels of nesting",
                         VALUE_MAX_DEPTH);
    value = json_loadb(
        text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL,
        &json);
    if (!value)
        return error_set(err, RB_INVALID, "not JSON: %s at byte %d", json.text,
                         json.position);
    *out = value;
    return 0;
}

int value_decode_canonical(const char *text, size_t size, json_t **out,
                           struct error *err)
{
    struct buf again = BUF_INIT(size);
    json_t *value = NULL;
    int rc = value_decode(text, size, &value, err);
    if (rc)
        return rc;
    rc = value_encode(value, &again);
    if (rc || again.size != size || memcmp(again.data, text, size) != 0) {
        rc = error_set(err, RB_INVALID, "not canonical JSON");
        json_decref(value);
    } else {
        *out = value;
    }
    buf_free(&again);
    return rc;
}

int value_equal(const json_t *a, const json_t *b)
{
    /* json_equal takes -0.0 for 0.0. */
    struct buf at = BUF_INIT(8 * VALUE_MAX_BYTES);
    struct buf bt = BUF_INIT(8 * VALUE_MAX_BYTES);
    int same = value_encode(a, &at) == 0 && value_encode(b, &bt) == 0 &&
               at.size == bt.size && memcmp(at.data, bt.data, at.size) == 0;
    buf_free(&at);
    buf_free(&bt);
    return same;
}

const char *value_text(const json_t *object, const char *key,
                       const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : otherwise;
}

int value_whole(const json_t *value, int64_t *out)
{
    const double most = 9007199254740992.0; /* 2^53: all below are exact */
    double real = json_is_real(value) ? json_real_value(value) : 0.5;
    if (json_is_integer(value))
        *out = (int64_t)json_integer_value(value);
    else if (real >= -most && real <= most && real == trunc(real))
        *out = (int64_t)real;
    else
        return 0;
    return 1;
}

int64_t value_int(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *v = json_object_get(object, key);
    int64_t n;
    return value_whole(v, &n) ? n : otherwise;
}

double value_number(const json_t *object, const char *key, double otherwise)
{
    const json_t *v = json_object_get(object, key);
    return json_is_number(v) ? json_number_value(v) : otherwise;
}

int value_bool(const json_t *object, const char *key, int otherwise)
{
    const json_t *v = json_object_get(object, key);
    return json_is_boolean(v) ? json_is_true(v) : otherwise;
}
