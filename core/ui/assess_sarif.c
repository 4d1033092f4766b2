/*
 * Static Analysis Results Interchange Format (SARIF) 2.1.0, OASIS: one run,
 * a rule a code, a result a finding. The rules' texts are those that came
 * with the findings.
 */
#define _GNU_SOURCE
#include "assess_view.h"

#include <string.h>

#define SCHEMA                                                                 \
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"      \
    "sarif-schema-2.1.0.json"

struct rules {
    json_t *list;  /* reportingDescriptor objects */
    json_t *index; /* code = place in the list */
};

/* RFC 3986, 3.3: a path; what is not allowed in it is written as %XX. */
static json_t *address(const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrs"
                                "tuvwxyz0123456789-._~/!$&'()*+,;=@";
    struct buf out = BUF_INIT(64u << 10);
    json_t *text;
    if (path[0] == '/')
        buf_adds(&out, "file://");
    for (const char *c = path; *c; c++) {
        if (strchr(plain, *c))
            buf_addc(&out, *c);
        else
            buf_addf(&out, "%%%02X", (unsigned)(unsigned char)*c);
    }
    text = json_string(buf_text(&out));
    buf_free(&out);
    return text;
}

static const char *sarif_level(const char *level)
{
    switch (assess_verdict_of(level)) {
    case VERDICT_INCOMPATIBLE:
        return "error";
    case VERDICT_CAUTION:
        return "note";
    default:
        return "warning";
    }
}

/* "column_removed" -> "ColumnRemoved", the form that the standard asks for. */
static json_t *pascal(const char *code)
{
    char name[128];
    size_t used = 0;
    int up = 1;
    for (; *code && used < sizeof name - 1; code++) {
        if (*code == '_') {
            up = 1;
            continue;
        }
        name[used++] =
            (char)(up && *code >= 'a' && *code <= 'z' ? *code - 'a' + 'A'
                                                      : *code);
        up = 0;
    }
    name[used] = '\0';
    return json_string(name);
}

static json_t *text_object(const char *text)
{
    return json_pack("{s:s}", "text", text[0] ? text : "(no text)");
}

static size_t rule_of(struct rules *r, const json_t *finding, const char *level)
{
    const char *code = value_text(finding, "code", "unknown");
    const char *text = value_text(finding, "text", code);
    const char *safe = value_text(finding, "safe", text);
    const json_t *known = json_object_get(r->index, code);
    size_t place = json_array_size(r->list);
    if (known)
        return (size_t)json_integer_value(known);
    json_array_append_new(
        r->list,
        json_pack("{s:s, s:o, s:o, s:o, s:o, s:{s:s}}", "id", code, "name",
                  pascal(code), "shortDescription", text_object(text),
                  "fullDescription", text_object(text), "help",
                  text_object(safe), "defaultConfiguration", "level",
                  sarif_level(level)));
    json_object_set_new(r->index, code, json_integer((json_int_t)place));
    return place;
}

static json_t *message(const json_t *finding)
{
    struct buf text = BUF_INIT(8000);
    const char *object = value_text(finding, "object", "");
    const char *detail = value_text(finding, "detail", "");
    const char *safe = value_text(finding, "safe", "");
    json_t *out;
    buf_addf(&text, "%s%s%s%s%s%s", object, detail[0] ? " (" : "", detail,
             detail[0] ? ")" : "", object[0] ? ": " : "",
             value_text(finding, "text", value_text(finding, "code", "?")));
    if (safe[0])
        buf_addf(&text, ". Safe way: %s", safe);
    out = text_object(buf_text(&text));
    buf_free(&text);
    return out;
}

/* A finding of a net change names its file below the set's folder. */
static json_t *location(const struct assess_view *v, const json_t *entry,
                        const json_t *finding)
{
    json_int_t line = (json_int_t)value_int(finding, "line", 1);
    const char *base = value_text(v->set, "base", "");
    const char *file = value_text(finding, "file", "");
    struct buf whole = BUF_INIT(16u << 10);
    json_t *uri;
    buf_addf(&whole, "%s%s%s", base, base[0] && file[0] ? "/" : "", file);
    uri = address(value_text(entry, "path", buf_text(&whole)));
    buf_free(&whole);
    return json_pack("[{s:{s:{s:o}, s:{s:I}}}]", "physicalLocation",
                     "artifactLocation", "uri", uri, "region", "startLine",
                     line > 0 ? line : 1);
}

static void add_results(const struct assess_view *v, struct rules *r,
                        json_t *results, const json_t *entry, const char *list)
{
    const json_t *finding;
    size_t i;
    json_array_foreach(json_object_get(entry, list), i, finding)
    {
        const char *level =
            value_text(finding, "level",
                       strcmp(list, "cautions") == 0 ? "caution" : "unknown");
        size_t rule;
        if (!json_is_object(finding))
            continue;
        rule = rule_of(r, finding, level);
        json_array_append_new(
            results,
            json_pack("{s:s, s:I, s:s, s:o, s:o, s:{s:o}}", "ruleId",
                      value_text(finding, "code", "unknown"), "ruleIndex",
                      (json_int_t)rule, "level", sarif_level(level), "message",
                      message(finding), "locations",
                      location(v, entry, finding), "partialFingerprints",
                      "rbrun/v1",
                      json_sprintf("%s %s %s", value_text(finding, "file", ""),
                                   value_text(finding, "code", ""),
                                   value_text(finding, "object", ""))));
    }
}

json_t *assess_sarif(const struct assess_view *v)
{
    struct rules r = {json_array(), json_object()};
    json_t *results = json_array(), *log;
    const json_t *entry;
    size_t i;
    /* A release is one change: what its parts do to one another is left out. */
    if (v->net) {
        add_results(v, &r, results, v->net, "reasons");
        add_results(v, &r, results, v->net, "cautions");
    }
    json_array_foreach(v->net ? NULL : v->kept, i, entry)
    {
        add_results(v, &r, results, entry, "reasons");
        add_results(v, &r, results, entry, "cautions");
    }
    log = json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o}}, s:s, s:o}]}",
                    "$schema", SCHEMA, "version", "2.1.0", "runs", "tool",
                    "driver", "name", "rbrun", "version", RBRUN_VERSION,
                    "rules", r.list, "columnKind", "unicodeCodePoints",
                    "results", results);
    json_decref(r.index);
    return log;
}
