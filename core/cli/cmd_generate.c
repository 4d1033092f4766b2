/*
 * Texts that are made from the tables, so that they cannot lag behind: the
 * commands of rbrun(1), the reference of verbs, shell completion, stubs for
 * the Lua language server, luacheck's globals.
 */
#include "options.h"
#include "../drivers/registry.h"
#include "../engine/run.h"
#include "../engine/verb.h"

#include <stdio.h>
#include <string.h>

/* What the trusted prelude gives runbooks besides the verbs. */
static const char *const author_globals[] = {
    "runbook", "on_failure", "step", "undo",    "parallel", "guard", "log",
    "wait",    "finish",     "fail", "attempt", "require",  "lpeg",  NULL};

static void each_noun(void (*print)(const char *noun, int size, int first))
{
    const char *last = "";
    size_t last_size = 0;
    int first = 1;
    for (const struct verb *v = verb_table; v->name; v++) {
        size_t size = verb_noun(v->name);
        if (size == last_size && strncmp(v->name, last, size) == 0)
            continue;
        print(v->name, (int)size, first);
        first = 0;
        last = v->name;
        last_size = size;
    }
}

/* -- rbrun(1) ----------------------------------------------------------- */

/* A line may not begin with a dot or a quote, nor hold a bare backslash. */
static void man_text(const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    for (; *text; text++) {
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
    }
    putchar('\n');
}

static void man_command(const struct command *c)
{
    printf(".SS rbrun %s %s\n", c->name, c->operands);
    printf("%c", c->summary[0] - 'a' + 'A');
    man_text(c->summary + 1);
    puts(".PP");
    man_text(c->text);
    for (const struct option_row *o = option_table; o->name; o++) {
        if (!strchr(c->options, o->in) || o->in == 'h')
            continue;
        puts(".TP");
        printf(".B \"");
        if (o->brief)
            printf("\\%s, ", o->brief);
        printf("\\-\\%s%s%s\"\n", o->name + 1, o->argument ? " " : "",
               o->argument ? o->argument : "");
        man_text(o->text);
    }
}

static void generate_man(void)
{
    for (const struct command *c = commands; c->name; c++) {
        if (!c->hidden)
            man_command(c);
    }
    puts(".SH EXIT STATUS");
    for (int status = 0; status < 144; status++) {
        if (strcmp(exit_meaning(status), "unknown") == 0)
            continue;
        printf(".TP\n.B %d\n", status);
        man_text(exit_meaning(status));
    }
}

/* -- bash completion ---------------------------------------------------- */

static void complete_command(const struct command *c)
{
    printf("    %s) options=\"", c->name);
    for (const struct option_row *o = option_table; o->name; o++) {
        if (strchr(c->options, o->in))
            printf("%s ", o->name);
    }
    printf("\" ;;\n");
}

static void generate_completion(void)
{
    puts("# bash completion of rbrun; generated from its table of commands\n"
         "_rbrun() {\n"
         "    local word=${COMP_WORDS[COMP_CWORD]} options=\n"
         "    if [ \"$COMP_CWORD\" -eq 1 ]; then");
    printf("        mapfile -t COMPREPLY < <(compgen -W \"");
    for (const struct command *c = commands; c->name; c++) {
        if (!c->hidden)
            printf("%s ", c->name);
    }
    puts("\" -- \"$word\"; compgen -f -X '!*.lua' -- \"$word\"; "
         "compgen -d -- \"$word\")\n"
         "        return\n    fi\n    case ${COMP_WORDS[1]} in");
    for (const struct command *c = commands; c->name; c++) {
        if (!c->hidden)
            complete_command(c);
    }
    puts("    *) options=\"--environment --input --yes --confirm\" ;;\n"
         "    esac\n"
         "    case $word in\n"
         "    -*) mapfile -t COMPREPLY < <(compgen -W \"$options\" -- "
         "\"$word\") ;;\n"
         "    *) mapfile -t COMPREPLY < <(compgen -f -- \"$word\") ;;\n"
         "    esac\n}\n"
         "complete -o filenames -F _rbrun rbrun");
}

/* -- docs/verbs.md ------------------------------------------------------ */

static void reference_verb(const struct verb *v)
{
    printf("\n### `%s`\n\n%s Effect: **%s**.\n\n```lua\n%s\n```\n\n", v->name,
           v->summary, effect_name(v->effect), v->example);
    if (v->parameters[0].name) {
        puts("| option | type | |\n|---|---|---|");
        for (const struct verb_parameter *p = v->parameters; p->name; p++)
            printf("| `%s`%s | %s%s%s | %s |\n", p->name,
                   p->required ? " *" : "", p->type, p->unit[0] ? ": " : "",
                   p->unit, p->text);
        putchar('\n');
    }
    puts("| answer | type | |\n|---|---|---|");
    for (const struct verb_result *r = v->results; r->name; r++)
        printf("| `%s` | %s | %s |\n", r->name, r->type, r->text);
    printf("\nOutcomes: %s. Time limit: %s.\n", v->outcomes, v->timeout);
}

static const char *settle_name(enum settle s)
{
    static const char *const names[] = {"pure", "keyed", "probed", "manual"};
    return names[s];
}

static void reference_driver(const struct driver *d)
{
    printf("\n### %s: `%s`\n\n%s\n\n", d->family, d->name, d->text);
    if (d->options && d->options[0].name) {
        puts("| option | type | |\n|---|---|---|");
        for (const struct driver_option *o = d->options; o->name; o++)
            printf("| `%s`%s | %s | %s |\n", o->name, o->required ? " *" : "",
                   o->type, o->text);
        putchar('\n');
    }
    for (const struct driver_verb *v = d->verbs; v->verb; v++)
        printf("%s`%s` (%s)", v == d->verbs ? "Verbs: " : ", ", v->verb,
               settle_name(v->settle));
    puts(".");
}

static int generate_reference(void)
{
    puts("# Reference of verbs and drivers\n\nGenerated by `rbrun generate "
         "reference` from the tables in the program. A star marks what must "
         "be given.\n\n## Verbs");
    for (const struct verb *v = verb_table; v->name; v++)
        reference_verb(v);
    puts("\n## Drivers");
    for (const struct driver_place *p = driver_places; p->family; p++) {
        const struct driver *d;
        struct error err = {0};
        if (driver_find(p->family, p->name, &d, &err) != 0) {
            fprintf(stderr, "rbrun: %s\n", err.message);
            return EXIT_REFUSED;
        }
        reference_driver(d);
    }
    return EXIT_GOAL;
}

/* -- editors ------------------------------------------------------------ */

static const char *stub_type(const char *type)
{
    static const char *const table[][2] = {
        {"text", "string"},     {"int", "integer"},     {"number", "number"},
        {"bool", "boolean"},    {"duration", "string"}, {"list", "string[]"},
        {"integer", "integer"}, {"string", "string"},   {"boolean", "boolean"},
        {"table", "table"},     {"any", "any"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i][0], type) == 0)
            return table[i][1];
    }
    return "any";
}

static void class_name(const struct verb *v, const char *suffix)
{
    int noun = (int)verb_noun(v->name);
    printf("rbrun.%.*s.%s.%s", noun, v->name, v->name + noun + 1, suffix);
}

static void stub_verb(const struct verb *v)
{
    printf("\n---@class ");
    class_name(v, "options");
    putchar('\n');
    for (const struct verb_parameter *p = v->parameters; p->name; p++)
        printf("---@field %s%s %s %s\n", p->name, p->required ? "" : "?",
               stub_type(p->type), p->text);
    printf("\n---@class ");
    class_name(v, "answer");
    putchar('\n');
    for (const struct verb_result *r = v->results; r->name; r++)
        printf("---@field %s %s %s\n", r->name, stub_type(r->type), r->text);
    printf("\n---%s\n---@param options%s ", v->summary,
           v->parameters[0].name && v->parameters[0].required ? "" : "?");
    class_name(v, "options");
    printf("\n---@return ");
    class_name(v, "answer");
    printf("%s\n", v->effect == EFFECT_READ ? "?" : "");
    if (v->effect == EFFECT_READ)
        puts("---@return rbrun.error?");
    printf("function %s(options) end\n", v->name);
}

static void stub_noun(const char *noun, int size, int first)
{
    (void)first;
    printf("%.*s = {}\n", size, noun);
}

static void generate_stubs(void)
{
    puts("---@meta\n-- Stubs of rbrun's verbs for the Lua language server; "
         "generated by `rbrun generate stubs`.\n\n---@class rbrun.error\n"
         "---@field outcome string how it ended: no_data, conflict, ...\n"
         "---@field message string object and cause\n---@field verb string "
         "the call\n");
    each_noun(stub_noun);
    for (const struct verb *v = verb_table; v->name; v++)
        stub_verb(v);
}

static void luacheck_noun(const char *noun, int size, int first)
{
    printf("%s\"%.*s\"", first ? "" : ", ", size, noun);
}

static void generate_luacheck(void)
{
    puts("-- Globals of runbooks; generated by `rbrun generate luacheck`.\n"
         "std = \"lua54\"\nread_globals = {");
    printf("    ");
    each_noun(luacheck_noun);
    printf(",\n    ");
    for (const char *const *g = author_globals; *g; g++)
        printf("%s\"%s\"", g == author_globals ? "" : ", ", *g);
    puts(",\n}\nglobals = { \"run\" }");
}

int cmd_generate(const struct options *o)
{
    const char *what = o->operands[0];
    if (strcmp(what, "reference") == 0)
        return generate_reference();
    if (strcmp(what, "man") == 0)
        generate_man();
    else if (strcmp(what, "completion") == 0)
        generate_completion();
    else if (strcmp(what, "stubs") == 0)
        generate_stubs();
    else if (strcmp(what, "luacheck") == 0)
        generate_luacheck();
    else
        return fprintf(stderr, "rbrun: nothing is generated as \"%s\"\n", what),
               EXIT_REFUSED;
    return EXIT_GOAL;
}
