#define _GNU_SOURCE
#include "migrate_files.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define DIGITS "0123456789"

static int compare_numbers(const char *a, size_t n, const char *b, size_t m)
{
    int order;
    while (n && *a == '0')
        a++, n--;
    while (m && *b == '0')
        b++, m--;
    if (n != m)
        return n < m ? -1 : 1;
    order = memcmp(a, b, n);
    return order;
}

/* A number is none where there is no digit: "" and "0" are not the same, or
   the order would have circles. */
int migrate_version_compare(const char *a, const char *b)
{
    while (*a && *b) {
        size_t n = strspn(a, DIGITS), m = strspn(b, DIGITS);
        int order = n && m ? compare_numbers(a, n, b, m) : 0;
        if (order)
            return order;
        if (!n != !m || (!n && *a != '.'))
            break;
        a += n;
        b += m;
        if (*a != *b)
            break;
        if (*a)
            a++, b++;
    }
    return strcmp(a, b);
}

/* The line's end, past its newline. */
static const char *line_end(const char *line, const char *end)
{
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    return newline ? newline + 1 : end;
}

/* Whether the line is the comment "-- MARK", and what stands behind. */
static int directive(const char *line, const char *end, const char *mark,
                     char *out, size_t size)
{
    size_t n = 0;
    if (end - line < 2 || memcmp(line, "--", 2) != 0)
        return 0;
    line += 2;
    while (line < end && (*line == ' ' || *line == '\t'))
        line++;
    if ((size_t)(end - line) < strlen(mark) ||
        strncasecmp(line, mark, strlen(mark)) != 0)
        return 0;
    for (line += strlen(mark); line < end && n + 1 < size; line++) {
        if (*line != '\r' && *line != '\n' && (n || *line != ' '))
            out[n++] = (char)tolower((unsigned char)*line);
    }
    while (n && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
    return 1;
}

/* How a tool marks the two halves of a file: "-- MARK up". */
static const char *mark_of(enum migrate_tool tool)
{
    switch (tool) {
    case TOOL_GOOSE:
        return "+goose";
    case TOOL_SQL_MIGRATE:
        return "+migrate";
    case TOOL_DBMATE:
    case TOOL_RAILS:
        return "migrate:";
    case TOOL_NODE_PG:
        return "";
    default:
        return NULL;
    }
}

/* 1 up, 2 down, 0 neither. node-pg-migrate's mark is words in a comment. */
static int side_of(enum migrate_tool tool, const char *word)
{
    const char *up = tool == TOOL_NODE_PG ? "up migration" : "up";
    const char *down = tool == TOOL_NODE_PG ? "down migration" : "down";
    return strncmp(word, up, strlen(up)) == 0       ? 1
           : strncmp(word, down, strlen(down)) == 0 ? 2
                                                    : 0;
}

/* Follow one directive. Returns 1 up, 2 down, 0 neither; or negative. */
static int follow(enum migrate_tool tool, const char *word,
                  enum migrate_direction wanted, struct migrate_section *s,
                  struct error *err)
{
    int side = side_of(tool, word);
    if (tool == TOOL_GOOSE && strncmp(word, "no transaction", 14) == 0)
        s->no_transaction = 1;
    if (tool == TOOL_GOOSE && strncmp(word, "envsub on", 9) == 0)
        return error_set(err, RB_INVALID,
                         "it asks goose to fill in environment variables "
                         "(+goose ENVSUB), which rbrun does not do");
    if (tool != TOOL_GOOSE && side == (wanted == MIGRATE_UP ? 1 : 2) &&
        strstr(word, tool == TOOL_SQL_MIGRATE ? "notransaction"
                                              : "transaction:false"))
        s->no_transaction = 1;
    return side;
}

static int missing(enum migrate_tool tool, int wanted, struct error *err)
{
    const char *mark = mark_of(tool);
    size_t n = strlen(mark);
    return error_set(err, RB_NOTFOUND, "it has no \"-- %s%s%s\" section", mark,
                     n && mark[n - 1] != ':' ? " " : "",
                     wanted == 1 ? "up" : "down");
}

static int split(enum migrate_tool tool, enum migrate_direction direction,
                 const char *text, size_t size, struct migrate_section *s,
                 struct error *err)
{
    const char *end = text + size, *next;
    int wanted = direction == MIGRATE_UP ? 1 : 2, seen = 0, rc = 0;
    int side = tool == TOOL_NODE_PG; /* up, where it has no mark */
    char word[200];
    for (const char *line = text; !rc && line < end; line = next) {
        next = line_end(line, end);
        if (directive(line, next, mark_of(tool), word, sizeof word)) {
            int turn = follow(tool, word, direction, s, err);
            if (turn < 0)
                return turn;
            side = turn ? turn : side;
            seen |= side;
            rc = buf_addc(&s->text, '\n');
        } else if (side == wanted) {
            rc = buf_add(&s->text, line, (size_t)(next - line));
        } else {
            rc = buf_addc(&s->text, '\n');
        }
    }
    if (rc)
        return error_set(err, rc, "it is too large");
    if (tool == TOOL_NODE_PG)
        seen |= 1;
    return seen & wanted ? 0 : missing(tool, wanted, err);
}

/* Marks of whole files: sqlx reads the first line, Atlas the head. */
static int asks_for_no_transaction(enum migrate_tool tool, const char *text,
                                   size_t size)
{
    char word[200];
    const char *end = text + size, *next = line_end(text, end);
    if (tool == TOOL_SQLX)
        return directive(text, next, "no-transaction", word, sizeof word);
    if (tool != TOOL_ATLAS)
        return 0;
    for (const char *line = text; line < end && *line == '-'; line = next) {
        next = line_end(line, end);
        if (directive(line, next, "atlas:txmode", word, sizeof word) &&
            strncmp(word, "none", 4) == 0)
            return 1;
    }
    return 0;
}

int migrate_file_section(enum migrate_tool tool,
                         enum migrate_direction direction, const char *text,
                         size_t size, struct migrate_section *out,
                         struct error *err)
{
    memset(out, 0, sizeof *out);
    out->text.max = 64u << 20;
    if (mark_of(tool))
        return split(tool, direction, text, size, out, err);
    if (tool == TOOL_LIQUIBASE)
        return error_set(err, RB_INVALID,
                         "a changelog holds many changes: only Liquibase can "
                         "run one of them");
    if (tool == TOOL_FLYWAY && memmem(text, size, "${", 2))
        return error_set(err, RB_INVALID,
                         "it has Flyway placeholders (${..}), which only "
                         "Flyway can fill in");
    out->no_transaction = asks_for_no_transaction(tool, text, size);
    if (buf_add(&out->text, text, size) != 0)
        return error_set(err, RB_TOOBIG, "it is too large");
    return 0;
}

/* CRC-32 as in ISO 3309 and zip: reflected, polynomial 0xEDB88320. */
static uint32_t crc_add(uint32_t crc, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        crc ^= (unsigned char)bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return crc;
}

int32_t migrate_file_crc(const char *text, size_t size)
{
    const char *end = text + size, *line = text;
    uint32_t crc = 0xFFFFFFFFu;
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        line += 3;
    while (line < end) {
        const char *stop = line;
        while (stop < end && *stop != '\n' && *stop != '\r')
            stop++;
        crc = crc_add(crc, line, (size_t)(stop - line));
        line = stop;
        if (line < end && *line == '\r')
            line++;
        if (line < end && *line == '\n' && (line == stop || line[-1] == '\r'))
            line++;
    }
    return (int32_t)~crc;
}
