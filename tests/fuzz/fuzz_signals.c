/*
 * CI's notes. Every line counts as one signal; green is what only lines made
 * that say success in full, and no appended line makes a red commit green.
 */
#include "fuzz.h"
#include "../../core/drivers/git_signals.h"
#include "../../core/wire/value.h"

#define BLANK " \t\r"

static size_t trimmed(const char **text, size_t size)
{
    while (size && **text && strchr(BLANK, **text))
        (*text)++, size--;
    while (size && (*text)[size - 1] && strchr(BLANK, (*text)[size - 1]))
        size--;
    return size;
}

static int is_success(const char *text, size_t size)
{
    size = trimmed(&text, size);
    return size == 7 && memcmp(text, "success", 7) == 0;
}

/* 1: a line that says success; 0: one that says nothing; -1: any other. */
static int line_says(const char *line, size_t size)
{
    json_t *v = NULL, *state;
    const char *colon;
    int good = 0;
    size = trimmed(&line, size);
    if (!size || line[0] == '#')
        return 0;
    if (line[0] != '{') {
        colon = memrchr(line, ':', size);
        return colon && is_success(colon + 1, size - (size_t)(colon - line) - 1)
                   ? 1
                   : -1;
    }
    if (size <= 4096 && value_decode(line, size, &v, NULL) == 0) {
        state = json_object_get(v, "state");
        good = json_is_string(json_object_get(v, "name")) &&
               json_string_length(state) == 7 &&
               strcmp(json_string_value(state), "success") == 0;
    }
    json_decref(v);
    return good ? 1 : -1;
}

static const char *expected(const char *text, size_t size, size_t *lines)
{
    int good = 0, other = 0;
    *lines = 0;
    while (size) {
        const char *end = memchr(text, '\n', size);
        size_t n = end ? (size_t)(end - text) : size;
        int says = line_says(text, n);
        good += says > 0;
        other += says < 0;
        *lines += says != 0;
        n += end != NULL;
        text += n;
        size -= n;
    }
    return good && !other ? "green" : "not green";
}

static void check_state(const char *text, size_t size)
{
    struct git_signals s = GIT_SIGNALS_INIT;
    size_t lines;
    const char *want = expected(text, size, &lines);
    int rc = git_signals_note(&s, text, size);
    size_t sum = s.count[0] + s.count[1] + s.count[2] + s.count[3];
    CHECK(rc == 0 || (rc == RB_TOOBIG && lines > GIT_SIGNALS_MAX));
    CHECK(sum == json_array_size(s.list));
    if (rc == 0) {
        CHECK(sum == lines);
        CHECK((strcmp(git_signals_state(&s), "green") == 0) ==
              (strcmp(want, "green") == 0));
    }
    for (size_t i = 0; i < json_array_size(s.list); i++)
        CHECK(value_text(json_array_get(s.list, i), "name", NULL));
    git_signals_free(&s);
}

static void red_stays_red(const char *text, size_t size)
{
    static const char more[] = "\nbuild: failure\n";
    struct git_signals s = GIT_SIGNALS_INIT;
    int rc = git_signals_note(&s, more, sizeof more - 1);
    CHECK(rc == 0);
    (void)!git_signals_note(&s, text, size);
    CHECK(strcmp(git_signals_state(&s), "red") == 0);
    git_signals_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    char *text = input_bytes(&in, size);
    check_state(text, size);
    red_stays_red(text, size);
    free(text);
    return 0;
}
