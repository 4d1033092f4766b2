/* What a runbook asks for in `uses`, before anything starts: all of what is
   not granted is named at once, with the line to add it on. */
#define _GNU_SOURCE
#include "grant_line.h"
#include "run_parts.h"

#include <stdio.h>
#include <string.h>

#define NAMED_MAX 8 /* verbs named behind a pattern */

/* What is missing: for the message, and as grants to add. */
struct missing {
    struct buf said;
    struct buf grants;
    unsigned count;
};

/* How many verbs does it cover; is any of them granted on anything? */
static int count_covered(const struct run *r, const char *pattern, int *granted)
{
    int count = 0;
    *granted = 0;
    for (const struct verb *v = verb_table; v->name; v++) {
        if (!pattern_covers(pattern, v->name))
            continue;
        count++;
        *granted =
            *granted || grants_allow(r->environment->table,
                                     program_granted(r->program), v->name, "");
    }
    return count;
}

static int no_verb(const struct run *r, const char *pattern, struct error *err)
{
    const char *near = verb_nearest(pattern);
    error_set(err, RB_INVALID, "%s uses \"%s\", which is no verb%s%s%s",
              r->program->name, pattern, near ? " (did you mean \"" : "",
              near ? near : "", near ? "\"?)" : "");
    error_next(err, "rbrun help");
    return RB_INVALID;
}

/* "deploy.* (deploy.current, deploy.release, deploy.shift)" */
static void say(struct buf *out, const char *pattern, int covered)
{
    const char *mark = " (";
    buf_addf(out, "%s%s", out->size ? ", " : "", pattern);
    if (strcmp(pattern, "*") == 0 || !strchr(pattern, '*'))
        return;
    if (covered > NAMED_MAX) {
        buf_addf(out, " (%d verbs)", covered);
        return;
    }
    for (const struct verb *v = verb_table; v->name; v++) {
        if (!pattern_covers(pattern, v->name))
            continue;
        buf_addf(out, "%s%s", mark, v->name);
        mark = ", ";
    }
    buf_adds(out, ")");
}

/* The name to grant a verb on: the noun's only binding, else a gap to fill
   in, because more than is needed is not to be granted. */
static const char *system_of(const struct run *r, const struct verb *v)
{
    char noun[32];
    const json_t *all;
    if (!v->system)
        return "";
    snprintf(noun, sizeof noun, "%.*s", (int)verb_noun(v->name), v->name);
    all = json_object_get(r->environment->table, noun);
    if (json_object_size(all) == 1)
        return json_object_iter_key(json_object_iter((json_t *)all));
    return "NAME";
}

/* A pattern within one noun is granted as it is; a wider one verb by verb, as
   far as there is room. */
static void propose(const struct run *r, struct buf *out, const char *pattern)
{
    const char *dot = strchr(pattern, '.');
    for (const struct verb *v = verb_table; v->name; v++) {
        const char *system;
        if (!pattern_covers(pattern, v->name))
            continue;
        system = system_of(r, v);
        if (!dot && strcmp(system, "NAME") == 0)
            continue; /* nothing of that noun is bound */
        buf_addf(out, "%s\"%s%s%s\"", out->size ? ", " : "",
                 dot ? pattern : v->name, system[0] ? " " : "", system);
        if (dot || out->size > 150)
            return;
    }
}

static int add_missing(const struct run *r, const char *pattern,
                       struct missing *m, struct error *err)
{
    int granted, covered = count_covered(r, pattern, &granted);
    size_t size;
    if (!covered)
        return no_verb(r, pattern, err);
    if (granted)
        return 0;
    say(&m->said, pattern, covered);
    size = m->grants.size;
    propose(r, &m->grants, pattern);
    if (m->grants.size == size)
        buf_addf(&m->grants, "%s\"%s NAME\"", size ? ", " : "", pattern);
    m->count++;
    return 0;
}

static int refuse(const struct run *r, const struct missing *m,
                  struct error *err)
{
    error_set(err, RB_DENIED,
              "%s uses what is not granted to it in environment %s: %s",
              program_granted(r->program), r->environment->name,
              buf_text(&m->said));
    grants_way_out(r->environment->file, r->environment->table,
                   program_granted(r->program), buf_text(&m->grants), err);
    run_add_resume(r, err);
    return RB_DENIED;
}

int run_check_uses(const struct run *r, struct error *err)
{
    const json_t *uses = json_object_get(r->header, "uses"), *one;
    struct missing m = {BUF_INIT(1000), BUF_INIT(300), 0};
    size_t i;
    int rc = 0;
    json_array_foreach(uses, i, one)
    {
        const char *pattern = json_string_value(one);
        if (!rc)
            rc = add_missing(r, pattern ? pattern : "?", &m, err);
    }
    if (!rc && m.count)
        rc = refuse(r, &m, err);
    buf_free(&m.said);
    buf_free(&m.grants);
    return rc;
}

/* What a resumed run is granted is in its journal: a line that is added to the
   file counts when the file is named. */
void run_add_resume(const struct run *r, struct error *err)
{
    char next[sizeof err->next];
    if (r->mode != MODE_LIVE || !r->tape)
        return;
    snprintf(next, sizeof next, "%.300s, then: rbrun resume %s", err->next,
             r->id);
    error_next(err, "%s --environment %.60s%s%.100s", next,
               r->environment->name, r->program->stored ? "" : " --program ",
               r->program->stored ? "" : program_shown(r->program));
}

void run_add_use(const struct run *r, const char *verb, struct error *err)
{
    const struct program *p = r->program;
    int line = uses_line(buf_text(&p->source), p->source.size);
    if (line)
        error_next(err, "%s:%d: add \"%s\" to uses", program_shown(p), line,
                   verb);
    else
        error_next(err, "add \"%s\" to uses = { ... } in %s", verb,
                   program_shown(p));
}
