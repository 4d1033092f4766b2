#define _GNU_SOURCE
#include "migrate_sql.h"
#include "reader.h"

static json_t *describe(const struct migrate_sql *files, size_t count,
                        int want_text)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I}", "name",
                                              files[i].name, "direction",
                                              files[i].down ? "down" : "up",
                                              "format", "plain", "bytes",
                                              (json_int_t)files[i].size));
    return json_pack("{s:o, s:b}", "files", list, "want_text", want_text);
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

int migrate_sql_read(const struct migrate_sql *files, size_t count,
                     int want_text, int64_t timeout, json_t **reply,
                     struct error *err)
{
    json_t *options = describe(files, count, want_text);
    struct reader *reader = NULL;
    int rc = reader_open("sql", options, &reader, err);
    json_decref(options);
    if (rc)
        return rc;
    for (size_t i = 0; !rc && i < count; i++)
        rc = reader_feed(reader, files[i].text, files[i].size, err);
    if (rc && rc != RB_CLOSED) {
        reader_abort(reader);
        return rc;
    }
    rc = reader_finish(reader, timeout, reply, NULL, NULL, err);
    if (!rc && (rc = check_shape(*reply, count, err)) != 0) {
        json_decref(*reply);
        *reply = NULL;
    }
    return rc;
}
