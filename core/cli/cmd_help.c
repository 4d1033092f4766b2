/* help and version: printed from the tables. */
#include "options.h"
#include "../engine/limit.h"
#include "../engine/nearest.h"
#include "../engine/run.h"
#include "../engine/verb.h"

#include <stdio.h>
#include <string.h>

/* Continues a line at column indent. */
static void wrap_on(const char *text, int indent)
{
    int column = indent;
    while (*text) {
        size_t size = strcspn(text, " \n");
        if (column > indent && column + (int)size + 1 > 78) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)size, text);
        column += (int)size;
        text += size + strspn(text + size, " \n");
    }
    putchar('\n');
}

static void wrap(const char *text, int indent)
{
    printf("%*s", indent, "");
    wrap_on(text, indent);
}

static int help_all(void)
{
    puts("rbrun runs runbooks: it takes a bad release out of production, "
         "carefully.\n\nusage: rbrun FILE           plan FILE, ask once, run "
         "it\n       rbrun COMMAND ...\n\ncommands:");
    for (const struct command *c = commands; c->name; c++) {
        if (!c->hidden)
            printf("  %-9s %s\n", c->name, c->summary);
    }
    puts("\nverbs, for use in runbooks (rbrun help VERB):");
    for (const struct verb *v = verb_table; v->name; v++) {
        printf("  %-16s ", v->name);
        wrap_on(v->summary, 19);
    }
    puts("\nexit status:");
    for (int status = 0; status < 144; status++) {
        if (strcmp(exit_meaning(status), "unknown") != 0)
            printf("  %3d  %s\n", status, exit_meaning(status));
    }
    return EXIT_GOAL;
}

static int help_command(const struct command *c)
{
    printf("usage: rbrun %s %s\n\n%s\n\n", c->name, c->operands, c->summary);
    if (c->text[0]) {
        wrap(c->text, 0);
        putchar('\n');
    }
    for (const struct option_row *o = option_table; o->name; o++) {
        if (!strchr(c->options, o->in))
            continue;
        printf("  %s%s%s%s%s\n", o->brief ? o->brief : "", o->brief ? ", " : "",
               o->name, o->argument ? " " : "", o->argument ? o->argument : "");
        wrap(o->text, 6);
    }
    return EXIT_GOAL;
}

static int help_verb(const struct verb *v)
{
    printf("%s   (%s)\n\n%s\n\n    %s\n\n", v->name, effect_name(v->effect),
           v->summary, v->example);
    for (const struct verb_parameter *p = v->parameters; p->name; p++) {
        printf("  %-18s %s%s%s%s%s\n", p->name, p->type,
               p->required ? ", required" : "", p->unit[0] ? " (" : "", p->unit,
               p->unit[0] ? ")" : "");
        wrap(p->text, 21);
    }
    puts("\nanswers with:");
    for (const struct verb_result *r = v->results; r->name; r++)
        printf("  %-18s %s: %s\n", r->name, r->type, r->text);
    printf("\noutcomes: %s\n", v->outcomes);
    return EXIT_GOAL;
}

/* "1,000,000,000" */
static void grouped(int64_t n, char *out, size_t size)
{
    char digits[32];
    size_t length =
               (size_t)snprintf(digits, sizeof digits, "%lld", (long long)n),
           used = 0;
    for (size_t i = 0; i < length && used + 2 < size; i++) {
        if (i && (length - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
}

/* "1,000,000,000", "64 MiB" */
static const char *amount(int64_t n, const char *unit, char *out, size_t size)
{
    static const char *const names[] = {"bytes", "KiB", "MiB", "GiB"};
    int power = 0;
    if (strcmp(unit, "bytes") != 0) {
        grouped(n, out, size);
        return out;
    }
    while (n && n % 1024 == 0 && power < 3) {
        n /= 1024;
        power++;
    }
    snprintf(out, size, "%lld %s", (long long)n, names[power]);
    return out;
}

static int help_limits(void)
{
    puts("limits of a runbook: each ends its process when it is reached. An "
         "environment\nsets them, a runbook cannot:\n\n"
         "    limits = { cpu = 60, memory = 134217728 },\n");
    for (int i = 0; i < LIMIT_COUNT; i++) {
        const struct limit *l = &limit_table[i];
        char otherwise[32], least[32], most[32];
        printf("  %-13s default %s, from %s to %s\n", l->name,
               amount(l->otherwise, l->unit, otherwise, sizeof otherwise),
               amount(l->least, l->unit, least, sizeof least),
               amount(l->most, l->unit, most, sizeof most));
        wrap(l->text, 16);
    }
    puts("\nA replay takes cpu and wall from the journal: they depend on the "
         "machine.");
    return EXIT_GOAL;
}

static int help_nothing(const char *name)
{
    struct error err = {0};
    const char *near = verb_nearest(name);
    struct nearest n;
    nearest_start(&n, name);
    nearest_offer(&n, "limits");
    for (const struct command *c = commands; !near && c->name; c++) {
        if (!c->hidden)
            nearest_offer(&n, c->name);
    }
    near = near ? near : n.best;
    error_set(&err, RB_INVALID, "there is no command or verb \"%s\"%s%s%s",
              name, near ? " (did you mean " : "", near ? near : "",
              near ? "?)" : "");
    fprintf(stderr, "rbrun: %s\nnext:  rbrun help\n", err.message);
    return EXIT_REFUSED;
}

int cmd_help(const struct options *o)
{
    const struct command *c;
    const struct verb *v;
    const char *name = o->operand_count ? o->operands[0] : NULL;
    if (!name)
        return help_all();
    if (strcmp(name, "limits") == 0)
        return help_limits();
    c = command_find(name);
    if (c)
        return help_command(c);
    v = verb_find(name);
    if (v)
        return help_verb(v);
    return help_nothing(name);
}

int cmd_version(const struct options *o)
{
    (void)o;
    puts("rbrun " RBRUN_VERSION);
    return EXIT_GOAL;
}
