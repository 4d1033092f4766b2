#define _GNU_SOURCE
#include "program.h"
#include "../wire/dress.h"
#include "../wire/heap.h"
#include "../wire/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ARGUMENTS 256
#define MAX_VARIABLES 256
#define MAX_ARGUMENT_BYTES (128u << 10) /* Linux's own limit for one */
#define MIN_REDACTED 6

/* A list of texts for exec: owns its strings, ends with NULL. */
struct words {
    char *list[MAX_ARGUMENTS + MAX_VARIABLES + 1];
    size_t count, max;
};

static void words_free(struct words *w)
{
    for (size_t i = 0; i < w->count; i++)
        free(w->list[i]);
}

static int words_add(struct words *w, const char *text, struct error *err)
{
    if (w->count == w->max)
        return error_set(err, RB_TOOBIG,
                         "a program is given more than %zu arguments or "
                         "variables",
                         w->max);
    w->list[w->count++] = heap_text(text);
    return 0;
}

/* The value whose name stands in braces at text, and how long that is. */
static const char *placeholder(const struct program_value *values,
                               const char *text, size_t *length)
{
    for (; values && values->name; values++) {
        size_t n = strlen(values->name);
        if (strncmp(text + 1, values->name, n) == 0 && text[n + 1] == '}') {
            *length = n + 2;
            return values->text;
        }
    }
    return NULL;
}

static int expand(const char *text, const struct program_value *values,
                  struct buf *out)
{
    int rc = 0;
    buf_clear(out);
    while (*text && !rc) {
        size_t length = 1;
        const char *value =
            *text == '{' ? placeholder(values, text, &length) : NULL;
        rc = value ? buf_adds(out, value) : buf_add(out, text, length);
        text += length;
    }
    return rc;
}

static int add_expanded(struct words *w, const json_t *text,
                        const struct program_value *values, struct error *err)
{
    struct buf one = BUF_INIT(MAX_ARGUMENT_BYTES);
    int rc;
    if (!json_is_string(text))
        return error_set(err, RB_INVALID, "a program's argument is not a text");
    rc = expand(json_string_value(text), values, &one);
    if (rc)
        error_set(err, rc, "a program's argument is longer than %u bytes",
                  MAX_ARGUMENT_BYTES);
    else
        rc = words_add(w, buf_text(&one), err);
    buf_free(&one);
    return rc;
}

static int build_argv(const struct program *p, struct words *w,
                      struct error *err)
{
    size_t i;
    json_t *text;
    int rc = 0;
    json_array_foreach(p->argv, i, text)
    {
        rc = add_expanded(w, text, p->values, err);
        if (rc)
            return rc;
    }
    if (w->count == 0 || !w->list[0][0])
        return error_set(err, RB_INVALID, "no program is named");
    json_array_foreach(p->more, i, text)
    {
        rc = add_expanded(w, text, NULL, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int add_variable(struct words *w, const char *name, const char *value,
                        struct error *err)
{
    char *both;
    int rc;
    if (!name[0] || strchr(name, '='))
        return error_set(err, RB_INVALID,
                         "\"%s\" is not the name of a variable", name);
    both = heap_textf("%s=%s", name, value);
    rc = words_add(w, both, err);
    free(both);
    return rc;
}

static int listed(const json_t *list, const json_t *set, const char *name)
{
    size_t i;
    json_t *text;
    json_array_foreach(list, i, text)
    {
        const char *one = json_string_value(text);
        if (one && strcmp(one, name) == 0 && getenv(name))
            return 1;
    }
    return json_object_get(set, name) != NULL;
}

static int add_base(struct words *w, const json_t *list, const json_t *set,
                    struct error *err)
{
    static const char *const base[][2] = {
        {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
                 "/sbin:/bin"},
        {"LC_ALL", "C"}};
    for (size_t i = 0; i < 2; i++) {
        if (listed(list, set, base[i][0]))
            continue;
        if (add_variable(w, base[i][0], base[i][1], err) != 0)
            return err->code;
    }
    return 0;
}

static int build_environment(const struct driver_call *c, struct words *w,
                             struct error *err)
{
    const json_t *list = json_object_get(c->binding, "environment");
    json_t *set = json_object_get(c->binding, "set"), *value;
    const char *name;
    size_t i;
    int rc = add_base(w, list, set, err);
    json_array_foreach(list, i, value)
    {
        const char *own;
        name = json_string_value(value);
        own = name ? getenv(name) : NULL;
        if (!rc && own && !json_object_get(set, name))
            rc = add_variable(w, name, own, err);
    }
    json_object_foreach(set, name, value)
    {
        if (!rc && json_is_string(value))
            rc = add_variable(w, name, json_string_value(value), err);
    }
    return rc;
}

/* Put name in brackets wherever value stands in b. */
static int hide(struct buf *b, const char *name, const char *value,
                size_t length)
{
    struct buf clean = BUF_INIT(b->max * 2 + 64);
    const char *at = b->data, *end = b->data + b->size, *hit;
    int rc = 0;
    while (!rc && (hit = memmem(at, (size_t)(end - at), value, length))) {
        rc = buf_add(&clean, at, (size_t)(hit - at));
        if (!rc)
            rc = buf_addf(&clean, "[%s]", name);
        at = hit + length;
    }
    if (!rc)
        rc = buf_add(&clean, at, (size_t)(end - at));
    buf_free(b);
    if (rc) /* rather nothing than a secret */
        buf_free(&clean);
    *b = clean;
    return rc;
}

struct hiding {
    struct buf *in;
    const char *name;
};

static int hide_form(void *data, const char *text, size_t size)
{
    struct hiding *h = data;
    return h->in->size ? hide(h->in, h->name, text, size) : 0;
}

static int hide_password(void *data, const char *text, size_t size)
{
    return size < MIN_REDACTED ? 0 : dress_each(text, size, hide_form, data);
}

static void hide_value(struct buf *b, const char *name, const char *text)
{
    struct hiding h = {b, name};
    if (text && strlen(text) >= MIN_REDACTED &&
        (dress_each(text, strlen(text), hide_form, &h) != 0 ||
         dress_passwords(text, hide_password, &h) != 0))
        buf_clear(b); /* rather nothing than a secret */
}

static void hide_values(const struct driver_call *c, struct buf *b, int cut)
{
    const char *name;
    json_t *value;
    const char *line = b->size ? memchr(b->data, '\n', b->size) : NULL;
    if (cut && line) /* the first line may start inside a value */
        buf_consume(b, (size_t)(line + 1 - b->data));
    json_object_foreach(json_object_get(c->binding, "set"), name, value)
    {
        hide_value(b, name, json_string_value(value));
    }
    hide_value(b, "url", option_text(c, "url", NULL));
}

int program_run(const struct driver_call *c, const struct program *p,
                struct process_result *r, struct error *err)
{
    struct words argv = {{NULL}, 0, MAX_ARGUMENTS};
    struct words environment = {{NULL}, 0, MAX_VARIABLES};
    char directory[4096];
    struct process process = {0};
    int rc;
    memset(r, 0, sizeof *r);
    rc = option_path(c, "directory", directory, sizeof directory);
    if (rc == RB_TOOBIG)
        return error_set(err, rc, "the path in \"directory\" is too long");
    process.directory = rc == 0 ? directory : c->root;
    rc = build_argv(p, &argv, err);
    if (!rc)
        rc = build_environment(c, &environment, err);
    if (rc)
        goto out;
    process.argv = (const char *const *)argv.list;
    process.environment = (const char *const *)environment.list;
    process.timeout = p->timeout;
    rc = process_run(&process, r, err);
    hide_values(c, &r->out, r->truncated);
    hide_values(c, &r->err, r->truncated);
out:
    words_free(&argv);
    words_free(&environment);
    return rc;
}

int program_not_started(struct driver_answer *a, int rc,
                        const struct error *err)
{
    enum outcome outcome = OUTCOME_RETRYABLE;
    if (rc == RB_NOTFOUND)
        outcome = OUTCOME_NOT_FOUND;
    else if (rc == RB_INVALID || rc == RB_TOOBIG)
        outcome = OUTCOME_REJECTED;
    return answer_fail(a, outcome, "%s; nothing was run", err->message);
}

enum outcome program_outcome(const struct process_result *r)
{
    if (r->status < 0)
        return OUTCOME_UNKNOWN;
    switch (r->status) {
    case 0:
        return OUTCOME_OK;
    case 75:
        return OUTCOME_RETRYABLE;
    case 77:
        return OUTCOME_AUTH;
    default:
        return OUTCOME_REJECTED;
    }
}

static int write_all(int fd, const struct buf *b)
{
    size_t done = 0;
    while (done < b->size) {
        ssize_t n = write(fd, b->data + done, b->size - done);
        if (n < 0 && errno != EINTR)
            return RB_IO;
        if (n > 0)
            done += (size_t)n;
    }
    return 0;
}

int program_keep(const struct driver_call *c, const char *title,
                 const struct process_result *r, struct error *err)
{
    char name[32], path[4200], how[600];
    struct buf text = BUF_INIT(1u << 20);
    int fd, rc;
    snprintf(name, sizeof name, "call-%u.log", c->sequence);
    rc = driver_artifact(c, name, path, sizeof path, err);
    if (rc)
        return rc;
    process_describe(r, how, sizeof how);
    if (buf_addf(&text, "== %s %s%s\n", title, how,
                 r->truncated ? " (only the end is kept)" : "") ||
        buf_add(&text, buf_text(&r->out), r->out.size) ||
        buf_adds(&text, "\n== errors\n") ||
        buf_add(&text, buf_text(&r->err), r->err.size) || buf_addc(&text, '\n'))
        rc = error_set(err, RB_NOMEM, "no memory for %s", path);
    fd = rc ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (!rc && (fd < 0 || write_all(fd, &text) != 0))
        rc = error_set_errno(err, RB_IO, "cannot write %s", path);
    if (fd >= 0)
        close(fd);
    buf_free(&text);
    return rc;
}

json_t *program_text(const struct buf *b, size_t size)
{
    const char *at = buf_text(b), *end = at + b->size;
    struct buf clean = BUF_INIT(size * 3 + 16);
    json_t *text = NULL;
    if (b->size > size)
        at = end - size;
    while (at < end) {
        size_t length = utf8_length(at, (size_t)(end - at));
        int rc = !length || !*at ? buf_adds(&clean, "\xef\xbf\xbd")
                                 : buf_add(&clean, at, length);
        if (rc)
            goto out;
        at += length ? length : 1;
    }
    text = json_stringn(buf_text(&clean), clean.size);
out:
    buf_free(&clean);
    return text;
}

static int check_texts(const json_t *binding, const char *key, size_t least,
                       struct error *err)
{
    const json_t *list = json_object_get(binding, key);
    json_t *text;
    size_t i;
    if (!list)
        return 0;
    json_array_foreach(list, i, text)
    {
        if (!json_is_string(text))
            return error_set(err, RB_INVALID, "%s: entry %zu is not a text",
                             key, i + 1);
    }
    if (json_array_size(list) < least)
        return error_set(err, RB_INVALID,
                         "%s: is empty; give a program and its arguments as "
                         "a list of texts",
                         key);
    return 0;
}

int program_check(const json_t *binding, const char *const *keys,
                  struct error *err)
{
    json_t *set = json_object_get(binding, "set"), *value;
    const char *name;
    int rc = check_texts(binding, "environment", 0, err);
    for (; !rc && *keys; keys++)
        rc = check_texts(binding, *keys, 1, err);
    if (rc)
        return rc;
    json_object_foreach(set, name, value)
    {
        if (!json_is_string(value) || !name[0] || strchr(name, '='))
            return error_set(err, RB_INVALID, "set: %s must be NAME = \"text\"",
                             name);
    }
    return 0;
}
