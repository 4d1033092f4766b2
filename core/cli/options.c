#include "options.h"
#include "../engine/nearest.h"
#include "../engine/run.h"

#include <string.h>

const struct option_row option_table[] = {
    {"--environment", "-e", "NAME", 'e',
     "the environment: a name in environments/ beside the runbooks, or a "
     "path (default $RBRUN_ENVIRONMENT, or the only one there is)"},
    {"--environment", "-e", "NAME", 'E',
     "read the environment from its file again, a name or a path (default: the "
     "copy in the run's journal)"},
    {"--environment", "-e", "NAME", 'v',
     "ask the live database that this environment binds, a name or a path; "
     "with --from and --to"},
    {"--database", NULL, "NAME", 'D',
     "which of the environment's databases, where there are several"},
    {"--from", NULL, "REV", 'F',
     "judge what was added since this commit, tag or branch: the release that "
     "may be gone back to"},
    {"--to", NULL, "REV", 'T', "up to this one (default HEAD)"},
    {"--repository", NULL, "DIR", 'R',
     "the git repository; DIR is then a folder in it (default: the repository "
     "around DIR)"},
    {"--release", NULL, NULL, 'r',
     "judge the named files as one net change; the order is their tool's"},
    {"--history", NULL, "DIR", 'H',
     "with --release: what ran before, so that types and tables are known"},
    {"--shadow", NULL, NULL, 'S',
     "apply them to a scratch PostgreSQL of this machine, too, and compare its "
     "catalog before and after; it is thrown away"},
    {"--statements", NULL, "FILE", 's',
     "with --shadow: the older code's statements, SQL or one {\"query\": ...} "
     "a line; each is prepared on the newer schema, and never run"},
    {"--tool", NULL, "NAME", 't',
     "whose migrations they are, where their names do not tell"},
    {"--format", NULL, "NAME", 'f',
     "how each file is written: plain, goose, dbmate, sql-migrate, "
     "node-pg-migrate, liquibase, alembic, django, rails"},
    {"--last", NULL, "N", 'l',
     "of a history: judge the newest N, after those before them"},
    {"--fail-on", NULL, "LEVEL", 'L',
     "end with status 5 at incompatible, unknown (default) or caution and "
     "what is worse, or never"},
    {"--sarif", NULL, NULL, 'A', "print SARIF 2.1.0, for code review"},
    {"--json", NULL, NULL, 'n', "print one JSON object a migration"},
    {"--quiet", "-q", NULL, 'Q', "print only the last line"},
    {"--input", "-i", "NAME=VALUE", 'i',
     "an input of the runbook; may be given several times"},
    {"--yes", "-y", NULL, 'y',
     "do not ask: the plan is approved as it comes out, unless it changes "
     "production and then fails"},
    {"--confirm", NULL, "NAME", 'y',
     "the same, provided that the environment has this name"},
    {"--plan", NULL, "ID", 'p',
     "run only if the plan still comes out with this id; with --yes or "
     "--confirm also one that fails"},
    {"--because", NULL, "TEXT", 'b', "the reason, kept in the journal"},
    {"--require-jail", NULL, NULL, 'J',
     "refuse to run where this machine's kernel lacks a layer of the jail"},
    {"--program", NULL, "FILE", 'g',
     "go on with this edited source, if every recorded call comes out the "
     "same"},
    {"--json", NULL, NULL, 'j', "print events as NDJSON on standard output"},
    {"--quiet", "-q", NULL, 'q', "print only the result"},
    {"--help", "-h", NULL, 'h', "what this command does"},
    {NULL, NULL, NULL, 0, NULL},
};

const struct command commands[] = {
    {"run", "FILE", 1, 1, "plan a runbook, ask once, and run it",
     "Reads the environment, makes the plan, shows it, asks for the "
     "environment's name, and then lets the runbook act. Every call is "
     "journaled before and after it. `rbrun FILE` means the same when FILE "
     "holds a slash or ends in .lua.",
     "eiypJjqh", cmd_run, 0},
    {"plan", "FILE", 1, 1, "show what a runbook would do, and change nothing",
     "Reads are answered by the real systems, writes by their prediction. "
     "What only the real thing can answer is marked (known after apply), and "
     "both ways are shown.",
     "eiJjqh", cmd_plan, 0},
    {"resume", "RUN", 1, 1, "go on with a run that was interrupted",
     "Runs the stored program again: recorded calls are answered from the "
     "journal, a write in doubt is settled by its class, then the run goes "
     "on. RUN is an id, the end of one, or \"last\".",
     "EgJjqh", cmd_resume, 0},
    {"resolve", "RUN CALL applied|not-applied", 3, 3,
     "say what became of a write that is in doubt",
     "Appends one record to the journal and executes nothing.", "bjh",
     cmd_resolve, 0},
    {"replay", "RUN", 1, 1, "run a run again from its journal alone",
     "Nothing is asked of any system: every answer comes from the journal, "
     "and every call must come out as recorded.",
     "Jjqh", cmd_replay, 0},
    {"status", "[RUN]", 0, 1, "what is running, waiting or in doubt",
     "Without RUN: every run that has not ended.", "jh", cmd_status, 0},
    {"history", "", 0, 0, "list past runs", "Oldest first.", "jh", cmd_history,
     0},
    {"show", "RUN", 1, 1, "tell the story of a run",
     "From its journal: decisions with their evidence, calls, answers, and "
     "how it ended.",
     "jh", cmd_show, 0},
    {"export", "RUN", 1, 1, "print a run, with its program, as NDJSON",
     "One object a line: the run, each stored source, each record.", "h",
     cmd_export, 0},
    {"verify", "[RUN]...", 0, OPERANDS_MAX,
     "check that journals are whole and unchanged",
     "Checks numbers, hashes, epochs and the seal, and the hashes of the "
     "stored sources. Without RUN: all of them.",
     "jh", cmd_verify, 0},
    {"check", "FILE", 1, 1, "find mistakes in a runbook without running it",
     "Loads it in its jail, and checks its header, its globals, its verbs and "
     "its grants.",
     "eJjh", cmd_check, 0},
    {"assess", "[DIR|FILE...]", 0, OPERANDS_MAX,
     "say whether older code can run on the schema that migrations make",
     "Of the history in DIR, each migration after those before it; with "
     "--from, of what was added since a commit, as one net change; with "
     "--release, of the named files; with --environment, of the live "
     "database. Without a database the text alone is judged, and the answer "
     "says so. A verdict is compatible, caution, incompatible or unknown, and "
     "unknown is never safe. Ends with 0 when nothing is as bad as --fail-on, "
     "5 when something is, 2 when nothing could be judged.",
     "FTRrHSstflLvDAnQh", cmd_assess, 0},
    {"doctor", "", 0, 0, "check this machine and an environment",
     "Programs, jail, state directory, modules; with --environment also every "
     "binding and every secret it refers to. Never shows a secret.",
     "ejh", cmd_doctor, 0},
    {"help", "[COMMAND|VERB|limits]", 0, 1,
     "this list, a command, a verb, or what a runbook may use up", "", "h",
     cmd_help, 0},
    {"version", "", 0, 0, "print the version", "", "h", cmd_version, 0},
    {"generate", "man|completion|reference|stubs|luacheck", 1, 1,
     "print what is generated from the tables", "", "h", cmd_generate, 1},
    {NULL, NULL, 0, 0, NULL, NULL, NULL, NULL, 0},
};

const struct command *command_find(const char *name)
{
    for (const struct command *c = commands; c->name; c++) {
        if (strcmp(c->name, name) == 0)
            return c;
    }
    return NULL;
}

static const struct option_row *find_option(const struct command *c,
                                            const char *text, size_t size)
{
    for (const struct option_row *o = option_table; o->name; o++) {
        if (strchr(c->options, o->in) == NULL)
            continue;
        if ((strlen(o->name) == size && strncmp(o->name, text, size) == 0) ||
            (o->brief && strcmp(o->brief, text) == 0))
            return o;
    }
    return NULL;
}

const struct option_row *option_named(const char *text)
{
    size_t size = strcspn(text, "=");
    for (const struct option_row *o = option_table; o->name; o++) {
        if ((strlen(o->name) == size && strncmp(o->name, text, size) == 0) ||
            (o->brief && strcmp(o->brief, text) == 0))
            return o;
    }
    return NULL;
}

static int unknown_option(const struct command *c, const char *text,
                          struct error *err)
{
    struct nearest n;
    nearest_start(&n, text);
    for (const struct option_row *o = option_table; o->name; o++) {
        if (strchr(c->options, o->in))
            nearest_offer(&n, o->name);
    }
    error_set(err, RB_INVALID, "rbrun %s has no option %s%s%s%s", c->name, text,
              n.best ? " (did you mean " : "", n.best ? n.best : "",
              n.best ? "?)" : "");
    error_next(err, "rbrun help %s", c->name);
    return RB_INVALID;
}

static int take(struct options *o, const struct option_row *row,
                const char *value, struct error *err)
{
    const struct {
        const char *name;
        const char **text;
        int *flag;
    } places[] = {
        {"--environment", &o->environment, NULL},
        {"--confirm", &o->confirm, NULL},
        {"--because", &o->because, NULL},
        {"--program", &o->program, NULL},
        {"--plan", &o->plan, NULL},
        {"--database", &o->database, NULL},
        {"--from", &o->from, NULL},
        {"--to", &o->to, NULL},
        {"--repository", &o->repository, NULL},
        {"--history", &o->history, NULL},
        {"--statements", &o->statements, NULL},
        {"--tool", &o->tool, NULL},
        {"--format", &o->format, NULL},
        {"--last", &o->last, NULL},
        {"--fail-on", &o->fail_on, NULL},
        {"--release", NULL, &o->release},
        {"--shadow", NULL, &o->shadow},
        {"--sarif", NULL, &o->sarif},
        {"--require-jail", NULL, &o->require_jail},
        {"--yes", NULL, &o->yes},
        {"--json", NULL, &o->json},
        {"--quiet", NULL, &o->quiet},
        {"--help", NULL, &o->help},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (strcmp(places[i].name, row->name) != 0)
            continue;
        if (places[i].text)
            *places[i].text = value;
        else
            *places[i].flag = 1;
        return 0;
    }
    if (!strchr(value, '='))
        return error_set(err, RB_INVALID, "--input %s: write NAME=VALUE",
                         value);
    if (o->input_count == INPUTS_MAX)
        return error_set(err, RB_TOOBIG, "more than %d inputs", INPUTS_MAX);
    o->inputs[o->input_count++] = value;
    return 0;
}

static int one_option(const struct command *c, int argc, char **argv, int *i,
                      struct options *o, struct error *err)
{
    const char *text = argv[*i], *equals = strchr(text, '=');
    size_t size =
        equals && text[1] == '-' ? (size_t)(equals - text) : strlen(text);
    const struct option_row *row = find_option(c, text, size);
    const char *value = equals && text[1] == '-' ? equals + 1 : NULL;
    if (!row)
        return unknown_option(c, text, err);
    if (row->argument && !value) {
        if (*i + 1 >= argc)
            return error_set(err, RB_INVALID, "%s needs %s", row->name,
                             row->argument);
        value = argv[++*i];
    }
    if (!row->argument && value)
        return error_set(err, RB_INVALID, "%s takes no value", row->name);
    return take(o, row, value, err);
}

static int count_operands(const struct command *c, const struct options *o,
                          struct error *err)
{
    int count = (int)o->operand_count;
    if (o->help || (count >= c->least && count <= c->most))
        return 0;
    error_set(err, RB_INVALID, "usage: rbrun %s %s", c->name, c->operands);
    error_next(err, "rbrun help %s", c->name);
    return RB_INVALID;
}

static int read_options(const struct command *c, int argc, char **argv,
                        struct options *o, struct error *err)
{
    int only_operands = 0;
    memset(o, 0, sizeof *o);
    for (int i = 0; i < argc; i++) {
        int rc;
        if (!only_operands && strcmp(argv[i], "--") == 0) {
            only_operands = 1;
            continue;
        }
        if (!only_operands && argv[i][0] == '-' && argv[i][1]) {
            rc = one_option(c, argc, argv, &i, o, err);
            if (rc)
                return rc;
            continue;
        }
        if (o->operand_count == OPERANDS_MAX)
            return error_set(err, RB_TOOBIG, "too many operands");
        o->operands[o->operand_count++] = argv[i];
    }
    return count_operands(c, o, err);
}

int options_parse(const struct command *c, int argc, char **argv,
                  struct options *o, struct error *err)
{
    int rc = read_options(c, argc, argv, o, err);
    if (rc && !err->next[0])
        error_next(err, "rbrun help %s", c->name);
    return rc;
}

int status_of_error(const struct error *err)
{
    return err->code == RB_BUSY ? EXIT_BUSY : EXIT_REFUSED;
}
