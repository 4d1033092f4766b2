/* One call of migrate.assess for a command: an environment, its binding, a
   driver process, an answer. Reads only; no run is made of it. */
#define _GNU_SOURCE
#include "assess.h"
#include "session.h"
#include "../store/io.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static json_t *request_of(const struct assess_live *q)
{
    json_t *args = json_pack("{s:s, s:s}", "from", q->from, "to", q->to);
    if (q->database)
        json_object_set_new(args, "database", json_string(q->database));
    return json_pack("{s:s, s:o, s:s, s:b}", "verb", "migrate.assess", "args",
                     args, "step", "", "undoing", 0);
}

/* What the driver process says of its way, and when it has answered. */
static void watch(struct call *c, const struct call_context *x,
                  assess_take *take, void *data)
{
    while (c->state == CALL_RUNNING) {
        struct pollfd wait[2] = {{c->answer_fd, POLLIN, 0},
                                 {c->progress_fd, POLLIN, 0}};
        char *line;
        poll(wait, 2, 200);
        call_receive(c, x);
        line = call_progress(c);
        if (line) {
            json_t *told =
                json_pack("{s:s, s:s}", "is", "progress", "text", line);
            take(data, told);
            json_decref(told);
            free(line);
        }
        if (run_stop_requested())
            call_stop(c);
        call_tick(c, x);
    }
}

static int code_of(enum outcome o)
{
    return o == OUTCOME_AUTH        ? RB_DENIED
           : o == OUTCOME_NOT_FOUND ? RB_NOTFOUND
           : o == OUTCOME_REJECTED  ? RB_INVALID
                                    : RB_IO;
}

static int refused(const struct call *c, const struct assess_live *q,
                   struct error *err)
{
    int code = code_of(c->outcome);
    if (run_stop_requested())
        return error_set(err, RB_CLOSED, "interrupted: nothing is judged");
    error_set(err, code, "migrate.assess: %s: %s", outcome_name(c->outcome),
              c->message);
    error_next(err,
               "rbrun doctor --environment %s; the text alone can be judged "
               "without the database: rbrun assess --from %s --to %s FOLDER",
               q->environment, q->from, q->to);
    return code;
}

static int hand_on(const struct session *s, struct call *c, const char *name,
                   assess_take *take, void *data)
{
    json_t *net = json_deep_copy(c->value), *clean;
    int rc;
    json_object_set_new(net, "is", json_string("net"));
    json_object_set_new(net, "release", json_true());
    json_object_set_new(net, "environment", json_string(s->environment.name));
    json_object_set_new(net, "database", json_string(name));
    clean = secret_redact(&s->secrets, net);
    rc = take(data, clean);
    json_decref(clean);
    json_decref(net);
    return rc;
}

/* Where a run would keep its large outputs: a read makes none, but a driver
   finds the state directory by it. */
static void place_artifacts(struct session *s)
{
    char *out = s->run.context.artifacts;
    size_t size = sizeof s->run.context.artifacts;
    struct error ignored;
    char root[PLACE_PATH];
    if (place_root(root, sizeof root, &ignored) != 0 ||
        snprintf(out, size, "%s/runs/assess/artifacts", root) >= (int)size)
        out[0] = '\0';
}

static int ask(struct session *s, const struct assess_live *q,
               assess_take *take, void *data, struct error *err)
{
    const struct verb *v = verb_find("migrate.assess");
    json_t *request = request_of(q);
    struct call *c = call_new(1, v, request);
    const char *name = NULL;
    int rc = environment_binding(&s->environment, v, call_args(c), &name,
                                 &c->binding, err);
    if (!rc) {
        c->system = name;
        s->run.context.run = "assess";
        s->run.context.service = "";
        place_artifacts(s);
        call_start(c, &s->run.context, 0);
        watch(c, &s->run.context, take, data);
        rc = c->outcome == OUTCOME_OK ? hand_on(s, c, name, take, data)
                                      : refused(c, q, err);
    }
    call_free(c);
    json_decref(request);
    return rc;
}

int assess_ask_live(const struct assess_live *q, assess_take *take, void *data,
                    struct error *err)
{
    struct session s;
    char path[PLACE_PATH];
    int rc;
    session_init(&s, NULL);
    if (!getcwd(s.program.root, sizeof s.program.root - 16))
        s.program.root[0] = '\0';
    if (access("runbooks", R_OK) == 0)
        strcat(s.program.root, "/runbooks");
    rc = session_find_environment(&s.program, q->environment, path, sizeof path,
                                  err);
    if (!rc)
        rc = session_environment(&s, path, err);
    if (!rc)
        rc = ask(&s, q, take, data, err);
    session_free(&s);
    return rc;
}
