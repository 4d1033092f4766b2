#include "again.h"
#include "../engine/program.h"
#include "../wire/buf.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static void add_word(struct buf *out, const char *before, const char *word)
{
    int plain = word[0] != '\0';
    for (const char *c = word; *c; c++)
        plain =
            plain && (isalnum((unsigned char)*c) || strchr("_%+=:,./-", *c));
    buf_adds(out, before);
    if (plain) {
        buf_adds(out, word);
        return;
    }
    buf_addc(out, '\'');
    for (; *word; word++) {
        if (*word == '\'')
            buf_adds(out, "'\\''");
        else
            buf_addc(out, *word);
    }
    buf_addc(out, '\'');
}

const char *again(const struct options *o, const char *command,
                  const struct program *p, char *out, size_t size)
{
    struct buf text = BUF_INIT(1u << 20);
    size_t before;
    buf_addf(&text, "rbrun %s", command);
    add_word(&text, " ", program_shown(p));
    if (o->environment)
        add_word(&text, " --environment ", o->environment);
    if (o->require_jail)
        buf_adds(&text, " --require-jail");
    before = text.size;
    for (size_t i = 0; i < o->input_count; i++)
        add_word(&text, " --input ", o->inputs[i]);
    if (text.size < size)
        snprintf(out, size, "%s", buf_text(&text));
    else
        snprintf(out, size, "%.*s   (with the same inputs)", (int)before,
                 buf_text(&text));
    buf_free(&text);
    return out;
}
