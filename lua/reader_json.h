/*
 * A strict JSON reader (RFC 8259) that is pushed chunks of any size and
 * keeps nothing but the token it is in. It tells its owner what it meets;
 * what that means is the owner's.
 */
#ifndef RBRUN_LUA_READER_JSON_H
#define RBRUN_LUA_READER_JSON_H

#include "../core/wire/error.h"

#include <stddef.h>
#include <stdint.h>

#define JSON_MAX_DEPTH 32
#define JSON_MAX_TEXT                                                          \
    1023 /* bytes kept of a string; numbers may not exceed                     \
          */

enum json_event {
    JSON_EVENT_OBJECT,     /* { */
    JSON_EVENT_OBJECT_END, /* } */
    JSON_EVENT_ARRAY,      /* [ */
    JSON_EVENT_ARRAY_END,  /* ] */
    JSON_EVENT_KEY,        /* text, size; cut at JSON_MAX_TEXT bytes */
    JSON_EVENT_STRING,     /* text, size; cut at JSON_MAX_TEXT bytes */
    JSON_EVENT_NUMBER,     /* text as written: number_json reads it */
    JSON_EVENT_OTHER       /* true, false or null: text */
};

struct json_owner {
    /* Returns 0, or an error code with err set: reading ends there. text is
       NUL-terminated, valid UTF-8 and lives until the function returns. */
    int (*event)(void *owner, enum json_event e, const char *text, size_t size,
                 struct error *err);
    /* NULL, or a short cut: called where an element of an array is due and
       begins with '['. It may consume whole elements together with the comma
       behind each, as long as another '[' follows that comma; *at is moved.
       Returns as event does. */
    int (*elements)(void *owner, const char **at, const char *end,
                    struct error *err);
};

struct json_reader {
    const struct json_owner *functions;
    void *owner;
    uint64_t before; /* bytes of the chunks before this one */
    int state;
    int is_key;
    unsigned depth;
    char kinds[JSON_MAX_DEPTH]; /* '{' or '[' */
    char text[JSON_MAX_TEXT + 5];
    size_t size;
    int cut;               /* more was there than text holds */
    unsigned hex, digits;  /* of a \u escape */
    unsigned high;         /* first half of a surrogate pair, or 0 */
    unsigned need;         /* bytes missing from a UTF-8 sequence */
    unsigned char low, up; /* bounds of the next one */
};

void json_begin(struct json_reader *j, const struct json_owner *functions,
                void *owner);

/* Returns 0, the owner's code, RB_INVALID or RB_TOOBIG; err names the byte. */
int json_push(struct json_reader *j, const char *bytes, size_t size,
              struct error *err);

/* The text is over: RB_INVALID unless one whole value was read. */
int json_end(struct json_reader *j, struct error *err);

#endif
