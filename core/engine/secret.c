#define _GNU_SOURCE
#include "secret.h"
#include "../store/place.h"
#include "../wire/dress.h"
#include "../wire/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LARGEST (64u << 10)
/* A value of three letters would redact half of every message. */
#define SHORTEST 4

static const char *const schemes[] = {"env:", "file:", "credential:"};

int secret_is_reference(const char *text)
{
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(schemes[i]);
        if (strncmp(text, schemes[i], size) == 0 && text[size])
            return 1;
    }
    return 0;
}

static int remember(struct secrets *s, const char *name, const char *value,
                    size_t size)
{
    struct secret *more;
    for (size_t i = 0; i < s->count; i++) {
        if (s->list[i].size == size &&
            memcmp(s->list[i].value, value, size) == 0)
            return 0;
    }
    if (size < SHORTEST)
        return 0;
    more = heap_grow(s->list, (s->count + 1) * sizeof *more);
    s->list = more;
    more += s->count;
    more->name = heap_text(name);
    more->value = heap_get(size + 1);
    more->size = size;
    memcpy(more->value, value, size);
    more->value[size] = '\0';
    s->count++;
    return 0;
}

struct remembering {
    struct secrets *secrets;
    const char *name;
};

static int remember_form(void *data, const char *text, size_t size)
{
    const struct remembering *r = data;
    return remember(r->secrets, r->name, text, size);
}

static int remember_dressed(struct secrets *s, const char *name,
                            const char *value, size_t size)
{
    struct remembering r = {s, name};
    return dress_each(value, size, remember_form, &r);
}

static int remember_password(void *data, const char *text, size_t size)
{
    const struct remembering *r = data;
    return remember_dressed(r->secrets, r->name, text, size);
}

/* A path this long is hardly a mere place: a webhook's is its key. */
#define TELLING_PATH 16

/* scheme://user:PASSWORD@host/PATH: a client library may print the password
   without the rest, or the address without user and password, so each is a
   secret by itself. */
static int remember_parts(struct secrets *s, const char *name,
                          const char *value)
{
    const char *host = strstr(value, "://"), *at, *path;
    struct remembering r = {s, name};
    int rc = dress_passwords(value, remember_password, &r);
    if (!host || rc)
        return rc;
    host += 3;
    at = strpbrk(host, "@/?#");
    if (at && *at == '@')
        host = at + 1;
    path = strpbrk(host, "/?#");
    if (!rc && path && path[1])
        rc = remember(s, name, host, strlen(host));
    if (!rc && path && strlen(path) >= TELLING_PATH)
        rc = remember(s, name, path, strlen(path));
    return rc;
}

static int from_environment(const char *reference, struct buf *out,
                            struct error *err)
{
    const char *value = getenv(reference + 4);
    if (!value || !value[0]) {
        error_set(err, RB_NOTFOUND, "the secret %s is not set", reference);
        error_next(err, "export %s=...", reference + 4);
        return RB_NOTFOUND;
    }
    return buf_adds(out, value)
               ? error_set(err, RB_TOOBIG, "the secret %s is too long",
                           reference)
               : 0;
}

static int from_file(const struct secrets *s, const char *reference,
                     struct buf *out, struct error *err)
{
    char path[PLACE_PATH];
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    const char *name = strchr(reference, ':') + 1;
    int rc;
    if (reference[0] == 'c' && (!directory || strchr(name, '/')))
        return error_set(err, RB_NOTFOUND, "the secret %s: %s", reference,
                         directory ? "a credential's name has no slash"
                                   : "CREDENTIALS_DIRECTORY is not set "
                                     "(see systemd.exec(5))");
    if (reference[0] == 'c')
        snprintf(path, sizeof path, "%s/%s", directory, name);
    else
        snprintf(path, sizeof path, "%s%s%s", name[0] == '/' ? "" : s->root,
                 name[0] == '/' ? "" : "/", name);
    rc = place_read(path, LARGEST, out, err);
    if (rc)
        error_prefix(err, "the secret %s: ", reference);
    while (!rc && out->size && strchr("\r\n", out->data[out->size - 1]))
        out->data[--out->size] = '\0';
    if (!rc && !out->size)
        rc = error_set(err, RB_NOTFOUND, "the secret %s is empty (%s)",
                       reference, path);
    return rc;
}

int secret_read(struct secrets *s, const char *reference, char **value,
                size_t *size, struct error *err)
{
    struct buf out = BUF_INIT(LARGEST);
    int rc = reference[0] == 'e' ? from_environment(reference, &out, err)
                                 : from_file(s, reference, &out, err);
    if (!rc && (remember_dressed(s, reference, out.data, out.size) != 0 ||
                remember_parts(s, reference, out.data) != 0))
        rc = error_set(err, RB_NOMEM, "no memory for the secret %s", reference);
    if (rc) {
        buf_free(&out);
        return rc;
    }
    *value = out.data;
    *size = out.size;
    return 0;
}

static int resolve(struct secrets *s, const json_t *in, json_t **out,
                   struct error *err);

static int resolve_text(struct secrets *s, const json_t *in, json_t **out,
                        struct error *err)
{
    char *value;
    size_t size;
    int rc;
    if (!secret_is_reference(json_string_value(in))) {
        *out = json_incref((json_t *)in);
        return 0;
    }
    rc = secret_read(s, json_string_value(in), &value, &size, err);
    if (rc)
        return rc;
    *out = json_stringn(value, size);
    explicit_bzero(value, size);
    free(value);
    return *out ? 0
                : error_set(err, RB_INVALID, "the secret %s is not UTF-8",
                            json_string_value(in));
}

static int resolve_object(struct secrets *s, const json_t *in, json_t **out,
                          struct error *err)
{
    const char *key;
    json_t *value;
    int rc = 0;
    *out = json_object();
    json_object_foreach((json_t *)in, key, value)
    {
        json_t *copy;
        rc = resolve(s, value, &copy, err);
        if (rc)
            break;
        json_object_set_new(*out, key, copy);
    }
    return rc;
}

static int resolve_array(struct secrets *s, const json_t *in, json_t **out,
                         struct error *err)
{
    int rc = 0;
    *out = json_array();
    for (size_t i = 0; !rc && i < json_array_size(in); i++) {
        json_t *copy;
        rc = resolve(s, json_array_get(in, i), &copy, err);
        if (!rc)
            json_array_append_new(*out, copy);
    }
    return rc;
}

static int resolve(struct secrets *s, const json_t *in, json_t **out,
                   struct error *err)
{
    int rc;
    if (json_is_string(in))
        return resolve_text(s, in, out, err);
    if (json_is_object(in))
        rc = resolve_object(s, in, out, err);
    else if (json_is_array(in))
        rc = resolve_array(s, in, out, err);
    else
        return *out = json_incref((json_t *)in), 0;
    if (rc) {
        json_decref(*out);
        *out = NULL;
    }
    return rc;
}

int secret_resolve(struct secrets *s, const json_t *binding, json_t **out,
                   struct error *err)
{
    return resolve(s, binding, out, err);
}

static const char *find(const struct secret *one, const char *at,
                        const char *end)
{
    return memmem(at, (size_t)(end - at), one->value, one->size);
}

static int holds_secret(const struct secrets *s, const char *text, size_t size)
{
    for (size_t i = 0; i < s->count; i++) {
        if (find(&s->list[i], text, text + size))
            return 1;
    }
    return 0;
}

/* whose[i] becomes 1 + the number of a secret that byte i belongs to. All are
   looked for in the text as it came: cut out one by one, secrets that share
   bytes would leave each other's rest. */
static void mark(const struct secrets *s, const struct buf *text,
                 unsigned *whose)
{
    const char *end = text->data + text->size, *hit;
    for (size_t i = 0; i < s->count; i++) {
        const struct secret *one = &s->list[i];
        const char *done = text->data;
        for (hit = find(one, done, end); hit; hit = find(one, hit + 1, end)) {
            done = done > hit ? done : hit;
            for (; done < hit + one->size; done++)
                whose[done - text->data] = (unsigned)i + 1;
        }
    }
}

/* Each stretch of marked bytes gives way to one name. */
static int cut_out(const struct secrets *s, const struct buf *text,
                   const unsigned *whose, struct buf *out)
{
    size_t i = 0, from;
    int rc = 0;
    while (rc == 0 && i < text->size) {
        for (from = i; i < text->size && !whose[i]; i++)
            ;
        rc = buf_add(out, text->data + from, i - from);
        if (rc == 0 && i < text->size)
            rc = buf_addf(out, "[redacted:%s]", s->list[whose[i] - 1].name);
        while (i < text->size && whose[i])
            i++;
    }
    return rc;
}

void secret_redact_text(const struct secrets *s, struct buf *text)
{
    struct buf out = BUF_INIT(text->max);
    unsigned *whose;
    int rc;
    if (!text->size || !holds_secret(s, text->data, text->size))
        return;
    whose = heap_zeroed(text->size, sizeof *whose);
    mark(s, text, whose);
    rc = cut_out(s, text, whose, &out);
    free(whose);
    explicit_bzero(text->data, text->size);
    if (rc == 0) {
        buf_free(text);
        *text = out;
    } else { /* No room to say it: better nothing than the secret. */
        buf_free(&out);
        buf_clear(text);
    }
}

/* A secret need not end where a character does: what is left of the text may
   be no text any more, and then nothing is. */
static json_t *redact_text(const struct secrets *s, const char *from,
                           size_t size)
{
    struct buf text = BUF_INIT(64u << 20);
    json_t *out = NULL;
    if (buf_add(&text, from, size) == 0) {
        secret_redact_text(s, &text);
        if (text.size)
            out = json_stringn(buf_text(&text), text.size);
    }
    buf_free(&text);
    return out ? out : json_string("[redacted]");
}

/* Of two names that differ in a secret only, the later one's value stays. */
static void redact_member(const struct secrets *s, json_t *out, const char *key,
                          json_t *member)
{
    json_t *name = NULL, *safe = secret_redact(s, member);
    if (holds_secret(s, key, strlen(key)))
        name = redact_text(s, key, strlen(key));
    json_object_set_new(out, name ? json_string_value(name) : key, safe);
    json_decref(name);
}

json_t *secret_redact(const struct secrets *s, json_t *value)
{
    json_t *out, *member;
    const char *key;
    if (json_is_string(value) &&
        holds_secret(s, json_string_value(value), json_string_length(value)))
        return redact_text(s, json_string_value(value),
                           json_string_length(value));
    if (!s->count || !(json_is_object(value) || json_is_array(value)))
        return json_incref(value);
    out = json_is_object(value) ? json_object() : json_array();
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++)
            json_array_append_new(out,
                                  secret_redact(s, json_array_get(value, i)));
        return out;
    }
    json_object_foreach(value, key, member)
    {
        redact_member(s, out, key, member);
    }
    return out;
}

void secrets_free(struct secrets *s)
{
    for (size_t i = 0; i < s->count; i++) {
        explicit_bzero(s->list[i].value, s->list[i].size);
        free(s->list[i].value);
        free(s->list[i].name);
    }
    free(s->list);
    s->list = NULL;
    s->count = 0;
}
