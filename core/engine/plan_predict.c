/* What a plan answers for a write, and for a read that only the real thing can
   answer: as if all goes well. */
#include "plan.h"

#include <string.h>

static json_t *predict_release(const json_t *args)
{
    const char *version = value_text(args, "version", "");
    json_t *v = json_pack("{s:s, s:b, s:[]}", "version", version, "healthy", 1,
                          "instances");
    if (strlen(version) == 40 && strspn(version, "0123456789abcdef") == 40)
        json_object_set_new(v, "commit", json_string(version));
    return v;
}

static json_t *predict_shift(const json_t *args)
{
    return json_pack("{s:O, s:{}}", "weights", json_object_get(args, "weights"),
                     "before");
}

static json_t *predict_migration(const json_t *args)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:b}", "version", PLAN_LATER,
                     "before", value_text(args, "expect", ""), "file",
                     PLAN_LATER, "statements", 0, "transaction", 1);
}

static json_t *predict_snapshot(const json_t *args)
{
    (void)args;
    return json_pack("{s:s, s:i, s:i, s:f, s:b, s:s, s:[]}", "id", PLAN_LATER,
                     "bytes", 0, "files", 0, "seconds", 0.0, "verified", 1,
                     "path", PLAN_LATER, "not_covered");
}

static json_t *predict_catalog(const json_t *args)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:[], s:i, s:i}", "id", PLAN_LATER,
                     "commit", value_text(args, "commit", ""), "database",
                     PLAN_LATER, "statements", 0, "incomplete", "taken_at", 0,
                     "bytes", 0);
}

static json_t *predict_flag(const json_t *args)
{
    int on = value_bool(args, "on", 0);
    return json_pack("{s:s, s:b, s:b}", "flag", value_text(args, "flag", ""),
                     "on", on, "before", !on);
}

static json_t *predict_notice(const json_t *args)
{
    (void)args;
    return json_pack("{s:i}", "attempts", 1);
}

static json_t *predict_command(const json_t *args)
{
    (void)args;
    return json_pack("{s:i, s:s, s:f}", "status", 0, "output", "", "seconds",
                     0.0);
}

/* A read that waits for a condition: in the plan it comes true. */
static json_t *predict_await(const json_t *args)
{
    const json_t *bound = json_object_get(args, "below");
    if (!bound)
        bound = json_object_get(args, "above");
    return json_pack("{s:f, s:f, s:f, s:s}", "value", json_number_value(bound),
                     "age", 0.0, "took", 0.0, "expr",
                     value_text(args, "expr", ""));
}

static json_t *predict_check(const json_t *args)
{
    return json_pack("{s:I, s:f, s:s}", "status",
                     (json_int_t)value_int(args, "status", 200), "seconds", 0.0,
                     "body", "");
}

static json_t *predict_verified(const json_t *args)
{
    return json_pack("{s:s, s:i, s:i, s:f}", "id", value_text(args, "id", ""),
                     "files", 0, "bytes", 0, "age", 0.0);
}

static const struct {
    const char *verb;
    json_t *(*predict)(const json_t *args);
} predictions[] = {
    {"deploy.release", predict_release},
    {"deploy.shift", predict_shift},
    {"migrate.up", predict_migration},
    {"migrate.down", predict_migration},
    {"snapshot.take", predict_snapshot},
    {"snapshot.verify", predict_verified},
    {"snapshot.catalog", predict_catalog},
    {"flag.set", predict_flag},
    {"notify.send", predict_notice},
    {"command.run", predict_command},
    {"metric.await", predict_await},
    {"http.check", predict_check},
};

json_t *plan_predict(const struct verb *v, const json_t *args)
{
    for (size_t i = 0; i < sizeof predictions / sizeof *predictions; i++) {
        if (strcmp(predictions[i].verb, v->name) == 0)
            return predictions[i].predict(args);
    }
    return NULL;
}
