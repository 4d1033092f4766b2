/*
 * Commands that are not one step: what the tools' documents and sources say
 * of them (golang-migrate's "down" without a number takes everything back,
 * Knex' rollback a batch, Django's zero all of an app, ...).
 */
#define _GNU_SOURCE
#include "migrate_tool.h"

#include <stdlib.h>
#include <string.h>

struct trap {
    const char *tool;   /* NULL: of any */
    const char *word;   /* an argument that is, or begins with "=" behind it */
    const char *behind; /* NULL, or what has to follow it: see below */
    const char *why;
};

/* `behind`: "1": the next argument has to be 1 (or the word is "word=1");
   "": nothing makes it one step; "{": the next argument has to be a
   placeholder. */
static const struct trap traps[] = {
    {"golang-migrate", "down", "1",
     "`down` without the number 1 behind it takes everything back"},
    {"golang-migrate", "drop", "", "`drop` deletes everything"},
    {"golang-migrate", "goto", "{", "`goto` goes as far as its number says"},
    {"golang-migrate", "force", "", "`force` moves the ledger alone"},
    {"knex", "migrate:rollback", "",
     "it takes a batch back, not a step; `migrate:down` takes one"},
    {"alembic", "base", "", "`base` is before everything"},
    {"alembic", "downgrade", "{",
     "a relative target may be another one by then; name it: {previous}"},
    {"alembic", "upgrade", "{",
     "a relative target or `head` may be more than a step; name it: "
     "{version}"},
    {"django", "zero", "", "`zero` takes all of the app back"},
    {"rails", "STEP", "1", "more than one step"},
    {"rails", "db:drop", "", "it deletes the database"},
    {"rails", "db:reset", "", "it deletes the database"},
    {"rails", "db:migrate:reset", "", "it deletes the database"},
    {"rails", "db:migrate:redo", "", "it goes down and up again"},
    {"dbmate", "drop", "", "it deletes the database"},
    {"goose", "reset", "", "it takes everything back"},
    {"goose", "redo", "", "it goes down and up again"},
    {"goose", "down-to", "{", "it goes as far as its number says"},
    {"sqlx", "--target-version", "{", "it goes as far as its number says"},
    {"flyway", "clean", "", "it deletes everything"},
    {"sequelize", "db:migrate:undo:all", "", "it takes everything back"},
    {"diesel", "--all", "", "it takes everything back"},
    {"diesel", "-a", "", "it takes everything back"},
    {"diesel", "redo", "", "it goes down and up again"},
    {"ecto", "--all", "", "it takes everything back"},
    {"ecto", "-n", "1", "more than one step"},
    {"ecto", "--step", "1", "more than one step"},
    {"sql-migrate", "redo", "", "it goes down and up again"},
    {"sql-migrate", "-limit", "1", "more than one step"},
    {"liquibase", "rollback-count", "1", "more than one step"},
    {"liquibase", "rollbackCount", "1", "more than one step"},
    {"liquibase", "drop-all", "", "it deletes everything"},
    {"prisma", "reset", "", "it deletes the database"},
    {"node-pg-migrate", "redo", "", "it goes down and up again"},
    {"atlas", "down", "1", "`down` without the number 1 behind it"},
};

/* The argument behind the word, or what stands in it behind "=". NULL: the
   word is not there. */
static const char *follows(const json_t *argv, size_t i, const char *word)
{
    const char *one = json_string_value(json_array_get(argv, i));
    const char *next = json_string_value(json_array_get(argv, i + 1));
    size_t n = strlen(word);
    if (!one || strncmp(one, word, n) != 0)
        return NULL;
    if (one[n] == '=')
        return one + n + 1;
    return one[n] == '\0' ? (next ? next : "") : NULL;
}

static int is_one(const char *behind, const char *next)
{
    if (behind[0] == '1')
        return strcmp(next, "1") == 0;
    if (behind[0] == '{')
        return next[0] == '{' || strchr(next, '{') != NULL;
    return 0;
}

static int trapped(const struct trap *t, const json_t *argv, const char *tool)
{
    if (!tool || strcmp(t->tool, tool) != 0)
        return 0;
    for (size_t i = 0; i < json_array_size(argv); i++) {
        const char *next = follows(argv, i, t->word);
        if (next && !is_one(t->behind, next))
            return 1;
    }
    return 0;
}

int migrate_tool_trap(const json_t *argv, const char *tool,
                      enum migrate_direction direction, struct error *err)
{
    for (size_t i = 0; i < sizeof traps / sizeof *traps; i++) {
        if (!trapped(&traps[i], argv, tool))
            continue;
        error_set(err, RB_INVALID,
                  "%s: \"%s\" of %s is not exactly one step: %s",
                  direction == MIGRATE_UP ? "tool_up" : "tool_down",
                  traps[i].word, tool, traps[i].why);
        error_next(err, "let the command take one step, by name where the "
                        "tool can");
        return RB_INVALID;
    }
    return 0;
}

int migrate_tool_check(const json_t *binding, struct error *err)
{
    static const char *const lists[] = {"tool_up", "tool_down", "tool_dry_run",
                                        NULL};
    const char *tool = value_text(binding, "tool", NULL);
    int rc = program_check(binding, lists, err);
    if (!rc)
        rc = migrate_tool_trap(json_object_get(binding, "tool_down"), tool,
                               MIGRATE_DOWN, err);
    return rc ? rc
              : migrate_tool_trap(json_object_get(binding, "tool_up"), tool,
                                  MIGRATE_UP, err);
}
