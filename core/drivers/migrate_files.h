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
    TOOLS
};
const char *migrate_tool_name(enum migrate_tool tool);
/* RB_NOTFOUND for another name. */
int migrate_tool_find(const char *name, enum migrate_tool *out);

enum migrate_direction {
    MIGRATE_UP,
    MIGRATE_DOWN,
    MIGRATE_BOTH,      /* one file, sections or a program */
    MIGRATE_REPEATABLE /* Flyway's R__: no version, runs when it changes */
};

#define MIGRATE_VERSION 128 /* bytes, with the NUL */

struct migrate_file {
    enum migrate_direction direction;
    char version[MIGRATE_VERSION]; /* as the ledger would hold it; "" for
                                      Alembic (see migrate_file_revision) */
    char label[200];               /* Flyway's description */
    const char *name;              /* last part of the path; borrowed */
    int sql;                       /* not a program in another language */
};

/* Read a path. 0, or RB_NOTFOUND: not a migration of this tool. */
int migrate_file_parse(enum migrate_tool tool, const char *path,
                       struct migrate_file *out);

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
 * An Alembic file's revision, and a new list of those it builds on.
 * RB_INVALID when there is no such line.
 */
int migrate_file_revision(const char *text, size_t size, char *revision,
                          size_t room, json_t **parents);

/* Flyway's checksum of a file: CRC-32 of its lines without line ends. */
int32_t migrate_file_crc(const char *text, size_t size);

#endif
