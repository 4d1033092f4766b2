#define _GNU_SOURCE
#include "driver.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const outcome_names[OUTCOMES] = {
    [OUTCOME_OK] = "ok",
    [OUTCOME_NO_DATA] = "no_data",
    [OUTCOME_PARTIAL] = "partial",
    [OUTCOME_REJECTED] = "rejected",
    [OUTCOME_AUTH] = "auth",
    [OUTCOME_NOT_FOUND] = "not_found",
    [OUTCOME_CONFLICT] = "conflict",
    [OUTCOME_RETRYABLE] = "retryable",
    [OUTCOME_TIMEOUT] = "timeout",
    [OUTCOME_NOT_REACHED] = "not_reached",
    [OUTCOME_UNAVAILABLE] = "unavailable",
    [OUTCOME_UNKNOWN] = "unknown_outcome",
};

const char *outcome_name(enum outcome o)
{
    return (unsigned)o < OUTCOMES ? outcome_names[o] : "?";
}

int answer_ok(struct driver_answer *a, json_t *value)
{
    a->outcome = OUTCOME_OK;
    a->value = value;
    a->message[0] = '\0';
    return 0;
}

int answer_fail(struct driver_answer *a, enum outcome outcome,
                const char *format, ...)
{
    struct error text = {0};
    va_list args;
    va_start(args, format);
    error_setv(&text, RB_INVALID, format, args);
    va_end(args);
    json_decref(a->value);
    a->value = NULL;
    a->outcome = outcome;
    memcpy(a->message, text.message, sizeof a->message);
    return 0;
}

void driver_progress(const struct driver_call *c, const char *format, ...)
{
    char line[512];
    va_list args;
    int size;
    if (c->progress_fd < 0)
        return;
    va_start(args, format);
    size = vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    if (size <= 0)
        return;
    if (size > (int)sizeof line - 2)
        size = (int)sizeof line - 2;
    for (int i = 0; i < size; i++) {
        if ((unsigned char)line[i] < 0x20)
            line[i] = ' ';
    }
    line[size] = '\n';
    /* At most PIPE_BUF bytes, so whole or not at all; a full pipe only
       means that nobody looks. */
    if (write(c->progress_fd, line, (size_t)size + 1) < 0)
        return;
}

int driver_artifact(const struct driver_call *c, const char *name, char *path,
                    size_t size, struct error *err)
{
    if (mkdir(c->artifacts, 0700) < 0 && errno != EEXIST)
        return error_set_errno(err, RB_IO, "cannot make %s", c->artifacts);
    if (snprintf(path, size, "%s/%s", c->artifacts, name) >= (int)size)
        return error_set(err, RB_TOOBIG, "the path %s/%s is too long",
                         c->artifacts, name);
    return 0;
}

const char *option_text(const struct driver_call *c, const char *key,
                        const char *otherwise)
{
    return value_text(c->binding, key, otherwise);
}

static int64_t duration_of(const json_t *from, const char *key,
                           int64_t otherwise)
{
    const char *text = value_text(from, key, NULL);
    int64_t ms;
    if (!text || duration_parse(text, &ms, NULL) != 0)
        return otherwise;
    return ms;
}

int64_t option_duration(const struct driver_call *c, const char *key,
                        int64_t otherwise)
{
    return duration_of(c->binding, key, otherwise);
}

int64_t arg_duration(const struct driver_call *c, const char *key,
                     int64_t otherwise)
{
    return duration_of(c->args, key, otherwise);
}

int option_path(const struct driver_call *c, const char *key, char *path,
                size_t size)
{
    const char *text = value_text(c->binding, key, NULL);
    int n;
    if (!text)
        return RB_NOTFOUND;
    n = text[0] == '/' ? snprintf(path, size, "%s", text)
                       : snprintf(path, size, "%s/%s", c->root, text);
    return n < 0 || (size_t)n >= size ? RB_TOOBIG : 0;
}
