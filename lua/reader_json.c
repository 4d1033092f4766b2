#include "reader_json.h"
#include "reader_number.h"

#include <string.h>

enum state {
    VALUE,        /* a value is due */
    VALUE_OR_END, /* behind [ */
    KEY_OR_END,   /* behind { */
    KEY,          /* behind a comma in an object */
    COLON,
    AFTER, /* behind a value: a comma or an end */
    STRING,
    ESCAPE,
    HEX,
    HALF, /* behind \uD8xx: the other half is due */
    HALF_ESCAPE,
    NUMBER,
    WORD, /* true, false, null */
    DONE
};

void json_begin(struct json_reader *j, const struct json_owner *functions,
                void *owner)
{
    memset(j, 0, sizeof *j);
    j->functions = functions;
    j->owner = owner;
    j->state = VALUE;
}

static int emit(struct json_reader *j, enum json_event e, struct error *err)
{
    return j->functions->event(j->owner, e, j->text, j->size, err);
}

static void start_text(struct json_reader *j, int state)
{
    j->state = state;
    j->size = 0;
    j->cut = 0;
    j->text[0] = '\0';
}

/* Add a whole character, or none of it once the room is used up. */
static void keep(struct json_reader *j, const char *bytes, size_t size)
{
    if (j->cut || j->size + size > JSON_MAX_TEXT) {
        j->cut = 1;
        return;
    }
    memcpy(j->text + j->size, bytes, size);
    j->size += size;
    j->text[j->size] = '\0';
}

static void keep_code(struct json_reader *j, unsigned c)
{
    char out[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(first[n] | c);
    keep(j, out, n);
}

static int after_value(struct json_reader *j)
{
    return j->state = j->depth ? AFTER : DONE;
}

static int enter(struct json_reader *j, char kind, struct error *err)
{
    if (j->depth == JSON_MAX_DEPTH)
        return error_set(err, RB_INVALID, "more than %d levels of nesting",
                         JSON_MAX_DEPTH);
    j->kinds[j->depth++] = kind;
    j->size = 0;
    j->text[0] = '\0';
    j->state = kind == '{' ? KEY_OR_END : VALUE_OR_END;
    return emit(j, kind == '{' ? JSON_EVENT_OBJECT : JSON_EVENT_ARRAY, err);
}

static int leave(struct json_reader *j, char kind, struct error *err)
{
    if (j->kinds[--j->depth] != kind)
        return error_set(err, RB_INVALID, "the wrong closing bracket");
    j->size = 0;
    j->text[0] = '\0';
    after_value(j);
    return emit(j, kind == '{' ? JSON_EVENT_OBJECT_END : JSON_EVENT_ARRAY_END,
                err);
}

static int unexpected(char c, const char *wanted, struct error *err)
{
    return error_set(err, RB_INVALID, "'%c' where %s is due", c, wanted);
}

static int is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static int begin_value(struct json_reader *j, char c, struct error *err)
{
    if (c == '{' || c == '[')
        return enter(j, c, err);
    if (c == '"') {
        start_text(j, STRING);
        j->is_key = 0;
        return 0;
    }
    if (c == '-' || (c >= '0' && c <= '9'))
        start_text(j, NUMBER);
    else if (c == 't' || c == 'f' || c == 'n')
        start_text(j, WORD);
    else
        return unexpected(c, "a value", err);
    keep(j, &c, 1);
    return 0;
}

/* One byte between tokens that is no white space. */
static int between(struct json_reader *j, char c, struct error *err)
{
    switch (j->state) {
    case VALUE_OR_END:
        if (c == ']')
            return leave(j, '[', err);
        return begin_value(j, c, err);
    case VALUE:
        return begin_value(j, c, err);
    case KEY_OR_END:
        if (c == '}')
            return leave(j, '{', err);
        /* fall through */
    case KEY:
        if (c != '"')
            return unexpected(c, "a key", err);
        start_text(j, STRING);
        j->is_key = 1;
        return 0;
    case COLON:
        j->state = VALUE;
        return c == ':' ? 0 : unexpected(c, "':'", err);
    case AFTER:
        if (c == '}' || c == ']')
            return leave(j, c == '}' ? '{' : '[', err);
        j->state = j->kinds[j->depth - 1] == '{' ? KEY : VALUE;
        return c == ',' ? 0 : unexpected(c, "',' or an end", err);
    default:
        return unexpected(c, "the end of the text", err);
    }
}

/* The table of well-formed sequences, Unicode 15 section 3.9, table 3-7. */
static int begin_sequence(struct json_reader *j, unsigned char c)
{
    j->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    j->up = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (c < 0xc2 || c > 0xf4)
        return 0;
    j->need = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    return 1;
}

/* text holds whole characters only, so a sequence waits behind its end. */
static int in_sequence(struct json_reader *j, unsigned char c,
                       struct error *err)
{
    if (j->need ? c < j->low || c > j->up : !begin_sequence(j, c))
        return error_set(err, RB_INVALID, "a string that is not UTF-8");
    if (j->need && c >= 0x80 && c < 0xc0) {
        j->need--;
        j->low = 0x80;
        j->up = 0xbf;
    }
    j->hex = j->hex << 8 | c;
    if (j->need == 0) {
        char all[4];
        size_t n = j->hex >> 24 ? 4 : j->hex >> 16 ? 3 : 2;
        for (size_t i = 0; i < n; i++)
            all[i] = (char)(j->hex >> (8 * (n - 1 - i)));
        keep(j, all, n);
        j->hex = 0;
    }
    return 0;
}

static int end_string(struct json_reader *j, struct error *err)
{
    if (j->is_key) {
        j->state = COLON;
        return emit(j, JSON_EVENT_KEY, err);
    }
    after_value(j);
    return emit(j, JSON_EVENT_STRING, err);
}

static int in_string(struct json_reader *j, char c, struct error *err)
{
    unsigned char u = (unsigned char)c;
    if (j->need || u >= 0x80)
        return in_sequence(j, u, err);
    if (c == '"')
        return end_string(j, err);
    if (u < 0x20)
        return error_set(err, RB_INVALID, "a control character in a string");
    if (c == '\\') {
        j->state = ESCAPE;
        return 0;
    }
    keep(j, &c, 1);
    return 0;
}

static int in_escape(struct json_reader *j, char c, struct error *err)
{
    static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *at = c ? strchr(names, c) : NULL;
    j->state = STRING;
    if (c == 'u') {
        j->state = HEX;
        j->hex = j->digits = 0;
        return 0;
    }
    if (!at)
        return error_set(err, RB_INVALID, "an unknown escape '\\%c'", c);
    keep(j, meant + (at - names), 1);
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int in_hex(struct json_reader *j, char c, struct error *err)
{
    int digit = hex_digit(c);
    unsigned code;
    if (digit < 0)
        return error_set(err, RB_INVALID, "a bad digit in a \\u escape");
    j->hex = j->hex << 4 | (unsigned)digit;
    if (++j->digits < 4)
        return 0;
    code = j->hex;
    j->hex = 0;
    j->state = STRING;
    if (!j->high && code >= 0xd800 && code < 0xdc00) {
        j->high = code;
        j->state = HALF;
        return 0;
    }
    if ((code >= 0xdc00 && code < 0xe000) != (j->high != 0))
        return error_set(err, RB_INVALID, "half a surrogate pair");
    keep_code(j, j->high
                     ? 0x10000 + ((j->high - 0xd800) << 10) + (code - 0xdc00)
                     : code);
    j->high = 0;
    return 0;
}

static int in_half(struct json_reader *j, char c, struct error *err)
{
    if (c != (j->state == HALF ? '\\' : 'u'))
        return error_set(err, RB_INVALID, "half a surrogate pair");
    j->state = j->state == HALF ? HALF_ESCAPE : HEX;
    j->digits = 0;
    return 0;
}

static int end_word(struct json_reader *j, struct error *err)
{
    double number;
    if (j->state == NUMBER) {
        if (!number_json(j->text, j->size, &number))
            return error_set(err, RB_INVALID, "the malformed number %.40s",
                             j->text);
        after_value(j);
        return emit(j, JSON_EVENT_NUMBER, err);
    }
    if (strcmp(j->text, "true") != 0 && strcmp(j->text, "false") != 0 &&
        strcmp(j->text, "null") != 0)
        return error_set(err, RB_INVALID, "the unknown word \"%s\"", j->text);
    after_value(j);
    return emit(j, JSON_EVENT_OTHER, err);
}

/* Numbers and words end at the first byte that cannot belong to them; that
   byte is then looked at again. */
static int in_word(struct json_reader *j, char c, int *again, struct error *err)
{
    int letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    int digit = (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.';
    *again = !letter && !digit;
    if (*again)
        return end_word(j, err);
    keep(j, &c, 1);
    return j->cut ? error_set(err, RB_INVALID, "a number of %d digits",
                              JSON_MAX_TEXT)
                  : 0;
}

static int step(struct json_reader *j, char c, int *again, struct error *err)
{
    *again = 0;
    switch (j->state) {
    case STRING:
        return in_string(j, c, err);
    case ESCAPE:
        return in_escape(j, c, err);
    case HEX:
        return in_hex(j, c, err);
    case HALF:
    case HALF_ESCAPE:
        return in_half(j, c, err);
    case NUMBER:
    case WORD:
        return in_word(j, c, again, err);
    default:
        return is_space(c) ? 0 : between(j, c, err);
    }
}

static int wants_element(const struct json_reader *j)
{
    return (j->state == VALUE || j->state == VALUE_OR_END) && j->depth &&
           j->kinds[j->depth - 1] == '[' && j->functions->elements;
}

int json_push(struct json_reader *j, const char *bytes, size_t size,
              struct error *err)
{
    const char *at = bytes, *end = bytes + size;
    int rc = 0, again;
    while (at < end) {
        if (*at == '[' && wants_element(j)) {
            const char *first = at;
            rc = j->functions->elements(j->owner, &at, end, err);
            if (at != first)
                j->state = VALUE;
        }
        if (!rc)
            rc = step(j, *at, &again, err);
        if (rc) {
            error_prefix(
                err, "byte %llu: ",
                (unsigned long long)(j->before + (uint64_t)(at - bytes)));
            return rc;
        }
        at += !again;
    }
    j->before += size;
    return 0;
}

int json_end(struct json_reader *j, struct error *err)
{
    int rc = 0;
    if (j->depth == 0 && (j->state == NUMBER || j->state == WORD))
        rc = end_word(j, err);
    if (!rc && j->state != DONE)
        rc = error_set(err, RB_INVALID, "the text ends too early");
    if (rc)
        error_prefix(err, "byte %llu: ", (unsigned long long)j->before);
    return rc;
}
