#define _GNU_SOURCE
#include "migrate_files.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define DIGITS "0123456789"

static const char *const tool_names[TOOLS] = {
    [TOOL_GOLANG_MIGRATE] = "golang-migrate",
    [TOOL_RAILS] = "rails",
    [TOOL_DBMATE] = "dbmate",
    [TOOL_ALEMBIC] = "alembic",
    [TOOL_FLYWAY] = "flyway",
    [TOOL_GOOSE] = "goose",
};

const char *migrate_tool_name(enum migrate_tool tool)
{
    return (unsigned)tool < TOOLS ? tool_names[tool] : "?";
}

int migrate_tool_find(const char *name, enum migrate_tool *out)
{
    for (size_t i = 0; i < TOOLS; i++) {
        if (strcmp(tool_names[i], name) == 0) {
            *out = (enum migrate_tool)i;
            return 0;
        }
    }
    return RB_NOTFOUND;
}

static int ends(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

/* The digits in front of an underscore; without leading zeros where the
   tool keeps a number. */
static int leading_number(const char *name, int as_number, char *out)
{
    size_t n = strspn(name, DIGITS), skip = 0;
    if (n == 0 || n >= MIGRATE_VERSION || name[n] != '_')
        return RB_NOTFOUND;
    while (as_number && skip + 1 < n && name[skip] == '0')
        skip++;
    snprintf(out, MIGRATE_VERSION, "%.*s", (int)(n - skip), name + skip);
    return 0;
}

static int parse_golang(struct migrate_file *f)
{
    const char *up = strstr(f->name, ".up."), *down = strstr(f->name, ".down.");
    if ((!up && !down) || (up && down))
        return RB_NOTFOUND;
    f->direction = up ? MIGRATE_UP : MIGRATE_DOWN;
    f->sql = ends(f->name, ".sql");
    return leading_number(f->name, 1, f->version);
}

static int parse_numbered(struct migrate_file *f, const char *program,
                          int as_number)
{
    f->direction = MIGRATE_BOTH;
    f->sql = ends(f->name, ".sql");
    if (!f->sql && !(program && ends(f->name, program)))
        return RB_NOTFOUND;
    return leading_number(f->name, as_number, f->version);
}

/* V2_1__add_mail.sql is version 2.1, "add mail". */
static int parse_flyway(struct migrate_file *f)
{
    const char *split = strstr(f->name, "__"), *dot = strrchr(f->name, '.');
    size_t n;
    f->sql = ends(f->name, ".sql");
    if (!split || !dot || dot < split || (!f->sql && !ends(f->name, ".java")) ||
        !strchr("VUR", f->name[0]))
        return RB_NOTFOUND;
    f->direction = f->name[0] == 'V'   ? MIGRATE_UP
                   : f->name[0] == 'U' ? MIGRATE_DOWN
                                       : MIGRATE_REPEATABLE;
    n = (size_t)(split - f->name) - 1;
    if ((f->direction == MIGRATE_REPEATABLE) != (n == 0) ||
        n >= MIGRATE_VERSION || strspn(f->name + 1, DIGITS "._") < n)
        return RB_NOTFOUND;
    snprintf(f->version, sizeof f->version, "%.*s", (int)n, f->name + 1);
    for (char *p = f->version; *p; p++)
        *p = *p == '_' ? '.' : *p;
    snprintf(f->label, sizeof f->label, "%.*s", (int)(dot - split - 2),
             split + 2);
    for (char *p = f->label; *p; p++)
        *p = *p == '_' ? ' ' : *p;
    return 0;
}

int migrate_file_parse(enum migrate_tool tool, const char *path,
                       struct migrate_file *out)
{
    const char *slash = strrchr(path, '/');
    memset(out, 0, sizeof *out);
    out->name = slash ? slash + 1 : path;
    switch (tool) {
    case TOOL_GOLANG_MIGRATE:
        return parse_golang(out);
    case TOOL_RAILS:
        return parse_numbered(out, ".rb", 1);
    case TOOL_DBMATE:
        return parse_numbered(out, NULL, 0);
    case TOOL_GOOSE:
        return parse_numbered(out, ".go", 1);
    case TOOL_FLYWAY:
        return parse_flyway(out);
    case TOOL_ALEMBIC:
        out->direction = MIGRATE_BOTH;
        return ends(out->name, ".py") && strcmp(out->name, "env.py") != 0 &&
                       strcmp(out->name, "__init__.py") != 0
                   ? 0
                   : RB_NOTFOUND;
    case TOOLS:
        break;
    }
    return RB_NOTFOUND;
}

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

/* Follow one directive. Returns 1 up, 2 down, 0 neither; or negative. */
static int follow(enum migrate_tool tool, const char *word,
                  enum migrate_direction wanted, struct migrate_section *s,
                  struct error *err)
{
    int side = strncmp(word, "up", 2) == 0     ? 1
               : strncmp(word, "down", 4) == 0 ? 2
                                               : 0;
    if (tool == TOOL_GOOSE && strncmp(word, "no transaction", 14) == 0)
        s->no_transaction = 1;
    if (tool == TOOL_GOOSE && strncmp(word, "envsub on", 9) == 0)
        return error_set(err, RB_INVALID,
                         "it asks goose to fill in environment variables "
                         "(+goose ENVSUB), which rbrun does not do");
    if (tool != TOOL_GOOSE && strstr(word, "transaction:false") &&
        side == (wanted == MIGRATE_UP ? 1 : 2))
        s->no_transaction = 1;
    return side;
}

static int split(enum migrate_tool tool, enum migrate_direction direction,
                 const char *text, size_t size, struct migrate_section *s,
                 struct error *err)
{
    const char *mark = tool == TOOL_GOOSE ? "+goose" : "migrate:";
    const char *end = text + size, *next;
    int wanted = direction == MIGRATE_UP ? 1 : 2, side = 0, seen = 0, rc = 0;
    char word[200];
    for (const char *line = text; !rc && line < end; line = next) {
        next = line_end(line, end);
        if (directive(line, next, mark, word, sizeof word)) {
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
    return seen & wanted
               ? 0
               : error_set(err, RB_NOTFOUND, "it has no \"%s%s\" section",
                           tool == TOOL_GOOSE ? "-- +goose " : "-- migrate:",
                           wanted == 1 ? "up" : "down");
}

int migrate_file_section(enum migrate_tool tool,
                         enum migrate_direction direction, const char *text,
                         size_t size, struct migrate_section *out,
                         struct error *err)
{
    memset(out, 0, sizeof *out);
    out->text.max = 64u << 20;
    if (tool == TOOL_GOOSE || tool == TOOL_DBMATE || tool == TOOL_RAILS)
        return split(tool, direction, text, size, out, err);
    if (tool == TOOL_FLYWAY && memmem(text, size, "${", 2))
        return error_set(err, RB_INVALID,
                         "it has Flyway placeholders (${..}), which only "
                         "Flyway can fill in");
    if (buf_add(&out->text, text, size) != 0)
        return error_set(err, RB_TOOBIG, "it is too large");
    return 0;
}

/* Collect the quoted names of one Python line: 'a', "b", ('a', 'b'). */
static void quoted_names(const char *line, const char *end, json_t *out)
{
    while (line < end && json_array_size(out) < 16) {
        const char *close;
        if (*line == '#')
            return;
        if (*line != '\'' && *line != '"') {
            line++;
            continue;
        }
        close = memchr(line + 1, *line, (size_t)(end - line - 1));
        if (!close)
            return;
        json_array_append_new(
            out, json_stringn(line + 1, (size_t)(close - line - 1)));
        line = close + 1;
    }
}

/* "name = .." or "name: Union[str, None] = ..": what stands behind '='. */
static const char *assigned(const char *line, const char *end, const char *name)
{
    size_t n = strlen(name);
    if ((size_t)(end - line) <= n || memcmp(line, name, n) != 0 ||
        !strchr(" :=", line[n]))
        return NULL;
    return memchr(line, '=', (size_t)(end - line));
}

int migrate_file_revision(const char *text, size_t size, char *revision,
                          size_t room, json_t **parents)
{
    const char *end = text + size, *next, *value;
    json_t *own = json_array();
    const char *first;
    *parents = json_array();
    for (const char *line = text; line < end; line = next) {
        next = line_end(line, end);
        if ((value = assigned(line, next, "revision")) != NULL)
            quoted_names(value, next, own);
        else if ((value = assigned(line, next, "down_revision")) != NULL)
            quoted_names(value, next, *parents);
    }
    first = json_string_value(json_array_get(own, 0));
    if (first)
        snprintf(revision, room, "%s", first);
    json_decref(own);
    return first ? 0 : RB_INVALID;
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
