/*
 * Redaction: no byte that lies in an occurrence of a secret survives, and
 * nothing else is lost. Two secrets (the first bytes say how long they are)
 * and the text that they may be in, which is also the name of a member.
 */
#include "fuzz.h"
#include "../../core/engine/secret.h"

#define SHORTEST 4 /* shorter ones are not registered */

struct secret_text {
    char *bytes;
    size_t size;
};

static struct secret_text one[2];

/* From the environment, as `env:` references read it: cut at a NUL, and one
   of a name that is not in the secrets themselves. */
static void register_secret(struct secrets *s, int i, char *bytes)
{
    static const char *const names[] = {"FUZZ_A", "FUZZ_B"};
    static const char *const references[] = {"env:FUZZ_A", "env:FUZZ_B"};
    struct error err = {0};
    char *value;
    size_t size;
    one[i].bytes = bytes;
    one[i].size = strlen(bytes);
    CHECK(setenv(names[i], bytes, 1) == 0);
    if (secret_read(s, references[i], &value, &size, &err) == 0) {
        CHECK(size == one[i].size && memcmp(value, bytes, size) == 0);
        free(value);
    }
}

/* hidden[i] becomes 1 where a secret covers byte i of the text. */
static void cover(const struct secrets *s, const char *text, size_t size,
                  char *hidden)
{
    memset(hidden, 0, size + 1);
    for (size_t k = 0; k < s->count; k++) {
        size_t n = s->list[k].size;
        CHECK(n >= SHORTEST);
        for (size_t i = 0; i + n <= size; i++) {
            if (memcmp(text + i, s->list[k].value, n) == 0)
                memset(hidden + i, 1, n);
        }
    }
}

/* Does out show just the bytes that may be seen, in their order, with a mark
   (or several, for secrets side by side) for each hidden stretch? */
static void seen_as_allowed(const char *text, const char *hidden, size_t size,
                            const char *out)
{
    static const char mark[] = "[redacted:";
    size_t i = 0;
    while (i < size) {
        int marks = 0;
        if (!hidden[i]) {
            CHECK(*out == text[i]);
            out++, i++;
            continue;
        }
        while (strncmp(out, mark, sizeof mark - 1) == 0 && !marks) {
            const char *end = strchr(out, ']');
            CHECK(end);
            out = end + 1;
            marks++;
        }
        CHECK(marks);
        while (i < size && hidden[i])
            i++;
    }
    CHECK(*out == '\0');
}

static void in_a_text(const struct secrets *s, const char *text,
                      const char *hidden)
{
    struct buf b = BUF_INIT(1u << 20), tight = BUF_INIT(strlen(text));
    CHECK(buf_adds(&b, text) == 0 && buf_adds(&tight, text) == 0);
    secret_redact_text(s, &b);
    seen_as_allowed(text, hidden, strlen(text), buf_text(&b));
    secret_redact_text(s, &tight);
    CHECK(tight.size == 0 ||
          (tight.size == b.size && memcmp(tight.data, b.data, b.size) == 0));
    buf_free(&b);
    buf_free(&tight);
}

static void can_be_written(const json_t *value)
{
    struct buf out = BUF_INIT(1u << 20);
    struct error err = {0};
    json_t *again = NULL;
    CHECK(value_encode(value, &out) == 0);
    CHECK(value_decode_canonical(out.data, out.size, &again, &err) == 0);
    json_decref(again);
    buf_free(&out);
}

static void in_a_value(const struct secrets *s, const char *text,
                       const char *hidden)
{
    json_t *value = json_pack("{s:[s]}", text, text), *safe;
    const char *key;
    json_t *member;
    if (!value)
        return; /* not UTF-8: no value can hold it */
    safe = secret_redact(s, value);
    can_be_written(safe);
    CHECK(json_object_size(safe) == 1);
    json_object_foreach(safe, key, member)
    {
        const char *shown = json_string_value(json_array_get(member, 0));
        CHECK(shown);
        /* A secret that is cut out in the middle of a character leaves no
           text that a value can hold. */
        if (strcmp(shown, "[redacted]") != 0)
            seen_as_allowed(text, hidden, strlen(text), shown);
        if (strcmp(key, "[redacted]") != 0)
            seen_as_allowed(text, hidden, strlen(text), key);
    }
    json_decref(safe);
    json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct secrets s = {NULL, 0, "/"};
    size_t a = input_byte(&in) % 32, b = input_byte(&in) % 32;
    char *text, *hidden;
    register_secret(&s, 0, input_bytes(&in, a));
    register_secret(&s, 1, input_bytes(&in, b));
    text = input_text(&in, '\0');
    hidden = malloc(strlen(text) + 1);
    CHECK(hidden);
    cover(&s, text, strlen(text), hidden);
    in_a_text(&s, text, hidden);
    in_a_value(&s, text, hidden);
    free(hidden);
    free(text);
    free(one[0].bytes);
    free(one[1].bytes);
    secrets_free(&s);
    return 0;
}
