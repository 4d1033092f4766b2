/*
 * Versions and ranges. The order is a total one; a range that is a version
 * holds that version; an upper end keeps out what is above it. Three
 * versions and a range, a line each.
 */
#include "fuzz.h"
#include "../../core/drivers/git_semver.h"

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static void total_order(const struct git_semver v[3])
{
    int ab = sign(git_semver_compare(&v[0], &v[1]));
    int bc = sign(git_semver_compare(&v[1], &v[2]));
    int ac = sign(git_semver_compare(&v[0], &v[2]));
    CHECK(ab == -sign(git_semver_compare(&v[1], &v[0])));
    CHECK(git_semver_compare(&v[0], &v[0]) == 0);
    if (ab <= 0 && bc <= 0)
        CHECK(ac <= 0 && (ac < 0 || (ab == 0 && bc == 0)));
    if (ab >= 0 && bc >= 0)
        CHECK(ac >= 0 && (ac > 0 || (ab == 0 && bc == 0)));
}

/* OP VERSION as a range agrees with the order, prereleases aside. */
static void ends_hold(const char *text, const struct git_semver *end,
                      const struct git_semver *v)
{
    static const char *const ops[] = {"<", "<=", ">", ">=", "="};
    int order = git_semver_compare(v, end);
    int want[] = {order<0, order <= 0, order> 0, order >= 0, order == 0};
    for (size_t i = 0; i < 5; i++) {
        char word[400];
        struct git_semver_range r;
        if (snprintf(word, sizeof word, "%s%s", ops[i], text) > 140)
            return;
        CHECK(git_semver_range(word, &r, NULL) == 0);
        if (!v->prerelease[0])
            CHECK(!!git_semver_in(v, &r) == want[i]);
        else
            CHECK(!git_semver_in(v, &r) || want[i]);
    }
}

/* What tilde and caret promise, from the header's words. */
static void near_ranges(const char *text, const struct git_semver *low,
                        const struct git_semver *v)
{
    char word[400];
    struct git_semver_range r;
    if (snprintf(word, sizeof word, "~%s", text) > 140)
        return;
    CHECK(git_semver_range(word, &r, NULL) == 0);
    CHECK(git_semver_in(low, &r));
    if (git_semver_in(v, &r))
        CHECK(v->number[0] == low->number[0] &&
              v->number[1] == low->number[1] &&
              git_semver_compare(v, low) >= 0);
    word[0] = '^';
    CHECK(git_semver_range(word, &r, NULL) == 0);
    CHECK(git_semver_in(low, &r));
    if (git_semver_in(v, &r))
        CHECK(v->number[0] == low->number[0] &&
              (low->number[0] || v->number[1] == low->number[1]) &&
              git_semver_compare(v, low) >= 0);
}

static int is_printable(const char *text)
{
    for (; *text; text++) {
        if (*text < 0x20 || *text > 0x7e)
            return 0;
    }
    return 1;
}

/* A word is understood to its last character, however long it is. */
static void nothing_behind(const char *text)
{
    struct git_semver_range r;
    size_t n = strlen(text);
    char *worse = malloc(n + 2);
    CHECK(worse);
    memcpy(worse, text, n);
    memcpy(worse + n, "!", 2);
    CHECK(git_semver_range(worse, &r, NULL) == RB_INVALID);
    free(worse);
}

static void range(const char *text, const struct git_semver *v)
{
    struct git_semver_range r;
    struct error err = {0};
    int rc = git_semver_range(text, &r, &err);
    CHECK(rc == 0 || (rc == RB_INVALID && err.message[0]));
    if (rc)
        return;
    CHECK(is_printable(text) && r.count >= 1 && r.count <= GIT_SEMVER_MAX);
    (void)!git_semver_in(v, &r);
    if (text[strlen(text) - 1] != ' ')
        nothing_behind(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct git_semver v[3];
    char *text[3], *last;
    int good = 0;
    for (int i = 0; i < 3; i++) {
        text[i] = input_text(&in, '\n');
        if (git_semver_parse(text[i], &v[i]) == 0)
            good++;
        else
            memset(&v[i], 0, sizeof v[i]);
    }
    last = input_text(&in, '\n');
    total_order(v);
    if (good == 3) {
        ends_hold(text[0], &v[0], &v[1]);
        near_ranges(text[0], &v[0], &v[2]);
    }
    range(last, &v[0]);
    for (int i = 0; i < 3; i++)
        free(text[i]);
    free(last);
    return 0;
}
