/*
 * What Python files of migrations assign to a name: enough of the language
 * to pass over comments, texts and brackets, and nothing more.
 */
#define _GNU_SOURCE
#include "migrate_files.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Past the text that begins at p (a quote); the end where it is not closed. */
static const char *past_text(const char *p, const char *end)
{
    char quote = *p;
    int triple = end - p >= 3 && p[1] == quote && p[2] == quote;
    for (p += triple ? 3 : 1; p < end; p++) {
        if (*p == '\\')
            p++;
        else if (!triple && *p == '\n')
            return p;
        else if (*p == quote && !triple)
            return p + 1;
        else if (end - p >= 3 && *p == quote && p[1] == quote && p[2] == quote)
            return p + 3;
    }
    return end;
}

/* Past one thing: a text, a comment, or a character; counts brackets. */
static const char *past(const char *p, const char *end, int *depth)
{
    if (*p == '\'' || *p == '"')
        return past_text(p, end);
    if (*p == '#') {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        return newline ? newline : end;
    }
    if (*p == '\\' && end - p >= 2)
        return p + 2;
    if (strchr("([{", *p) && *p)
        ++*depth;
    else if (strchr(")]}", *p) && *p && *depth > 0)
        --*depth;
    return p + 1;
}

/* The end of the line that p stands in, where no bracket is open. */
static const char *past_line(const char *p, const char *end)
{
    int depth = 0;
    while (p < end && (*p != '\n' || depth))
        p = past(p, end, &depth);
    return p;
}

/* "name = .." or "name: Union[str, None] = ..": what stands behind '='. */
static const char *assigned(const char *p, const char *end, const char *name)
{
    size_t n = strlen(name);
    int depth = 0;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    if ((size_t)(end - p) <= n || memcmp(p, name, n) != 0 ||
        !strchr(" \t:=", p[n]))
        return NULL;
    for (p += n; p < end && (*p != '=' || depth); p = past(p, end, &depth))
        ;
    return p < end && (end - p < 2 || p[1] != '=') ? p + 1 : NULL;
}

int migrate_python_value(const char *text, size_t size, const char *name,
                         const char **value, size_t *length)
{
    const char *end = text + size;
    int rc = RB_NOTFOUND;
    for (const char *line = text; line < end;) {
        const char *stop = past_line(line, end);
        const char *at = assigned(line, stop, name);
        if (at) {
            *value = at;
            *length = (size_t)(stop - at);
            rc = 0;
        }
        line = stop < end ? stop + 1 : end;
    }
    return rc;
}

json_t *migrate_python_texts(const char *value, size_t length)
{
    const char *end = value + length, *next;
    json_t *list = json_array();
    int depth = 0;
    for (const char *p = value; p < end; p = next) {
        next = past(p, end, &depth);
        if (*p != '\'' && *p != '"')
            continue;
        if (p > value && strchr("fFbB", p[-1]))
            continue;
        if (next - p >= 2 && next[-1] == *p && p[1] != *p)
            json_array_append_new(list,
                                  json_stringn(p + 1, (size_t)(next - p) - 2));
    }
    return list;
}

static int is_none(const char *value, size_t length)
{
    while (length && isspace((unsigned char)*value))
        value++, length--;
    return length >= 4 && memcmp(value, "None", 4) == 0;
}

/* The texts assigned to a name, added to a list. RB_INVALID where something
   else than texts and None is. */
static int take(const char *text, size_t size, const char *name, json_t *out)
{
    const char *value;
    size_t length;
    json_t *texts;
    int rc = 0;
    if (migrate_python_value(text, size, name, &value, &length) != 0)
        return 0;
    texts = migrate_python_texts(value, length);
    if (json_array_size(texts) == 0 && !is_none(value, length) &&
        !memmem(value, length, "()", 2) && !memmem(value, length, "[]", 2))
        rc = RB_INVALID;
    json_array_extend(out, texts);
    json_decref(texts);
    return rc;
}

int migrate_file_revision(const char *text, size_t size, char *revision,
                          size_t room, json_t **parents)
{
    json_t *own = json_array();
    const char *first;
    int rc;
    *parents = json_array();
    rc = take(text, size, "revision", own);
    first = json_string_value(json_array_get(own, 0));
    if (!first || !first[0] || strlen(first) >= room)
        rc = RB_INVALID;
    if (!rc)
        rc = take(text, size, "down_revision", *parents);
    if (!rc)
        rc = take(text, size, "depends_on", *parents);
    if (!rc)
        snprintf(revision, room, "%s", first);
    json_decref(own);
    return rc;
}
