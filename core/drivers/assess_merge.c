/*
 * Two witnesses of one migration: its text, and the catalog before and after
 * it. Of the schema the catalog tells the truth; of rows only the text tells
 * anything.
 */
#define _GNU_SOURCE
#include "assess_judge.h"

#include <string.h>

/* Codes of what no catalog shows. */
static const char *const rows_only[] = {"data_changed", "rows_added",
                                        "dynamic_sql", "not_in_catalog", NULL};

static int about_rows(const json_t *finding)
{
    const char *code = value_text(finding, "code", "");
    for (size_t i = 0; rows_only[i]; i++) {
        if (strcmp(rows_only[i], code) == 0)
            return 1;
    }
    return 0;
}

/* The text's findings about rows: they stand beside the catalog's verdict. */
static json_t *beside(const json_t *entry)
{
    static const char *const lists[] = {"reasons", "cautions"};
    json_t *out = json_array(), *finding;
    size_t i;
    for (size_t l = 0; l < 2; l++) {
        json_array_foreach(json_object_get(entry, lists[l]), i, finding)
        {
            if (about_rows(finding))
                json_array_append(out, finding);
        }
    }
    return out;
}

static const json_t *same_finding(const json_t *list, const json_t *wanted)
{
    const json_t *finding;
    size_t i;
    json_array_foreach(list, i, finding)
    {
        if (strcmp(value_text(finding, "code", ""),
                   value_text(wanted, "code", "")) == 0 &&
            strcmp(value_text(finding, "object", ""),
                   value_text(wanted, "object", "")) == 0)
            return finding;
    }
    return NULL;
}

/* The catalog knows no files: the text says where it comes from. */
static json_t *placed(const json_t *list, const json_t *entry)
{
    static const char *const fields[] = {"file", "line", "statement", "steps"};
    json_t *out = json_array(), *finding;
    size_t i;
    json_array_foreach(list, i, finding)
    {
        json_t *copy = json_copy(finding);
        const json_t *told =
            same_finding(json_object_get(entry, "reasons"), finding);
        if (!told)
            told = same_finding(json_object_get(entry, "cautions"), finding);
        if (value_text(entry, "file", NULL))
            json_object_set_new(copy, "file",
                                json_string(value_text(entry, "file", "")));
        for (size_t f = 0; told && f < sizeof fields / sizeof *fields; f++) {
            json_t *value = json_object_get(told, fields[f]);
            if (value)
                json_object_set(copy, fields[f], value);
        }
        json_array_append_new(out, copy);
    }
    return out;
}

static void note_witness(json_t *entry, const char *catalog)
{
    json_t *witnesses = json_object_get(entry, "witnesses");
    const char *text = value_text(entry, "verdict", "unknown");
    struct buf words = BUF_INIT(200);
    json_object_set_new(witnesses, "catalog",
                        json_pack("{s:b, s:s, s:s}", "heard", 1, "verdict",
                                  catalog, "because",
                                  "a scratch PostgreSQL, before and after"));
    if (strcmp(text, catalog) != 0 && strcmp(text, "unknown") != 0 &&
        json_array_size(json_object_get(entry, "beside")) == 0) {
        buf_addf(&words,
                 "the text says %s, the catalog %s; of the schema the "
                 "catalog is right",
                 text, catalog);
        json_object_set_new(entry, "disagreement",
                            json_string(buf_text(&words)));
    }
    buf_free(&words);
}

void assess_judge_merge(json_t *entry, const json_t *reply)
{
    static const char *const lists[] = {"reasons", "cautions", "notes"};
    const char *verdict = value_text(reply, "verdict", "unknown");
    json_t *rows = beside(entry), *found[3];
    for (size_t i = 0; i < 3; i++)
        found[i] = placed(json_object_get(reply, lists[i]), entry);
    if (json_array_size(rows))
        json_object_set(entry, "beside", rows);
    note_witness(entry, verdict);
    for (size_t i = 0; i < 3; i++)
        json_object_set_new(entry, lists[i], found[i]);
    json_object_set(entry, "caution_kinds",
                    json_object_get(reply, "caution_kinds"));
    json_object_set_new(entry, "verdict", json_string(verdict));
    json_decref(rows);
}
