/*
 * Have standard input parsed in the reader's jail, as a driver would:
 *   reader-ask ROLE OPTIONS.json [CHUNK] < text
 * prints {"reply":..,"numbers":[..],"memory_kib":n} (the reader's greatest
 * resident size, as getrusage(2) counts it) or {"code":..,"message":..}.
 * OPTIONS may be the JSON itself. Numbers are written in a form that keeps NaN
 * and the infinities, as texts.
 */
#include "../../core/drivers/reader.h"
#include "../../core/wire/buf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SHOWN 1000 /* numbers */

static json_t *load(const char *text)
{
    json_error_t error;
    json_t *v = text[0] == '{' ? json_loads(text, 0, &error)
                               : json_load_file(text, 0, &error);
    if (!v) {
        fprintf(stderr, "%s: %s\n", text, error.text);
        exit(2);
    }
    return v;
}

static json_t *number(double v)
{
    if (isfinite(v))
        return json_real(v);
    return json_string(isnan(v) ? "NaN" : v < 0 ? "-Inf" : "+Inf");
}

static int feed(struct reader *r, size_t chunk, struct error *err)
{
    char *bytes = malloc(chunk);
    ssize_t got;
    int rc = 0;
    while (!rc && (got = read(0, bytes, chunk)) > 0)
        rc = reader_feed(r, bytes, (size_t)got, err);
    free(bytes);
    return rc;
}

static int ask(const char *role, const json_t *options, size_t chunk,
               json_t **reply, struct error *err)
{
    struct reader *r = NULL;
    double *numbers = NULL;
    size_t count = 0;
    struct rusage used;
    json_t *document = NULL, *list = json_array();
    int rc = reader_open(role, options, &r, err);
    if (rc)
        return rc;
    rc = feed(r, chunk, err);
    if (rc && rc != RB_CLOSED) {
        reader_abort(r);
        return rc;
    }
    rc = reader_finish(r, value_int(options, "timeout", 60000), &document,
                       &numbers, &count, err);
    getrusage(RUSAGE_CHILDREN, &used);
    for (size_t i = 0; !rc && i < count && i < SHOWN; i++)
        json_array_append_new(list, number(numbers[i]));
    if (!rc)
        *reply = json_pack("{s:o, s:o, s:I, s:I}", "reply", document, "numbers",
                           list, "count", (json_int_t)count, "memory_kib",
                           (json_int_t)used.ru_maxrss);
    else
        json_decref(list);
    free(numbers);
    return rc;
}

int main(int argc, char **argv)
{
    struct buf out = BUF_INIT(16u << 20);
    struct error err = {0, "", ""};
    json_t *reply = NULL, *options;
    size_t chunk = argc > 3 ? strtoul(argv[3], NULL, 10) : 65536;
    int rc;
    if (argc < 3 || chunk == 0) {
        fputs("usage: reader-ask ROLE OPTIONS [CHUNK] < text\n", stderr);
        return 2;
    }
    options = load(argv[2]);
    rc = ask(argv[1], options, chunk, &reply, &err);
    if (rc)
        reply = json_pack("{s:i, s:s}", "code", rc, "message", err.message);
    value_encode(reply, &out);
    puts(buf_text(&out));
    json_decref(reply);
    json_decref(options);
    buf_free(&out);
    return rc ? 1 : 0;
}
