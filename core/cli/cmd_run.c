/* run and plan: the two ends of one road. */
#include "options.h"
#include "../engine/session.h"
#include "../store/lock.h"
#include "../ui/view.h"
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

/*
 * A plan that fails before the first effect has only met real answers: the
 * run would fail at the same place, so nothing is begun. One that fails
 * later may do so by a prediction that is wrong, and is shown.
 */
static int check_sound(const struct session *s, struct error *err)
{
    const struct plan *p = &s->plan;
    const json_t *why = json_object_get(p->result, "error");
    const char *message = value_text(why, "message", "");
    char word[64] = "";
    if (!p->failed || json_array_size(p->entries))
        return 0;
    *err = p->error;
    if (err->next[0])
        return RB_INVALID;
    sscanf(message, "%63[a-z_.]", word);
    if (json_object_get(why, "last_err") || json_object_get(why, "outcome") ||
        strncmp(message, "environment ", 12) == 0)
        error_next(err, "rbrun doctor --environment %s", s->environment.file);
    else if (verb_find(word))
        error_next(err, "rbrun help %s, and then: rbrun check %s", word,
                   program_shown(&s->program));
    else
        error_next(err, "mend it, then: rbrun check %s",
                   program_shown(&s->program));
    return RB_INVALID;
}

static const char *again(const struct session *s, char *out, size_t size)
{
    snprintf(out, size, "rbrun run %s", program_shown(&s->program));
    return out;
}

/* Ctrl-C while the plan is made or the question stands. */
static int interrupted(const struct session *s)
{
    char text[PLACE_PATH + 16];
    fprintf(stderr, "rbrun: interrupted; nothing has been changed\nnext:  %s\n",
            again(s, text, sizeof text));
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
        check_sound(&s, &err) != 0) {
        view_rest(&v);
        status = run_stop_requested() ? interrupted(&s) : status_of_error(&err);
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

/* Refuse before anything is done: nobody can be asked, nobody has agreed. */
static int check_consent(const struct options *o, const struct view *v,
                         const struct session *s, struct error *err)
{
    if (o->confirm && strcmp(o->confirm, s->environment.name) != 0) {
        error_set(err, RB_DENIED, "--confirm %s, but this is environment %s",
                  o->confirm, s->environment.name);
        error_next(err, "check that you mean %s", s->environment.name);
        return RB_DENIED;
    }
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

/* 0 agreed; else the exit status. */
static int consent(const struct options *o, struct view *v,
                   const struct session *s, const char **how)
{
    char question[200], text[PLACE_PATH + 16];
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
             "%sType the environment's name (%s) to go on: ",
             fails_part_way(&s->plan)
                 ? "This plan changes production and then fails. "
                 : "",
             s->environment.name);
    if (view_confirm(v, question, s->environment.name))
        return 0;
    if (run_stop_requested())
        return interrupted(s);
    fprintf(stderr,
            "rbrun: declined: that was not \"%s\"; nothing has been changed\n"
            "next:  %s\n",
            s->environment.name, again(s, text, sizeof text));
    return EXIT_DECLINED;
}

static int check_plan_id(const struct options *o, const struct session *s,
                         struct error *err)
{
    if (!o->plan || strcmp(o->plan, s->plan.id) == 0)
        return 0;
    error_set(err, RB_BUSY,
              "the plan is now %s, not %s: the situation or the runbook has "
              "changed",
              s->plan.id, o->plan);
    error_next(err, "rbrun plan %s", program_shown(&s->program));
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
    error_next(err, "mend that; or, to run it all the same, add --plan %s",
               s->plan.id);
    return RB_DENIED;
}

static int prepare(const struct options *o, struct view *v, struct session *s,
                   struct error *err)
{
    int rc = load(o, v, s, err);
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
        rc = check_sound(s, err);
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
    int status = consent(o, v, s, &how);
    if (!status && run_stop_requested())
        status = interrupted(s);
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
        status = interrupted(&s);
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
