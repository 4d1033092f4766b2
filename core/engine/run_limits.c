/*
 * The runbook's process is ended against its will: by a limit, because it
 * broke out of its rules, or because it crashed. That is said and journaled;
 * a replay takes from the journal what would not come out the same again.
 */
#define _GNU_SOURCE
#include "run_parts.h"

#include <string.h>

static const char *verdict_name(enum worker_verdict verdict)
{
    return verdict == VERDICT_LIMIT       ? "limit"
           : verdict == VERDICT_VIOLATION ? "violation"
                                          : "crash";
}

static void journal_end(struct run *r, enum worker_verdict verdict,
                        const struct error *why)
{
    struct error ignored;
    json_t *fields =
        r->worker.hit.reached ? limit_fields(&r->worker.hit) : json_object();
    json_object_set_new(fields, "verdict", json_string(verdict_name(verdict)));
    json_object_set_new(fields, "message", json_string(why->message));
    record_append(r, RECORD_LIMIT, fields, &ignored);
    json_decref(fields);
}

/* A replay must be ended by what ended the run. */
static void compare_end(struct run *r, struct error *why)
{
    const json_t *was = record_limit(r);
    const char *limit =
        r->worker.hit.reached ? limit_table[r->worker.hit.id].name : "";
    struct error now = *why;
    if (was && strcmp(value_text(was, "limit", ""), limit) == 0)
        return;
    error_set(why, RB_DIVERGED,
              "the replay ends otherwise than the run\n"
              "    recorded: %s\n    now:      %s",
              was ? value_text(was, "message", "?") : "it went on",
              now.message);
    error_next(why,
               "is this the rbrun, and the machine's Lua, that made the "
               "run? rbrun show %s",
               r->id);
}

void run_tell_end(struct run *r, enum worker_verdict verdict, struct error *why)
{
    r->hostile = verdict == VERDICT_VIOLATION;
    if (r->mode == MODE_REPLAY)
        compare_end(r, why);
    else if (r->mode == MODE_LIVE && record_exhausted(r))
        journal_end(r, verdict, why);
}

void run_worker_ended(struct run *r, enum worker_verdict verdict,
                      const struct error *why)
{
    struct error told = *why;
    run_tell_end(r, verdict, &told);
    if (verdict == VERDICT_CRASH && r->mode == MODE_LIVE)
        error_next(&told, "rbrun doctor, and then: rbrun resume %s", r->id);
    run_broke(r, &told);
}

void run_not_loaded(struct run *r, const struct error *why)
{
    /* A crash, or a disk, may be this machine's: resume may go on. */
    if (why->code == RB_IO || why->code == RB_NOMEM)
        return;
    run_worker_ended(
        r, r->worker.hit.reached ? VERDICT_LIMIT : VERDICT_VIOLATION, why);
    run_finish(r);
}

void run_take_recorded_end(struct run *r)
{
    const json_t *was = record_limit(r);
    struct error why = {0};
    if (!was || value_bool(was, "repeats", 0))
        return;
    error_set(&why, RB_TOOBIG, "%s", value_text(was, "message", "?"));
    run_broke(r, &why);
}
