/* resume, replay, resolve: what can be done with a run that exists. */
#include "options.h"
#include "../engine/session.h"
#include "../ui/view.h"
#include "ending.h"
#include "jail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int end(struct view *v, struct session *s, const struct error *err,
               int status, const char *state)
{
    view_error_state(v, err, status, state);
    view_close(v);
    session_free(s);
    return status;
}

static int fail(struct view *v, struct session *s, const struct error *err)
{
    int status = status_of_error(err);
    return end(v, s, err, status, exit_meaning(status));
}

/* How a run has left production that has ended. */
static void left(struct session *s, char *out, size_t size)
{
    struct run_state st;
    session_state(s, &st);
    snprintf(out, size,
             "as the run left it (exit %d: %s); nothing was done now", st.exit,
             exit_meaning(st.exit));
}

/* What the run did before stands. */
static int refuse(struct view *v, struct session *s, struct error *err)
{
    int status = status_of_error(err);
    char state[300];
    s->run.tape = &s->tape;
    if (status == EXIT_REFUSED && s->tape.sealed) {
        left(s, state, sizeof state);
        return end(v, s, err, status, state);
    }
    if (status == EXIT_REFUSED && !s->tape.count && err->code == RB_CORRUPT)
        return end(v, s, err, status,
                   "not known: the journal cannot be read; nothing was done "
                   "now");
    if (status == EXIT_BUSY)
        return end(v, s, err, status,
                   "nothing was done now; whoever holds the lock goes on");
    if (status == EXIT_REFUSED)
        run_stands(&s->run, err, &status);
    return end(v, s, err, status, exit_meaning(status));
}

/* Another Lua may count, and even do, other things. */
static void warn_of_others(const struct view *v, const struct run *r)
{
    const char *engine, *lua;
    char text[400];
    record_made_by(r, &engine, &lua);
    if (strcmp(engine, RBRUN_VERSION) == 0 && strcmp(lua, lua_build) == 0)
        return;
    snprintf(text, sizeof text,
             "this is rbrun %s (%s), and the run was made by %.40s (%.100s): "
             "what differs below may come from that",
             RBRUN_VERSION, lua_build, engine, *lua ? lua : "another Lua");
    view_warning(v, text);
}

int cmd_resume(const struct options *o)
{
    struct view v;
    struct session s;
    struct error err = {0};
    int status;
    view_open(&v, o->json, o->quiet);
    session_init(&s, &v.observer);
    s.run.require_jail = o->require_jail;
    if (session_reopen(&s, o->operands[0], MODE_LIVE, o->program,
                       o->environment, &err) != 0)
        return refuse(&v, &s, &err);
    jail_warn(&v, &s.run);
    warn_of_others(&v, &s.run);
    view_say(&v, " ", "resuming run %s of %s in %s", s.run.id, s.program.name,
             s.environment.name);
    run_execute(&s.run);
    status = ending_show(&v, &s.run);
    view_close(&v);
    session_free(&s);
    return status;
}

int cmd_replay(const struct options *o)
{
    struct view v;
    struct session s;
    struct error err = {0};
    int status = EXIT_GOAL;
    view_open(&v, o->json, o->quiet);
    v.all = 1;
    session_init(&s, &v.observer);
    s.run.require_jail = o->require_jail;
    if (session_reopen(&s, o->operands[0], MODE_REPLAY, NULL, NULL, &err) != 0)
        return refuse(&v, &s, &err);
    jail_warn(&v, &s.run);
    warn_of_others(&v, &s.run);
    run_execute(&s.run);
    if (s.run.beyond) {
        /* An unfinished journal ends in the middle of a story. */
        printf("run %s replays to its last record (%zu); it has not ended\n",
               s.run.id, s.tape.count);
    } else if (s.run.error.code == RB_DIVERGED ||
               s.run.error.code == RB_CORRUPT) {
        status = EXIT_BUG;
        view_error(&v, &s.run.error, status);
    } else if (!o->json) {
        printf("run %s replays: %u calls, the same requests in the same "
               "order, exit %d\n",
               s.run.id, s.run.sequence, s.run.status);
    }
    view_close(&v);
    session_free(&s);
    return status;
}

static int parse_resolution(const struct options *o, uint32_t *call,
                            int *applied, struct error *err)
{
    char *end;
    unsigned long n = strtoul(o->operands[1], &end, 10);
    const char *what = o->operands[2];
    if (*end || !n || n > UINT32_MAX)
        return error_set(err, RB_INVALID, "\"%s\" is no call's number",
                         o->operands[1]);
    *call = (uint32_t)n;
    *applied = strcmp(what, "applied") == 0;
    if (!*applied && strcmp(what, "not-applied") != 0)
        return error_set(err, RB_INVALID,
                         "say applied or not-applied, not \"%s\"", what);
    if (!o->because || !o->because[0]) {
        error_set(err, RB_INVALID, "a resolution needs its reason");
        error_next(err, "add --because \"how you know\"");
        return RB_INVALID;
    }
    return 0;
}

int cmd_resolve(const struct options *o)
{
    struct view v;
    struct session s;
    struct error err = {0};
    uint32_t call = 0;
    int applied = 0, rc;
    view_open(&v, o->json, 0);
    session_init(&s, &v.observer);
    rc = parse_resolution(o, &call, &applied, &err);
    if (!rc)
        rc = session_reopen(&s, o->operands[0], MODE_CHECK, NULL, NULL, &err);
    if (!rc)
        rc = session_resolve(&s, call, applied, o->because, &err);
    if (rc && !err.next[0])
        error_next(&err, "rbrun help resolve");
    if (rc)
        return fail(&v, &s, &err);
    printf("call %u of run %s: %s, by %s\nnext: rbrun resume %s\n", call,
           s.run.id, o->operands[2], s.by, s.run.id);
    view_close(&v);
    session_free(&s);
    return EXIT_GOAL;
}
