/* Reading a journal back: the chain first, JSON only where it is asked for. */
#include "journal.h"
#include "place.h"
#include "../wire/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int literal(const char **at, const char *end, const char *text)
{
    size_t size = strlen(text);
    if ((size_t)(end - *at) < size || memcmp(*at, text, size) != 0)
        return 0;
    *at += size;
    return 1;
}

static int number(const char **at, const char *end, uint64_t *out)
{
    const char *begin = *at;
    uint64_t n = 0;
    while (*at < end && **at >= '0' && **at <= '9' && *at - begin < 18)
        n = n * 10 + (uint64_t)(*(*at)++ - '0');
    *out = n;
    return *at > begin;
}

static int kind_of(const char **at, const char *end, enum record_kind *kind)
{
    for (int k = 0; k < RECORD_KINDS; k++) {
        char quoted[16];
        snprintf(quoted, sizeof quoted, "\"%s\"", record_name(k));
        if (literal(at, end, quoted)) {
            *kind = (enum record_kind)k;
            return 1;
        }
    }
    return 0;
}

/* The fixed head; 0 when the line is not of its shape. */
static int parse_head(struct record *r, const char **prev)
{
    const char *at = r->text, *end = at + r->size;
    uint64_t time;
    if (!literal(&at, end, "{\"n\":") || !number(&at, end, &r->n) ||
        !literal(&at, end, ",\"prev\":\"") || end - at < DIGEST_SIZE)
        return 0;
    *prev = at;
    at += DIGEST_SIZE - 1;
    if (!literal(&at, end, "\",\"epoch\":") || !number(&at, end, &r->epoch) ||
        !literal(&at, end, ",\"at\":") || !number(&at, end, &time) ||
        !literal(&at, end, ",\"kind\":") || !kind_of(&at, end, &r->kind))
        return 0;
    r->at = (int64_t)time;
    return at < end && (*at == ',' || *at == '}') && end[-1] == '}';
}

static void add(struct tape *t, size_t *room, const struct record *r)
{
    if (t->count == *room) {
        size_t more = *room ? *room * 2 : 256;
        t->records = heap_grow(t->records, more * sizeof *t->records);
        *room = more;
    }
    t->records[t->count++] = *r;
}

/* Does this line continue the chain? The reason if not. */
static const char *misfit(const struct tape *t, struct record *r)
{
    const char *prev;
    if (!parse_head(r, &prev))
        return "is not a record";
    if (r->n != t->count + 1)
        return "has the wrong number";
    if (memcmp(prev, t->last, DIGEST_SIZE - 1) != 0)
        return "does not follow the record before it (hash)";
    if (t->count && r->epoch < t->records[t->count - 1].epoch)
        return "is of an earlier epoch than the record before it";
    if (t->sealed)
        return "comes after the end of the run";
    if ((t->count == 0) != (r->kind == RECORD_STARTED))
        return "is a start in the middle, or there is no start";
    return NULL;
}

static int is_json(const char *text, size_t size)
{
    struct error ignored;
    json_t *value = NULL;
    int rc = value_decode(text, size, &value, &ignored);
    json_decref(value);
    return rc == 0;
}

/*
 * Is the end of the file such as a torn write leaves behind: without its
 * newline, or with blocks that never reached the disk? Anything else was
 * written whole, may have been acted upon, and must not be left out: a line
 * that only lacks its newline and has another byte there is a changed one.
 */
static int torn(const struct tape *t, const struct record *r, const char *end)
{
    const char *after = r->text + r->size;
    if (t->sealed || after + 1 < end)
        return 0;
    if (after < end)
        return memchr(r->text, '\0', r->size) != NULL;
    return r->size < 2 || after[-1] == '\0' || !is_json(r->text, r->size - 1);
}

static int check_format(struct tape *t, struct error *err)
{
    const json_t *started;
    int64_t version;
    if (!t->count)
        return error_set(err, RB_NOTFOUND,
                         "it never started: its first record was not "
                         "written, and nothing was done");
    started = record_value(&t->records[0], err);
    if (!started)
        return RB_CORRUPT;
    version = value_int(started, "format", 0);
    if (version <= JOURNAL_FORMAT)
        return 0;
    error_set(err, RB_INVALID,
              "the journal was written by a newer rbrun (format %lld, this "
              "one reads up to %d)",
              (long long)version, JOURNAL_FORMAT);
    error_next(err, "use the rbrun that started the run (%s)",
               value_text(started, "engine", "newer than this one"));
    return RB_INVALID;
}

static int scan(struct tape *t, struct error *err)
{
    const char *at = buf_text(&t->text), *end = at + t->text.size;
    size_t room = 0;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        struct record r = {.text = at,
                           .size = (size_t)((newline ? newline : end) - at)};
        const char *why = newline ? misfit(t, &r) : "has lost its end";
        if (why && torn(t, &r, end)) {
            t->torn = 1;
            break;
        }
        if (why)
            return error_set(err, RB_CORRUPT, "line %zu of the journal %s",
                             t->count + 1, why);
        /* The last one has none behind it that holds its hash. */
        if (newline + 1 == end && !is_json(r.text, r.size))
            return error_set(err, RB_CORRUPT, "line %zu of the journal is %s",
                             t->count + 1, "changed: it cannot be read");
        add(t, &room, &r);
        digest_bytes(r.text, r.size, t->last);
        t->sealed = r.kind == RECORD_ENDED;
        t->size += (off_t)r.size + 1;
        at = newline + 1;
    }
    return 0;
}

/* A file named `sealed` says how a sealed journal ended: a tail that was cut
   off at a record's end would look like an unfinished run without it. */
static int check_seal(const struct tape *t, const char *directory,
                      struct error *err)
{
    char path[PLACE_PATH];
    struct buf seal = BUF_INIT(256);
    struct error why = {0};
    int rc;
    snprintf(path, sizeof path, "%s/sealed", directory);
    rc = place_read(path, 200, &seal, &why);
    if (rc == RB_NOTFOUND) {
        buf_free(&seal);
        return 0;
    }
    if (rc)
        *err = why;
    if (!rc && (seal.size < DIGEST_SIZE - 1 ||
                memcmp(seal.data, t->last, DIGEST_SIZE - 1) != 0))
        rc = error_set(err, RB_CORRUPT,
                       "the journal was sealed, and has lost or changed "
                       "records at its end since");
    buf_free(&seal);
    return rc;
}

int tape_load(struct tape *t, const char *directory, struct error *err)
{
    char path[PLACE_PATH];
    int rc;
    memset(t, 0, sizeof *t);
    memset(t->last, '0', DIGEST_SIZE - 1);
    snprintf(path, sizeof path, "%s/journal.ndjson", directory);
    rc = place_read(path, JOURNAL_MAX_FILE, &t->text, err);
    /* No journal is an empty one: what was sealed must still be there. */
    if (!rc)
        rc = scan(t, err);
    if (!rc || rc == RB_NOTFOUND)
        rc = check_seal(t, directory, err);
    if (!rc)
        rc = check_format(t, err);
    if (rc)
        tape_free(t);
    return rc;
}

const json_t *record_value(struct record *r, struct error *err)
{
    if (!r->value && value_decode(r->text, r->size, &r->value, err) != 0) {
        error_prefix(err, "record %llu: ", (unsigned long long)r->n);
        if (err)
            err->code = RB_CORRUPT;
        return NULL;
    }
    return r->value;
}

void tape_free(struct tape *t)
{
    for (size_t i = 0; i < t->count; i++)
        json_decref(t->records[i].value);
    free(t->records);
    buf_free(&t->text);
    memset(t, 0, sizeof *t);
}
