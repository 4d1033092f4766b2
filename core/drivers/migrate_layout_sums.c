/*
 * atlas.sum: a line a file, "NAME h1:SUM", where SUM is the base64 of SHA-256
 * over names and contents of all files up to it (ariga.io/atlas,
 * sql/migrate/dir.go). What does not fit was changed by hand.
 */
#define _GNU_SOURCE
#include "migrate_layout_parts.h"
#include "../wire/sha256.h"

#include <stdio.h>
#include <string.h>

static int nibble(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* 32 bytes as base64: 43 digits and '='. */
static void base64_of_hex(const char *hex, char out[45])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char raw[33] = {0};
    for (int i = 0; i < 32; i++)
        raw[i] =
            (unsigned char)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
    for (int i = 0, k = 0; k < 44; i += 3, k += 4) {
        unsigned word = (unsigned)raw[i] << 16 | (unsigned)raw[i + 1] << 8 |
                        (i + 2 < 33 ? raw[i + 2] : 0u);
        out[k] = digits[word >> 18 & 63];
        out[k + 1] = digits[word >> 12 & 63];
        out[k + 2] = digits[word >> 6 & 63];
        out[k + 3] = digits[word & 63];
    }
    out[43] = '=';
    out[44] = '\0';
}

static json_t *paths_by_name(const struct layout_dir *dir)
{
    json_t *names = json_object();
    for (size_t i = 0; i < json_array_size(dir->files); i++) {
        const char *path = layout_path(dir, i), *slash = strrchr(path, '/');
        json_object_set_new(names, slash ? slash + 1 : path,
                            json_integer((json_int_t)i));
    }
    return names;
}

/* One line against its file. 0 fits, 1 the file is gone or differs, 2 cannot
   be told. *path is the file's, or the name where there is none. */
static int check_line(const struct layout_dir *dir, const json_t *names,
                      const char *name, const char *sum, struct sha256 *all,
                      const char **path)
{
    const json_t *at = json_object_get(names, name);
    json_t *text;
    struct sha256 now;
    char hex[SHA256_TEXT], base64[45];
    *path = name;
    if (!at)
        return 1;
    *path = layout_path(dir, (size_t)json_integer_value(at));
    text = layout_text(dir, (size_t)json_integer_value(at));
    if (!text)
        return 2;
    sha256_add(all, name, strlen(name));
    sha256_add(all, json_string_value(text), json_string_length(text));
    json_decref(text);
    now = *all;
    sha256_end(&now, hex);
    base64_of_hex(hex, base64);
    return strcmp(base64, sum) != 0;
}

/* "-- atlas:sum ignore": the name counts, the contents do not, and the file
   is not listed. What such a directory's sums are is not followed here. */
static int ignores_sums(const struct layout_dir *dir)
{
    int found = 0;
    for (size_t i = 0; i < json_array_size(dir->files) && !found; i++) {
        const char *path = layout_path(dir, i);
        size_t n = strlen(path);
        json_t *text = n > 4 && strcmp(path + n - 4, ".sql") == 0
                           ? layout_text(dir, i)
                           : NULL;
        found =
            text && memmem(json_string_value(text), json_string_length(text),
                           "atlas:sum ignore", 16) != NULL;
        json_decref(text);
    }
    return found;
}

static void check_lines(const struct layout_dir *dir, const char *sums,
                        const char *text, json_t *listed,
                        struct migrate_layout *out)
{
    json_t *names = paths_by_name(dir);
    struct sha256 all;
    char line[1024], *sum;
    int state = 0;
    sha256_start(&all);
    while (*text && !state) {
        const char *path = "";
        size_t n = strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", (int)n, text);
        text += n + (text[n] == '\n');
        sum = strstr(line, " h1:");
        if (!sum)
            continue; /* the first line is the sum of the lines below */
        *sum = '\0';
        json_object_set_new(listed, line, json_true());
        sum[4 + strcspn(sum + 4, "\r ")] = '\0';
        state = check_line(dir, names, line, sum + 4, &all, &path);
        if (state == 1 && !ignores_sums(dir))
            layout_problem(out, "sum_differs", path,
                           "%s does not fit %s: it, or a file before it, was "
                           "changed after `atlas migrate hash`",
                           path, sums);
    }
    json_decref(names);
    if (state)
        json_object_clear(listed);
}

/* Files that atlas.sum does not know. */
static void unlisted(const json_t *listed, const char *sums,
                     struct migrate_layout *out)
{
    json_t *entry;
    size_t i;
    json_array_foreach(out->files, i, entry)
    {
        const char *path = value_text(entry, "path", "");
        const char *slash = strrchr(path, '/');
        if (!json_object_get(listed, slash ? slash + 1 : path))
            layout_problem(out, "sum_differs", path, "%s is not in %s", path,
                           sums);
    }
}

void layout_sums(const struct layout_dir *dir, struct migrate_layout *out)
{
    json_t *text, *listed;
    const char *sums;
    size_t at;
    if (layout_find(dir, "atlas.sum", &at) != 0)
        return;
    sums = layout_path(dir, at);
    text = layout_text(dir, at);
    if (!text)
        return;
    listed = json_object();
    check_lines(dir, sums, json_string_value(text), listed, out);
    if (json_object_size(listed) > 0)
        unlisted(listed, sums, out);
    json_decref(listed);
    json_decref(text);
}
