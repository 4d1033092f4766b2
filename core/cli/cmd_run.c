/* run and plan: the two ends of one road. */
#include "options.h"
#include "../engine/session.h"
#include "../store/lock.h"
#include "../ui/view.h"
#include "again.h"
#include "ending.h"
#include "jail.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct session_request request_of(const struct options *o,
                                         struct view *v)
{
    struct session_request q = {o->operands[0], o->environment, o->inputs,
                                o->input_count, &v->observer};
    return q;
}

#define AGAIN_SIZE 480

/* An answer of the world may have an environment's mistake behind it; others
   are the runbook's to understand. */
static int world_failed(const json_t *why)
{
    static const char *const of_the_world[] = {
        "auth", "not_found", "retryable", "timeout", "unavailable",
    };
    const char *raised = value_text(why, "outcome", "failed");
    const char *outcome =
        value_text(json_object_get(why, "last_err"), "outcome", "");
    if (strcmp(raised, "failed") != 0)
        return 1;
    for (size_t i = 0; i < sizeof of_the_world / sizeof *of_the_world; i++) {
        if (strcmp(of_the_world[i], outcome) == 0)
            return 1;
    }
    return strncmp(value_text(why, "message", ""), "environment ", 12) == 0;
}

/* Raised by fail(), or by Lua while it ran: `check` cannot find it. */
static int failed_by_itself(const json_t *why)
{
    return json_object_get(why, "outcome") ||
           json_object_get(why, "last_err") ||
           strstr(value_text(why, "message", ""), "attempt to ");
}

static void advise(const struct options *o, const struct session *s,
                   const json_t *why, struct error *err)
{
    const char *message = value_text(why, "message", "");
    char word[64] = "", text[AGAIN_SIZE / 2];
    sscanf(message, "%63[a-z_.]", word);
    again(o, "plan", &s->program, text, sizeof text);
    if (verb_find(word) && (strstr(message, "binds none of that noun") ||
                            strstr(message, "(it has: none)")))
        environment_add(&s->environment, word, err);
    else if (verb_find(word) && !json_object_get(why, "outcome"))
        error_next(err, "rbrun help %s; mend it, then: %s", word, text);
    else if (world_failed(why))
        error_next(err, "rbrun doctor --environment %s", s->environment.file);
    else if (failed_by_itself(why))
        error_next(err,
                   "the runbook failed by itself at %.100s:%lld: read it "
                   "there, then: %s",
                   value_text(why, "file", s->program.name),
                   (long long)value_int(why, "line", 0), text);
    else
        error_next(err, "mend it, then: rbrun check %s",
                   program_shown(&s->program));
}

/*
 * A plan that fails before the first effect has only met real answers: the
 * run would fail at the same place, so nothing is begun. One that fails
 * later may do so by a prediction that is wrong, and is shown.
 */
static int check_sound(const struct options *o, const struct session *s,
                       struct error *err)
{
    const struct plan *p = &s->plan;
    if (!p->failed || json_array_size(p->entries))
        return 0;
    *err = p->error;
    if (!err->next[0])
        advise(o, s, json_object_get(p->result, "error"), err);
    return RB_INVALID;
}

/* Ctrl-C while the plan is made or the question stands. */
static int interrupted(const struct options *o, const char *command,
                       const struct session *s)
{
    char text[AGAIN_SIZE];
    fprintf(stderr, "rbrun: interrupted; nothing has been changed\nnext:  %s\n",
            again(o, command, &s->program, text, sizeof text));
    return run_stop_requested() == SIGTERM ? EXIT_TERMINATED : EXIT_INTERRUPTED;
}

/* Load it; what its jail lacks is said once, before it starts. */
static int load(const struct options *o, struct view *v, struct session *s,
                struct error *err)
{
    struct session_request q = request_of(o, v);
    int rc;
    s->run.require_jail = o->require_jail;
    rc = session_load(s, &q, MODE_PLAN, err);
    if (!rc)
        jail_warn(v, &s->run);
    return rc;
}

int cmd_plan(const struct options *o)
{
    struct view v;
    struct session s;
    struct error err = {0};
    int status = EXIT_GOAL;
    view_open(&v, o->json, o->quiet);
    v.planning = 1;
    session_init(&s, &v.observer);
    if (load(o, &v, &s, &err) != 0 || session_plan(&s, &err) != 0 ||
        check_sound(o, &s, &err) != 0) {
        view_rest(&v);
        status = run_stop_requested() ? interrupted(o, "plan", &s)
                                      : status_of_error(&err);
        if (!run_stop_requested())
            view_error(&v, &err, status);
    } else {
        view_plan(&v, &s.plan, &s.run);
        if (s.plan.failed)
            status = EXIT_FAILED_UNDONE;
    }
    view_close(&v);
    session_free(&s);
    return status;
}

/* Before the grants are looked at: those of the wrong place are no news. */
static int check_place(const struct options *o, const struct session *s,
                       struct error *err)
{
    if (!o->confirm || !s->environment.name[0] ||
        strcmp(o->confirm, s->environment.name) == 0)
        return 0;
    error_set(err, RB_DENIED, "--confirm %s, but this is environment %s",
              o->confirm, s->environment.name);
    error_next(err, "check that you mean %s", s->environment.name);
    return RB_DENIED;
}

/* Refuse before anything is done: nobody can be asked, nobody has agreed. */
static int check_consent(const struct options *o, const struct view *v,
                         const struct session *s, struct error *err)
{
    if (o->yes || o->confirm || v->can_ask)
        return 0;
    error_set(err, RB_DENIED,
              "nobody can be asked: standard input is not a terminal");
    error_next(err, "add --confirm=%s, or --yes", s->environment.name);
    return RB_DENIED;
}

/* Does the main way change production and then fail? */
static int fails_part_way(const struct plan *p)
{
    const json_t *one;
    size_t i;
    json_array_foreach(p->failed ? p->entries : NULL, i, one)
    {
        if (value_bool(one, "production", 0) && !json_object_get(one, "undoes"))
            return 1;
    }
    return 0;
}

/* What fails by a limit has no process left to run an undo step. */
static int no_undo_runs(const struct plan *p)
{
    return p->error.code == RB_TOOBIG;
}

/* 0 agreed; else the exit status. */
static int consent(const struct options *o, struct view *v,
                   const struct session *s, const char **how)
{
    char question[300], text[PLACE_PATH + 16];
    if (o->yes || o->confirm) {
        *how = o->yes ? "--yes" : "--confirm";
        return 0;
    }
    if (!json_array_size(s->plan.foreseen)) {
        *how = "nothing to approve";
        return 0;
    }
    *how = "typed";
    snprintf(question, sizeof question,
             "%s%sType the environment's name (%s) to go on: ",
             fails_part_way(&s->plan)
                 ? "This plan changes production and then fails. "
                 : "",
             fails_part_way(&s->plan) && no_undo_runs(&s->plan)
                 ? "No undo step would run. "
                 : "",
             s->environment.name);
    if (view_confirm(v, question, s->environment.name))
        return 0;
    if (run_stop_requested())
        return interrupted(o, "run", s);
    fprintf(stderr,
            "rbrun: declined: that was not \"%s\"; nothing has been changed\n"
            "next:  %s\n",
            s->environment.name,
            again(o, "run", &s->program, text, sizeof text));
    return EXIT_DECLINED;
}

static int check_plan_id(const struct options *o, const struct session *s,
                         struct error *err)
{
    char text[AGAIN_SIZE];
    if (!o->plan || strcmp(o->plan, s->plan.id) == 0)
        return 0;
    error_set(err, RB_BUSY,
              "the plan is now %s, not %s: the situation or the runbook has "
              "changed",
              s->plan.id, o->plan);
    error_next(err, "%s", again(o, "plan", &s->program, text, sizeof text));
    return RB_BUSY;
}

/*
 * A consent given before the plan was made is none to a plan that foresees
 * its own failure behind a write: somebody has to have seen it, on a terminal
 * or by its id, which stands for the failure, too.
 */
static int check_foresight(const struct options *o, struct view *v,
                           const struct session *s, struct error *err)
{
    if (!(o->yes || o->confirm) || o->plan || !fails_part_way(&s->plan))
        return 0;
    view_plan(v, &s->plan, &s->run);
    error_set(err, RB_DENIED,
              "%s is no consent to a plan that changes production and then "
              "fails: %s",
              o->yes ? "--yes" : "--confirm", s->plan.error.message);
    if (no_undo_runs(&s->plan))
        error_next(err, "%s",
                   s->plan.error.next[0] ? s->plan.error.next : "mend that");
    else
        error_next(err, "mend that; or, to run it all the same, add --plan %s",
                   s->plan.id);
    return RB_DENIED;
}

static int prepare(const struct options *o, struct view *v, struct session *s,
                   struct error *err)
{
    int rc = load(o, v, s, err);
    if (check_place(o, s, err) != 0)
        rc = RB_DENIED;
    if (!rc)
        rc = check_consent(o, v, s, err);
    if (!rc)
        rc = session_lock(s, LOCK_STARTING, 0, err);
    if (!rc) {
        v->planning = 1;
        rc = session_plan(s, err);
        v->planning = 0;
    }
    if (!rc)
        rc = check_sound(o, s, err);
    if (!rc)
        rc = check_plan_id(o, s, err);
    if (!rc)
        rc = check_foresight(o, v, s, err);
    return rc;
}

static void mend_disk(struct error *err)
{
    if (err->code == RB_IO && !err->next[0])
        error_next(err, "free or mend the disk of the state directory "
                        "(rbrun doctor), then run it again");
}

static int go(const struct options *o, struct view *v, struct session *s)
{
    struct error err = {0};
    const char *how = "";
    char text[AGAIN_SIZE];
    int status = consent(o, v, s, &how);
    if (!status && run_stop_requested())
        status = interrupted(o, "run", s);
    if (status)
        return status;
    if (session_begin(s, how, &err) != 0) {
        mend_disk(&err);
        view_error(v, &err, status_of_error(&err));
        return status_of_error(&err);
    }
    if (v->kind == VIEW_JSON)
        view_json("run", json_pack("{s:s, s:s}", "run", s->run.id, "plan",
                                   s->plan.id));
    view_say(v, " ", "run %s of %s in %s", s->run.id, s->program.name,
             s->environment.name);
    s->run.again = again(o, "plan", &s->program, text, sizeof text);
    run_execute(&s->run);
    return ending_show(v, &s->run);
}

int cmd_run(const struct options *o)
{
    struct view v;
    struct session s;
    struct error err = {0};
    int status;
    view_open(&v, o->json, o->quiet);
    session_init(&s, &v.observer);
    if (prepare(o, &v, &s, &err) != 0 && run_stop_requested()) {
        view_rest(&v);
        status = interrupted(o, "run", &s);
    } else if (err.code) {
        mend_disk(&err);
        status = status_of_error(&err);
        view_error(&v, &err, status);
    } else {
        /* Whoever is asked sees what they agree to. */
        if (v.kind != VIEW_QUIET || !(o->yes || o->confirm))
            view_plan(&v, &s.plan, &s.run);
        status = go(o, &v, &s);
    }
    view_close(&v);
    session_free(&s);
    return status;
}
