/*
 * The scanner of PromQL. Whatever the text is, it ends, its selectors lie in
 * the text and are different ones, the reach is not negative, does not
 * shrink when the expression stands in parentheses, and grows by the window
 * of a range around it.
 */
#include "fuzz.h"
#include "../../core/drivers/metric_promql.h"
#include "../../core/wire/error.h"

static void selectors_lie_inside(const struct promql *q, const char *text,
                                 size_t size)
{
    CHECK(q->count <= PROMQL_MAX_SELECTORS);
    for (size_t i = 0; i < q->count; i++) {
        CHECK(q->selectors[i].text >= text);
        CHECK(q->selectors[i].size > 0);
        CHECK(q->selectors[i].text + q->selectors[i].size <= text + size);
        for (size_t k = 0; k < i; k++)
            CHECK(q->selectors[i].size != q->selectors[k].size ||
                  memcmp(q->selectors[i].text, q->selectors[k].text,
                         q->selectors[i].size) != 0);
    }
}

static void age_query(const struct promql *q, size_t size)
{
    struct buf out = BUF_INIT(1024 + 2 * PROMQL_MAX_SELECTORS * (size + 200));
    int rc = promql_age_query(q, 300000, 1000, &out);
    CHECK(rc == (q->too_many ? RB_TOOBIG : q->count ? 0 : RB_NOTFOUND));
    CHECK(rc || strlen(out.data) == out.size);
    buf_free(&out);
}

/* Balanced, without comment, string or deep nesting: text that may be put
   into another expression. */
static int can_be_part(const char *p)
{
    int depth = 0;
    for (; *p; p++) {
        if (strchr("#\"'`{}[]", *p))
            return 0;
        depth += (*p == '(') - (*p == ')');
        if (depth < 0 || depth > 30)
            return 0;
    }
    return depth == 0;
}

static void subquery_adds(const char *text, size_t size, const struct promql *q)
{
    struct promql whole;
    char *more = malloc(size + 64);
    CHECK(more);
    snprintf(more, size + 64, "max_over_time((%s)[10m:1m])", text);
    promql_scan(more, &whole);
    CHECK(whole.reach == q->reach + 600000 || whole.reach >= q->reach);
    CHECK(whole.count == q->count);
    free(more);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    char *text = input_text(&in, '\0');
    struct promql q;
    size_t length = strlen(text);
    promql_scan(text, &q);
    CHECK(q.reach >= 0);
    selectors_lie_inside(&q, text, length);
    age_query(&q, length);
    if (can_be_part(text))
        subquery_adds(text, length, &q);
    free(text);
    return 0;
}
