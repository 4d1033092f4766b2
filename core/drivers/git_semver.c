#include "git_semver.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_MAX (((uint64_t)1 << 53) - 1)

/* "0" or a number without leading zeros. */
static const char *read_number(const char *p, uint64_t *out)
{
    uint64_t n = 0;
    const char *start = p;
    if (!isdigit((unsigned char)*p) ||
        (*p == '0' && isdigit((unsigned char)p[1])))
        return NULL;
    for (; isdigit((unsigned char)*p); p++) {
        n = n * 10 + (uint64_t)(*p - '0');
        if (n > NUMBER_MAX || p - start > 16)
            return NULL;
    }
    *out = n;
    return p;
}

/* Dot-separated identifiers of [0-9A-Za-z-]; in a prerelease the numeric
   ones have no leading zeros (semver 9), in build metadata they may (10). */
static const char *read_identifiers(const char *p, int strict)
{
    for (;;) {
        const char *start = p;
        int numeric = 1;
        for (; isalnum((unsigned char)*p) || *p == '-'; p++)
            numeric &= isdigit((unsigned char)*p) != 0;
        if (p == start || (strict && numeric && *start == '0' && p - start > 1))
            return NULL;
        if (*p != '.')
            return p;
        p++;
    }
}

/* "-pre+build", both optional, up to the end of the text. */
static int read_tail(const char *p, struct git_semver *out)
{
    out->prerelease[0] = '\0';
    if (*p == '-') {
        const char *start = p + 1;
        p = read_identifiers(start, 1);
        if (!p || (size_t)(p - start) >= sizeof out->prerelease)
            return RB_INVALID;
        snprintf(out->prerelease, sizeof out->prerelease, "%.*s",
                 (int)(p - start), start);
    }
    if (*p == '+')
        p = read_identifiers(p + 1, 0);
    return p && *p == '\0' ? 0 : RB_INVALID;
}

int git_semver_parse(const char *text, struct git_semver *out)
{
    const char *p = text + (*text == 'v');
    for (int i = 0; i < 3; i++) {
        p = read_number(p, &out->number[i]);
        if (!p)
            return RB_INVALID;
        if (i < 2 && *p++ != '.')
            return RB_INVALID;
    }
    return read_tail(p, out);
}

/* Numeric identifiers compare as numbers and stand below the others. They
   may be longer than any integer: compare lengths, then digits. */
static int compare_identifier(const char *a, size_t an, const char *b,
                              size_t bn)
{
    int a_number = strspn(a, "0123456789") >= an;
    int b_number = strspn(b, "0123456789") >= bn;
    size_t common = an < bn ? an : bn;
    int order;
    if (a_number != b_number)
        return a_number ? -1 : 1;
    if (a_number && an != bn)
        return an < bn ? -1 : 1;
    order = memcmp(a, b, common);
    return order ? order : (an > bn) - (an < bn);
}

static int compare_prerelease(const char *a, const char *b)
{
    if (!*a || !*b)
        return (*a == '\0') - (*b == '\0');
    for (;;) {
        size_t an = strcspn(a, "."), bn = strcspn(b, ".");
        int order = compare_identifier(a, an, b, bn);
        if (order)
            return order;
        a += an;
        b += bn;
        if (!*a || !*b)
            return (*a != '\0') - (*b != '\0');
        a++;
        b++;
    }
}

int git_semver_compare(const struct git_semver *a, const struct git_semver *b)
{
    for (int i = 0; i < 3; i++) {
        if (a->number[i] != b->number[i])
            return a->number[i] < b->number[i] ? -1 : 1;
    }
    return compare_prerelease(a->prerelease, b->prerelease);
}

/* ---- ranges ---- */

#define WORD_MAX 255 /* bytes of one condition */

struct partial {
    struct git_semver v;
    int given; /* how many of the three numbers were written: 0 to 3 */
};

static int read_partial(const char *p, struct partial *out)
{
    memset(out, 0, sizeof *out);
    if (strcmp(p, "latest") == 0)
        return 0;
    p += *p == 'v';
    for (int wild = 0;; p++) {
        if (*p == '*' || *p == 'x' || *p == 'X') {
            wild++;
            p++;
        } else if (wild || !(p = read_number(p, &out->v.number[out->given]))) {
            return RB_INVALID;
        } else {
            out->given++;
        }
        if (*p != '.' || wild + out->given == 3) {
            if (out->given == 3)
                return read_tail(p, &out->v);
            return *p ? RB_INVALID : 0;
        }
    }
}

static int add(struct git_semver_range *r, int alternative, char op, int named,
               const struct git_semver *v)
{
    if (r->count == GIT_SEMVER_MAX)
        return RB_TOOBIG;
    r->part[r->count].alternative = alternative;
    r->part[r->count].op = op;
    r->part[r->count].named = named;
    r->part[r->count].version = *v;
    r->count++;
    return 0;
}

/* The lowest version, its prereleases included, behind those that share the
   first `keep` numbers of v: 2.4.1 and 1 give 3.0.0-0. */
static struct git_semver behind(const struct git_semver *v, int keep)
{
    struct git_semver next = *v;
    for (int i = keep; i < 3; i++)
        next.number[i] = 0;
    next.number[keep - 1]++;
    snprintf(next.prerelease, sizeof next.prerelease, "0");
    return next;
}

static int add_between(struct git_semver_range *r, int alternative,
                       const struct partial *p, int keep)
{
    struct git_semver end;
    int rc = add(r, alternative, 'G', 1, &p->v);
    if (rc || !keep)
        return rc;
    end = behind(&p->v, keep);
    return add(r, alternative, '<', 0, &end);
}

static int add_caret(struct git_semver_range *r, int alternative,
                     const struct partial *p)
{
    int keep = 1;
    while (keep < p->given && p->v.number[keep - 1] == 0)
        keep++;
    return add_between(r, alternative, p, p->given ? keep : 0);
}

/* ">2.3" is behind every 2.3.x, "<=2.3" includes them; ">=2.3" and "<3"
   start at the .0. An upper end's own prereleases lie outside. */
static int add_compare(struct git_semver_range *r, int alternative, char op,
                       const struct partial *p)
{
    struct git_semver v = p->v;
    if (p->given == 3)
        return add(r, alternative, op, 1, &v);
    if (op == 'G' && !p->given)
        return add(r, alternative, op, 0, &v);
    if (!p->given)
        return RB_INVALID;
    if (op == '>' || op == 'L') {
        v = behind(&v, p->given);
        op = op == '>' ? 'G' : '<';
    } else if (op == '<') {
        snprintf(v.prerelease, sizeof v.prerelease, "0");
    }
    return add(r, alternative, op, 0, &v);
}

static int add_word(struct git_semver_range *r, int alternative,
                    const char *word)
{
    struct partial p;
    char op = word[0];
    const char *version = word + (strchr("<>=~^", op) != NULL);
    if ((op == '<' || op == '>') && *version == '=') {
        op = op == '<' ? 'L' : 'G';
        version++;
    }
    if (read_partial(version, &p) != 0)
        return RB_INVALID;
    if (op == '^')
        return add_caret(r, alternative, &p);
    if (op == '~')
        return add_between(r, alternative, &p, p.given > 2 ? 2 : p.given);
    if (strchr("<>LG", op))
        return add_compare(r, alternative, op, &p);
    return p.given == 3 ? add(r, alternative, '=', 1, &p.v)
                        : add_between(r, alternative, &p, p.given);
}

static int not_understood(const char *word, struct error *err)
{
    error_set(err, RB_INVALID, "version range: \"%s\" is not understood", word);
    error_next(err, "write a range such as 2.x, \">=2.3 <3\", ~2.4.1 or "
                    "latest");
    return RB_INVALID;
}

int git_semver_range(const char *text, struct git_semver_range *out,
                     struct error *err)
{
    int alternative = 0;
    size_t before = 0;
    out->count = 0;
    for (const char *p = text + strspn(text, " "); *p; p += strspn(p, " ")) {
        char word[WORD_MAX + 1];
        size_t n = strcspn(p, " ");
        int rc;
        snprintf(word, sizeof word, "%.*s", (int)(n < WORD_MAX ? n : WORD_MAX),
                 p);
        if (n > WORD_MAX)
            return not_understood(word, err);
        p += n;
        if (strcmp(word, "||") == 0 && out->count > before) {
            alternative++;
            before = out->count;
            continue;
        }
        rc = add_word(out, alternative, word);
        if (rc == RB_TOOBIG)
            return error_set(err, RB_INVALID,
                             "version range: more than %d conditions",
                             GIT_SEMVER_MAX);
        if (rc)
            return not_understood(word, err);
    }
    return out->count > before ? 0 : not_understood(text, err);
}

static int holds(char op, int order)
{
    switch (op) {
    case '<':
        return order < 0;
    case 'L':
        return order <= 0;
    case '>':
        return order > 0;
    case 'G':
        return order >= 0;
    default:
        return order == 0;
    }
}

static int same_release(const struct git_semver *a, const struct git_semver *b)
{
    return memcmp(a->number, b->number, sizeof a->number) == 0;
}

int git_semver_in(const struct git_semver *v,
                  const struct git_semver_range *range)
{
    size_t i = 0;
    while (i < range->count) {
        int alternative = range->part[i].alternative;
        int all = 1, asked = v->prerelease[0] == '\0';
        for (; i < range->count && range->part[i].alternative == alternative;
             i++) {
            const struct git_semver *end = &range->part[i].version;
            all &= holds(range->part[i].op, git_semver_compare(v, end));
            asked |= range->part[i].named && end->prerelease[0] &&
                     same_release(v, end);
        }
        if (all && asked)
            return 1;
    }
    return 0;
}
