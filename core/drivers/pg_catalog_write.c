#include "pg_catalog_write.h"
#include "../wire/utf8.h"

#include <stdio.h>
#include <string.h>

/* Type OIDs (src/include/catalog/pg_type.dat); they never change. */
enum { BOOL = 16, INT8 = 20, INT2 = 21, INT4 = 23, OID_TYPE = 26, JSON = 114 };

static void add(struct pg_catalog_writer *w, const char *bytes, size_t size)
{
    if (buf_add(w->out, bytes, size) != 0)
        w->full = 1;
}

void pg_catalog_put(struct pg_catalog_writer *w, const char *text)
{
    add(w, text, strlen(text));
}

static void escape(struct pg_catalog_writer *w, char c)
{
    char code[8];
    if (c == '"' || c == '\\')
        snprintf(code, sizeof code, "\\%c", c);
    else
        snprintf(code, sizeof code, "\\u%04x", (unsigned)(unsigned char)c);
    pg_catalog_put(w, code);
}

/* How many bytes from text on can be written as they are. */
static size_t plain(const char *text, size_t size)
{
    size_t n = 0;
    while (n < size && (unsigned char)text[n] >= 0x20 && text[n] != '"' &&
           text[n] != '\\') {
        size_t one =
            (unsigned char)text[n] < 0x80 ? 1 : utf8_length(text + n, size - n);
        if (!one)
            break;
        n += one;
    }
    return n;
}

/* size bytes that may hold anything; quoted: inside a string, where the
   characters that JSON keeps for itself are escaped. */
static void characters(struct pg_catalog_writer *w, const char *text,
                       size_t size)
{
    while (size > 0) {
        size_t n = plain(text, size);
        add(w, text, n);
        text += n;
        size -= n;
        if (!size)
            break;
        if ((unsigned char)*text < 0x80) {
            escape(w, *text);
        } else {
            w->repaired++;
            pg_catalog_put(w, "\xEF\xBF\xBD");
        }
        text++;
        size--;
    }
}

void pg_catalog_string(struct pg_catalog_writer *w, const char *text,
                       size_t size)
{
    pg_catalog_put(w, "\"");
    characters(w, text, size);
    pg_catalog_put(w, "\"");
}

/* The server made it, so it is well-formed; but in a database of the encoding
   SQL_ASCII it may hold bytes that are no characters. */
static void ready_json(struct pg_catalog_writer *w, const char *text,
                       size_t size)
{
    size_t from = 0;
    for (size_t i = 0; i < size;) {
        size_t n = utf8_length(text + i, size - i);
        if (n) {
            i += n;
            continue;
        }
        add(w, text + from, i - from);
        pg_catalog_put(w, "\xEF\xBF\xBD");
        w->repaired++;
        from = ++i;
    }
    add(w, text + from, size - from);
}

static void value(struct pg_catalog_writer *w, const PGresult *r, int row,
                  int column)
{
    const char *text = PQgetvalue(r, row, column);
    size_t size = (size_t)PQgetlength(r, row, column);
    switch (PQftype(r, column)) {
    case BOOL:
        pg_catalog_put(w, "true");
        break;
    case INT2:
    case INT4:
    case INT8:
    case OID_TYPE:
        add(w, text, size);
        break;
    case JSON:
        ready_json(w, text, size);
        break;
    default:
        pg_catalog_string(w, text, size);
    }
}

static int absent(const PGresult *r, int row, int column)
{
    return PQgetisnull(r, row, column) ||
           (PQftype(r, column) == BOOL &&
            PQgetvalue(r, row, column)[0] != 't') ||
           strcmp(PQfname(r, column), "_of") == 0;
}

void pg_catalog_row(struct pg_catalog_writer *w, const PGresult *r, int row)
{
    const char *before = "{\"";
    for (int i = 0; i < PQnfields(r); i++) {
        if (absent(r, row, i))
            continue;
        if (strcmp(PQfname(r, i), "_value") == 0) {
            value(w, r, row, i);
            return;
        }
        pg_catalog_put(w, before);
        pg_catalog_put(w, PQfname(r, i));
        pg_catalog_put(w, "\":");
        value(w, r, row, i);
        before = ",\"";
    }
    pg_catalog_put(w, before[0] == '{' ? "{}" : "}");
}
