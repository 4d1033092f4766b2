/* A plan on paper: what changes production, what undoes it, what it cannot
   see. */
#include "phrase.h"
#include "view.h"

#include <string.h>
#include <unistd.h>

static const json_t *undo_of(const struct plan *p, const json_t *entry,
                             size_t *at)
{
    int64_t id = value_int(entry, "undo", 0);
    for (; id && *at < json_array_size(p->entries); (*at)++) {
        const json_t *one = json_array_get(p->entries, *at);
        if (value_int(one, "undoes", 0) == id)
            return one;
    }
    return NULL;
}

/* Continue a line at a column; on a terminal the text is broken between
   words and goes on below its beginning. Ends the line. */
static void print_text(const char *text, int column)
{
    int at = column, room = isatty(1) ? view_width() - 1 : 0;
    if (room && room < column + 20)
        room = column + 20;
    while (*text) {
        int size = (int)strcspn(text, " ");
        if (room && at > column && at + 1 + size > room) {
            printf("\n%*s", column, "");
            at = column;
        } else if (at > column) {
            putchar(' ');
            at++;
        }
        printf("%.*s", size, text);
        at += size ? size : 1;
        text += size + (text[size] == ' ');
    }
    putchar('\n');
}

static void phrase_entry(const struct view *v, const json_t *entry,
                         struct buf *out)
{
    phrase_call(value_text(entry, "verb", "?"),
                value_text(entry, "system", NULL),
                json_object_get(entry, "args"), v->names, out);
}

#define UNDO_COLUMN 14

/* An undo step may do several things; the plan has seen all of them. */
static int print_undo_steps(const struct view *v, const struct plan *p,
                            const json_t *entry)
{
    const json_t *undo;
    size_t at = 0;
    int count = 0;
    while ((undo = undo_of(p, entry, &at))) {
        struct buf text = BUF_INIT(2000);
        phrase_entry(v, undo, &text);
        printf("        %sundo: ", view_colour(v, "dim"));
        print_text(buf_text(&text), UNDO_COLUMN);
        fputs(view_colour(v, "off"), stdout);
        buf_free(&text);
        count++;
        at++;
    }
    return count;
}

/* Its undo step failed in the plan, and by a mistake of the runbook: what a
   call answers may be otherwise when it is made. */
static const json_t *undo_mistake(const struct plan *p, const json_t *entry)
{
    const json_t *one;
    int64_t id = value_int(entry, "undo", 0);
    size_t i;
    json_array_foreach(json_object_get(p->result, "undo_errors"), i, one)
    {
        const json_t *error = json_object_get(one, "error");
        if (id && value_int(one, "id", 0) == id &&
            !json_object_get(error, "outcome"))
            return error;
    }
    return NULL;
}

static void phrase_mistake(const json_t *error, struct buf *out)
{
    buf_adds(out, "FAILS: ");
    phrase_clean(value_text(error, "file", "?"), 100, out);
    buf_addf(out, ":%lld: ", (long long)value_int(error, "line", 0));
    phrase_clean(value_text(error, "message", "failed"), 300, out);
}

static void print_mistake(const struct view *v, const json_t *error)
{
    struct buf text = BUF_INIT(1000);
    phrase_mistake(error, &text);
    printf("        %sundo: ", view_colour(v, "red"));
    print_text(buf_text(&text), UNDO_COLUMN);
    fputs(view_colour(v, "off"), stdout);
    buf_free(&text);
}

static void print_undo(const struct view *v, const struct plan *p,
                       const json_t *entry)
{
    const json_t *mistake = undo_mistake(p, entry);
    const char *said = NULL;
    int steps = print_undo_steps(v, p, entry);
    if (mistake)
        print_mistake(v, mistake);
    if (mistake || steps)
        return;
    if (value_int(entry, "undo", 0))
        said = "registered; what it does is known after apply";
    else if (value_bool(entry, "production", 0))
        said = "none";
    if (!said)
        return;
    printf("        %sundo: ", view_colour(v, "dim"));
    print_text(said, UNDO_COLUMN);
    fputs(view_colour(v, "off"), stdout);
}

static const char *tag(const json_t *entry)
{
    const char *effect = value_text(entry, "effect", "");
    if (value_bool(entry, "production", 0))
        return "CHANGE";
    if (strcmp(effect, "write") == 0)
        return "keep  ";
    if (strcmp(effect, "notify") == 0)
        return "tell  ";
    if (strcmp(effect, "wait") == 0)
        return "wait  ";
    return "check ";
}

static void print_entry(const struct view *v, const struct plan *p,
                        const json_t *entry, int number, int depth);

static void print_ending(const json_t *done, const char *indent)
{
    const json_t *result = json_object_get(done, "result");
    const json_t *error = json_object_get(done, "error");
    const char *as = value_text(result, "as", NULL);
    struct buf text = BUF_INIT(2000);
    buf_adds(&text, as ? as : value_text(done, "ended", "?"));
    buf_adds(&text, ", ");
    phrase_clean(value_text(result, "because",
                            value_text(error, "message",
                                       value_text(done, "message", ""))),
                 300, &text);
    if (text.size > 2 && text.data[text.size - 2] == ',')
        text.data[text.size - 2] = '\0'; /* no reason was given */
    printf("%sends: ", indent);
    print_text(buf_text(&text), (int)strlen(indent) + 6);
    buf_free(&text);
}

static void print_otherwise(const struct view *v, const struct plan *p,
                            const json_t *entry)
{
    const json_t *other = json_object_get(entry, "otherwise"), *one;
    size_t i;
    int number = 0;
    if (!json_object_get(entry, "otherwise_ends"))
        return;
    printf("        if not:\n");
    json_array_foreach(other, i, one)
    {
        print_entry(v, p, one, ++number, 1);
    }
    print_ending(json_object_get(entry, "otherwise_ends"), "          ");
}

static void print_entry(const struct view *v, const struct plan *p,
                        const json_t *entry, int number, int depth)
{
    int production = value_bool(entry, "production", 0);
    const char *note = value_text(entry, "note", NULL);
    struct buf text = BUF_INIT(2000);
    printf("%*s%2d. %s%s%s  ", depth ? 10 : 2, "", number,
           production ? view_colour(v, "yellow") : "", tag(entry),
           production ? view_colour(v, "off") : "");
    phrase_entry(v, entry, &text);
    if (note)
        buf_addf(&text, "  %s", note);
    print_text(buf_text(&text), depth ? 22 : 14);
    buf_free(&text);
    if (depth == 0) {
        print_undo(v, p, entry);
        print_otherwise(v, p, entry);
    }
}

static void print_decisions(const struct plan *p)
{
    const json_t *one;
    size_t i;
    json_array_foreach(p->decisions, i, one)
    {
        struct buf text = BUF_INIT(1000);
        phrase_clean(value_text(one, "action", "?"), 60, &text);
        buf_adds(&text, ", because ");
        phrase_clean(value_text(one, "because", ""), 500, &text);
        printf("Decision: ");
        print_text(buf_text(&text), 10);
        buf_free(&text);
    }
}

static int count_changes(const struct plan *p)
{
    const json_t *one;
    size_t i;
    int count = 0;
    json_array_foreach(p->entries, i, one)
    {
        count +=
            value_bool(one, "production", 0) && !json_object_get(one, "undoes");
    }
    return count;
}

static void print_broken_undos(const struct plan *p)
{
    const json_t *one;
    size_t i;
    json_array_foreach(p->entries, i, one)
    {
        const json_t *mistake = undo_mistake(p, one);
        struct buf text = BUF_INIT(1000);
        if (mistake) {
            phrase_mistake(mistake, &text);
            printf("  - undo step %lld ", (long long)value_int(one, "undo", 0));
            print_text(buf_text(&text), 4);
        }
        buf_free(&text);
    }
}

/* What nobody can take back, or get back, said before it is agreed to. */
static void print_not_covered(const struct plan *p)
{
    const json_t *one;
    size_t i;
    int copies = 0, bare = 0, notices = 0, changes = count_changes(p);
    json_array_foreach(p->entries, i, one)
    {
        const char *effect = value_text(one, "effect", "");
        if (json_object_get(one, "undoes"))
            continue;
        copies += strcmp(value_text(one, "verb", ""), "snapshot.take") == 0;
        notices += strcmp(effect, "notify") == 0;
        bare += value_bool(one, "production", 0) && !value_int(one, "undo", 0);
    }
    if (!changes)
        return;
    puts("Not covered:");
    if (bare)
        printf("  - %d change%s without an undo step: after a failure %s\n",
               bare, bare == 1 ? "" : "s",
               bare == 1 ? "it stands" : "they stand");
    print_broken_undos(p);
    if (copies)
        puts("  - what is written after the copy is taken is not in it");
    else
        puts("  - no copy of any state is kept before the first change");
    if (notices)
        puts("  - a message that was sent cannot be taken back");
}

static json_t *plan_document(const struct plan *p, const struct run *r)
{
    return json_pack("{s:s, s:s, s:s, s:O*, s:O*, s:O*, s:O*, s:O*, s:s*}",
                     "id", p->id, "runbook", r->program->name, "environment",
                     r->environment->name, "entries", p->entries, "decisions",
                     p->decisions, "foreseen", p->foreseen, "ends", p->result,
                     "blind", p->blind, "error",
                     p->failed ? p->error.message : NULL);
}

void view_plan(struct view *v, const struct plan *p, const struct run *r)
{
    const json_t *one;
    size_t i;
    int number = 0, colour = v->colour;
    if (v->kind == VIEW_JSON) {
        view_json("plan", plan_document(p, r));
        return;
    }
    view_rest(v);
    v->colour = colour && isatty(1);
    printf("%sPlan %s%s: %s in %s changes production %d time%s\n",
           view_colour(v, "bold"), p->id, view_colour(v, "off"),
           r->program->name, r->environment->name, count_changes(p),
           count_changes(p) == 1 ? "" : "s");
    print_decisions(p);
    json_array_foreach(p->entries, i, one)
    {
        if (!json_object_get(one, "undoes"))
            print_entry(v, p, one, ++number, 0);
    }
    if (p->failed) {
        printf("  fails: ");
        phrase_lines(p->error.message, stdout);
        putchar('\n');
    } else if (json_is_object(p->result))
        print_ending(p->result, "  ");
    print_not_covered(p);
    json_array_foreach(p->blind, i, one)
    {
        printf("  The plan sees no further than %s\n", json_string_value(one));
    }
    v->colour = colour;
    fflush(stdout);
}
