/* What the names of migration files say: a row a tool. */
#define _GNU_SOURCE
#include "migrate_files.h"

#include <stdio.h>
#include <string.h>

#define DIGITS "0123456789"

/* How a path of the tool is taken apart, with its row for the details. */
struct tool_row;
typedef int parse_name(const struct tool_row *row, const char *path,
                       struct migrate_file *f);

struct tool_row {
    const char *name;
    parse_name *parse;
    const char *ends;   /* of files that are programs: ".js .ts" */
    const char *format; /* of its .sql files; of all where it ends in '!' */
    char mark;          /* between the number and the name */
    int number;         /* the ledger keeps the version as a number */
    int text_order;     /* the tool sorts names, not numbers */
};

static int ends(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

/* Whether the name ends in one of "\.a \.b". */
static int ends_in(const char *name, const char *list)
{
    char one[16];
    while (list && *list) {
        size_t n = strcspn(list, " ");
        snprintf(one, sizeof one, "%.*s", (int)n, list);
        if (ends(name, one))
            return 1;
        list += n + (list[n] == ' ');
    }
    return 0;
}

static int take_version(struct migrate_file *f, const char *from, size_t n)
{
    if (n == 0 || n >= sizeof f->version)
        return RB_NOTFOUND;
    memcpy(f->version, from, n);
    f->version[n] = '\0';
    return 0;
}

/* The digits in front of the mark; without leading zeros where the tool
   keeps a number. */
static int leading_number(const char *name, char mark, int as_number,
                          struct migrate_file *f)
{
    size_t n = strspn(name, DIGITS), skip = 0;
    if (n == 0 || n > 64 || name[n] != mark)
        return RB_NOTFOUND;
    while (as_number && skip + 1 < n && name[skip] == '0')
        skip++;
    return take_version(f, name + skip, n - skip);
}

/* N_name.up.sql, N_name.down.sql. */
static int parse_pair(const struct tool_row *row, const char *path,
                      struct migrate_file *f)
{
    const char *up = strstr(f->name, ".up."), *down = strstr(f->name, ".down.");
    (void)path;
    if ((!up && !down) || (up && down))
        return RB_NOTFOUND;
    f->direction = up ? MIGRATE_UP : MIGRATE_DOWN;
    return leading_number(f->name, row->mark, row->number, f);
}

/* N_name.sql or a program: one file for both directions. */
static int parse_numbered(const struct tool_row *row, const char *path,
                          struct migrate_file *f)
{
    (void)path;
    f->direction = MIGRATE_BOTH;
    if (!(f->sql && row->format) && !ends_in(f->name, row->ends))
        return RB_NOTFOUND;
    return leading_number(f->name, row->mark, row->number, f);
}

/* The same; the ledger holds the file's whole name. */
static int parse_whole(const struct tool_row *row, const char *path,
                       struct migrate_file *f)
{
    int rc = parse_numbered(row, path, f);
    return rc ? rc : take_version(f, f->name, strlen(f->name));
}

/* The same; the ledger holds the name without its ending. */
static int parse_stem(const struct tool_row *row, const char *path,
                      struct migrate_file *f)
{
    int rc = parse_numbered(row, path, f);
    const char *dot = strrchr(f->name, '.');
    if (rc || ends(f->name, ".Designer.cs") || !dot)
        return RB_NOTFOUND;
    return take_version(f, f->name, (size_t)(dot - f->name));
}

/* sqlx: pairs, or N_name.sql without a way back. */
static int parse_sqlx(const struct tool_row *row, const char *path,
                      struct migrate_file *f)
{
    if (parse_pair(row, path, f) == 0)
        return f->sql ? 0 : RB_NOTFOUND;
    if (!f->sql)
        return RB_NOTFOUND;
    f->direction = MIGRATE_UP;
    return leading_number(f->name, row->mark, row->number, f);
}

/* The description: underscores are spaces. */
static void take_label(struct migrate_file *f, const char *from,
                       const char *end)
{
    snprintf(f->label, sizeof f->label, "%.*s", (int)(end - from), from);
    for (char *p = f->label; *p; p++)
        *p = *p == '_' ? ' ' : *p;
}

/* V2_1__add_mail.sql is version 2.1, "add mail". */
static int parse_flyway(const struct tool_row *row, const char *path,
                        struct migrate_file *f)
{
    const char *split = strstr(f->name, "__"), *dot = strrchr(f->name, '.');
    size_t n;
    (void)path;
    if (!split || !dot || dot < split ||
        (!f->sql && !ends_in(f->name, row->ends)) || !strchr("VUR", *f->name))
        return RB_NOTFOUND;
    f->direction = f->name[0] == 'U'   ? MIGRATE_DOWN
                   : f->name[0] == 'R' ? MIGRATE_REPEATABLE
                                       : MIGRATE_UP;
    n = (size_t)(split - f->name) - 1;
    if ((f->direction == MIGRATE_REPEATABLE) != (n == 0) || n >= 100 ||
        strspn(f->name + 1, DIGITS "._") < n)
        return RB_NOTFOUND;
    snprintf(f->version, sizeof f->version, "%.*s", (int)n, f->name + 1);
    for (char *p = f->version; *p; p++)
        *p = *p == '_' ? '.' : *p;
    take_label(f, split + 2, dot);
    return 0;
}

/* V1__initial.rs: the version is a whole number; U: out of order allowed. */
static int parse_refinery(const struct tool_row *row, const char *path,
                          struct migrate_file *f)
{
    size_t n = f->name[0] ? strspn(f->name + 1, DIGITS) : 0;
    const char *dot = strrchr(f->name, '.');
    (void)path;
    if (!strchr("VU", f->name[0]) || n == 0 || n > 64 || !dot ||
        strncmp(f->name + 1 + n, "__", 2) != 0 ||
        (!f->sql && !ends_in(f->name, row->ends)))
        return RB_NOTFOUND;
    f->direction = MIGRATE_UP;
    take_label(f, f->name + n + 3, dot);
    return leading_number(f->name + 1, row->mark, row->number, f);
}

static int parse_alembic(const struct tool_row *row, const char *path,
                         struct migrate_file *f)
{
    (void)row, (void)path;
    f->direction = MIGRATE_BOTH;
    return ends(f->name, ".py") && strcmp(f->name, "env.py") != 0 &&
                   strcmp(f->name, "__init__.py") != 0
               ? 0
               : RB_NOTFOUND;
}

/* The part of a path before its last one: "shop/migrations/0001_x.py" with
   back = 2 gives "shop". */
static size_t folder_back(const char *path, const char *name, int back,
                          const char **out)
{
    const char *end = name, *start = name;
    for (int i = 0; i < back; i++) {
        if (start == path)
            return 0;
        end = start - 1;
        for (start = end; start > path && start[-1] != '/'; start--)
            ;
    }
    *out = start;
    return (size_t)(end - start);
}

/* shop/migrations/0002_item.py is "shop.0002_item"; without the folder above
   nobody knows the app, and it is ".0002_item". */
static int parse_django(const struct tool_row *row, const char *path,
                        struct migrate_file *f)
{
    const char *app = "", *folder = "";
    size_t n, m = folder_back(path, f->name, 1, &folder);
    size_t stem = strlen(f->name) - 3;
    (void)row;
    f->direction = MIGRATE_BOTH;
    if (!ends(f->name, ".py") || f->name[0] == '_' || f->name[0] == '~')
        return RB_NOTFOUND;
    if (m && (m != 10 || strncmp(folder, "migrations", 10) != 0))
        return RB_NOTFOUND;
    n = folder_back(path, f->name, 2, &app);
    if (n + stem + 2 > sizeof f->version)
        return RB_NOTFOUND;
    snprintf(f->version, sizeof f->version, "%.*s.%.*s", (int)n, app, (int)stem,
             f->name);
    return 0;
}

/* The folder of "2024-01-02-000000_name/up.sql"; diesel leaves the dashes
   out. */
static int parse_diesel(const struct tool_row *row, const char *path,
                        struct migrate_file *f)
{
    const char *folder = "";
    size_t size = folder_back(path, f->name, 1, &folder), n = 0;
    (void)row;
    f->direction = strcmp(f->name, "up.sql") == 0 ? MIGRATE_UP : MIGRATE_DOWN;
    if (f->direction == MIGRATE_DOWN && strcmp(f->name, "down.sql") != 0)
        return RB_NOTFOUND;
    for (size_t i = 0; i < size && folder[i] != '_'; i++) {
        if (folder[i] != '-' && n + 1 < sizeof f->version)
            f->version[n++] = folder[i];
    }
    f->version[n] = '\0';
    return n ? 0 : RB_NOTFOUND;
}

static int parse_prisma(const struct tool_row *row, const char *path,
                        struct migrate_file *f)
{
    const char *folder = "";
    size_t size = folder_back(path, f->name, 1, &folder);
    (void)row;
    if (strcmp(f->name, "migration.sql") != 0)
        return RB_NOTFOUND;
    return take_version(f, folder, size);
}

/* Behind deploy/ or revert/; a change may have slashes in its name. */
static int parse_sqitch(const struct tool_row *row, const char *path,
                        struct migrate_file *f)
{
    static const char *const folders[] = {"deploy/", "revert/"};
    (void)row;
    for (int i = 0; i < 2 && f->sql; i++) {
        const char *at = path;
        while ((at = strstr(at, folders[i])) != NULL) {
            if (at == path || at[-1] == '/') {
                f->direction = i ? MIGRATE_DOWN : MIGRATE_UP;
                at += strlen(folders[i]);
                return take_version(f, at, strlen(at) - 4);
            }
            at++;
        }
    }
    return RB_NOTFOUND;
}

/* V_name.sql or V.sql: the version is what stands before '_'. */
static int parse_atlas(const struct tool_row *row, const char *path,
                       struct migrate_file *f)
{
    size_t n = strcspn(f->name, "_");
    (void)row, (void)path;
    if (!f->sql)
        return RB_NOTFOUND;
    if (!f->name[n])
        n = strlen(f->name) - 4;
    return take_version(f, f->name, n);
}

static int is_word(const char *text, size_t n, const char *const *words)
{
    for (; *words; words++) {
        if (strlen(*words) == n && strncmp(*words, text, n) == 0)
            return 1;
    }
    return 0;
}

/* V_name[.dialect][.autocommit].up.sql; those of other databases are none of
   ours. (popx, match.go) */
static int parse_pop(const struct tool_row *row, const char *path,
                     struct migrate_file *f)
{
    static const char *const ours[] = {"postgres", "postgresql", "pg",
                                       "sql",      "all",        NULL};
    const char *at = strchr(f->name, '.');
    int rc = parse_pair(row, path, f);
    if (rc || !at || !ends_in(f->name, ".sql .fizz"))
        return RB_NOTFOUND;
    for (at++; strncmp(at, "up.", 3) != 0 && strncmp(at, "down.", 5) != 0;) {
        size_t n = strcspn(at, ".");
        if (n == 10 && strncmp(at, "autocommit", n) == 0)
            f->autocommit = 1;
        else if (is_word(at, n, ours))
            f->special = strncmp(at, "p", 1) == 0;
        else
            return RB_NOTFOUND;
        at += n + (at[n] == '.');
    }
    return 0;
}

/* Any .sql file; its name is the version. */
static int parse_sql_migrate(const struct tool_row *row, const char *path,
                             struct migrate_file *f)
{
    (void)row, (void)path;
    f->direction = MIGRATE_BOTH;
    return f->sql ? take_version(f, f->name, strlen(f->name)) : RB_NOTFOUND;
}

/* A changelog; the changes in it are the versions. */
static int parse_liquibase(const struct tool_row *row, const char *path,
                           struct migrate_file *f)
{
    f->direction = MIGRATE_BOTH;
    if (!f->sql && !ends_in(f->name, row->ends))
        return RB_NOTFOUND;
    return take_version(f, path, strlen(path));
}

#define SCRIPTS ".js .ts .mjs .cjs .mts .cts"

static const struct tool_row rows[TOOLS] = {
    [TOOL_GOLANG_MIGRATE] = {"golang-migrate", parse_pair, NULL, "plain", '_',
                             1, 0},
    [TOOL_RAILS] = {"rails", parse_numbered, ".rb", "dbmate", '_', 1, 0},
    [TOOL_DBMATE] = {"dbmate", parse_numbered, NULL, "dbmate", '_', 0, 0},
    [TOOL_ALEMBIC] = {"alembic", parse_alembic, ".py", "plain", '_', 0, 0},
    [TOOL_FLYWAY] = {"flyway", parse_flyway, ".java .kt", "plain", '_', 0, 0},
    [TOOL_GOOSE] = {"goose", parse_numbered, ".go", "goose", '_', 1, 0},
    [TOOL_ATLAS] = {"atlas", parse_atlas, NULL, "plain", '_', 0, 0},
    [TOOL_DIESEL] = {"diesel", parse_diesel, NULL, "plain", '_', 0, 1},
    [TOOL_DJANGO] = {"django", parse_django, ".py", NULL, '_', 0, 1},
    [TOOL_DRIZZLE] = {"drizzle", parse_stem, NULL, "plain", '_', 0, 0},
    [TOOL_ECTO] = {"ecto", parse_numbered, ".exs", NULL, '_', 1, 0},
    [TOOL_EF] = {"ef-core", parse_stem, ".cs", NULL, '_', 0, 1},
    [TOOL_KNEX] = {"knex", parse_whole, SCRIPTS, NULL, '_', 0, 1},
    [TOOL_LIQUIBASE] = {"liquibase", parse_liquibase, ".xml .yaml .yml .json",
                        "liquibase", '_', 0, 1},
    [TOOL_NODE_PG] = {"node-pg-migrate", parse_stem, SCRIPTS, "node-pg-migrate",
                      '_', 0, 0},
    [TOOL_POP] = {"pop", parse_pop, NULL, "plain", '_', 0, 1},
    [TOOL_PRISMA] = {"prisma", parse_prisma, NULL, "plain", '_', 0, 1},
    [TOOL_REFINERY] = {"refinery", parse_refinery, ".rs", "plain", '_', 1, 0},
    [TOOL_SEQUELIZE] = {"sequelize", parse_whole, SCRIPTS, NULL, '-', 0, 1},
    [TOOL_SQITCH] = {"sqitch", parse_sqitch, NULL, "plain", '_', 0, 1},
    [TOOL_SQL_MIGRATE] = {"sql-migrate", parse_sql_migrate, NULL, "sql-migrate",
                          '_', 0, 0},
    [TOOL_SQLX] = {"sqlx", parse_sqlx, NULL, "plain", '_', 1, 0},
    [TOOL_TYPEORM] = {"typeorm", parse_numbered, SCRIPTS, NULL, '-', 1, 0},
};

const char *migrate_tool_name(enum migrate_tool tool)
{
    return (unsigned)tool < TOOLS ? rows[tool].name : "?";
}

int migrate_tool_find(const char *name, enum migrate_tool *out)
{
    for (size_t i = 0; i < TOOLS; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *out = (enum migrate_tool)i;
            return 0;
        }
    }
    return RB_NOTFOUND;
}

const char *migrate_tool_names(void)
{
    static char names[400];
    size_t n = 0;
    for (size_t i = 0; i < TOOLS && !(i == 0 && names[0]); i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s",
                              i ? ", " : "", rows[i].name);
    return names;
}

int migrate_file_parse(enum migrate_tool tool, const char *path,
                       struct migrate_file *out)
{
    const char *slash = strrchr(path, '/');
    int rc = RB_NOTFOUND;
    memset(out, 0, sizeof *out);
    out->name = slash ? slash + 1 : path;
    out->sql = ends(out->name, ".sql");
    if ((unsigned)tool < TOOLS)
        rc = rows[tool].parse(&rows[tool], path, out);
    return rc;
}

const char *migrate_file_format(enum migrate_tool tool,
                                const struct migrate_file *file)
{
    if (tool == TOOL_ALEMBIC || tool == TOOL_DJANGO)
        return rows[tool].name;
    if (tool == TOOL_RAILS && !file->sql)
        return "rails";
    return file->sql && (unsigned)tool < TOOLS && rows[tool].format
               ? rows[tool].format
               : "program";
}

int migrate_tool_compare(enum migrate_tool tool, const char *a, const char *b)
{
    return (unsigned)tool < TOOLS && rows[tool].text_order
               ? strcmp(a, b)
               : migrate_version_compare(a, b);
}
