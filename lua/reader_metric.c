#include "reader_metric.h"
#include "reader_json.h"
#include "reader_number.h"
#include "reader_pairs.h"

#include <stdlib.h>
#include <string.h>

#define MAX_NAMES 5
#define MAX_WARNINGS 20
#define MAX_NAME 400
#define NAME_LABEL "__name__" /* the label that is written in front */

/* Which part of the answer a bracket opened. */
enum part {
    TOP,
    ANSWER, /* {"status":..,"data":..} */
    DATA,
    RESULT, /* list of series, or one pair */
    SERIES,
    LABELS,
    POINTS, /* list of pairs */
    PAIR,   /* [seconds, "value"] */
    NOTES,  /* warnings */
    SKIP
};

enum key {
    KEY_OTHER,
    KEY_STATUS,
    KEY_ERROR_TYPE,
    KEY_ERROR,
    KEY_WARNINGS,
    KEY_DATA,
    KEY_TYPE,
    KEY_RESULT,
    KEY_METRIC,
    KEY_VALUE,
    KEY_VALUES,
    KEY_HISTOGRAM,
    KEY_HISTOGRAMS,
    KEYS
};

static const struct {
    enum part part;
    const char *name;
} keys[KEYS] = {
    [KEY_OTHER] = {TOP, ""},
    [KEY_STATUS] = {ANSWER, "status"},
    [KEY_ERROR_TYPE] = {ANSWER, "errorType"},
    [KEY_ERROR] = {ANSWER, "error"},
    [KEY_WARNINGS] = {ANSWER, "warnings"},
    [KEY_DATA] = {ANSWER, "data"},
    [KEY_TYPE] = {DATA, "resultType"},
    [KEY_RESULT] = {DATA, "result"},
    [KEY_METRIC] = {SERIES, "metric"},
    [KEY_VALUE] = {SERIES, "value"},
    [KEY_VALUES] = {SERIES, "values"},
    [KEY_HISTOGRAM] = {SERIES, "histogram"},
    [KEY_HISTOGRAMS] = {SERIES, "histograms"},
};

struct metric {
    struct json_reader json;
    struct fold fold;
    enum part parts[JSON_MAX_DEPTH + 1];
    unsigned depth;
    enum key key;
    uint32_t met;      /* keys of the answer and its data seen so far */
    uint32_t met_here; /* keys of this series */
    int bare;          /* the result is one pair, not a list of series */
    unsigned filled;   /* elements of the pair read so far */
    double t;
    uint64_t histograms;
    json_t *reply, *names, *warnings;
    char name[MAX_NAME]; /* of the series being read */
    size_t name_size;
    int has_label;
    char label[MAX_NAME]; /* of the label being read */
    size_t label_size;
};

static json_t *text_value(const char *text, size_t size)
{
    return json_stringn(text, size);
}

static int put(struct metric *m, const char *name, json_t *value)
{
    return json_object_set_new(m->reply, name, value) ? RB_NOMEM : 0;
}

/* A key's meaning hangs on where it stands; a known one may stand once. */
static int on_key(struct metric *m, const char *text, size_t size,
                  struct error *err)
{
    enum part part = m->parts[m->depth];
    uint32_t *met = part == SERIES ? &m->met_here : &m->met;
    m->key = KEY_OTHER;
    if (part == LABELS) {
        m->label_size = size < MAX_NAME ? size : MAX_NAME - 1;
        memcpy(m->label, text, m->label_size);
        return 0;
    }
    for (int k = KEY_STATUS; k < KEYS; k++) {
        if (keys[k].part == part && strlen(keys[k].name) == size &&
            memcmp(keys[k].name, text, size) == 0)
            m->key = (enum key)k;
    }
    if (m->key != KEY_OTHER && *met & 1u << m->key)
        return error_set(err, RB_INVALID, "the key \"%s\" stands twice", text);
    *met |= m->key == KEY_OTHER ? 0 : 1u << m->key;
    return 0;
}

static int misplaced(const struct metric *m, const char *what,
                     struct error *err)
{
    static const char *const places[] = {
        "at the top",      "in the answer",  "in \"data\"",   "in \"result\"",
        "in a series",     "in a label set", "in \"values\"", "in a sample",
        "in \"warnings\"", "in another part"};
    return error_set(err, RB_INVALID, "%s %s is not what Prometheus answers",
                     what, places[m->parts[m->depth]]);
}

static int begin_series(struct metric *m)
{
    fold_series(&m->fold);
    m->met_here = 0;
    m->name_size = 0;
    m->has_label = 0;
    return SERIES;
}

static int part_of_object(struct metric *m)
{
    switch (m->parts[m->depth]) {
    case TOP:
        return ANSWER;
    case ANSWER:
        return m->key == KEY_DATA ? DATA : m->key == KEY_OTHER ? SKIP : -1;
    case DATA:
        return m->key == KEY_OTHER ? SKIP : -1;
    case RESULT:
        return m->bare ? -1 : begin_series(m);
    case SERIES:
        return m->key == KEY_METRIC ? LABELS : m->key == KEY_OTHER ? SKIP : -1;
    case SKIP:
        return SKIP;
    default:
        return -1;
    }
}

static int part_of_list_in_series(struct metric *m)
{
    m->filled = 0;
    switch (m->key) {
    case KEY_VALUE:
        return PAIR;
    case KEY_VALUES:
        return POINTS;
    case KEY_HISTOGRAM:
    case KEY_HISTOGRAMS:
        m->histograms++;
        return SKIP;
    default:
        return m->key == KEY_OTHER ? SKIP : -1;
    }
}

static int part_of_list(struct metric *m)
{
    switch (m->parts[m->depth]) {
    case ANSWER:
        return m->key == KEY_WARNINGS ? NOTES : m->key == KEY_OTHER ? SKIP : -1;
    case DATA:
        return m->key == KEY_RESULT ? RESULT : m->key == KEY_OTHER ? SKIP : -1;
    case SERIES:
        return part_of_list_in_series(m);
    case POINTS:
        m->filled = 0;
        return PAIR;
    case SKIP:
        return SKIP;
    default:
        return -1;
    }
}

static int on_open(struct metric *m, int part, const char *what,
                   struct error *err)
{
    if (part < 0)
        return misplaced(m, what, err);
    m->parts[++m->depth] = (enum part)part;
    return 0;
}

static int keep_name(struct metric *m)
{
    if (json_array_size(m->names) >= MAX_NAMES)
        return 0;
    if (m->has_label)
        m->name[m->name_size++] = '}';
    if (m->name_size == 0) {
        m->name[m->name_size++] = '{';
        m->name[m->name_size++] = '}';
    }
    return json_array_append_new(m->names, text_value(m->name, m->name_size))
               ? RB_NOMEM
               : 0;
}

static int on_close(struct metric *m, struct error *err)
{
    enum part part = m->parts[m->depth--];
    int rc = 0;
    if (part == PAIR && m->filled != 2)
        return error_set(err, RB_INVALID, "a sample of %u parts", m->filled);
    if (part == RESULT && m->bare && m->filled != 2)
        return error_set(err, RB_INVALID, "a scalar of %u parts", m->filled);
    if (part == SERIES) {
        rc = fold_series_end(&m->fold, err);
        if (!rc)
            rc = keep_name(m);
    }
    return rc;
}

/* {a="b", as PromQL writes a label set; what does not fit is left out. */
static void on_label(struct metric *m, const char *text, size_t size)
{
    size_t length = m->label_size, room = sizeof m->name - m->name_size;
    if (json_array_size(m->names) >= MAX_NAMES || length + size + 8 > room)
        return;
    if (m->name_size == 0 && length == strlen(NAME_LABEL) &&
        memcmp(m->label, NAME_LABEL, length) == 0) {
        memcpy(m->name, text, size);
        m->name_size = size;
        return;
    }
    m->name[m->name_size++] = m->has_label ? ',' : '{';
    memcpy(m->name + m->name_size, m->label, length);
    m->name_size += length;
    m->name[m->name_size++] = '=';
    m->name[m->name_size++] = '"';
    memcpy(m->name + m->name_size, text, size);
    m->name_size += size;
    m->name[m->name_size++] = '"';
    m->has_label = 1;
}

/* The second part of a sample. Only a bare pair may be no number: whether it
   is a "string" is known when all has been read. */
static int on_sample(struct metric *m, const char *text, size_t size,
                     struct error *err)
{
    double v;
    if (m->filled++ != 1)
        return error_set(err, RB_INVALID, "a sample of another form");
    if (m->bare) {
        int rc = put(m, "text", text_value(text, size));
        if (rc || !number_sample(text, size, &v))
            return rc;
        return fold_point(&m->fold, m->t, v, err);
    }
    if (!number_sample(text, size, &v))
        return error_set(err, RB_INVALID, "the sample value \"%.40s\"", text);
    return fold_point(&m->fold, m->t, v, err);
}

static int on_string(struct metric *m, const char *text, size_t size,
                     struct error *err)
{
    static const char *const names[KEYS] = {[KEY_STATUS] = "status",
                                            [KEY_ERROR_TYPE] = "error_type",
                                            [KEY_ERROR] = "error",
                                            [KEY_TYPE] = "type"};
    switch (m->parts[m->depth]) {
    case ANSWER:
    case DATA:
        if (m->key == KEY_OTHER)
            return 0;
        return names[m->key] ? put(m, names[m->key], text_value(text, size))
                             : misplaced(m, "a text", err);
    case LABELS:
        on_label(m, text, size);
        return 0;
    case NOTES:
        if (json_array_size(m->warnings) == MAX_WARNINGS)
            return 0;
        return json_array_append_new(m->warnings, text_value(text, size))
                   ? RB_NOMEM
                   : 0;
    case PAIR:
        return on_sample(m, text, size, err);
    case RESULT:
        return m->bare ? on_sample(m, text, size, err)
                       : misplaced(m, "a text", err);
    case SERIES:
        return m->key == KEY_OTHER ? 0 : misplaced(m, "a text", err);
    case SKIP:
        return 0;
    default:
        return misplaced(m, "a text", err);
    }
}

static int on_number(struct metric *m, const char *text, size_t size,
                     struct error *err)
{
    enum part part = m->parts[m->depth];
    if (part == RESULT && !m->bare && m->fold.series == 0) {
        m->bare = 1;
        m->filled = 0;
        fold_series(&m->fold);
    }
    if (part == PAIR || (part == RESULT && m->bare)) {
        if (m->filled++ != 0)
            return error_set(err, RB_INVALID, "a sample of another form");
        number_json(text, size, &m->t);
        return 0;
    }
    if (part == SKIP || ((part == ANSWER || part == DATA || part == SERIES) &&
                         m->key == KEY_OTHER))
        return 0;
    return misplaced(m, "a number", err);
}

/* null stands for "nothing" where Go had no list to write. */
static int on_word(struct metric *m, const char *text, struct error *err)
{
    enum part part = m->parts[m->depth];
    if (part == SKIP || ((part == ANSWER || part == DATA || part == SERIES) &&
                         (m->key == KEY_OTHER || strcmp(text, "null") == 0)))
        return 0;
    return misplaced(m, text, err);
}

static int on_event(void *owner, enum json_event e, const char *text,
                    size_t size, struct error *err)
{
    struct metric *m = owner;
    switch (e) {
    case JSON_EVENT_OBJECT:
        return on_open(m, part_of_object(m), "an object", err);
    case JSON_EVENT_ARRAY:
        return on_open(m, part_of_list(m), "a list", err);
    case JSON_EVENT_OBJECT_END:
    case JSON_EVENT_ARRAY_END:
        return on_close(m, err);
    case JSON_EVENT_KEY:
        return on_key(m, text, size, err);
    case JSON_EVENT_STRING:
        return on_string(m, text, size, err);
    case JSON_EVENT_NUMBER:
        return on_number(m, text, size, err);
    case JSON_EVENT_OTHER:
        return on_word(m, text, err);
    }
    return RB_INVALID;
}

/* The short cut of json_owner: where samples stand, and nowhere else. */
static int on_elements(void *owner, const char **at, const char *end,
                       struct error *err)
{
    struct metric *m = owner;
    if (m->parts[m->depth] != POINTS)
        return 0;
    return pairs_read(&m->fold, at, end, err);
}

static const struct json_owner functions = {on_event, on_elements};

int metric_open(const json_t *options, struct metric **out, struct error *err)
{
    int64_t max = value_int(options, "max_points", METRIC_MAX_POINTS);
    enum fold_how how;
    struct metric *m;
    int rc = fold_named(value_text(options, "fold", NULL), &how, err);
    if (rc)
        return rc;
    if (max < 1 || max > (int64_t)METRIC_MAX_POINTS)
        return error_set(err, RB_INVALID, "max_points: 1 to %zu",
                         METRIC_MAX_POINTS);
    number_init();
    m = calloc(1, sizeof *m);
    if (!m)
        return error_set(err, RB_NOMEM, "no memory for a metric reader");
    fold_begin(&m->fold, how, (size_t)max);
    json_begin(&m->json, &functions, m);
    m->reply = json_object();
    m->names = json_array();
    m->warnings = json_array();
    *out = m;
    return 0;
}

int metric_push(struct metric *m, const char *bytes, size_t size,
                struct error *err)
{
    return json_push(&m->json, bytes, size, err);
}

/* Everything that only the whole answer can get wrong. */
static int check_whole(struct metric *m, struct error *err)
{
    const char *status = value_text(m->reply, "status", "");
    const char *type = value_text(m->reply, "type", "");
    int is_string = strcmp(type, "string") == 0;
    if (strcmp(status, "error") == 0)
        return 0;
    if (strcmp(status, "success") != 0)
        return error_set(err, RB_INVALID, "the status \"%.40s\"", status);
    if (!(m->met & 1u << KEY_RESULT))
        return error_set(err, RB_INVALID, "a success without a result");
    if (strcmp(type, "vector") != 0 && strcmp(type, "matrix") != 0 &&
        strcmp(type, "scalar") != 0 && !is_string)
        return error_set(err, RB_INVALID, "the result type \"%.40s\"", type);
    if (m->bare != (is_string || strcmp(type, "scalar") == 0))
        return error_set(err, RB_INVALID, "a %s of another form", type);
    if (m->bare && !is_string && m->fold.count != 1)
        return error_set(err, RB_INVALID, "the scalar value \"%.40s\"",
                         value_text(m->reply, "text", ""));
    return 0;
}

static int fill_reply(struct metric *m, int is_string)
{
    int rc = 0;
    if (!is_string)
        json_object_del(m->reply, "text");
    else
        m->fold.count = 0;
    if (m->bare)
        m->fold.series = 0;
    rc |= put(m, "series", json_integer((json_int_t)m->fold.series));
    rc |= put(m, "points", json_integer((json_int_t)m->fold.count));
    rc |= put(m, "histograms", json_integer((json_int_t)m->histograms));
    rc |= json_object_set(m->reply, "names", m->names);
    rc |= json_object_set(m->reply, "warnings", m->warnings);
    return rc ? RB_NOMEM : 0;
}

int metric_finish(struct metric *m, json_t **reply, const struct point **points,
                  size_t *count, struct error *err)
{
    int rc = json_end(&m->json, err);
    if (!rc)
        rc = check_whole(m, err);
    if (rc)
        return rc;
    fold_finish(&m->fold);
    if (fill_reply(m, strcmp(value_text(m->reply, "type", ""), "string") == 0))
        return error_set(err, RB_NOMEM, "no memory for a metric reply");
    *reply = json_incref(m->reply);
    *points = m->fold.points;
    *count = m->fold.count;
    return 0;
}

void metric_free(struct metric *m)
{
    if (!m)
        return;
    fold_free(&m->fold);
    json_decref(m->reply);
    json_decref(m->names);
    json_decref(m->warnings);
    free(m);
}
