#define _GNU_SOURCE
#include "main.h"
#include "options.h"
#include "../engine/nearest.h"
#include "../engine/run.h"
#include "../engine/shortage.h"
#include "../ui/phrase.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static void on_stop(int signal)
{
    run_request_stop(signal);
}

/* Only while a run executes are these unblocked (ppoll): elsewhere the
   default would end a half-told story. SIGINT before a run starts must end
   the program, so the handler leaves unless a run is under way. */
static void install_signals(void)
{
    struct sigaction act;
    memset(&act, 0, sizeof act);
    act.sa_handler = on_stop;
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGHUP, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int is_path(const char *text)
{
    size_t size = strlen(text);
    return strchr(text, '/') ||
           (size > 4 && strcmp(text + size - 4, ".lua") == 0);
}

void say_error(const struct error *err)
{
    fputs("rbrun: ", stderr);
    phrase_lines(err->message, stderr);
    fputc('\n', stderr);
    fprintf(stderr, "next:  %s\n", err->next[0] ? err->next : "rbrun help");
}

static int unknown(const char *name)
{
    struct error err = {0};
    struct nearest n;
    nearest_start(&n, name);
    for (const struct command *c = commands; c->name; c++) {
        if (!c->hidden)
            nearest_offer(&n, c->name);
    }
    error_set(&err, RB_INVALID, "there is no command \"%s\"%s%s%s", name,
              n.best ? " (did you mean " : "", n.best ? n.best : "",
              n.best ? "?)" : "");
    error_next(&err, "rbrun help");
    say_error(&err);
    return EXIT_REFUSED;
}

/* "rbrun --json plan FILE": the command goes to the front. Its options may
   have values, which are no commands. */
static void command_first(int argc, char **argv)
{
    int at = 1;
    while (at < argc && argv[at][0] == '-' && argv[at][1]) {
        const struct option_row *o = option_named(argv[at]);
        at += o && o->argument && !strchr(argv[at], '=') ? 2 : 1;
    }
    if (at < argc && command_find(argv[at])) {
        char *name = argv[at];
        memmove(argv + 2, argv + 1, (size_t)(at - 1) * sizeof *argv);
        argv[1] = name;
    }
}

int rbrun_main(int argc, char **argv)
{
    const struct command *c;
    struct options o;
    struct error err = {0};
    const char *first;
    int skip = 2;
    install_signals();
    shortage_expect();
    command_first(argc, argv);
    first = argc > 1 ? argv[1] : "help";
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
        first = "help";
    if (strcmp(first, "--version") == 0)
        first = "version";
    c = command_find(first);
    if (!c && (is_path(first) || (first[0] == '-' && first[1]))) {
        c = command_find("run");
        skip = 1;
    }
    if (!c)
        return unknown(first);
    if (argc <= 1)
        skip = argc;
    if (options_parse(c, argc - skip, argv + skip, &o, &err) != 0) {
        say_error(&err);
        return EXIT_REFUSED;
    }
    if (o.help) {
        o.operands[0] = c->name;
        o.operand_count = 1;
        return cmd_help(&o);
    }
    return c->main(&o);
}
