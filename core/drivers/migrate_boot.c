#define _GNU_SOURCE
#include "migrate_boot.h"
#include "migrate_boot_rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const mode_names[] = {"migrates", "ignores_missing",
                                         "nothing"};

int migrate_boot_mode(const char *name, enum boot_mode *out)
{
    *out = BOOT_MIGRATES;
    if (!name)
        return 0;
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, mode_names[i]) == 0) {
            *out = (enum boot_mode)i;
            return 0;
        }
    }
    return RB_NOTFOUND;
}

/* What was found so far: the worst end, and the sentence that goes with it. */
struct finding {
    const struct migrate_ledger *ledger;
    const struct migrate_difference *d;
    const struct boot_rule *rule;
    enum boot_mode mode;
    enum boot_end end;
    char because[900];
    int missing; /* it is for want of a file */
    size_t newer, between, late;
    const char *first; /* a version that is missed */
};

static int badness(enum boot_end end)
{
    return end == BOOT_FAILS ? 3 : end == BOOT_UNKNOWN ? 2 : end == BOOT_RUNS;
}

/* Keep the worst. */
static void weigh(struct finding *f, enum boot_end end, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void weigh(struct finding *f, enum boot_end end, const char *format, ...)
{
    va_list args;
    if (f->because[0] && badness(end) <= badness(f->end))
        return;
    f->end = end;
    va_start(args, format);
    vsnprintf(f->because, sizeof f->because, format, args);
    va_end(args);
}

static void count(struct finding *f)
{
    json_t *one;
    size_t i;
    json_array_foreach(f->d->missing, i, one)
    {
        const char *place = value_text(one, "place", "newer");
        if (strcmp(place, "older") == 0)
            continue; /* files cleared away long ago: nobody misses them new */
        f->newer += strcmp(place, "newer") == 0;
        f->between += strcmp(place, "between") == 0;
        f->first = value_text(one, "version", "");
    }
    json_array_foreach(f->d->pending, i, one) f->late +=
        (size_t)value_bool(one, "late", 0);
}

static int misses(const struct finding *f, const char *version)
{
    json_t *one;
    size_t i;
    json_array_foreach(
        f->d->missing, i,
        one) if (strcmp(value_text(one, "version", ""), version) == 0) return 1;
    return 0;
}

static const char *tool_of(const struct finding *f)
{
    return migrate_tool_name(f->ledger->tool);
}

/* Versions that are applied and that the release has no file for. */
static void weigh_missing(struct finding *f)
{
    enum boot_end end =
        f->newer == 0 ? f->rule->between
        : misses(f, f->ledger->version) || !f->ledger->version[0]
            ? f->rule->newer
            : f->rule->current;
    size_t all = f->newer + f->between;
    if (f->newer && f->between && badness(f->rule->between) > badness(end))
        end = f->rule->between;
    if (all == 0)
        return;
    f->missing = badness(end) > 0;
    if (f->mode == BOOT_IGNORES_MISSING)
        weigh(f, BOOT_STARTS,
              "the release has no file of version %s%s, and its %s is set to "
              "pass over that",
              f->first, all > 1 ? " and others" : "", tool_of(f));
    else if (end == BOOT_FAILS)
        weigh(f, end,
              "the database holds version %s%s, for which the release has no "
              "file: its %s refuses to start (\"%s\")",
              f->first, all > 1 ? " and others" : "", tool_of(f),
              f->rule->says ? f->rule->says : "");
    else if (end == BOOT_UNKNOWN)
        weigh(f, end,
              "the database holds version %s%s, for which the release has no "
              "file: how %s takes that is not known",
              f->first, all > 1 ? " and others" : "", tool_of(f));
    else
        weigh(f, end,
              "the release has no file of version %s%s, and %s does not look "
              "for it",
              f->first, all > 1 ? " and others" : "", tool_of(f));
}

/* Versions that the release has a file for and that are not applied. */
static void weigh_pending(struct finding *f)
{
    size_t all = json_array_size(f->d->pending);
    const char *version =
        value_text(json_array_get(f->d->pending, 0), "version", "");
    if (f->late && f->rule->late == BOOT_FAILS)
        weigh(f, BOOT_FAILS,
              "the release has version %s, which is older than what is "
              "applied and never ran: its %s refuses to start%s%s%s",
              version, tool_of(f), f->rule->says ? " (\"" : "",
              f->rule->says ? f->rule->says : "", f->rule->says ? "\")" : "");
    else if (f->late && f->rule->late == BOOT_UNKNOWN)
        weigh(f, BOOT_UNKNOWN,
              "the release has version %s, which is older than what is "
              "applied and never ran: how %s takes that is not known",
              version, tool_of(f));
    else if (all > f->late || (f->late && f->rule->late == BOOT_RUNS))
        weigh(f, BOOT_RUNS,
              "the release would start and first apply version %s%s, which "
              "is not in the database",
              version, all > 1 ? " and others" : "");
}

static void weigh_changed(struct finding *f)
{
    const json_t *first = json_array_get(f->d->changed, 0);
    if (first && f->rule->changed != BOOT_STARTS)
        weigh(f, f->rule->changed,
              "%s is not the text that ran as version %s: %s%s",
              value_text(first, "path", ""), value_text(first, "version", ""),
              tool_of(f),
              f->rule->changed == BOOT_FAILS
                  ? " compares checksums and refuses to start"
                  : " may refuse it");
}

static void weigh_failed(struct finding *f)
{
    const json_t *first = json_array_get(f->ledger->failed, 0);
    const char *version = value_text(first, "version", "");
    if (first && f->rule->dirty == BOOT_FAILS)
        weigh(f, BOOT_FAILS,
              "version %s failed: %s refuses to start until that is cleared",
              version[0] ? version : "(none)", tool_of(f));
    else if (first && f->rule->dirty == BOOT_UNKNOWN)
        weigh(f, BOOT_UNKNOWN,
              "version %s failed: how %s takes that is not known",
              version[0] ? version : "(none)", tool_of(f));
    if (value_bool(f->ledger->lock, "held", 0))
        weigh(f, BOOT_FAILS,
              "the lock %s is held (%s): %s waits for it or refuses to start",
              value_text(f->ledger->lock, "table", ""),
              value_text(f->ledger->lock, "by", "nobody says by whom"),
              tool_of(f));
}

/* Several heads of its own: `upgrade head` names none of them. */
static void weigh_heads(struct finding *f)
{
    if (f->ledger->tool == TOOL_ALEMBIC &&
        json_array_size(f->d->layout.heads) > 1)
        weigh(f, BOOT_UNKNOWN,
              "the release's own history has several heads: `alembic upgrade "
              "head` refuses, `heads` does not");
}

static json_t *advice(const struct finding *f)
{
    json_t *list = json_array();
    char text[600];
    if (badness(f->end) == 0)
        return list;
    if (f->missing) {
        snprintf(text, sizeof text,
                 "put the newer release's files of the missing versions into "
                 "the older image%s",
                 f->ledger->tool == TOOL_SQITCH
                     ? ", sqitch.plan with them"
                     : " (they are there already: it need only find them)");
        json_array_append_new(list, json_string(text));
    }
    if (f->missing && f->rule->ignore) {
        snprintf(text, sizeof text,
                 "or set the older release's %s to pass "
                 "over them: %s",
                 tool_of(f), f->rule->ignore);
        json_array_append_new(list, json_string(text));
    }
    snprintf(text, sizeof text,
             "%sstart the older release without its %s, where its image "
             "allows that (then set at_start = \"nothing\")",
             json_array_size(list) ? "or " : "", tool_of(f));
    json_array_append_new(list, json_string(text));
    json_array_append_new(
        list, json_string("or roll forward: a new release that holds the "
                          "files and undoes the code"));
    return list;
}

static json_t *versions(const json_t *list)
{
    json_t *out = json_array(), *one;
    size_t i;
    json_array_foreach(list, i, one)
    {
        if (i < DIFFERENCE_SHOWN)
            json_array_append(out, json_object_get(one, "version"));
    }
    return out;
}

static json_t *answer(const struct finding *f, const char *because)
{
    const char *verdict = badness(f->end) == 0   ? "boots"
                          : f->end == BOOT_FAILS ? "fails"
                                                 : "unknown";
    return json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:o}", "verdict", verdict,
                     "because", because, "advice", advice(f), "tool",
                     tool_of(f), "evidence", f->rule->evidence, "missing",
                     versions(f->d ? f->d->missing : NULL), "runs",
                     versions(f->d ? f->d->pending : NULL));
}

json_t *migrate_boot_judge(const struct migrate_ledger *l,
                           const struct migrate_difference *d,
                           enum boot_mode mode)
{
    struct finding f = {.ledger = l, .d = d, .mode = mode};
    f.rule = boot_rule_of(l->tool);
    f.end = BOOT_STARTS;
    if (mode == BOOT_NOTHING)
        return answer(&f, "the release does not run its tool when it starts");
    count(&f);
    weigh_missing(&f);
    weigh_pending(&f);
    weigh_changed(&f);
    weigh_failed(&f);
    weigh_heads(&f);
    if (!f.because[0])
        weigh(&f, BOOT_STARTS,
              "the release has a file of every version that is applied, and "
              "no other");
    return answer(&f, f.because);
}

void migrate_boot(const struct migrate_ledger *l, const json_t *files,
                  enum boot_mode mode, json_t **boot, json_t **difference)
{
    struct migrate_difference d;
    struct error err = {0};
    *difference = NULL;
    if (migrate_difference(l, files, &d, &err) == 0) {
        *difference = migrate_difference_describe(&d);
        *boot = migrate_boot_judge(l, &d, mode);
    } else {
        struct finding f = {.ledger = l, .mode = mode};
        f.rule = boot_rule_of(l->tool);
        f.end = mode == BOOT_NOTHING ? BOOT_STARTS : BOOT_UNKNOWN;
        *boot = answer(&f, err.message);
    }
    migrate_difference_free(&d);
}
