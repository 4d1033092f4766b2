#define _GNU_SOURCE
#include "shadow_statements.h"
#include "assess_judge.h"
#include "assess_texts.h"
#include "pg_statements.h"

#include <string.h>

#define LIMIT (120 * 1000) /* ms for all of them */

int shadow_statements_load(const char *path, json_t **list, struct error *err)
{
    struct assess_texts texts = {0};
    int rc = assess_texts_list(&texts, &path, 1, err);
    if (!rc)
        rc = pg_statements_load(texts.list[0].bytes, texts.list[0].size, list,
                                err);
    if (rc && texts.count)
        error_prefix(err, "the statements of %s: ", path);
    if (rc && !err->next[0])
        error_next(err, "write SQL, or one {\"query\": ...} a line");
    assess_texts_free(&texts);
    return rc;
}

int shadow_statements_mark(struct pg *db, json_t *list, struct driver_answer *a)
{
    json_t *ignored = NULL;
    int rc = pg_statements_test(db, list, 1, LIMIT, &ignored, a);
    json_decref(ignored);
    return rc;
}

static void add_broken(json_t *entry, const json_t *broken)
{
    const json_t *one;
    size_t i;
    json_array_foreach(broken, i, one)
    {
        struct buf text = BUF_INIT(4000);
        buf_addf(&text, "%s: a statement of the older code is refused: %.300s",
                 value_text(one, "text", value_text(one, "code", "?")),
                 value_text(one, "statement", "?"));
        assess_judge_reason(entry, "incompatible", "statement_broken",
                            value_text(one, "object", "statement"), 0,
                            buf_text(&text),
                            "keep what it names until the older code is gone");
        buf_free(&text);
    }
}

/* Not tested is not passed. */
static void add_untested(json_t *entry, const json_t *found)
{
    long long left = (long long)value_int(found, "not_reached", 0);
    struct buf text = BUF_INIT(200);
    if (left) {
        buf_addf(&text, "%lld statements were not tested in time", left);
        assess_judge_reason(entry, "unknown", "statements_not_tested",
                            "statements", 0, buf_text(&text),
                            "give fewer of them");
    }
    buf_free(&text);
}

int shadow_statements_test(struct pg *db, json_t *list, json_t *entry,
                           struct driver_answer *a)
{
    json_t *found = NULL, *witness;
    int rc = pg_statements_test(db, list, 0, LIMIT, &found, a);
    if (rc)
        return rc;
    add_broken(entry, json_object_get(found, "broken"));
    add_untested(entry, found);
    witness = json_copy(found);
    json_object_set_new(witness, "heard", json_true());
    json_object_set_new(
        witness, "verdict",
        json_string(value_int(found, "broken_count", 0) > 0 ? "incompatible"
                    : value_int(found, "tested", 0) > 0     ? "compatible"
                                                            : "unknown"));
    json_object_set_new(json_object_get(entry, "witnesses"), "statements",
                        witness);
    json_decref(found);
    return 0;
}
