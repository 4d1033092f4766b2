#include "frame_check.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum kind {
    KIND_END,
    KIND_TEXT,     /* most: bytes */
    KIND_FILLED,   /* the same, and not empty */
    KIND_DURATION, /* a text such as "30s" */
    KIND_CHOICE,   /* one of the words of `words` */
    KIND_WHOLE,    /* least 0, or 1 where it is a NUMBER; most: its value */
    KIND_NUMBER,
    KIND_FLAG,
    KIND_TRUE,
    KIND_OBJECT, /* of a shape, or anything */
    KIND_TEXTS,  /* a list of texts; most: how many */
    KIND_NUMBERS,
    KIND_LIST,   /* a list of objects of a shape; most: how many */
    KIND_INPUTS, /* an object of names and texts */
    KIND_ANY
};

struct field {
    const char *name;
    enum kind kind;
    int required;
    size_t most;
    const char *words; /* of a choice, blank separated */
    const struct field *shape;
};

/* clang-format off */
#define END {NULL, KIND_END, 0, 0, NULL, NULL}
#define MUST(name, kind, most) {name, kind, 1, most, NULL, NULL}
#define MAY(name, kind, most) {name, kind, 0, most, NULL, NULL}
#define LINE_MAX ((size_t)100000000)
#define TEXT_MAX ((size_t)FRAME_MAX_DOCUMENT)

/* Sizes are those that lua/ and stdlib/ cut at, with room for the marks of
   what was cut; TEXT_MAX where only the frame's own limit holds. */
static const struct field last_error[] = {
    MUST("message", KIND_TEXT, TEXT_MAX),
    MAY("outcome", KIND_TEXT, 200),
    MAY("verb", KIND_TEXT, 200),
    END};

static const struct field report[] = {
    MUST("message", KIND_TEXT, 8192),
    MAY("file", KIND_TEXT, 512),
    MAY("line", KIND_WHOLE, LINE_MAX),
    MAY("excerpt", KIND_TEXT, 512),
    MAY("trace", KIND_TEXTS, 6000),
    MAY("outcome", KIND_TEXT, 512),
    MAY("verb", KIND_TEXT, 512),
    {"last_err", KIND_OBJECT, 0, 0, NULL, last_error},
    END};

static const struct field undo_error[] = {
    MUST("id", KIND_NUMBER, 1000),
    MUST("what", KIND_FILLED, 256),
    {"error", KIND_OBJECT, 1, 0, NULL, report},
    END};

static const struct field global[] = {
    MUST("name", KIND_TEXT, TEXT_MAX),
    MAY("field", KIND_TEXT, TEXT_MAX),
    MUST("file", KIND_TEXT, 256),
    MUST("line", KIND_WHOLE, LINE_MAX),
    MUST("known", KIND_FLAG, 0),
    MAY("did_you_mean", KIND_TEXT, TEXT_MAX),
    MAY("instead", KIND_TEXT, TEXT_MAX),
    END};

static const struct field header[] = {
    MUST("service", KIND_FILLED, TEXT_MAX),
    MUST("summary", KIND_FILLED, TEXT_MAX),
    MUST("uses", KIND_TEXTS, 10000),
    MAY("owner", KIND_FILLED, TEXT_MAX),
    MAY("objective", KIND_DURATION, 0),
    MAY("inputs", KIND_INPUTS, 0),
    END};

static const struct field ending[] = {
    {"as", KIND_CHOICE, 1, 0, "declined escalated gate nothing recovered",
     NULL},
    MAY("because", KIND_TEXT, 2048),
    END};

static const struct field evidence[] = {
    MUST("rule", KIND_TEXT, TEXT_MAX),
    {"verdict", KIND_CHOICE, 1, 0, "yes no unknown", NULL},
    MAY("value", KIND_ANY, 0),
    MAY("threshold", KIND_ANY, 0),
    MAY("pushes", KIND_TEXT, TEXT_MAX),
    MAY("veto", KIND_TEXTS, 10000),
    END};

static const struct field module[] = {
    MUST("name", KIND_FILLED, 100),
    END};

static const struct field loaded[] = {
    {"header", KIND_OBJECT, 1, 0, NULL, header},
    MUST("has_run", KIND_TRUE, 0),
    MUST("modules", KIND_TEXTS, 1000),
    MUST("jail", KIND_TEXTS, 16),
    {"globals", KIND_LIST, 0, 100000, NULL, global},
    END};

static const struct field call[] = {
    MUST("verb", KIND_FILLED, 100),
    MUST("args", KIND_OBJECT, 0),
    MUST("step", KIND_TEXT, TEXT_MAX),
    MUST("undoing", KIND_FLAG, 0),
    MAY("undo", KIND_NUMBER, 1000),
    MAY("file", KIND_FILLED, 256),
    MAY("line", KIND_WHOLE, LINE_MAX),
    END};

static const struct field event_step[] = {
    MUST("kind", KIND_TEXT, 0),
    MUST("name", KIND_TEXT, TEXT_MAX),
    {"state", KIND_CHOICE, 1, 0, "begin end failed", NULL},
    MAY("undo", KIND_NUMBER, 1000),
    END};

static const struct field event_log[] = {
    MUST("kind", KIND_TEXT, 0),
    MUST("text", KIND_TEXT, 4096 + 8),
    MAY("file", KIND_FILLED, 256),
    MAY("line", KIND_WHOLE, LINE_MAX),
    END};

static const struct field event_decision[] = {
    MUST("kind", KIND_TEXT, 0),
    MUST("action", KIND_TEXT, TEXT_MAX),
    MUST("because", KIND_TEXT, TEXT_MAX),
    {"rules", KIND_LIST, 1, 10000, NULL, evidence},
    MAY("file", KIND_FILLED, 256),
    MAY("line", KIND_WHOLE, LINE_MAX),
    END};

static const struct field event_undo[] = {
    MUST("kind", KIND_TEXT, 0),
    MUST("id", KIND_NUMBER, 1000),
    MUST("what", KIND_FILLED, 180 + 8),
    MAY("tells", KIND_TRUE, 0),
    MAY("file", KIND_FILLED, 256),
    MAY("line", KIND_WHOLE, LINE_MAX),
    END};

static const struct field cancel[] = {
    MUST("calls", KIND_NUMBERS, 1000),
    END};

static const struct field done[] = {
    {"ended", KIND_CHOICE, 1, 0, "finished failed stopped", NULL},
    MUST("undone", KIND_WHOLE, 1000),
    MUST("undo_failed", KIND_WHOLE, 1000),
    {"result", KIND_OBJECT, 0, 0, NULL, ending},
    {"error", KIND_OBJECT, 0, 0, NULL, report},
    MAY("because", KIND_TEXT, 100),
    {"undo_errors", KIND_LIST, 0, 20, NULL, undo_error},
    END};

static const struct field fail[] = {
    MUST("message", KIND_TEXT, 8192),
    MAY("phase", KIND_TEXT, 20),
    MAY("file", KIND_TEXT, 512),
    MAY("line", KIND_WHOLE, LINE_MAX),
    MAY("excerpt", KIND_TEXT, 512),
    MAY("trace", KIND_TEXTS, 6000),
    MAY("outcome", KIND_TEXT, 512),
    MAY("verb", KIND_TEXT, 512),
    {"globals", KIND_LIST, 0, 100000, NULL, global},
    END};

static const struct field nothing[] = {END};

/* Types that are not here are the engine's to send. ends: the worker waits
   behind it, or ends, so that it must be the last of its burst. */
static const struct {
    const struct field *shape;
    int ends;
} frames[FRAME_TYPES] = {
    [FRAME_MODULE] = {module, 1},
    [FRAME_LOADED] = {loaded, 1},
    [FRAME_CALL] = {call, 0},
    [FRAME_EVENT] = {nothing, 0},
    [FRAME_CANCEL] = {cancel, 0},
    [FRAME_DONE] = {done, 1},
    [FRAME_FAIL] = {fail, 1},
    [FRAME_WAIT] = {nothing, 1},
};

static const struct {
    const char *kind;
    const struct field *shape;
} events[] = {
    {"step", event_step},
    {"log", event_log},
    {"decision", event_decision},
    {"undo", event_undo},
};
/* clang-format on */

/* -- values ------------------------------------------------------------- */

static int is_text(const json_t *v, size_t most)
{
    return json_is_string(v) && json_string_length(v) <= most;
}

static int is_whole(const json_t *v, json_int_t least, size_t most)
{
    return json_is_integer(v) && json_integer_value(v) >= least &&
           json_integer_value(v) <= (json_int_t)most;
}

static int is_word(const json_t *v, const char *words)
{
    const char *text = json_string_value(v);
    size_t size = text ? strlen(text) : 0, length;
    for (; size && *words; words += length + (words[length] == ' ')) {
        length = strcspn(words, " ");
        if (length == size && memcmp(words, text, size) == 0)
            return 1;
    }
    return 0;
}

/* Lua's {} is both: an empty list may arrive as an empty table. */
static int is_list(const json_t *v, size_t most)
{
    return json_is_array(v) ? json_array_size(v) <= most
                            : json_is_object(v) && !json_object_size(v);
}

static int are_texts(const json_t *v, size_t most)
{
    const json_t *one;
    size_t i;
    json_array_foreach(v, i, one)
    {
        if (!json_is_string(one))
            return 0;
    }
    return is_list(v, most);
}

static int are_numbers(const json_t *v, size_t most)
{
    const json_t *one;
    size_t i;
    json_array_foreach(v, i, one)
    {
        if (!is_whole(one, 1, UINT32_MAX))
            return 0;
    }
    return json_array_size(v) > 0 && json_array_size(v) <= most;
}

/* They are shown, and typed: --input NAME=... */
static int is_name(const char *text)
{
    if (!isalpha((unsigned char)*text) && *text != '_')
        return 0;
    while (isalnum((unsigned char)*text) || *text == '_')
        text++;
    return !*text;
}

static int are_inputs(const json_t *v)
{
    const char *name;
    json_t *spec;
    json_object_foreach((json_t *)v, name, spec)
    {
        if (!is_name(name) || !json_is_string(spec))
            return 0;
    }
    return is_list(v, 0) || json_is_object(v);
}

static int is_duration(const json_t *v)
{
    int64_t ms;
    return json_is_string(v) &&
           duration_parse(json_string_value(v), &ms, NULL) == 0;
}

static int fits(const struct field *f, const json_t *v)
{
    switch (f->kind) {
    case KIND_TEXT:
        return is_text(v, f->most ? f->most : 20);
    case KIND_FILLED:
        return is_text(v, f->most) && json_string_length(v) > 0;
    case KIND_DURATION:
        return is_duration(v);
    case KIND_CHOICE:
        return is_word(v, f->words);
    case KIND_WHOLE:
        return is_whole(v, 0, f->most);
    case KIND_NUMBER:
        return is_whole(v, 1, f->most);
    case KIND_FLAG:
        return json_is_boolean(v);
    case KIND_TRUE:
        return json_is_true(v);
    case KIND_OBJECT:
        return json_is_object(v);
    case KIND_TEXTS:
        return are_texts(v, f->most);
    case KIND_NUMBERS:
        return are_numbers(v, f->most);
    case KIND_LIST:
        return is_list(v, f->most);
    case KIND_INPUTS:
        return are_inputs(v);
    default:
        return v != NULL;
    }
}

/* -- shapes ------------------------------------------------------------- */

static int check_shape(const json_t *object, const struct field *shape,
                       struct error *err);

static int check_items(const struct field *f, const json_t *list,
                       struct error *err)
{
    const json_t *one;
    size_t i;
    json_array_foreach(list, i, one)
    {
        int rc = check_shape(one, f->shape, err);
        if (rc) {
            error_prefix(err, "%s[%zu]: ", f->name, i + 1);
            return rc;
        }
    }
    return 0;
}

static int check_field(const struct field *f, const json_t *v,
                       struct error *err)
{
    int rc = 0;
    if (!v)
        return f->required
                   ? error_set(err, RB_INVALID, "%s is missing", f->name)
                   : 0;
    if (!fits(f, v))
        return error_set(err, RB_INVALID, "%s is not what it must be", f->name);
    if (f->kind == KIND_LIST)
        return check_items(f, v, err);
    if (f->kind == KIND_OBJECT && f->shape) {
        rc = check_shape(v, f->shape, err);
        if (rc)
            error_prefix(err, "%s: ", f->name);
    }
    return rc;
}

static int is_known(const struct field *shape, const char *name)
{
    while (shape->name && strcmp(shape->name, name) != 0)
        shape++;
    return shape->name != NULL;
}

static int check_shape(const json_t *object, const struct field *shape,
                       struct error *err)
{
    const char *name;
    json_t *value;
    if (!json_is_object(object))
        return error_set(err, RB_INVALID, "not an object");
    json_object_foreach((json_t *)object, name, value)
    {
        (void)value;
        if (!is_known(shape, name))
            return error_set(err, RB_INVALID, "unknown field \"%.60s\"", name);
    }
    for (; shape->name; shape++) {
        int rc = check_field(shape, json_object_get(object, shape->name), err);
        if (rc)
            return rc;
    }
    return 0;
}

/* C ends a text at a zero byte: what is checked there would not be all of
   what is recorded. Keys with one are no JSON to jansson. */
static int holds_zero(const json_t *v)
{
    const char *name;
    json_t *member;
    size_t i;
    if (json_is_string(v))
        return strlen(json_string_value(v)) != json_string_length(v);
    json_object_foreach((json_t *)v, name, member)
    {
        if (holds_zero(member))
            return 1;
    }
    json_array_foreach(v, i, member)
    {
        if (holds_zero(member))
            return 1;
    }
    return 0;
}

static const struct field *shape_of(const struct frame *f)
{
    const char *kind = value_text(f->value, "kind", "");
    if (f->type != FRAME_EVENT)
        return frames[f->type].shape;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        if (strcmp(events[i].kind, kind) == 0)
            return events[i].shape;
    }
    return NULL;
}

static int check_header(const struct frame *f, struct error *err)
{
    const char *name = frame_name(f->type);
    if (!frames[f->type].shape)
        return error_set(err, RB_INVALID,
                         "its %s frame is the engine's to send", name);
    if (f->body_size)
        return error_set(err, RB_INVALID, "its %s frame has a body", name);
    if ((f->call != 0) != (f->type == FRAME_CALL))
        return error_set(err, RB_INVALID, "its %s frame has the number %u",
                         name, f->call);
    if (frames[f->type].ends && !(f->flags & FRAME_BLOCKED))
        return error_set(err, RB_INVALID, "its %s frame does not end its burst",
                         name);
    return 0;
}

int frame_check(const struct frame *f, int config, struct error *err)
{
    const struct field *shape;
    int rc = check_header(f, err);
    if (rc)
        return rc;
    if (holds_zero(f->value))
        rc = error_set(err, RB_INVALID, "a text that holds a zero byte");
    else if (config && f->type == FRAME_LOADED)
        return 0; /* environment_take knows what is in it */
    shape = shape_of(f);
    if (!rc && !shape)
        rc = error_set(err, RB_INVALID, "an event of unknown kind");
    if (!rc)
        rc = check_shape(f->value, shape, err);
    if (rc)
        error_prefix(err, "its %s frame: ", frame_name(f->type));
    return rc;
}

int worker_silent(const struct worker *w, const char *name, struct error *err)
{
    error_set(err, RB_INVALID, "it ended without saying how");
    return frame_violated(w, name, err);
}

int frame_violated(const struct worker *w, const char *name, struct error *err)
{
    struct error why = *err;
    char seen[160];
    worker_seen(w, seen, sizeof seen);
    error_set(err, RB_DENIED, "the worker was ended: %s%s%s", why.message,
              seen[0] ? " at " : "", seen);
    error_next(err, "treat %s as hostile until you have read it", name);
    return RB_DENIED;
}
