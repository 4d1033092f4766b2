/*
 * What a role of rbrun-reader is. reader_main.c starts it, closes the jail
 * and carries bytes; a role only sees text.
 */
#ifndef RBRUN_LUA_READER_H
#define RBRUN_LUA_READER_H

#include "../core/wire/error.h"
#include "../core/wire/value.h"

#include <stddef.h>

struct reader_reply {
    json_t *document; /* owned by whoever asked */
    const void *body; /* borrowed from the role */
    size_t body_size;
};

struct reader_role {
    const char *name;
    /* Before the jail: load what the role needs. */
    int (*prepare)(struct error *err);
    /* Inside it. All return 0, RB_INVALID (the text is malformed),
       RB_TOOBIG or RB_NOMEM. options is borrowed. */
    int (*open)(const json_t *options, struct error *err);
    int (*push)(const char *bytes, size_t size, struct error *err);
    int (*finish)(struct reader_reply *reply, struct error *err);
};

extern const struct reader_role reader_metric_role;
extern const struct reader_role reader_sql_role;

#endif
