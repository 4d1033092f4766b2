/*
 * What the name and the comment lines of a migration file say, for each
 * tool. Pure: text in, facts out. SQL itself is read in the jailed reader.
 * The rules are those of the tools' sources and documents:
 * golang-migrate source/parse.go, goose sqlparser, Flyway's naming pattern,
 * dbmate's README, Rails' MigrationContext, Alembic's script directory.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_FILES_H
#define RBRUN_DRIVERS_MIGRATE_FILES_H

#include "../wire/buf.h"
#include "../wire/error.h"
#include "../wire/value.h"

enum migrate_tool {
    TOOL_GOLANG_MIGRATE,
    TOOL_RAILS,
    TOOL_DBMATE,
    TOOL_ALEMBIC,
    TOOL_FLYWAY,
    TOOL_GOOSE,
    TOOL_ATLAS,
    TOOL_DIESEL,
    TOOL_DJANGO,
    TOOL_DRIZZLE,
    TOOL_ECTO,
    TOOL_EF,
    TOOL_KNEX,
    TOOL_LIQUIBASE,
    TOOL_NODE_PG,
    TOOL_POP,
    TOOL_PRISMA,
    TOOL_REFINERY,
    TOOL_SEQUELIZE,
    TOOL_SQITCH,
    TOOL_SQL_MIGRATE,
    TOOL_SQLX,
    TOOL_TYPEORM,
    TOOLS
};
const char *migrate_tool_name(enum migrate_tool tool);
/* RB_NOTFOUND for another name. */
int migrate_tool_find(const char *name, enum migrate_tool *out);
const char *migrate_tool_names(void); /* "golang-migrate, rails, ..." */

enum migrate_direction {
    MIGRATE_UP,
    MIGRATE_DOWN,
    MIGRATE_BOTH,      /* one file, sections or a program */
    MIGRATE_REPEATABLE /* Flyway's R__: no version, runs when it changes */
};

#define MIGRATE_VERSION 320 /* bytes, with the NUL: a file's name fits */

struct migrate_file {
    enum migrate_direction direction;
    /* As the ledger would hold it, where the path says it. Not for Alembic
       (migrate_file_revision), Drizzle (its journal) and Liquibase, whose
       files hold several changes (migrate_layout.h). */
    char version[MIGRATE_VERSION];
    char label[200];  /* Flyway's description */
    const char *name; /* last part of the path; borrowed */
    int sql;          /* not a program in another language */
    int special;      /* pop: of PostgreSQL's own, goes before the generic */
    int autocommit;   /* its name says: not in a transaction */
};

/* Read a path. 0, or RB_NOTFOUND: not a migration of this tool, or of
   another database's. */
int migrate_file_parse(enum migrate_tool tool, const char *path,
                       struct migrate_file *out);

/* How its text is to be cut: "plain", "goose", "dbmate", "sql-migrate",
   "node-pg-migrate", "liquibase", "alembic", "django", "rails", "program". */
const char *migrate_file_format(enum migrate_tool tool,
                                const struct migrate_file *file);

/* The order in which a tool runs its versions. */
int migrate_tool_compare(enum migrate_tool tool, const char *a, const char *b);

/* The order of versions: dotted numbers of any length, then text. */
int migrate_version_compare(const char *a, const char *b);

struct migrate_section {
    struct buf text;    /* owned: buf_free */
    int no_transaction; /* the file asks to run outside of one */
};

/*
 * The SQL of one direction, with every line that belongs to the other one
 * left empty, so that line numbers stay those of the file.
 * Returns 0, RB_NOTFOUND (there is no such section), RB_INVALID (asks for
 * something that rbrun does not do: err says what), RB_TOOBIG, RB_NOMEM.
 */
int migrate_file_section(enum migrate_tool tool,
                         enum migrate_direction direction, const char *text,
                         size_t size, struct migrate_section *out,
                         struct error *err);

/*
 * An Alembic file's revision, and a new list of those it builds on
 * (down_revision and depends_on). RB_INVALID when it names no revision, or
 * what it builds on is no plain text.
 */
int migrate_file_revision(const char *text, size_t size, char *revision,
                          size_t room, json_t **parents);

/*
 * What a Python file assigns to a name, at the top or inside of a class; the
 * last time counts. The value's text, comments and brackets included.
 * RB_NOTFOUND.
 */
int migrate_python_value(const char *text, size_t size, const char *name,
                         const char **value, size_t *length);
/* The texts in a value, in their order; those of f-strings left out. */
json_t *migrate_python_texts(const char *value, size_t length);

/* Flyway's checksum of a file: CRC-32 of its lines without line ends. */
int32_t migrate_file_crc(const char *text, size_t size);

#endif
