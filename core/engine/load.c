/* From a file to a worker that waits for RUN: START, modules, LOADED. */
#define _GNU_SOURCE
#include "frame_check.h"
#include "run.h"
#include "nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODULE_REQUESTS 256 /* those that are not found count, too */

static json_t *verb_list(void)
{
    json_t *list = json_array();
    for (const struct verb *v = verb_table; v->name; v++)
        json_array_append_new(list,
                              json_pack("{s:s, s:s}", "name", v->name, "effect",
                                        effect_name(v->effect)));
    return list;
}

static const char *mode_name(enum run_mode mode)
{
    return mode == MODE_PLAN ? "plan" : mode == MODE_CHECK ? "check" : "live";
}

static json_t *start_document(const struct run *r)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:o}", "role", "run", "mode",
                     mode_name(r->mode), "source_name", r->program->name,
                     "seed", (json_int_t)r->seed, "verbs", verb_list());
}

/* What became of the worker says more than that it is gone. */
static int not_loaded(struct run *r, int rc, struct error *err)
{
    struct error verdict = {0};
    enum worker_verdict how = worker_end(&r->worker, rc != RB_CLOSED, &verdict);
    if (rc != RB_CLOSED)
        return rc;
    *err = verdict;
    if (how == VERDICT_FINE)
        worker_silent(&r->worker, r->program->name, err);
    return err->code;
}

int run_start(struct run *r, struct error *err)
{
    struct worker_job job = {
        .role = "run",
        .what = "the runbook",
        .file = r->environment ? r->environment->file : NULL,
        .start = start_document(r),
        .body = &r->program->source,
        .require_jail = r->require_jail,
    };
    int rc;
    limits_default(&job.limits);
    if (r->environment)
        job.limits = r->environment->limits;
    rc = worker_start(&r->worker, &job, err);
    json_decref(job.start);
    return rc ? not_loaded(r, rc, err) : 0;
}

static int check_size(struct run *r, const struct module *m, struct error *err)
{
    return m->source.size <= (size_t)r->worker.limits.value[LIMIT_SOURCE]
               ? 0
               : worker_reached(&r->worker, LIMIT_SOURCE,
                                (double)m->source.size, m->file, err);
}

static int serve_module(struct run *r, const struct frame *f, struct error *err)
{
    const char *name = value_text(f->value, "name", "");
    const struct module *m = NULL;
    struct error why = {0};
    json_t *doc;
    int rc = program_module(r->program, name, &m, &why);
    if (!rc && check_size(r, m, err))
        return RB_TOOBIG;
    if (rc)
        doc = json_pack("{s:s, s:s}", "name", name, "error", why.message);
    else
        doc = json_pack("{s:s, s:s}", "name", name, "file", m->file);
    rc = worker_send(&r->worker, FRAME_SOURCE, 0, doc,
                     rc ? "" : buf_text(&m->source), rc ? 0 : m->source.size,
                     err);
    json_decref(doc);
    return rc;
}

static int take_fail(const struct run *r, const struct frame *f,
                     struct error *err)
{
    const char *excerpt = value_text(f->value, "excerpt", "");
    error_set(err, RB_INVALID, "%s:%lld: %s%s%s",
              value_text(f->value, "file", "runbook"),
              (long long)value_int(f->value, "line", 0),
              value_text(f->value, "message", "cannot load"),
              excerpt[0] ? "\n    " : "", excerpt);
    error_next(err, "mend it, then: rbrun check %s", program_shown(r->program));
    return RB_INVALID;
}

static int take_loaded(struct run *r, const struct frame *f, struct error *err)
{
    json_decref(r->header);
    json_decref(r->jail);
    json_decref(r->globals);
    r->header = json_incref(json_object_get(f->value, "header"));
    r->jail = json_incref(json_object_get(f->value, "jail"));
    r->globals = json_incref(json_object_get(f->value, "globals"));
    if (!json_is_object(r->header) || !value_text(r->header, "service", NULL)) {
        error_set(err, RB_INVALID, "%s declares no runbook { service = ... }",
                  r->program->name);
        error_next(err, "rbrun help runbook");
        return RB_INVALID;
    }
    if (!value_bool(f->value, "has_run", 0))
        return error_set(err, RB_INVALID, "%s has no function run(input)",
                         r->program->name);
    return 0;
}

/* 1: goes on, 0: loaded, negative: an error. */
static int load_frame(struct run *r, struct frame *f, struct error *err)
{
    switch (f->type) {
    case FRAME_MODULE: {
        int rc = serve_module(r, f, err);
        return rc ? rc : 1;
    }
    case FRAME_LOADED:
        return take_loaded(r, f, err);
    case FRAME_FAIL:
        return take_fail(r, f, err);
    default:
        return 1; /* check_loading has passed nothing else */
    }
}

/* Nothing of an author's can say or ask anything before it is loaded. */
static int check_loading(struct run *r, const struct frame *f, unsigned *asked,
                         struct error *err)
{
    int rc = frame_check(f, 0, err);
    if (!rc && f->type == FRAME_MODULE && ++*asked > MODULE_REQUESTS)
        rc = error_set(err, RB_INVALID, "it asks for more than %d modules",
                       MODULE_REQUESTS);
    else if (!rc && f->type != FRAME_MODULE && f->type != FRAME_LOADED &&
             f->type != FRAME_FAIL)
        rc = error_set(err, RB_INVALID, "a %s frame while it loads",
                       frame_name(f->type));
    /* A file that has not changed declares the same every time: what the
       plan showed, and what the grants were checked for. */
    else if (!rc && f->type == FRAME_LOADED && r->header && !r->loose &&
             !json_equal(r->header, json_object_get(f->value, "header")))
        rc =
            error_set(err, RB_INVALID, "the header is another one than before");
    if (!rc && worker_said_more(&r->worker))
        rc = error_set(err, RB_INVALID, "more behind a %s frame",
                       frame_name(f->type));
    return rc;
}

int run_started(struct run *r, struct error *err)
{
    unsigned asked = 0;
    int rc = 1;
    while (rc == 1) {
        struct frame f = {0};
        rc = worker_await(&r->worker, &f, err);
        if (!rc)
            rc = check_loading(r, &f, &asked, err);
        if (rc == RB_INVALID)
            rc = frame_violated(&r->worker, r->program->name, err);
        if (!rc)
            rc = load_frame(r, &f, err);
        frame_free(&f);
    }
    return rc ? not_loaded(r, rc, err) : 0;
}

int run_load(struct run *r, struct error *err)
{
    int rc = run_start(r, err);
    return rc ? rc : run_started(r, err);
}

/* Inputs: "text", "text?", "number=0.02", "P0|P1|P2?", "bool=false". */
struct input_spec {
    char type[160];
    char otherwise[160];
    int optional;
    int has_default;
};

static void parse_spec(const char *text, struct input_spec *s)
{
    char *equals;
    size_t size;
    memset(s, 0, sizeof *s);
    snprintf(s->type, sizeof s->type, "%s", text);
    equals = strchr(s->type, '=');
    if (equals) {
        *equals = '\0';
        s->has_default = 1;
        snprintf(s->otherwise, sizeof s->otherwise, "%s", equals + 1);
    }
    size = strlen(s->type);
    if (size && s->type[size - 1] == '?') {
        s->type[size - 1] = '\0';
        s->optional = 1;
    }
}

static int one_of(const char *choices, const char *value)
{
    size_t size = strlen(value);
    for (const char *at = choices; at && *at;) {
        size_t length = strcspn(at, "|");
        if (length == size && strncmp(at, value, size) == 0)
            return 1;
        at += length;
        at += *at == '|';
    }
    return 0;
}

static json_t *convert(const char *type, const char *text, struct error *err)
{
    char *end;
    int64_t ms;
    if (strcmp(type, "text") == 0 || strcmp(type, "string") == 0)
        return json_string(text);
    if (strcmp(type, "number") == 0) {
        double number = strtod(text, &end);
        return *text && !*end ? json_real(number) : NULL;
    }
    if (strcmp(type, "int") == 0) {
        long long number = strtoll(text, &end, 10);
        return *text && !*end ? json_integer(number) : NULL;
    }
    if (strcmp(type, "bool") == 0)
        return one_of("true|yes", text)   ? json_true()
               : one_of("false|no", text) ? json_false()
                                          : NULL;
    if (strcmp(type, "duration") == 0)
        return duration_parse(text, &ms, err) == 0 ? json_string(text) : NULL;
    return one_of(type, text) ? json_string(text) : NULL;
}

static int set_input(struct run *r, const char *name, const char *spec_text,
                     const char *text, struct error *err)
{
    struct input_spec spec;
    json_t *value;
    parse_spec(spec_text, &spec);
    if (!text && !spec.has_default) {
        if (spec.optional)
            return 0;
        error_set(err, RB_INVALID, "%s needs the input \"%s\" (%s)",
                  r->program->name, name, spec.type);
        error_next(err, "add --input %s=...", name);
        return RB_INVALID;
    }
    value = convert(spec.type, text ? text : spec.otherwise, err);
    if (!value) {
        error_set(err, RB_INVALID, "the input %s=%s is no %s%s", name,
                  text ? text : spec.otherwise,
                  strchr(spec.type, '|') ? "one of " : "", spec.type);
        error_next(err, "--input %s=%s", name,
                   strcmp(spec.type, "number") == 0     ? "0.5"
                   : strcmp(spec.type, "int") == 0      ? "5"
                   : strcmp(spec.type, "bool") == 0     ? "true"
                   : strcmp(spec.type, "duration") == 0 ? "30s"
                                                        : spec.type);
        return RB_INVALID;
    }
    json_object_set_new(r->input, name, value);
    return 0;
}

static const char *given_value(const char *const *given, size_t count,
                               const char *name)
{
    size_t size = strlen(name);
    for (size_t i = count; i-- > 0;) {
        if (strncmp(given[i], name, size) == 0 && given[i][size] == '=')
            return given[i] + size + 1;
    }
    return NULL;
}

static void list_inputs(const json_t *inputs, struct error *err)
{
    char list[400] = "";
    const char *key;
    json_t *spec;
    json_object_foreach((json_t *)inputs, key, spec)
    {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s=%s", used ? ", " : "",
                 key, json_string_value(spec));
    }
    if (list[0])
        error_next(err, "its inputs are: %s", list);
    else
        error_next(err, "leave --input out: it has none");
}

static int check_names(const struct run *r, const json_t *inputs,
                       const char *const *given, size_t count,
                       struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        char name[160];
        struct nearest n;
        const char *key;
        json_t *spec;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(given[i], "="),
                 given[i]);
        if (strchr(given[i], '=') && json_object_get(inputs, name))
            continue;
        nearest_start(&n, name);
        json_object_foreach((json_t *)inputs, key, spec)
        {
            (void)spec;
            nearest_offer(&n, key);
        }
        error_set(err, RB_INVALID, "%s has no input \"%s\"%s%s%s",
                  r->program->name, name, n.best ? " (did you mean \"" : "",
                  n.best ? n.best : "", n.best ? "\"?)" : "");
        list_inputs(inputs, err);
        return RB_INVALID;
    }
    return 0;
}

int run_inputs(struct run *r, const char *const *given, size_t count,
               struct error *err)
{
    const json_t *inputs = json_object_get(r->header, "inputs");
    const char *key;
    json_t *spec;
    int rc = check_names(r, inputs, given, count, err);
    json_decref(r->input);
    r->input = json_object();
    json_object_foreach((json_t *)inputs, key, spec)
    {
        if (rc)
            break;
        rc = set_input(r, key, json_string_value(spec),
                       given_value(given, count, key), err);
    }
    return rc;
}
