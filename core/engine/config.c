#include "config.h"
#include "frame_check.h"

static int config_frame(struct worker *w, const char *name, json_t **table,
                        struct error *err)
{
    struct frame f = {0};
    int rc;
    w->stoppable = 1;
    rc = worker_await(w, &f, err);
    if (!rc)
        rc = frame_check(&f, 1, err);
    if (!rc && ((f.type != FRAME_LOADED && f.type != FRAME_FAIL) ||
                worker_said_more(w)))
        rc = error_set(err, RB_INVALID, "its %s frame is not due",
                       frame_name(f.type));
    if (rc == RB_INVALID)
        rc = frame_violated(w, name, err);
    if (!rc && f.type == FRAME_LOADED)
        *table = json_incref(f.value);
    else if (!rc)
        rc = error_set(err, RB_INVALID, "%s:%lld: %s",
                       value_text(f.value, "file", "environment"),
                       (long long)value_int(f.value, "line", 0),
                       value_text(f.value, "message", "cannot load"));
    frame_free(&f);
    return rc;
}

int config_evaluate(const char *name, const struct buf *source,
                    int require_jail, json_t **table, struct error *err)
{
    struct worker w;
    struct worker_job job = {.role = "config", .what = "the environment file"};
    struct error verdict = {0};
    enum worker_verdict how;
    int rc;
    job.start = json_pack("{s:s, s:s, s:[], s:i}", "role", "config",
                          "source_name", name, "verbs", "seed", 0);
    job.body = source;
    job.require_jail = require_jail;
    limits_default(&job.limits);
    rc = worker_start(&w, &job, err);
    if (!rc)
        rc = config_frame(&w, name, table, err);
    how = worker_end(&w, rc != RB_CLOSED, &verdict);
    if (rc == RB_CLOSED && how != VERDICT_FINE) {
        *err = verdict;
        rc = verdict.code;
    } else if (rc == RB_CLOSED) {
        rc = worker_silent(&w, name, err);
    }
    json_decref(job.start);
    return rc;
}
