/*
 * Whose migrations lie in a directory: names first, then the words that a
 * tool's files must hold. Two tools are two, and never guessed between.
 */
#define _GNU_SOURCE
#include "migrate_layout_parts.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define SAMPLES 400 /* files whose words are looked at */

struct seen {
    const char *path[TOOLS + 1]; /* an example of each; [TOOLS]: plain */
    const char *sums;            /* atlas.sum */
    int samples;
};

static int ends(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static int has(const char *text, size_t size, const char *word)
{
    return memmem(text, size, word, strlen(word)) != NULL;
}

static void mark(struct seen *s, enum migrate_tool tool, const char *path)
{
    if (!s->path[tool])
        s->path[tool] = path;
}

/* A line "-- WORD", blanks as people put them. */
static int comment(const char *text, size_t size, const char *word)
{
    const char *at = text, *end = text + size;
    size_t n = strlen(word);
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const char *next = stop ? stop + 1 : end;
        if (next - at > 2 && at[0] == '-' && at[1] == '-') {
            for (at += 2; at < next && (*at == ' ' || *at == '-'); at++)
                ;
            if ((size_t)(next - at) >= n && strncasecmp(at, word, n) == 0)
                return 1;
        }
        at = next;
    }
    return 0;
}

/* The words of a .sql file; TOOLS: none of them. */
static enum migrate_tool words_of_sql(const char *text, size_t size)
{
    static const struct {
        enum migrate_tool tool;
        const char *word;
    } marks[] = {
        {TOOL_GOOSE, "+goose up"},
        {TOOL_DBMATE, "migrate:up"},
        {TOOL_SQL_MIGRATE, "+migrate up"},
        {TOOL_NODE_PG, "up migration"},
        {TOOL_LIQUIBASE, "liquibase formatted sql"},
    };
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (comment(text, size, marks[i].word))
            return marks[i].tool;
    }
    return TOOLS;
}

static enum migrate_tool words_of_script(const char *name, const char *text,
                                         size_t size)
{
    size_t digits = strspn(name, "0123456789");
    if (has(text, size, "MigrationInterface"))
        return TOOL_TYPEORM;
    if (has(text, size, "queryInterface"))
        return TOOL_SEQUELIZE;
    if (has(text, size, "pgm"))
        return TOOL_NODE_PG;
    if (has(text, size, "knex"))
        return TOOL_KNEX;
    if (name[digits] == '-')
        return digits == 13 ? TOOL_TYPEORM : TOOL_SEQUELIZE;
    return digits == 13 ? TOOL_NODE_PG : TOOL_KNEX;
}

static enum migrate_tool words_of_python(const char *text, size_t size)
{
    if (has(text, size, "migrations.Migration"))
        return TOOL_DJANGO;
    return has(text, size, "down_revision") ? TOOL_ALEMBIC : TOOLS;
}

/* By its words, as long as there are samples left. */
static void look_inside(const struct layout_dir *dir, size_t i,
                        const char *name, struct seen *s)
{
    const char *path = layout_path(dir, i), *text = "";
    size_t size = 0;
    enum migrate_tool tool = TOOLS;
    json_t *content = s->samples < SAMPLES ? layout_text(dir, i) : NULL;
    s->samples++;
    if (content) {
        text = json_string_value(content);
        size = json_string_length(content);
    }
    if (ends(name, ".sql")) {
        tool = words_of_sql(text, size);
        if (tool != TOOLS || isdigit((unsigned char)name[0]))
            mark(s, tool, path);
    } else if (ends(name, ".py")) {
        tool = words_of_python(text, size);
        if (tool != TOOLS)
            mark(s, tool, path);
    } else if (ends(name, ".go")) {
        if (has(text, size, "goose"))
            mark(s, TOOL_GOOSE, path);
    } else if (has(text, size, "databaseChangeLog")) {
        mark(s, TOOL_LIQUIBASE, path);
    }
    json_decref(content);
}

static void look_at_script(const struct layout_dir *dir, size_t i,
                           const char *name, struct seen *s)
{
    size_t digits = strspn(name, "0123456789");
    json_t *content;
    if (digits == 0 || !strchr("_-", name[digits]) || ends(name, ".d.ts"))
        return;
    content = s->samples++ < SAMPLES ? layout_text(dir, i) : NULL;
    mark(s,
         words_of_script(name, content ? json_string_value(content) : "",
                         content ? json_string_length(content) : 0),
         layout_path(dir, i));
    json_decref(content);
}

/* popx's marks between the name and the direction. */
static int is_pop(const char *name)
{
    static const char *const words[] = {".postgres.", ".cockroach.",
                                        ".mysql.",    ".sqlite3.",
                                        ".sqlite.",   ".autocommit."};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strstr(name, words[i]))
            return 1;
    }
    return ends(name, ".fizz");
}

/* Folders with a version in front. */
static int in_numbered_folder(const char *path, const char *name)
{
    const char *at = name - 1;
    if (name == path)
        return 0;
    while (at > path && at[-1] != '/')
        at--;
    return isdigit((unsigned char)*at);
}

/* By its name alone; 0 where the words have to say. */
static int by_name(const char *path, const char *name, struct seen *s)
{
    struct migrate_file f;
    enum migrate_tool tool = TOOLS;
    if (strcmp(name, "atlas.sum") == 0)
        s->sums = path;
    else if (strcmp(name, "sqitch.plan") == 0)
        tool = TOOL_SQITCH;
    else if (ends(path, "meta/_journal.json"))
        tool = TOOL_DRIZZLE;
    else if (strcmp(name, "migration.sql") == 0)
        tool = in_numbered_folder(path, name) ? TOOL_PRISMA : TOOLS;
    else if (strcmp(name, "up.sql") == 0 || strcmp(name, "down.sql") == 0)
        tool = in_numbered_folder(path, name) ? TOOL_DIESEL : TOOLS;
    else if (migrate_file_parse(TOOL_REFINERY, path, &f) == 0 && !f.sql)
        tool = TOOL_REFINERY;
    else if (migrate_file_parse(TOOL_FLYWAY, path, &f) == 0)
        tool = TOOL_FLYWAY;
    else if (migrate_file_parse(TOOL_GOLANG_MIGRATE, path, &f) == 0)
        tool = is_pop(name) ? TOOL_POP : TOOL_GOLANG_MIGRATE;
    else if (ends(name, ".rb") && !migrate_file_parse(TOOL_RAILS, path, &f))
        tool = TOOL_RAILS;
    else if (migrate_file_parse(TOOL_ECTO, path, &f) == 0)
        tool = TOOL_ECTO;
    else if (migrate_file_parse(TOOL_EF, path, &f) == 0)
        tool = TOOL_EF;
    else
        return 0;
    if (tool != TOOLS)
        mark(s, tool, path);
    return 1;
}

static void look(const struct layout_dir *dir, size_t i, struct seen *s)
{
    const char *path = layout_path(dir, i), *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (by_name(path, name, s))
        return;
    if (ends(name, ".js") || ends(name, ".ts") || ends(name, ".mjs") ||
        ends(name, ".cjs"))
        look_at_script(dir, i, name, s);
    else if (ends(name, ".sql") || ends(name, ".py") || ends(name, ".xml") ||
             ends(name, ".yaml") || ends(name, ".yml") || ends(name, ".go"))
        look_inside(dir, i, name, s);
}

/* What one tool's folder holds of another's look. */
static void settle(struct seen *s)
{
    static const enum migrate_tool owners[] = {
        TOOL_SQITCH,      TOOL_DRIZZLE,  TOOL_PRISMA, TOOL_DIESEL,
        TOOL_LIQUIBASE,   TOOL_GOOSE,    TOOL_DBMATE, TOOL_NODE_PG,
        TOOL_SQL_MIGRATE, TOOL_FLYWAY,   TOOL_RAILS,  TOOL_DJANGO,
        TOOL_ALEMBIC,     TOOL_REFINERY, TOOL_POP};
    for (size_t i = 0; i < sizeof owners / sizeof *owners; i++) {
        if (s->path[owners[i]])
            s->path[TOOLS] = NULL; /* SQL that it brings along */
    }
    if (s->path[TOOL_POP])
        s->path[TOOL_GOLANG_MIGRATE] = NULL;
    if (s->path[TOOL_REFINERY])
        s->path[TOOL_FLYWAY] = NULL;
    if (s->path[TOOL_GOLANG_MIGRATE] && s->path[TOOLS]) {
        s->path[TOOL_SQLX] = s->path[TOOL_GOLANG_MIGRATE];
        s->path[TOOL_GOLANG_MIGRATE] = s->path[TOOLS] = NULL;
    }
    if (s->sums && s->path[TOOLS]) {
        s->path[TOOL_ATLAS] = s->path[TOOLS];
        s->path[TOOLS] = NULL;
    }
}

static const char *name_of(enum migrate_tool tool)
{
    return tool == TOOLS ? "plain SQL" : migrate_tool_name(tool);
}

int layout_detect(const struct layout_dir *dir, enum migrate_tool *tool,
                  struct error *err)
{
    struct seen s;
    int found = 0;
    memset(&s, 0, sizeof s);
    for (size_t i = 0; i < json_array_size(dir->files); i++)
        look(dir, i, &s);
    settle(&s);
    for (int t = 0; t <= TOOLS; t++) {
        if (!s.path[t])
            continue;
        if (found++ == 0) {
            *tool = (enum migrate_tool)t;
            continue;
        }
        error_set(err, RB_INVALID,
                  "there are migrations of two tools: %s (%s) and %s (%s)",
                  name_of(*tool), s.path[*tool], name_of((enum migrate_tool)t),
                  s.path[t]);
        error_next(err,
                   "name the folder of one of them, or the tool: --tool %s, or "
                   "tool = \"%s\" in the environment",
                   name_of(*tool), name_of(*tool));
        return RB_INVALID;
    }
    if (found)
        return 0;
    error_set(err, RB_NOTFOUND,
              "no file in it is a migration of a tool that rbrun knows");
    error_next(err, "name the folder that holds them, or the tool: %s",
               migrate_layout_tools());
    return RB_NOTFOUND;
}
