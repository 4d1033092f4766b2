#include "phrase.h"
#include "../wire/utf8.h"

#include <stdio.h>
#include <string.h>

#define ARGUMENT_MAX 60

/* The next character, or its bytes as \xNN where it is none to be shown;
   its length in the text, its columns in *columns. */
static size_t show_character(const char *text, size_t left, size_t *columns,
                             struct buf *out)
{
    size_t length = utf8_length(text, left);
    *columns = 1;
    if (length && !utf8_commands(text, length)) {
        buf_add(out, text, length);
        return length;
    }
    length = length ? length : 1;
    for (size_t i = 0; i < length; i++)
        buf_addf(out, "\\x%02x", (unsigned)(unsigned char)text[i]);
    *columns = 4 * length;
    return length;
}

static int is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

void phrase_clean(const char *text, size_t max, struct buf *out)
{
    size_t n = 0, left = strlen(text), columns, length;
    int blank = 0;
    for (; left; text += length, left -= length) {
        length = 1;
        if (is_blank(*text)) {
            blank = n > 0;
            continue;
        }
        if (n + 4 >= max) {
            buf_adds(out, "...");
            return;
        }
        if (blank)
            buf_addc(out, ' ');
        length = show_character(text, left, &columns, out);
        n += columns + (size_t)blank;
        blank = 0;
    }
}

void phrase_lines(const char *text, FILE *out)
{
    for (;;) {
        size_t size = strcspn(text, "\n");
        fprintf(out, "%.*s", (int)size, text);
        text += size;
        if (!*text)
            return;
        text += 1 + strspn(text + 1, " ");
        fputs("\n    ", out);
    }
}

/* -- names -------------------------------------------------------------- */

static int is_hash(const char *text)
{
    return text && strlen(text) == 40 && strspn(text, "0123456789abcdef") == 40;
}

void phrase_learn(json_t *names, const json_t *answer)
{
    const json_t *ok = json_object_get(answer, "ok");
    const char *commit = value_text(ok, "commit", NULL);
    const char *tag = value_text(ok, "tag", NULL);
    const char *version = value_text(ok, "version", NULL);
    if (!is_hash(commit))
        return;
    if (tag)
        json_object_set_new(names, commit, json_string(tag));
    else if (version && !is_hash(version) && !json_object_get(names, commit))
        json_object_set_new(names, commit, json_string(version));
}

/* Forty digits say no more to a person than the first seven, and a release's
   name says more. */
static void add_hash(const char *hash, const json_t *names, struct buf *out)
{
    const char *name = value_text(names, hash, NULL);
    if (name) {
        phrase_clean(name, ARGUMENT_MAX, out);
        buf_addf(out, " (%.7s)", hash);
    } else {
        buf_addf(out, "%.10s", hash);
    }
}

static void add_value(const json_t *value, const json_t *names, struct buf *out)
{
    struct buf text = BUF_INIT(1 << 20);
    if (is_hash(json_string_value(value))) {
        add_hash(json_string_value(value), names, out);
        return;
    }
    if (json_is_string(value))
        buf_adds(&text, json_string_value(value));
    else if (json_is_real(value))
        buf_addf(&text, "%.4g", json_real_value(value));
    else if (value_encode(value, &text) != 0)
        buf_adds(&text, "...");
    phrase_clean(buf_text(&text), ARGUMENT_MAX, out);
    buf_free(&text);
}

/* The parameter that says most, by verb; others follow after it. */
static const struct {
    const char *verb;
    const char *first;
    const char *joint; /* between system and it */
} leads[] = {
    {"deploy.release", "version", " -> "}, {"flag.set", "flag", ": "},
    {"notify.send", "text", ": "},         {"metric.query", "expr", ": "},
    {"metric.range", "expr", ": "},        {"metric.await", "expr", ": "},
    {"git.resolve", "ref", ": "},          {"wait.sleep", "duration", " "},
};

static int is_system(const char *key)
{
    static const char *const names[] = {"source",   "repo",    "target",
                                        "database", "channel", "of",
                                        "flags",    "check",   "command"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], key) == 0)
            return 1;
    }
    return 0;
}

void phrase_call(const char *verb, const char *system, const json_t *args,
                 const json_t *names, struct buf *out)
{
    const char *first = "", *key, *joint = ": ";
    json_t *value;
    int count = 0;
    buf_adds(out, verb);
    if (system) {
        buf_addc(out, ' ');
        phrase_clean(system, ARGUMENT_MAX, out);
    }
    for (size_t i = 0; i < sizeof leads / sizeof *leads; i++) {
        if (strcmp(leads[i].verb, verb) == 0 &&
            json_object_get(args, leads[i].first)) {
            first = leads[i].first;
            joint = leads[i].joint;
            buf_adds(out, joint);
            add_value(json_object_get(args, first), names, out);
            count++;
        }
    }
    json_object_foreach((json_t *)args, key, value)
    {
        if (strcmp(key, first) == 0 || is_system(key) || count > 3)
            continue;
        buf_adds(out, count++ ? ", " : joint);
        phrase_clean(key, ARGUMENT_MAX, out);
        buf_addc(out, ' ');
        add_value(value, names, out);
    }
}

static void phrase_deploy(const json_t *v, struct buf *out)
{
    const char *version = value_text(v, "version", "?");
    buf_addf(out, "%.*s is live%s", is_hash(version) ? 10 : 200, version,
             !json_object_get(v, "healthy") ? ", health unknown"
             : value_bool(v, "healthy", 0)  ? ", healthy"
                                            : ", not healthy");
}

static void phrase_metric(const json_t *v, struct buf *out)
{
    const json_t *age = json_object_get(v, "age");
    buf_addf(out, "%.4g", value_number(v, "value", 0));
    if (json_is_number(age))
        buf_addf(out, " (%.1fs old)", json_number_value(age));
}

static void phrase_commit(const json_t *v, struct buf *out)
{
    const char *tag = value_text(v, "tag", NULL);
    buf_addf(out, "%s%s%.*s%s", tag ? tag : "", tag ? " (" : "", tag ? 7 : 10,
             value_text(v, "commit", "?"), tag ? ")" : "");
    if (value_int(v, "behind", 0))
        buf_addf(out, ", %lld passed over",
                 (long long)value_int(v, "behind", 0));
}

static void phrase_assess(const json_t *v, struct buf *out)
{
    long long count = (long long)value_int(v, "count", 0);
    const json_t *witnesses = json_object_get(v, "witnesses");
    buf_addf(
        out, "%s (%lld migration%s%s)", value_text(v, "verdict", "?"), count,
        count == 1 ? "" : "s",
        count && witnesses &&
                !value_bool(json_object_get(witnesses, "catalog"), "heard", 0)
            ? ", by their text alone"
            : "");
    if (value_text(v, "after", NULL))
        buf_addf(out, "; %s once the %lld not applied yet are",
                 value_text(v, "after", "?"),
                 (long long)value_int(v, "pending", 0));
}

static void phrase_snapshot(const json_t *v, struct buf *out)
{
    buf_addf(out, "%s, %lld files, %lld bytes%s", value_text(v, "id", "?"),
             (long long)value_int(v, "files", 0),
             (long long)value_int(v, "bytes", 0),
             value_bool(v, "verified", 0) ? ", read back whole" : "");
}

static void phrase_catalog(const json_t *v, struct buf *out)
{
    buf_addf(out, "%.12s, %lld bytes, %lld statements",
             value_text(v, "id", "?"), (long long)value_int(v, "bytes", 0),
             (long long)value_int(v, "statements", 0));
    if (json_array_size(json_object_get(v, "incomplete")))
        buf_adds(out, ", incomplete");
}

static void phrase_flag(const json_t *v, struct buf *out)
{
    buf_addf(out, "%s is %s", value_text(v, "flag", "?"),
             value_bool(v, "on", 0) ? "on" : "off");
}

static void phrase_changes(const json_t *v, struct buf *out)
{
    buf_addf(out, "%lld commits, %zu files, %zu migrations",
             (long long)value_int(v, "count", 0),
             json_array_size(json_object_get(v, "files")),
             json_array_size(json_object_get(v, "migrations")));
}

static void phrase_status(const json_t *v, struct buf *out)
{
    buf_addf(out, "%lld", (long long)value_int(v, "status", 0));
}

static void phrase_ledger(const json_t *v, struct buf *out)
{
    buf_addf(out, "at %s%s", value_text(v, "version", "no version"),
             value_bool(v, "dirty", 0) ? ", dirty" : "");
}

static void phrase_rehearsal(const json_t *v, struct buf *out)
{
    const char *file = value_text(v, "file", "?");
    if (value_bool(v, "applies", 0))
        buf_addf(out, "%s applies; the schema comes back: %s", file,
                 value_text(v, "restores", "unknown"));
    else
        buf_addf(out, "%s does not apply: %s", file,
                 value_text(v, "error", "?"));
}

static void phrase_loss(const json_t *v, struct buf *out)
{
    size_t fails = json_array_size(json_object_get(v, "fails"));
    long long unknown = (long long)value_int(v, "unknown", 0);
    buf_addf(out, "%s loses %lld rows or values", value_text(v, "file", "?"),
             (long long)value_int(v, "rows", 0));
    if (unknown)
        buf_addf(out, ", %lld things could not be counted", unknown);
    if (fails)
        buf_addf(out, ", %zu would make it fail", fails);
}

static const struct {
    const char *prefix;
    void (*phrase)(const json_t *value, struct buf *out);
} answers[] = {
    {"deploy.current", phrase_deploy},
    {"deploy.release", phrase_deploy},
    {"metric.query", phrase_metric},
    {"metric.await", phrase_metric},
    {"git.resolve", phrase_commit},
    {"git.last_green", phrase_commit},
    {"git.changes", phrase_changes},
    {"migrate.assess", phrase_assess},
    {"migrate.rehearse", phrase_rehearsal},
    {"migrate.loss", phrase_loss},
    {"migrate.", phrase_ledger},
    {"snapshot.take", phrase_snapshot},
    {"snapshot.catalog", phrase_catalog},
    {"flag.", phrase_flag},
    {"http.check", phrase_status},
    {"command.run", phrase_status},
};

static void phrase_value(const char *verb, const json_t *ok, struct buf *out)
{
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        if (strncmp(answers[i].prefix, verb, strlen(answers[i].prefix)) == 0) {
            answers[i].phrase(ok, out);
            return;
        }
    }
    buf_adds(out, "ok");
}

void phrase_answer(const char *verb, const json_t *answer, struct buf *out)
{
    const json_t *ok = json_object_get(answer, "ok");
    const json_t *err = json_object_get(answer, "err");
    struct buf text = BUF_INIT(64u << 10);
    if (err) {
        buf_addf(out, "%s: ", value_text(err, "outcome", "failed"));
        phrase_clean(value_text(err, "message", ""), 400, out);
        return;
    }
    if (!ok) {
        buf_adds(out, "misuse: ");
        phrase_clean(value_text(answer, "misuse", ""), 400, out);
        return;
    }
    /* A driver's texts come from outside. */
    phrase_value(verb, ok, &text);
    phrase_clean(buf_text(&text), 300, out);
    buf_free(&text);
}
