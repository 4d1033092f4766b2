/*
 * Feature flags in a JSON file of names and booleans, as an application on
 * the same machine reads it. The file is replaced as a whole, so the
 * application never reads half of it.
 */
#include "json_file.h"

#include <string.h>
#include <unistd.h>

#define LOCK_WAIT 5000 /* ms */

static int file_failed(struct driver_answer *a, int rc, const struct error *err)
{
    enum outcome outcome = OUTCOME_RETRYABLE;
    if (rc == RB_NOTFOUND)
        outcome = OUTCOME_NOT_FOUND;
    else if (rc == RB_DENIED)
        outcome = OUTCOME_AUTH;
    else if (rc == RB_INVALID || rc == RB_TOOBIG)
        outcome = OUTCOME_REJECTED;
    else if (rc == RB_CORRUPT)
        outcome = OUTCOME_UNKNOWN;
    return answer_fail(a, outcome, "flag file: %s", err->message);
}

/* The flag's boolean in flags, borrowed; NULL with the answer filled. */
static const json_t *find(const struct driver_call *c, const json_t *flags,
                          const char *path, struct driver_answer *a)
{
    const char *name = value_text(c->args, "flag", "");
    const json_t *on = json_object_get(flags, name);
    if (!on)
        answer_fail(a, OUTCOME_NOT_FOUND,
                    "flag \"%s\" is not in %s; it is not created by a run",
                    name, path);
    else if (!json_is_boolean(on)) {
        answer_fail(a, OUTCOME_REJECTED,
                    "flag \"%s\" in %s is neither true nor false", name, path);
        on = NULL;
    }
    return on;
}

static int where(const struct driver_call *c, char *path, size_t size,
                 struct driver_answer *a)
{
    if (option_path(c, "path", path, size) == 0)
        return 0;
    answer_fail(a, OUTCOME_REJECTED, "flags %s: \"path\" is not usable",
                c->system);
    return -1;
}

static int get(const struct driver_call *c, struct driver_answer *a)
{
    char path[4096];
    json_t *flags;
    const json_t *on;
    struct error err = {0};
    int rc;
    if (where(c, path, sizeof path, a) != 0)
        return 0;
    rc = json_file_read(path, &flags, &err);
    if (rc)
        return file_failed(a, rc, &err);
    on = find(c, flags, path, a);
    if (on)
        answer_ok(a, json_pack("{s:s, s:b}", "flag",
                               value_text(c->args, "flag", ""), "on",
                               json_is_true(on)));
    json_decref(flags);
    return 0;
}

static json_t *changed(const struct driver_call *c, int before)
{
    return json_pack("{s:s, s:b, s:b}", "flag", value_text(c->args, "flag", ""),
                     "on", value_bool(c->args, "on", 0), "before", before);
}

/* With the lock held. */
static int change(const struct driver_call *c, const char *path,
                  struct driver_answer *a)
{
    struct error err = {0};
    json_t *flags, *note = NULL;
    const json_t *old;
    int before, on = value_bool(c->args, "on", 0);
    int rc = json_file_read(path, &flags, &err);
    if (rc)
        return file_failed(a, rc, &err);
    old = find(c, flags, path, a);
    if (!old)
        goto out;
    before = json_is_true(old);
    if (before != on) {
        note = json_boolean(before);
        rc = note_write(c, note, &err);
        if (!rc) {
            json_object_set_new(flags, value_text(c->args, "flag", ""),
                                json_boolean(on));
            rc = json_file_write(path, flags, &err);
        }
    }
    if (rc)
        file_failed(a, rc, &err);
    else
        answer_ok(a, changed(c, before));
out:
    json_decref(note);
    json_decref(flags);
    return 0;
}

static int set(const struct driver_call *c, struct driver_answer *a)
{
    char path[4096];
    struct error err = {0};
    int fd, rc;
    if (where(c, path, sizeof path, a) != 0)
        return 0;
    rc = json_file_lock(path, LOCK_WAIT, &fd, &err);
    if (rc)
        return file_failed(a, rc, &err);
    change(c, path, a);
    close(fd);
    return 0;
}

/* Nothing is in flight: the file is as the killed call left it. */
static int probe_set(const struct driver_call *c, struct driver_answer *a)
{
    int on = value_bool(c->args, "on", 0);
    json_t *note;
    get(c, a);
    if (a->outcome != OUTCOME_OK)
        return answer_fail(a, OUTCOME_UNKNOWN, "%s", a->message);
    if (value_bool(a->value, "on", !on) != on) {
        json_decref(a->value);
        return answer_ok(a, json_pack("{s:b}", "applied", 0));
    }
    json_decref(a->value);
    note = note_read(c);
    answer_ok(a, json_pack("{s:b, s:o}", "applied", 1, "value",
                           changed(c, note ? json_is_true(note) : on)));
    json_decref(note);
    return 0;
}

static const struct driver_option options[] = {
    {"path", "path", 1, "a JSON file: an object of flag names and booleans"},
    {NULL, NULL, 0, NULL},
};

static const struct driver_verb verbs[] = {
    {"flag.get", SETTLE_PURE, get, NULL},
    {"flag.set", SETTLE_PROBED, set, probe_set},
    {NULL, SETTLE_PURE, NULL, NULL},
};

const struct driver flag_file = {
    .family = "flag",
    .name = "file",
    .text = "feature flags in a JSON file on this machine",
    .options = options,
    .verbs = verbs,
    .check = NULL,
    .quick = 0,
};
