/* The views of an assessment, from hand-made lines. */
#define _GNU_SOURCE
#include "../../core/ui/assess_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *parse(const char *text)
{
    json_error_t where;
    json_t *v = json_loads(text, 0, &where);
    if (!v)
        fail_msg("%s: %s", where.text, text);
    return v;
}

/* Everything that a view prints of these lines; lines ends with NULL. */
static char *shown(enum assess_form form, const char *const *lines,
                   enum assess_verdict *verdict)
{
    struct assess_view v;
    struct error err = {0};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assess_view_open(&v, form, out);
    for (; *lines; lines++) {
        json_t *line = parse(*lines);
        assert_int_equal(assess_view_take(&v, line), 0);
        json_decref(line);
    }
    *verdict = assess_view_verdict(&v);
    assert_int_equal(assess_view_end(&v, NULL, "rbrun help", &err), 0);
    assess_view_close(&v);
    fclose(out);
    return text;
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

#define SET                                                                    \
    "{\"is\":\"set\",\"about\":\"history\",\"where\":\"db\",\"base\":\"db\","  \
    "\"files\":2,\"context\":0,\"tool\":\"rails\"}"
#define DROP                                                                   \
    "{\"is\":\"file\",\"file\":\"2.sql\",\"path\":\"db/2.sql\","               \
    "\"verdict\":\"incompatible\",\"cautions\":[],\"reasons\":[{\"level\":"    \
    "\"incompatible\",\"code\":\"column_removed\",\"object\":"                 \
    "\"public.users.email\",\"file\":\"2.sql\",\"line\":7,\"text\":"           \
    "\"names it\",\"safe\":\"wait\"}],\"locks\":[{\"relation\":\"users\","     \
    "\"mode\":\"AccessExclusiveLock\",\"work\":\"rewrite\"}],\"down\":null}"
#define ROWS                                                                   \
    "{\"is\":\"file\",\"file\":\"3.sql\",\"verdict\":\"compatible\","          \
    "\"beside\":[{\"code\":\"data_changed\",\"level\":\"unknown\","            \
    "\"object\":\"t\",\"text\":\"rows\"}]}"
#define GOOD "{\"is\":\"file\",\"file\":\"1.sql\",\"verdict\":\"compatible\"}"

static void a_history_is_told(void **state)
{
    static const char *const lines[] = {SET, DROP, GOOD, NULL};
    enum assess_verdict verdict;
    char *text = shown(ASSESS_TEXT, lines, &verdict);
    (void)state;
    assert_int_equal(verdict, VERDICT_INCOMPATIBLE);
    has(text, "2 migrations in db (rails), each after those before it");
    has(text, "\n  db/2.sql:7: column_removed: public.users.email\n"
              "    breaks: names it\n    safe:   wait\n");
    has(text, "locks:  users AccessExclusiveLock with rewrite");
    has(text, "down:   there is no way down");
    has(text, "1 compatible, 0 caution, 0 unknown, 1 incompatible; the "
              "newest, 1.sql, is compatible\nnext: rbrun help\n");
    free(text);
}

static void rows_beside_are_unknown(void **state)
{
    static const char *const lines[] = {SET, GOOD, ROWS, NULL};
    enum assess_verdict verdict;
    char *text = shown(ASSESS_TEXT, lines, &verdict);
    (void)state;
    assert_int_equal(verdict, VERDICT_UNKNOWN);
    has(text, "beside the catalog, which shows no rows:\n");
    has(text, "1 change rows, which no catalog shows");
    free(text);
}

static void unknown_words_are_unknown(void **state)
{
    static const char *const odd[] = {
        SET, "{\"is\":\"file\",\"file\":\"1.sql\",\"verdict\":\"fine\"}", NULL};
    static const char *const none[] = {
        SET, "{\"is\":\"file\",\"file\":\"1.sql\"}", NULL};
    enum assess_verdict verdict;
    (void)state;
    free(shown(ASSESS_LAST_LINE, odd, &verdict));
    assert_int_equal(verdict, VERDICT_UNKNOWN);
    free(shown(ASSESS_LAST_LINE, none, &verdict));
    assert_int_equal(verdict, VERDICT_UNKNOWN);
}

static void json_is_a_line_each(void **state)
{
    static const char *const lines[] = {SET, DROP, GOOD, NULL};
    enum assess_verdict verdict;
    char *text = shown(ASSESS_JSON, lines, &verdict);
    (void)state;
    has(text, "{\"cautions\":[],\"down\":null,\"file\":\"2.sql\"");
    has(text, "\n{\"file\":\"1.sql\",\"verdict\":\"compatible\"}\n");
    assert_null(strstr(text, "\"is\""));
    free(text);
}

static void sentence_of(const char *net, char *out, size_t size)
{
    json_t *v = parse(net);
    struct buf text = BUF_INIT(4000);
    assess_sentence(v, &text);
    snprintf(out, size, "%s", buf_text(&text));
    buf_free(&text);
    json_decref(v);
}

static void a_release_has_a_sentence(void **state)
{
    static const char *const rows[][2] = {
        {"{\"verdict\":\"incompatible\",\"reasons\":[{\"level\":"
         "\"incompatible\",\"code\":\"column_removed\",\"object\":"
         "\"public.users.email\"},{\"level\":\"incompatible\",\"code\":"
         "\"table_renamed\",\"object\":\"app.a\"}]}",
         "this release cannot be rolled back: drop of users.email, rename of "
         "app.a; split it: expand now, contract a release later"},
        {"{\"verdict\":\"unknown\",\"reasons\":[{\"level\":\"unknown\","
         "\"code\":\"new_thing\",\"object\":\"x\"}]}",
         "whether this release can be rolled back is unknown: new thing: x"},
        {"{\"verdict\":\"compatible\"}",
         "this release can be rolled back, by its text alone: the older code "
         "can run on the newer schema"},
        {"{\"verdict\":\"compatible\",\"witnesses\":{\"catalog\":{\"heard\":"
         "true}}}",
         "this release can be rolled back: the older code can run on the "
         "newer schema"},
        {"{\"verdict\":\"compatible\",\"beside\":[{\"code\":\"data_changed\","
         "\"object\":\"t\"}]}",
         "the schema allows to roll this release back; whether its rows do "
         "is unknown: changed rows of t"},
        {"{\"verdict\":\"compatible\",\"boot\":{\"verdict\":\"fails\"}}",
         "the code of this release cannot be rolled back alone: the older one "
         "would not start on the newer ledger"},
        {"{\"verdict\":\"none\"}", "no migration lies between the two"},
    };
    char text[1000];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sentence_of(rows[i][0], text, sizeof text);
        assert_string_equal(text, rows[i][1]);
    }
}

static void a_release_that_would_not_start_is_no(void **state)
{
    static const char *const lines[] = {
        "{\"is\":\"net\",\"release\":true,\"verdict\":\"compatible\","
        "\"boot\":{\"verdict\":\"fails\",\"because\":\"8 is not there\","
        "\"advice\":[\"keep the file\"]}}",
        NULL};
    enum assess_verdict verdict;
    char *text = shown(ASSESS_TEXT, lines, &verdict);
    (void)state;
    assert_int_equal(verdict, VERDICT_INCOMPATIBLE);
    has(text, "start    fails: 8 is not there\n         keep the file\n");
    free(text);
}

static void sarif_has_a_rule_a_code(void **state)
{
    static const char *const lines[] = {SET, DROP, DROP, NULL};
    enum assess_verdict verdict;
    char *text = shown(ASSESS_SARIF, lines, &verdict);
    json_t *log = parse(text), *run, *rules, *result;
    (void)state;
    run = json_array_get(json_object_get(log, "runs"), 0);
    rules = json_object_get(
        json_object_get(json_object_get(run, "tool"), "driver"), "rules");
    assert_int_equal(json_array_size(rules), 1);
    assert_string_equal(value_text(json_array_get(rules, 0), "name", ""),
                        "ColumnRemoved");
    assert_int_equal(json_array_size(json_object_get(run, "results")), 2);
    result = json_array_get(json_object_get(run, "results"), 1);
    assert_string_equal(value_text(result, "level", ""), "error");
    assert_int_equal(value_int(result, "ruleIndex", -1), 0);
    json_decref(log);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_history_is_told),
        cmocka_unit_test(rows_beside_are_unknown),
        cmocka_unit_test(unknown_words_are_unknown),
        cmocka_unit_test(json_is_a_line_each),
        cmocka_unit_test(a_release_has_a_sentence),
        cmocka_unit_test(a_release_that_would_not_start_is_no),
        cmocka_unit_test(sarif_has_a_rule_a_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
