#define _GNU_SOURCE
#include "release_name.h"
#include "../wire/utf8.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define COMPARED 63
#define LONGEST_NAME 255
#define SHORTEST_COMMIT 7
#define LONGEST_COMMIT 64

int release_is_name(const char *text)
{
    size_t size = strlen(text), length;
    if (!size || size > LONGEST_NAME || text[0] == ' ' || text[size - 1] == ' ')
        return 0;
    for (; size; text += length, size -= length) {
        length = utf8_length(text, size);
        if (!length || utf8_commands(text, length))
            return 0;
    }
    return 1;
}

int release_is_commit(const char *asked)
{
    size_t n = strspn(asked, "0123456789abcdefABCDEF");
    return n >= SHORTEST_COMMIT && n <= LONGEST_COMMIT && asked[n] == '\0';
}

static const char *without_v(const char *name)
{
    return name[0] == 'v' && isdigit((unsigned char)name[1]) ? name + 1 : name;
}

int release_matches(const char *asked, const char *name, const char *commit)
{
    if (name && name[0] && strcmp(without_v(asked), without_v(name)) == 0)
        return 1;
    return commit && commit[0] && release_is_commit(asked) &&
           strncasecmp(asked, commit, strlen(asked)) == 0;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned least_of_two = a < b ? a : b;
    return least_of_two < c ? least_of_two : c;
}

unsigned release_distance(const char *a, const char *b)
{
    size_t m = strnlen(a, COMPARED), n = strnlen(b, COMPARED);
    unsigned row[COMPARED + 1];
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= m; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(row[j] + 1, row[j - 1] + 1, replaced);
        }
    }
    return row[n];
}
