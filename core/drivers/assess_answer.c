#define _GNU_SOURCE
#include "assess.h"
#include "assess_judge.h"
#include "assess_set.h"
#include "shadow_run.h"

#include <stdio.h>
#include <string.h>

static int tell_progress(assess_tell *tell, void *data, const char *text)
{
    return tell(data, json_pack("{s:s, s:s}", "is", "progress", "text", text));
}

static int tell_judging(const struct assess_set *set, assess_tell *tell,
                        void *data)
{
    char text[80];
    snprintf(text, sizeof text, "judging the text of %zu migrations",
             set->count);
    return tell_progress(tell, data, text);
}

static int tell_set(const struct assess_question *q,
                    const struct assess_set *set, assess_tell *tell, void *data)
{
    static const char *const modes[] = {"history", "range", "release"};
    json_t *line =
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:b}", "is", "set", "about",
                  modes[q->mode], "where", set->where, "base", set->base,
                  "files", (json_int_t)set->judged, "context",
                  (json_int_t)(set->count - set->judged), "shadow", q->shadow);
    if (set->layout.tool)
        json_object_set_new(line, "tool", json_string(set->layout.tool));
    if (set->layout.problems)
        json_object_set(line, "problems", set->layout.problems);
    return tell(data, line);
}

/* The layout says of a file what its text does not. */
static void add_problems(const struct assess_set *set, json_t *entries)
{
    const json_t *problem;
    size_t i, j;
    json_t *entry;
    json_array_foreach(set->layout.problems, i, problem)
    {
        const char *path = value_text(problem, "path", "");
        json_array_foreach(entries, j, entry)
        {
            if (strcmp(value_text(entry, "file", ""), path) == 0 &&
                strcmp(value_text(problem, "code", ""), "several_heads") != 0)
                assess_judge_reason(entry, "unknown",
                                    value_text(problem, "code", "layout"), path,
                                    0, value_text(problem, "text", ""), NULL);
        }
    }
}

static int tell_all(json_t *entries, const char *is, assess_tell *tell,
                    void *data)
{
    json_t *entry;
    size_t i;
    int rc = 0;
    json_array_foreach(entries, i, entry)
    {
        json_object_set_new(entry, "is", json_string(is));
        if (!rc)
            rc = tell(data, json_incref(entry));
    }
    return rc;
}

static int judge(const struct assess_question *q, const struct assess_set *set,
                 json_t **entries, json_t **net, struct error *err)
{
    int rc = assess_judge_each(set, entries, err);
    if (!rc)
        add_problems(set, *entries);
    if (!rc && q->mode != ASSESS_HISTORY)
        rc = assess_judge_net(set, net, err);
    return rc;
}

int assess_answer(const struct assess_question *q, assess_tell *tell,
                  void *data, struct error *err)
{
    struct assess_set set;
    json_t *entries = NULL, *net = NULL;
    int rc = tell_progress(tell, data, "reading the files");
    if (rc)
        return rc;
    rc = assess_set_read(q, &set, err);
    if (!rc)
        rc = tell_set(q, &set, tell, data);
    if (!rc)
        rc = tell_judging(&set, tell, data);
    if (!rc)
        rc = judge(q, &set, &entries, &net, err);
    if (!rc && q->shadow && set.judged)
        rc = shadow_run(q, &set, entries, net, tell, data, err);
    if (!rc)
        rc = tell_all(entries, "file", tell, data);
    if (!rc && net) {
        json_object_set_new(net, "is", json_string("net"));
        rc = tell(data, json_incref(net));
    }
    json_decref(entries);
    json_decref(net);
    assess_set_free(&set);
    return rc;
}
