/*
 * Names of releases: a name shows itself and does nothing else, a match is
 * one in both directions, and the distance is a distance. Three texts.
 */
#include "fuzz.h"
#include "../../core/drivers/release_name.h"
#include "../../core/wire/utf8.h"

#include <strings.h>

#define COMPARED 63 /* bytes that distances look at */

static void a_name_shows_itself(const char *text)
{
    size_t left = strlen(text), length;
    if (!release_is_name(text))
        return;
    CHECK(left >= 1 && left <= 255 && *text != ' ' && text[left - 1] != ' ');
    for (; left; text += length, left -= length) {
        length = utf8_length(text, left);
        CHECK(length && !utf8_commands(text, length));
    }
}

static void a_match_has_a_reason(const char *asked, const char *name,
                                 const char *commit)
{
    int by_name = release_matches(asked, name, NULL);
    int by_commit = release_matches(asked, "", commit);
    CHECK(release_matches(asked, name, commit) == (by_name || by_commit));
    CHECK(by_name == (name[0] && release_matches(name, asked, NULL)) ||
          !asked[0]);
    if (by_name)
        CHECK(strcmp(asked, name) == 0 ||
              strcmp(asked + (*asked == 'v'), name + (*name == 'v')) == 0);
    if (by_commit) {
        CHECK(release_is_commit(asked) && strlen(asked) >= 7);
        CHECK(strlen(asked) <= strlen(commit));
        CHECK(strncasecmp(asked, commit, strlen(asked)) == 0);
    }
}

static void a_distance(const char *a, const char *b, const char *c)
{
    unsigned ab = release_distance(a, b), bc = release_distance(b, c);
    CHECK(ab == release_distance(b, a));
    CHECK((ab == 0) == (strncmp(a, b, COMPARED) == 0));
    CHECK(release_distance(a, c) <= ab + bc);
    CHECK(ab <= COMPARED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    char *text[3];
    for (int i = 0; i < 3; i++)
        text[i] = input_text(&in, '\n');
    a_name_shows_itself(text[0]);
    a_match_has_a_reason(text[0], text[1], text[2]);
    a_distance(text[0], text[1], text[2]);
    for (int i = 0; i < 3; i++)
        free(text[i]);
    return 0;
}
