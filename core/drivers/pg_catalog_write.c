#include "pg_catalog_write.h"
#include "../wire/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Type OIDs (src/include/catalog/pg_type.dat); they never change. */
enum {
    BOOL = 16,
    INT8 = 20,
    INT2 = 21,
    INT4 = 23,
    OID_TYPE = 26,
    JSON = 114,
    INT2_ARRAY = 1005
};

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

/* Where relation's columns begin, or would; by binary search. */
static int first_column(const PGresult *columns, unsigned long relation)
{
    int low = 0, high = PQntuples(columns);
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (strtoul(PQgetvalue(columns, middle, 0), NULL, 10) < relation)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The row of the column, or -1. */
static int find_column(const PGresult *columns, const char *relation,
                       const char *number, size_t size)
{
    int i = first_column(columns, strtoul(relation, NULL, 10));
    for (; i < PQntuples(columns); i++) {
        if (strcmp(PQgetvalue(columns, i, 0), relation) != 0)
            return -1;
        if ((size_t)PQgetlength(columns, i, 1) == size &&
            memcmp(PQgetvalue(columns, i, 1), number, size) == 0)
            return i;
    }
    return -1;
}

/* "{1,3}" of a relation as ["id","email"]; a number that is no column's is
   written as itself. */
static void names(struct pg_catalog_writer *w, const char *relation,
                  const char *numbers)
{
    const char *before = "[";
    for (const char *at = numbers + 1; *at && *at != '}';) {
        size_t size = strcspn(at, ",}");
        int found = find_column(w->columns, relation, at, size);
        pg_catalog_put(w, before);
        if (found >= 0)
            pg_catalog_string(w, PQgetvalue(w->columns, found, 2),
                              (size_t)PQgetlength(w->columns, found, 2));
        else
            pg_catalog_string(w, at, size);
        at += size + (at[size] == ',');
        before = ",";
    }
    pg_catalog_put(w, before[0] == '[' ? "[]" : "]");
}

static void value(struct pg_catalog_writer *w, const PGresult *r, int row,
                  int column, const char *relation)
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
    case INT2_ARRAY:
        names(w, relation, text);
        break;
    default:
        pg_catalog_string(w, text, size);
    }
}

static int absent(const PGresult *r, int row, int column)
{
    return PQgetisnull(r, row, column) ||
           (PQftype(r, column) == BOOL && PQgetvalue(r, row, column)[0] != 't');
}

/* The key, in its group: "references.name" is a member of "references".
 *group is what is open, and its length. */
static void key(struct pg_catalog_writer *w, const char *name,
                const char **group, size_t *length)
{
    size_t size = strcspn(name, ".");
    int grouped = name[size] == '.';
    int same = grouped && *group && *length == size &&
               strncmp(*group, name, size) == 0;
    if (*group && !same)
        pg_catalog_put(w, "}");
    pg_catalog_put(w, w->members++ ? ",\"" : "{\"");
    if (grouped && !same) {
        add(w, name, size);
        pg_catalog_put(w, "\":{\"");
    }
    *group = grouped ? name : NULL;
    *length = size;
    pg_catalog_put(w, grouped ? name + size + 1 : name);
    pg_catalog_put(w, "\":");
}

void pg_catalog_row(struct pg_catalog_writer *w, const PGresult *r, int row)
{
    const char *relation = "0", *group = NULL;
    size_t length = 0;
    w->members = 0;
    for (int i = 0; i < PQnfields(r); i++) {
        const char *name = PQfname(r, i);
        if (absent(r, row, i))
            continue;
        if (strcmp(name, "_value") == 0) {
            value(w, r, row, i, relation);
            return;
        }
        if (name[0] == '_') {
            relation = PQgetvalue(r, row, i);
            continue;
        }
        key(w, name, &group, &length);
        value(w, r, row, i, relation);
    }
    pg_catalog_put(w, group ? "}}" : w->members ? "}" : "{}");
}
