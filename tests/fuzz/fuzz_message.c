/*
 * struct error takes words of programs and servers: what can be shown of it
 * afterwards is UTF-8 that shows something, whatever came in and wherever
 * it was cut. Input: message, prefix, way out.
 */
#include "fuzz.h"
#include "../../core/wire/error.h"
#include "../../core/wire/utf8.h"

static void shows_only(const char *text, size_t room)
{
    size_t left = strnlen(text, room), length;
    CHECK(left < room);
    for (; left; text += length, left -= length) {
        length = utf8_length(text, left);
        CHECK(length);
        CHECK(!utf8_commands(text, length) || *text == '\n' || *text == '\t');
    }
}

/* As in input, up to 20 times over: messages have a maximum. */
static char *repeated(char *text, unsigned times)
{
    size_t n = strlen(text);
    char *out = malloc(n * (times + 1) + 1);
    CHECK(out);
    for (unsigned i = 0; i <= times; i++)
        memcpy(out + i * n, text, n + 1);
    free(text);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct error err = {0};
    unsigned times = input_byte(&in) % 20;
    char *message = repeated(input_text(&in, '\0'), times);
    char *prefix = input_text(&in, '\0');
    char *next = repeated(input_text(&in, '\0'), times);
    CHECK(error_set(&err, RB_INVALID, "%s", message) == RB_INVALID);
    shows_only(err.message, sizeof err.message);
    error_next(&err, "%s", next);
    shows_only(err.next, sizeof err.next);
    error_prefix(&err, "%s: ", prefix);
    shows_only(err.message, sizeof err.message);
    shows_only(err.next, sizeof err.next);
    CHECK(err.code == RB_INVALID);
    CHECK(error_set(NULL, RB_IO, "%s", message) == RB_IO);
    free(message);
    free(prefix);
    free(next);
    return 0;
}
