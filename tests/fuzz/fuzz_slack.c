/*
 * What goes to a Slack webhook: whatever the text, the title and the names
 * around them are, the message is text and never markup, a mention, a
 * control character or one that turns the direction of what follows.
 * Input: text, title, environment; the driver's own builder is called.
 */
#include "fuzz.h"
#include "../../core/drivers/notify_slack.c"
#include "../../core/wire/utf8.h"

static void only_entities(const char *text)
{
    for (const char *p = strchr(text, '&'); p; p = strchr(p + 1, '&'))
        CHECK(strncmp(p, "&amp;", 5) == 0 || strncmp(p, "&lt;", 4) == 0 ||
              strncmp(p, "&gt;", 4) == 0);
    CHECK(!strpbrk(text, "<>"));
}

static void nobody_is_called(const char *text)
{
    static const char *const all[] = {"@channel", "@here", "@all", "@everyone",
                                      "@group"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const char *p = text;
        while ((p = strcasestr(p, all[i]))) {
            p += strlen(all[i]);
            CHECK((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                  (*p >= '0' && *p <= '9') || *p == '_');
        }
    }
}

static void shows_only(const char *text)
{
    size_t left = strlen(text), length;
    for (; left; text += length, left -= length) {
        length = utf8_length(text, left);
        CHECK(length);
        CHECK(!utf8_commands(text, length) || *text == '\n' || *text == '\t');
    }
}

static void check_body(const struct buf *body)
{
    struct error err = {0};
    json_t *message = NULL;
    const char *shown;
    CHECK(value_decode_canonical(body->data, body->size, &message, &err) == 0);
    CHECK(json_object_size(message) == 2);
    CHECK(json_is_false(json_object_get(message, "mrkdwn")));
    shown = value_text(message, "text", NULL);
    CHECK(shown);
    only_entities(shown);
    nobody_is_called(shown);
    shows_only(shown);
    CHECK(strlen(shown) < 6 * NOTIFY_MAX_TEXT + 2000);
    json_decref(message);
}

static int is_utf8(const char *text)
{
    json_t *v = json_string(text);
    json_decref(v);
    return v != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const severities[] = {"info", "warning", "critical"};
    struct input in = {data, size};
    unsigned how = input_byte(&in);
    char *title = input_text(&in, '\0');
    char *text = input_text(&in, '\0');
    struct driver_call c = {.service = "api",
                            .environment = "lab",
                            .run = "20261121-7F3K",
                            .system = "ops"};
    struct notice n = {text, how & 4 ? title : NULL, severities[how % 3]};
    struct buf body = BUF_INIT(64 * NOTIFY_MAX_TEXT);
    if (is_utf8(title) && is_utf8(text) && strlen(title) <= 190) {
        CHECK(build(&c, &n, &body) == 0);
        check_body(&body);
    }
    buf_free(&body);
    free(title);
    free(text);
    return 0;
}
