/* check and doctor: mistakes found before the night they matter. */
#define _GNU_SOURCE
#include "options.h"
#include "jail.h"
#include "../drivers/registry.h"
#include "../engine/session.h"
#include "../ui/view.h"
#include "../wire/layer.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One name that the file reads and nobody has. Names are an author's texts:
   error_set keeps what commands a terminal out of the line. */
static void print_unknown(const struct run *r, const json_t *one)
{
    const char *name = value_text(one, "name", "?");
    const char *field = value_text(one, "field", NULL);
    const char *near = value_text(one, "did_you_mean", NULL);
    const char *instead = value_text(one, "instead", NULL);
    struct error line;
    char whole[400];
    snprintf(whole, sizeof whole, "%s%s%s", name, field ? "." : "",
             field ? field : "");
    if (near && strcmp(near, whole) == 0)
        error_set(&line, RB_INVALID, "write %s { ... } with a dot, not a colon",
                  whole);
    else
        error_set(&line, RB_INVALID, "undefined %s%s%s%s%s%s", whole,
                  instead ? "; " : "", instead ? instead : "",
                  near ? " (did you mean " : "", near ? near : "",
                  near ? "?)" : "");
    error_prefix(&line, "%s:%lld: ", value_text(one, "file", r->program->name),
                 (long long)value_int(one, "line", 0));
    puts(line.message);
}

static int report_globals(const struct run *r, int json)
{
    const json_t *one;
    size_t i;
    int bad = 0;
    json_array_foreach(r->globals, i, one)
    {
        if (value_bool(one, "known", 1))
            continue;
        bad++;
        if (json)
            view_json("problem", json_copy((json_t *)one));
        else
            print_unknown(r, one);
    }
    if (bad && !json)
        printf("next: mend that, then: rbrun check %s\n",
               program_shown(r->program));
    return bad;
}

/* Without an environment the file alone is checked. */
static int load(const struct options *o, struct session *s, int *granted,
                struct error *err)
{
    struct session_request q = {o->operands[0], o->environment, NULL, 0, NULL};
    char path[PLACE_PATH];
    int rc = program_read(&s->program, o->operands[0], err);
    *granted = 0;
    if (rc)
        return rc;
    if (session_find_environment(&s->program, o->environment, path, sizeof path,
                                 err) != 0) {
        if (o->environment)
            return err->code;
        s->run.mode = MODE_CHECK;
        s->run.environment = NULL;
        return run_load(&s->run, err);
    }
    program_free(&s->program);
    *granted = 1;
    rc = session_load(s, &q, MODE_CHECK, err);
    return rc;
}

int cmd_check(const struct options *o)
{
    struct view v;
    struct session s;
    struct error err = {0};
    int granted, bad = 0, rc;
    view_open(&v, o->json, 0);
    session_init(&s, &v.observer);
    s.run.require_jail = o->require_jail;
    rc = load(o, &s, &granted, &err);
    jail_warn(&v, &s.run);
    /* An input that only an incident can give is no mistake of the file. */
    if (rc && s.run.header && strstr(err.message, "needs the input"))
        rc = run_check_uses(&s.run, &err);
    if (rc) {
        view_error(&v, &err, EXIT_REFUSED);
        bad++;
    }
    bad += report_globals(&s.run, o->json);
    if (!bad && !o->json)
        printf("%s: no mistakes found%s%s\n", s.program.name,
               granted ? ", granted in "
                       : "; no environment to check it "
                         "against",
               granted ? s.environment.name : "");
    view_close(&v);
    session_free(&s);
    return bad ? EXIT_REFUSED : EXIT_GOAL;
}

/* -- doctor ------------------------------------------------------------- */

struct doctor {
    int json;
    int bad;
};

static void finding(struct doctor *d, int good, const char *what,
                    const char *text)
{
    d->bad += !good;
    if (d->json)
        view_json("finding", json_pack("{s:b, s:s, s:s}", "good", good, "what",
                                       what, "text", text));
    else
        printf("%s  %-22s %s\n", good ? "ok " : "BAD", what, text);
}

static void check_files(struct doctor *d)
{
    static const char *const files[] = {"rbrun-worker", "rbrun-reader",
                                        "rbrun-curl.so", "rbrun-git.so",
                                        "rbrun-pg.so"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[4200];
        struct error err = {0};
        int rc = own_file(files[i], path, sizeof path, &err);
        if (!rc && strstr(files[i], ".so") &&
            !driver_symbol(files[i], "rbrun_drivers", &err))
            rc = RB_IO;
        finding(d, rc == 0, files[i], rc ? err.message : path);
    }
}

static void check_state(struct doctor *d)
{
    char path[PLACE_PATH];
    struct error err = {0};
    int rc = place_root(path, sizeof path, &err);
    if (!rc)
        rc = place_write(path, "doctor", "x", 1, &err);
    if (!rc) {
        char file[PLACE_PATH + 16];
        snprintf(file, sizeof file, "%s/doctor", path);
        unlink(file);
    }
    finding(d, rc == 0, "state directory", rc ? err.message : path);
}

static const char probe_source[] =
    "runbook { service = 'doctor', summary = 'check the jail', uses = {} }\n"
    "function run() return {} end\n";

static void check_jail(struct doctor *d)
{
    struct session s;
    struct error err = {0};
    struct buf layers = BUF_INIT(400);
    char lacks[100];
    unsigned missing;
    const json_t *one;
    size_t i;
    int rc;
    session_init(&s, NULL);
    s.run.mode = MODE_CHECK;
    s.run.environment = NULL;
    snprintf(s.program.name, sizeof s.program.name, "doctor.lua");
    s.program.source.max = SOURCE_MAX;
    buf_adds(&s.program.source, probe_source);
    rc = run_load(&s.run, &err);
    json_array_foreach(s.run.jail, i, one)
    {
        buf_addf(&layers, "%s%s", i ? ", " : "", json_string_value(one));
    }
    missing = JAIL_ALL & ~layer_set(s.run.jail);
    layer_names(missing, lacks, sizeof lacks);
    if (!rc && missing)
        buf_addf(&layers, "; without %s: each run says so%s", lacks,
                 missing & JAIL_ESSENTIAL ? "" : "; seccomp does not need it");
    finding(d, rc == 0 && !(missing & JAIL_ESSENTIAL), "jail",
            rc ? err.message : buf_text(&layers));
    buf_free(&layers);
    session_free(&s);
}

static void check_binding(struct doctor *d, struct session *s, const char *noun,
                          const char *name, const json_t *binding)
{
    char what[200];
    struct error err = {0};
    json_t *args, *resolved = NULL;
    const struct verb *v = verb_table;
    const char *found;
    const json_t *b;
    int rc = 0;
    snprintf(what, sizeof what, "%s.%s", noun, name);
    while (v->name && (strncmp(v->name, noun, strlen(noun)) != 0 ||
                       v->name[strlen(noun)] != '.'))
        v++;
    if (v->name && v->system) {
        const struct driver *driver;
        args = json_pack("{s:s}", v->system, name);
        rc =
            driver_find(noun, value_text(binding, "driver", ""), &driver, &err);
        /* The first verb of the noun that this driver answers. */
        while (!rc && v->name && !driver_verb(driver, v->name))
            v++;
        if (!rc && v->name)
            rc =
                environment_binding(&s->environment, v, args, &found, &b, &err);
        json_decref(args);
    }
    if (!rc)
        rc = secret_resolve(&s->secrets, binding, &resolved, &err);
    finding(d, rc == 0, what,
            rc ? err.message : value_text(binding, "driver", "?"));
    json_decref(resolved);
}

static void check_environment(struct doctor *d, const char *name)
{
    struct session s;
    struct error err = {0};
    char path[PLACE_PATH];
    const char *noun, *binding_name;
    json_t *bindings, *binding;
    int rc;
    session_init(&s, NULL);
    if (!getcwd(s.program.root, sizeof s.program.root - 16))
        s.program.root[0] = '\0';
    if (access("runbooks", R_OK) == 0)
        strcat(s.program.root, "/runbooks");
    rc = session_find_environment(&s.program, name, path, sizeof path, &err);
    if (!rc)
        rc = session_environment(&s, path, &err);
    finding(d, rc == 0, "environment", rc ? err.message : s.environment.name);
    json_object_foreach(rc ? NULL : s.environment.table, noun, bindings)
    {
        if (!json_is_object(bindings) || strcmp(noun, "grants") == 0 ||
            strcmp(noun, "limits") == 0)
            continue;
        json_object_foreach(bindings, binding_name, binding)
        {
            check_binding(d, &s, noun, binding_name, binding);
        }
    }
    session_free(&s);
}

int cmd_doctor(const struct options *o)
{
    struct doctor d = {o->json, 0};
    check_files(&d);
    check_state(&d);
    check_jail(&d);
    if (o->environment || getenv("RBRUN_ENVIRONMENT"))
        check_environment(&d, o->environment);
    if (!o->json)
        printf(d.bad == 1  ? "1 finding is bad\n"
               : d.bad > 1 ? "%d findings are bad\n"
                           : "all well\n",
               d.bad);
    return d.bad ? EXIT_REFUSED : EXIT_GOAL;
}
