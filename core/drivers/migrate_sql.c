#define _GNU_SOURCE
#include "migrate_sql.h"
#include "reader.h"
#include "../wire/buf.h"

#include <stdlib.h>

#define STREAM_MAX (64u << 20) /* bytes: lua/reader_sql.c takes as many */
#define LISTED_MAX 1000        /* files that the options themselves name */
#define CPU_SECONDS 120

static const char *const modes[] = {"release", "history", "compare", "split"};

static json_t *describe_one(const struct migrate_sql *f)
{
    json_t *one = json_pack("{s:s, s:s, s:s, s:I}", "name", f->name,
                            "direction", f->down ? "down" : "up", "format",
                            f->format ? f->format : "plain", "bytes",
                            (json_int_t)f->size);
    if (f->context)
        json_object_set_new(one, "context", json_true());
    if (f->of)
        json_object_set_new(one, "of", json_integer((json_int_t)f->of));
    if (f->below)
        json_object_set_new(one, "below", json_string(f->below));
    return one;
}

static json_t *describe(const struct migrate_question *q)
{
    json_t *list = json_array();
    for (size_t i = 0; i < q->count; i++)
        json_array_append_new(list, describe_one(&q->files[i]));
    return list;
}

/* What goes before the files: the list of very many files, and catalogs. */
struct head {
    struct buf bytes;
    json_t *options;
};

static int add_document(struct head *h, json_t *sizes, const char *name,
                        const json_t *document, struct error *err)
{
    size_t before = h->bytes.size;
    int rc;
    if (!document)
        return 0;
    rc = value_encode(document, &h->bytes);
    if (rc)
        return error_set(err, RB_TOOBIG, "the %s does not fit the SQL reader",
                         name);
    json_object_set_new(sizes, name,
                        json_integer((json_int_t)(h->bytes.size - before)));
    return 0;
}

static int add_text(struct head *h, json_t *sizes, const char *name,
                    const struct buf *text, struct error *err)
{
    if (!text)
        return 0;
    if (buf_add(&h->bytes, text->data, text->size) != 0)
        return error_set(err, RB_TOOBIG, "the %s does not fit the SQL reader",
                         name);
    json_object_set_new(sizes, name, json_integer((json_int_t)text->size));
    return 0;
}

static int add_files(struct head *h, const struct migrate_question *q,
                     struct error *err)
{
    json_t *list = describe(q), *whole;
    int rc = 0;
    if (q->count <= LISTED_MAX) {
        json_object_set_new(h->options, "files", list);
        return 0;
    }
    whole = json_pack("{s:o}", "files", list);
    rc = add_document(h, h->options, "manifest", whole, err);
    json_decref(whole);
    return rc;
}

static int add_catalogs(struct head *h, const struct migrate_question *q,
                        struct error *err)
{
    json_t *sizes = json_object();
    int rc = add_document(h, sizes, "before", q->before, err);
    if (!rc)
        rc = add_text(h, sizes, "before", q->before_text, err);
    if (!rc)
        rc = add_document(h, sizes, "after", q->after, err);
    if (!rc)
        rc = add_text(h, sizes, "after", q->after_text, err);
    json_object_set_new(h->options, "catalogs", sizes);
    return rc;
}

static int build_head(struct head *h, const struct migrate_question *q,
                      struct error *err)
{
    int rc;
    h->options = json_pack("{s:s, s:b, s:b, s:i}", "mode", modes[q->mode],
                           "want_text", q->want_text, "closed", q->closed,
                           "cpu_seconds", CPU_SECONDS);
    if (q->ledger)
        json_object_set(h->options, "ledger", (json_t *)q->ledger);
    if (q->search_path)
        json_object_set(h->options, "search_path", (json_t *)q->search_path);
    rc = add_files(h, q, err);
    return rc ? rc : add_catalogs(h, q, err);
}

/* Entries of the reply: every file but the downs of a history. */
static size_t expected(const struct migrate_question *q)
{
    size_t n = 0;
    for (size_t i = 0; i < q->count; i++)
        n += !(q->mode == MIGRATE_HISTORY && q->files[i].of);
    return n;
}

static int check_shape(const json_t *reply, size_t count, struct error *err)
{
    const json_t *files = json_object_get(reply, "files");
    if (json_array_size(files) != count)
        return error_set(err, RB_IO,
                         "the SQL reader answered for %zu files of %zu",
                         json_array_size(files), count);
    return 0;
}

static int feed(struct reader *reader, const struct head *h,
                const struct migrate_question *q, struct error *err)
{
    int rc = reader_feed(reader, h->bytes.data, h->bytes.size, err);
    for (size_t i = 0; !rc && i < q->count; i++)
        rc = reader_feed(reader, q->files[i].text, q->files[i].size, err);
    return rc;
}

static int ask(const struct head *h, const struct migrate_question *q,
               int64_t timeout, json_t **reply, struct error *err)
{
    struct reader *reader = NULL;
    int rc = reader_open("sql", h->options, &reader, err);
    if (rc)
        return rc;
    rc = feed(reader, h, q, err);
    if (rc && rc != RB_CLOSED) {
        reader_abort(reader);
        return rc;
    }
    rc = reader_finish(reader, timeout, reply, NULL, NULL, err);
    if (!rc && (rc = check_shape(*reply, expected(q), err)) != 0) {
        json_decref(*reply);
        *reply = NULL;
    }
    return rc;
}

int migrate_sql_ask(const struct migrate_question *q, int64_t timeout,
                    json_t **reply, struct error *err)
{
    struct head h = {BUF_INIT(STREAM_MAX), NULL};
    int rc = build_head(&h, q, err);
    if (!rc)
        rc = ask(&h, q, timeout, reply, err);
    json_decref(h.options);
    buf_free(&h.bytes);
    return rc;
}

int migrate_sql_read(const struct migrate_sql *files, size_t count,
                     int want_text, int64_t timeout, json_t **reply,
                     struct error *err)
{
    struct migrate_question q = {.mode = MIGRATE_RELEASE,
                                 .files = files,
                                 .count = count,
                                 .want_text = want_text};
    return migrate_sql_ask(&q, timeout, reply, err);
}
