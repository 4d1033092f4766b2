/* From a file to a worker that waits for RUN: START, modules, LOADED. */
#define _GNU_SOURCE
#include "frame_check.h"
#include "run.h"

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

/* A module's mistake is in the module; how it came to be loaded is the way
   from there to the runbook, one require a file. */
static void add_requires(const json_t *trace, const char *place,
                         struct buf *out)
{
    static const char top[] = ": at the top of the file";
    const json_t *one;
    size_t i;
    json_array_foreach(trace, i, one)
    {
        const char *frame = json_string_value(one);
        const char *end = frame ? strstr(frame, top) : NULL;
        size_t size = end ? (size_t)(end - frame) : 0;
        if (!size || (strlen(place) == size && !memcmp(place, frame, size)))
            continue;
        buf_addf(out, "%s%.*s", out->size ? ", " : "\n    required at ",
                 (int)size, frame);
    }
}

static int take_fail(const struct run *r, const struct frame *f,
                     struct error *err)
{
    const char *excerpt = value_text(f->value, "excerpt", "");
    struct buf requires = BUF_INIT(400);
    char place[300];
    snprintf(place, sizeof place, "%s:%lld",
             value_text(f->value, "file", "runbook"),
             (long long)value_int(f->value, "line", 0));
    add_requires(json_object_get(f->value, "trace"), place, &requires);
    error_set(err, RB_INVALID, "%s: %s%s%s%s", place,
              value_text(f->value, "message", "cannot load"),
              excerpt[0] ? "\n    " : "", excerpt, buf_text(&requires));
    buf_free(&requires);
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
        rc = error_set(err, RB_INVALID, "its %s frame came while it loads",
                       frame_name(f->type));
    /* A file that has not changed declares the same every time: what the
       plan showed, and what the grants were checked for. */
    else if (!rc && f->type == FRAME_LOADED && r->header && !r->loose &&
             !json_equal(r->header, json_object_get(f->value, "header")))
        rc =
            error_set(err, RB_INVALID, "the header is another one than before");
    if (!rc && worker_said_more(&r->worker))
        rc = error_set(err, RB_INVALID, "it sent more behind its %s frame",
                       frame_name(f->type));
    return rc;
}

int run_started(struct run *r, struct error *err)
{
    unsigned asked = 0;
    int rc = 1;
    /* With a journal the loop hears of a stop, and says so in it. */
    r->worker.stoppable = !r->journal;
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
