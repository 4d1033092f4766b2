#define _GNU_SOURCE
#include "pg_statements_text.h"
#include "../wire/utf8.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Behind comments, white space and opening parentheses. */
static const char *first_word(const char *at)
{
    for (;;) {
        at += strspn(at, " \t\r\n\f\v(;");
        if (strncmp(at, "--", 2) == 0)
            at += strcspn(at, "\n");
        else if (strncmp(at, "/*", 2) == 0)
            at = strstr(at, "*/") ? strstr(at, "*/") + 2 : at + strlen(at);
        else
            return at;
    }
}

int pg_statements_planned(const char *query)
{
    static const char *const words[] = {"SELECT", "INSERT", "UPDATE", "DELETE",
                                        "MERGE",  "WITH",   "VALUES", "TABLE"};
    const char *at = first_word(query);
    size_t size = strspn(at, "abcdefghijklmnopqrstuvwxyz"
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i]) == size && strncasecmp(words[i], at, size) == 0)
            return 1;
    }
    return 0;
}

/* Bytes of the first count characters. */
static size_t characters(const char *text, long count)
{
    size_t at = 0, size = strlen(text);
    while (count-- > 0 && at < size) {
        size_t n = utf8_length(text + at, size - at);
        at += n ? n : 1;
    }
    return at;
}

static int in_name(const char *at)
{
    return isalnum((unsigned char)*at) || *at == '_' || *at == '.' ||
           *at == '$' || (unsigned char)*at >= 0x80;
}

/* The name, dotted and quoted as it is, at the place that the server says:
   its words may be in any language. */
void pg_statements_name(const char *query, const char *position, char *out,
                        size_t size)
{
    const char *from, *at;
    out[0] = '\0';
    if (!position || atol(position) < 1)
        return;
    from = at = query + characters(query, atol(position) - 1);
    while (*at == '"' || in_name(at)) {
        const char *end = *at == '"' ? strchr(at + 1, '"') : at;
        if (!end)
            break;
        at = end + 1;
    }
    if ((size_t)(at - from) < size)
        snprintf(out, size, "%.*s", (int)(at - from), from);
}

void pg_statements_excerpt(const char *query, char *out, size_t size)
{
    size_t used = 0, length = strlen(query);
    for (size_t at = 0; at < length && used + 5 < size;) {
        size_t n = utf8_length(query + at, length - at);
        if (!n || isspace((unsigned char)query[at])) {
            if (used && out[used - 1] != ' ')
                out[used++] = ' ';
            at++;
            continue;
        }
        memcpy(out + used, query + at, n);
        used += n;
        at += n;
    }
    out[used] = '\0';
}
