/*
 * Secrets: named by reference, resolved only here and in the driver process
 * that needs them, and redacted by value from everything that is written,
 * shown, or given to a worker.
 */
#ifndef RBRUN_ENGINE_SECRET_H
#define RBRUN_ENGINE_SECRET_H

#include "../wire/buf.h"
#include "../wire/error.h"
#include "../wire/value.h"

struct secret {
    char *name;  /* the reference, "env:TOKEN" */
    char *value; /* wiped when freed */
    size_t size;
};

struct secrets {
    struct secret *list;
    size_t count;
    const char *root; /* file: paths start here; borrowed */
};

/* Is this text a reference: env:NAME, file:PATH, credential:NAME? */
int secret_is_reference(const char *text);

/*
 * Read what a reference names. *value is malloc'ed; a final newline of a
 * file is dropped. RB_NOTFOUND says what is missing (never a value), RB_IO,
 * RB_TOOBIG (over 64 KiB). The value is remembered for redaction.
 */
int secret_read(struct secrets *s, const char *reference, char **value,
                size_t *size, struct error *err);

/* A copy of a binding with every reference in it resolved. */
int secret_resolve(struct secrets *s, const json_t *binding, json_t **out,
                   struct error *err);

/* Replace every known secret in the strings and names of value by
   [redacted:NAME]; secrets that overlap or touch become one such mark. A new
   reference: the same value when there was nothing to replace. */
json_t *secret_redact(const struct secrets *s, json_t *value);

/* The same for a text, in place. A text whose marks would be over its maximum
   becomes empty. */
void secret_redact_text(const struct secrets *s, struct buf *text);

void secrets_free(struct secrets *s);

#endif
