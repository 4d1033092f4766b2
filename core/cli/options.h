/*
 * The command line as data: one table of commands and one of options. Help,
 * the man page and the shell's completion are printed from them.
 */
#ifndef RBRUN_CLI_OPTIONS_H
#define RBRUN_CLI_OPTIONS_H

#include "../wire/error.h"

#include <stddef.h>

#define INPUTS_MAX 64
#define OPERANDS_MAX 4096 /* what a shell makes of *.sql */

struct options {
    const char *operands[OPERANDS_MAX];
    size_t operand_count;
    const char *environment;
    const char *inputs[INPUTS_MAX];
    size_t input_count;
    const char *confirm;
    const char *because;
    const char *program;
    const char *plan;
    const char *database; /* assess */
    const char *from;
    const char *to;
    const char *repository;
    const char *history;
    const char *statements;
    const char *tool;
    const char *format;
    const char *last;
    const char *fail_on;
    int release;
    int shadow;
    int sarif;
    int require_jail;
    int yes;
    int json;
    int quiet;
    int help;
};

struct command {
    const char *name;
    const char *operands; /* "FILE", for the usage line */
    int least, most;      /* how many operands */
    const char *summary;  /* one line */
    const char *text;     /* paragraphs of the man page */
    const char *options;  /* letters of struct option_row.in */
    int (*main)(const struct options *o);
    int hidden;
};

struct option_row {
    const char *name;     /* "--environment" */
    const char *brief;    /* "-e", or NULL */
    const char *argument; /* "NAME", or NULL for a switch */
    char in; /* a command has it when this letter is in its `options` */
    const char *text;
};

extern const struct command commands[];        /* ends with a NULL name */
extern const struct option_row option_table[]; /* ends with a NULL name */

const struct command *command_find(const char *name);

/* The option that a word such as "-e" or "--input=a=b" gives, of any command;
   or NULL. */
const struct option_row *option_named(const char *text);

/* Read argv[0..argc) for a command. 0, or RB_INVALID with the nearest
   option. */
int options_parse(const struct command *c, int argc, char **argv,
                  struct options *o, struct error *err);

/* core/cli/cmd_*.c */
int cmd_run(const struct options *o);
int cmd_plan(const struct options *o);
int cmd_resume(const struct options *o);
int cmd_resolve(const struct options *o);
int cmd_replay(const struct options *o);
int cmd_status(const struct options *o);
int cmd_history(const struct options *o);
int cmd_show(const struct options *o);
int cmd_export(const struct options *o);
int cmd_verify(const struct options *o);
int cmd_check(const struct options *o);
int cmd_assess(const struct options *o);
int cmd_doctor(const struct options *o);
int cmd_help(const struct options *o);
int cmd_version(const struct options *o);
int cmd_generate(const struct options *o);

/* The next command for a run in this state. Returns out. */
struct run_state;
const char *way_out(const struct run_state *st, const char *id, char *out,
                    size_t size);

/* A failure of a command that shows no run: what, cause, next command. */
void say_error(const struct error *err);

/* The exit status of a failure that changed nothing. */
int status_of_error(const struct error *err);

#endif
