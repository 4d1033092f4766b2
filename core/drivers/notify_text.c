#define _GNU_SOURCE
#include "notify_text.h"
#include "../wire/utf8.h"

#include <string.h>

#define FIRST_PAUSE 500 /* ms; four times as long for each further try */
#define MARGIN 200      /* ms between our limit and the engine's */
#define TRY_TIMEOUT 10000

int notify_read(const struct driver_call *c, struct notice *n,
                struct driver_answer *a)
{
    static const char *const known[] = {"info", "warning", "critical"};
    n->text = value_text(c->args, "text", "");
    n->title = value_text(c->args, "title", NULL);
    n->severity = value_text(c->args, "severity", "info");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i], n->severity) == 0)
            return 0;
    }
    answer_fail(a, OUTCOME_REJECTED,
                "notify.send: severity \"%s\" is not one of info, warning, "
                "critical",
                n->severity);
    return RB_INVALID;
}

/* Bytes of the UTF-8 character at p; 1 where it is none. */
static size_t character(const char *p)
{
    size_t size = utf8_length(p, strnlen(p, 4));
    return size ? size : 1;
}

/* What shows nothing: U+200B-U+200D, U+2060-U+2065, U+FEFF. */
static int is_hidden(const char *p, size_t size)
{
    const unsigned char *u = (const unsigned char *)p;
    if (size != 3)
        return 0;
    if (u[0] == 0xEF)
        return u[1] == 0xBB && u[2] == 0xBF;
    if (u[0] != 0xE2)
        return 0;
    return (u[1] == 0x80 && u[2] >= 0x8B && u[2] <= 0x8D) ||
           (u[1] == 0x81 && u[2] >= 0xA0 && u[2] <= 0xA5);
}

static int is_left_out(const char *p, size_t size)
{
    return (utf8_commands(p, size) && *p != '\n' && *p != '\t') ||
           is_hidden(p, size);
}

static int add_clean(struct buf *b, const char *text, size_t max, int one_line)
{
    size_t used = 0, size;
    int rc = 0;
    for (; *text && rc == 0; text += size) {
        size = character(text);
        if (is_left_out(text, size))
            continue;
        if (used + size > max)
            return buf_adds(b, "...");
        used += size;
        if (one_line && (*text == '\n' || *text == '\t'))
            rc = buf_addc(b, ' ');
        else
            rc = buf_add(b, text, size);
    }
    return rc;
}

int notify_plain(struct buf *b, const char *text, size_t max)
{
    return add_clean(b, text, max, 0);
}

int notify_line(struct buf *b, const char *text, size_t max)
{
    return add_clean(b, text, max, 1);
}

int notify_origin(struct buf *b, const struct driver_call *c)
{
    return buf_addf(b, "%s in %s, run %s", c->service, c->environment, c->run);
}

static int may_repeat(enum outcome o, int keyed)
{
    return o == OUTCOME_RETRYABLE || o == OUTCOME_UNAVAILABLE ||
           o == OUTCOME_TIMEOUT || (keyed && o == OUTCOME_UNKNOWN);
}

static int64_t try_timeout(const struct driver_call *c, int64_t deadline)
{
    int64_t most = option_duration(c, "timeout", TRY_TIMEOUT);
    int64_t left = deadline - clock_steady();
    if (left > most)
        left = most;
    return left > 0 ? left : 1;
}

int notify_deliver(const struct driver_call *c, int keyed, notify_try *try,
                   void *context, struct driver_answer *a)
{
    int64_t deadline = clock_steady() + c->timeout - MARGIN;
    int64_t pause = FIRST_PAUSE;
    for (int n = 1;; n++) {
        int64_t asked = 0, wait;
        try(context, try_timeout(c, deadline), &asked, a);
        if (a->outcome == OUTCOME_OK)
            return answer_ok(a, json_pack("{s:i}", "attempts", n));
        wait = asked > pause ? asked : pause;
        if (n == NOTIFY_TRIES || !may_repeat(a->outcome, keyed) ||
            clock_steady() + wait >= deadline)
            return 0;
        driver_progress(c, "try %d of %d failed: %s", n, NOTIFY_TRIES,
                        a->message);
        clock_sleep(wait);
        pause *= 4;
    }
}
