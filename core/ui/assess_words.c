#define _GNU_SOURCE
#include "assess_view.h"
#include "phrase.h"

#include <string.h>

/* Codes, by how they end, as an act in a sentence. The first that fits. */
static const struct {
    const char *code; /* whole, or from an "_" on its end */
    const char *act;
} acts[] = {
    {"column_removed", "drop of"},
    {"view_column_removed", "drop of"},
    {"column_renamed", "rename of"},
    {"_renamed", "rename of"},
    {"_moved_schema", "move of"},
    {"enum_value_removed", "drop of the value"},
    {"privilege_lost", "loss of the privilege on"},
    {"migration_removed", "a released migration that is gone:"},
    {"_removed", "drop of"},
    {"_narrowed", "narrower type of"},
    {"_int_widened", "wider type of"},
    {"column_type_changed", "new type of"},
    {"required_column_added", "required column"},
    {"default_dropped_on_not_null", "no default any more for"},
    {"not_null_added", "NOT NULL on"},
    {"unique_added", "uniqueness on"},
    {"unique_changed", "stricter uniqueness on"},
    {"fk_added", "foreign key on"},
    {"check_added", "check on"},
    {"check_changed", "other check on"},
    {"exclusion_added", "exclusion on"},
    {"identity_became_always", "identity that takes no values:"},
    {"column_became_generated", "generated column"},
    {"partition_detached", "detached partition"},
    {"row_security_enabled", "row security on"},
    {"row_security_forced", "row security on"},
    {"data_changed", "changed rows of"},
    {"unparsable", "text that cannot be read:"},
    {"unreadable", "text that cannot be read:"},
    {"dynamic_sql", "code that cannot be foreseen:"},
    {"migration_changed", "a released migration that was changed:"},
};

static const char *act_of(const char *code)
{
    size_t size = strlen(code);
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        size_t length = strlen(acts[i].code);
        if (strcmp(acts[i].code, code) == 0 ||
            (acts[i].code[0] == '_' && size > length &&
             strcmp(code + size - length, acts[i].code) == 0))
            return acts[i].act;
    }
    return NULL;
}

void assess_words(const json_t *reason, struct buf *out)
{
    const char *code = value_text(reason, "code", "?");
    const char *object = value_text(reason, "object", "");
    const char *act = act_of(code);
    if (act) {
        buf_adds(out, act);
    } else {
        for (const char *c = code; *c; c++)
            buf_addc(out, *c == '_' ? ' ' : *c);
        buf_addc(out, ':');
    }
    if (strncmp(object, "public.", 7) == 0)
        object += 7;
    buf_addc(out, ' ');
    phrase_clean(object, 120, out);
}

/* "drop of users.email, NOT NULL on users.name and 3 more" */
static void first_reasons(const json_t *list, const char *level,
                          struct buf *out)
{
    const json_t *reason;
    size_t i, said = 0, all = 0;
    json_array_foreach(list, i, reason)
    {
        if (level && strcmp(value_text(reason, "level", level), level) != 0)
            continue;
        if (all++ >= 3)
            continue;
        buf_adds(out, said++ ? ", " : "");
        if (json_is_string(reason))
            phrase_clean(json_string_value(reason), 160, out);
        else
            assess_words(reason, out);
    }
    if (all > said)
        buf_addf(out, " and %zu more", all - said);
}

static int catalog_heard(const json_t *net)
{
    const json_t *witnesses = json_object_get(net, "witnesses");
    return value_bool(json_object_get(witnesses, "catalog"), "heard", 0);
}

enum assess_verdict assess_boot(const json_t *net)
{
    const char *boot =
        value_text(json_object_get(net, "boot"), "verdict", "boots");
    return strcmp(boot, "boots") == 0   ? VERDICT_NONE
           : strcmp(boot, "fails") == 0 ? VERDICT_INCOMPATIBLE
                                        : VERDICT_UNKNOWN;
}

/* Before a release: what the live schema is like behind it. The findings of
   what is not applied yet are with its files. */
static void sentence_of_pending(const json_t *net, struct buf *out)
{
    enum assess_verdict after = assess_verdict_of(value_text(net, "after", ""));
    long long pending = (long long)value_int(net, "pending", 0);
    json_t *all = json_array();
    const json_t *item;
    size_t i;
    json_array_foreach(json_object_get(net, "migrations"), i, item)
    {
        if (!value_bool(item, "applied", 0))
            json_array_extend(all,
                              json_object_get(item, after == VERDICT_CAUTION
                                                        ? "cautions"
                                                        : "reasons"));
    }
    buf_addf(out, "%lld migration%s of this release %s not applied yet; %s",
             pending, pending == 1 ? "" : "s", pending == 1 ? "is" : "are",
             after == VERDICT_UNKNOWN
                 ? "whether the release can be rolled back then is "
             : pending == 1 ? "once it is, the release "
                            : "once they are, the release ");
    buf_adds(out, after == VERDICT_INCOMPATIBLE ? "cannot be rolled back: "
                  : after == VERDICT_UNKNOWN    ? "unknown: "
                  : after == VERDICT_CAUTION
                      ? "can be rolled back with care, by their text alone: "
                      : "can be rolled back, by their text alone");
    if (after >= VERDICT_CAUTION)
        first_reasons(
            all, after == VERDICT_INCOMPATIBLE ? "incompatible" : NULL, out);
    if (after == VERDICT_INCOMPATIBLE)
        buf_adds(out, "; split it: expand now, contract a release later");
    json_decref(all);
}

/* Whether what is not applied yet decides. */
static int pending_decides(const json_t *net)
{
    const char *after = value_text(net, "after", NULL);
    enum assess_verdict now =
        assess_verdict_of(value_text(net, "verdict", NULL));
    return after && (assess_verdict_of(after) > now || now < VERDICT_CAUTION);
}

void assess_sentence(const json_t *net, struct buf *out)
{
    const json_t *reasons = json_object_get(net, "reasons");
    const char *alone = catalog_heard(net) ? "" : ", by its text alone";
    const json_t *rows = json_object_get(net, "beside");
    enum assess_verdict verdict =
        assess_verdict_of(value_text(net, "verdict", NULL));
    if (assess_boot(net) > verdict) {
        buf_adds(out, assess_boot(net) == VERDICT_INCOMPATIBLE
                          ? "the code of this release cannot be rolled back "
                            "alone: the older one would not start on the "
                            "newer ledger"
                          : "the schema allows to roll this release back; "
                            "whether the older one starts on the newer ledger "
                            "is unknown");
        return;
    }
    if (pending_decides(net)) {
        sentence_of_pending(net, out);
        return;
    }
    if (json_array_size(rows) && verdict < VERDICT_UNKNOWN) {
        buf_adds(out, "the schema allows to roll this release back; whether "
                      "its rows do is unknown: ");
        first_reasons(rows, NULL, out);
        return;
    }
    switch (verdict) {
    case VERDICT_INCOMPATIBLE:
        buf_adds(out, "this release cannot be rolled back: ");
        first_reasons(reasons, "incompatible", out);
        buf_adds(out, "; split it: expand now, contract a release later");
        break;
    case VERDICT_UNKNOWN:
        buf_adds(out, "whether this release can be rolled back is unknown: ");
        first_reasons(reasons, NULL, out);
        break;
    case VERDICT_CAUTION:
        buf_addf(out, "this release can be rolled back with care%s: ", alone);
        first_reasons(json_object_get(net, "cautions"), NULL, out);
        break;
    case VERDICT_COMPATIBLE:
        buf_addf(out,
                 "this release can be rolled back%s: the older code can run "
                 "on the newer schema",
                 alone);
        break;
    default:
        buf_adds(out, "no migration lies between the two");
    }
}
