/*
 * Liquibase: a changelog holds changesets, each named by author and id; the
 * ledger holds (id, author, file). Formatted SQL is read here; of XML, YAML
 * and JSON the includes say the order of other files, and their own changes
 * are for nobody here to read.
 */
#define _GNU_SOURCE
#include "migrate_layout_parts.h"
#include "../wire/heap.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "--changeset author:id [key:value ...]", with blanks where people put
   them; an id may be in quotes. */
static int changeset(const char *line, size_t n, char *version, size_t size,
                     const char *path)
{
    const char *end = line + n, *colon, *stop;
    while (line < end && (*line == '-' || isspace((unsigned char)*line)))
        line++;
    if (end - line < 10 || strncasecmp(line, "changeset", 9) != 0 ||
        !isspace((unsigned char)line[9]))
        return RB_NOTFOUND;
    for (line += 9; line < end && isspace((unsigned char)*line); line++)
        ;
    colon = memchr(line, ':', (size_t)(end - line));
    if (!colon)
        return RB_NOTFOUND;
    for (stop = colon + 1; stop < end && !isspace((unsigned char)*stop); stop++)
        ;
    snprintf(version, size, "%s::%.*s::%.*s", path, (int)(stop - colon - 1),
             colon + 1, (int)(colon - line), line);
    return 0;
}

static json_t *changesets(const char *path, const json_t *content)
{
    const char *text = json_string_value(content);
    size_t size = json_string_length(content);
    json_t *list = json_array();
    char version[1200];
    while (size) {
        const char *stop = memchr(text, '\n', size);
        size_t n = stop ? (size_t)(stop - text) : size;
        if (n > 2 && memcmp(text, "--", 2) == 0 &&
            changeset(text, n, version, sizeof version, path) == 0)
            json_array_append_new(list, json_string(version));
        text += n + (stop != NULL);
        size -= n + (stop != NULL);
    }
    return list;
}

static int is_sql(const char *path)
{
    size_t n = strlen(path);
    return n > 4 && strcmp(path + n - 4, ".sql") == 0;
}

static int is_changelog(const char *path, const json_t *content)
{
    return strstr(json_string_value(content),
                  is_sql(path) ? "liquibase formatted sql"
                               : "databaseChangeLog") != NULL;
}

static void add_file(const char *path, const json_t *content,
                     struct migrate_layout *out)
{
    json_t *entry =
        layout_entry(path, path, path, is_sql(path) ? "liquibase" : "program");
    if (is_sql(path))
        json_object_set_new(entry, "changes", changesets(path, content));
    json_array_append_new(out->files, entry);
}

/* Files that a changelog names: file="..", file: .., path=".." in quotes or
   bare. The order of a root changelog is theirs. */
static void includes(const json_t *content, json_t *names)
{
    static const char *const keys[] = {"file=\"", "file: ", "\"file\": \"",
                                       "file: \"", "file='"};
    const char *text = json_string_value(content);
    for (const char *at = text; (at = strstr(at, "file")) != NULL; at++) {
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            const char *from = at - (keys[k][0] == '"');
            size_t n = strlen(keys[k]), m;
            if (from < text || strncmp(from, keys[k], n) != 0)
                continue;
            m = strcspn(from + n, "\"'\r\n");
            if (!json_object_getn(names, from + n, m))
                json_object_setn_new(
                    names, from + n, m,
                    json_integer((json_int_t)json_object_size(names)));
        }
    }
}

/* The include that a path ends in: its place in the root's order. */
static size_t place(const json_t *names, const char *path)
{
    for (const char *at = path; at;) {
        const json_t *number = json_object_get(names, at);
        if (number)
            return (size_t)json_integer_value(number);
        at = strchr(at, '/');
        at = at ? at + 1 : NULL;
    }
    return json_object_size(names);
}

struct log {
    const char *path;
    json_t *content;
    size_t place;
};

static int by_place(const void *a, const void *b)
{
    const struct log *x = a, *y = b;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return by_name(&x->path, &y->path);
}

int layout_liquibase(const struct layout_dir *dir, struct migrate_layout *out,
                     struct error *err)
{
    size_t count = json_array_size(dir->files), used = 0;
    struct log *logs = heap_zeroed(count + 1, sizeof *logs);
    json_t *names = json_object();
    struct migrate_file f;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        const char *path = layout_path(dir, i);
        json_t *text = migrate_file_parse(TOOL_LIQUIBASE, path, &f) == 0
                           ? layout_text(dir, i)
                           : NULL;
        if (text && is_changelog(path, text)) {
            logs[used++] = (struct log){path, json_incref(text), 0};
            if (!is_sql(path))
                includes(text, names);
        }
        json_decref(text);
    }
    for (size_t i = 0; i < used; i++)
        logs[i].place = place(names, logs[i].path);
    qsort(logs, used, sizeof *logs, by_place);
    for (size_t i = 0; i < used; i++) {
        add_file(logs[i].path, logs[i].content, out);
        json_decref(logs[i].content);
    }
    json_decref(names);
    free(logs);
    return 0;
}
