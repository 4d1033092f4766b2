#define _GNU_SOURCE
#include "git_signals.h"
#include "git_text.h"

#include "../wire/value.h"

#include <string.h>

#define LINE_MAX_BYTES 4096

static const char *const state_names[] = {
    [GIT_SIGNAL_SUCCESS] = "success",
    [GIT_SIGNAL_FAILURE] = "failure",
    [GIT_SIGNAL_PENDING] = "pending",
    [GIT_SIGNAL_UNKNOWN] = "unknown",
};

int git_signals_add(struct git_signals *s, const char *name, size_t name_size,
                    enum git_signal signal)
{
    json_t *entry;
    if (!s->list)
        s->list = json_array();
    if (json_array_size(s->list) == GIT_SIGNALS_MAX)
        return RB_TOOBIG;
    entry = json_pack("{s:o, s:s}", "name", git_text_json(name, name_size, 200),
                      "state", state_names[signal]);
    if (json_array_append_new(s->list, entry) != 0)
        return RB_NOMEM;
    s->count[signal]++;
    return 0;
}

const char *git_signals_state(const struct git_signals *s)
{
    if (s->count[GIT_SIGNAL_FAILURE])
        return "red";
    if (s->count[GIT_SIGNAL_PENDING])
        return "pending";
    if (s->count[GIT_SIGNAL_UNKNOWN] || !s->count[GIT_SIGNAL_SUCCESS])
        return "unknown";
    return "green";
}

void git_signals_free(struct git_signals *s)
{
    json_decref(s->list);
    memset(s, 0, sizeof *s);
}

static enum git_signal signal_of(const char *word, size_t size)
{
    for (int i = 0; i < GIT_SIGNAL_UNKNOWN; i++) {
        if (strlen(state_names[i]) == size &&
            memcmp(state_names[i], word, size) == 0)
            return (enum git_signal)i;
    }
    return GIT_SIGNAL_UNKNOWN;
}

static void trim(const char **text, size_t *size)
{
    while (*size && strchr(" \t\r", **text) && **text) {
        (*text)++;
        (*size)--;
    }
    while (*size && strchr(" \t\r", (*text)[*size - 1]) && (*text)[*size - 1])
        (*size)--;
}

static int add_json(struct git_signals *s, const char *line, size_t size)
{
    json_t *v = NULL;
    const json_t *name = NULL, *state;
    int rc;
    if (size <= LINE_MAX_BYTES && value_decode(line, size, &v, NULL) == 0)
        name = json_object_get(v, "name");
    state = json_object_get(v, "state");
    /* With their lengths: "success\0 not" is another word. */
    rc = json_is_string(name)
             ? git_signals_add(
                   s, json_string_value(name), json_string_length(name),
                   json_is_string(state) ? signal_of(json_string_value(state),
                                                     json_string_length(state))
                                         : GIT_SIGNAL_UNKNOWN)
             : git_signals_add(s, line, size, GIT_SIGNAL_UNKNOWN);
    json_decref(v);
    return rc;
}

static int add_line(struct git_signals *s, const char *line, size_t size)
{
    const char *colon, *word;
    size_t name_size, word_size;
    trim(&line, &size);
    if (!size || line[0] == '#')
        return 0;
    if (line[0] == '{')
        return add_json(s, line, size);
    colon = memrchr(line, ':', size);
    if (!colon)
        return git_signals_add(s, line, size, GIT_SIGNAL_UNKNOWN);
    name_size = (size_t)(colon - line);
    word = colon + 1;
    word_size = size - name_size - 1;
    trim(&line, &name_size);
    trim(&word, &word_size);
    return git_signals_add(s, line, name_size, signal_of(word, word_size));
}

int git_signals_note(struct git_signals *s, const char *text, size_t size)
{
    int rc = 0;
    while (!rc && size) {
        const char *end = memchr(text, '\n', size);
        size_t line = end ? (size_t)(end - text) : size;
        rc = add_line(s, text, line);
        line += end != NULL;
        text += line;
        size -= line;
    }
    return rc;
}
