#define _GNU_SOURCE
#include "memory.h"
#include "json_file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOCK_WAIT 200 /* ms */

static int told_to_fail(const struct driver_call *c, struct driver_answer *a)
{
    const char *wanted =
        value_text(json_object_get(c->binding, "fail"), c->verb, NULL);
    if (!wanted)
        return 0;
    for (int o = OUTCOME_OK + 1; o < OUTCOMES; o++) {
        if (strcmp(wanted, outcome_name((enum outcome)o)) == 0) {
            answer_fail(a, (enum outcome)o, "%s %s: told to fail by \"fail\"",
                        c->verb, c->system);
            return 1;
        }
    }
    answer_fail(a, OUTCOME_REJECTED,
                "%s %s: \"fail\" says \"%s\", which is no outcome", c->verb,
                c->system, wanted);
    return 1;
}

static int load(struct memory *m, int write, struct error *err)
{
    int rc = 0;
    if (!m->path[0])
        return 0;
    if (write)
        rc = json_file_lock(m->path, LOCK_WAIT, &m->lock, err);
    if (!rc)
        rc = json_file_read(m->path, &m->all, err);
    return rc == RB_NOTFOUND ? 0 : rc; /* nothing has been kept yet */
}

static json_t *member(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (json_is_object(value))
        return value;
    json_object_set_new(object, key, json_object());
    return json_object_get(object, key);
}

/* The state as the environment describes it. */
static void start_with(struct memory *m, const struct driver_call *c,
                       const char *const *keys)
{
    for (; *keys; keys++) {
        json_t *value = json_object_get(c->binding, *keys);
        if (value)
            json_object_set_new(m->mine, *keys, json_deep_copy(value));
    }
}

int memory_open(struct memory *m, const struct driver_call *c,
                const char *const *keys, int write, struct driver_answer *a)
{
    struct error err = {0};
    char family[32];
    json_t *bindings;
    memset(m, 0, sizeof *m);
    m->lock = -1;
    if (told_to_fail(c, a))
        return -1;
    if (option_path(c, "state", m->path, sizeof m->path) != 0)
        m->path[0] = '\0';
    if (load(m, write, &err) != 0) {
        answer_fail(a, OUTCOME_RETRYABLE, "%s %s: %s", c->verb, c->system,
                    err.message);
        memory_close(m);
        return -1;
    }
    if (!m->all)
        m->all = json_object();
    snprintf(family, sizeof family, "%.*s", (int)strcspn(c->verb, "."),
             c->verb);
    bindings = member(m->all, family);
    m->mine = json_object_get(bindings, c->system);
    if (!json_is_object(m->mine)) {
        m->mine = member(bindings, c->system);
        start_with(m, c, keys);
    }
    return 0;
}

int memory_save(struct memory *m, struct driver_answer *a)
{
    struct error err = {0};
    if (!m->path[0] || json_file_write(m->path, m->all, &err) == 0)
        return 0;
    answer_fail(a, OUTCOME_RETRYABLE, "%s", err.message);
    return -1;
}

void memory_close(struct memory *m)
{
    if (m->lock >= 0)
        close(m->lock);
    m->lock = -1;
    json_decref(m->all);
    m->all = m->mine = NULL;
}
