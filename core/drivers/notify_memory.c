/* A channel whose messages are only remembered: for drills and tests. The
   key de-duplicates, as it should at the far side of a real one. */
#include "memory.h"

#include <string.h>

#define MOST 1000 /* messages kept; older ones are dropped */

static const char *const keys[] = {NULL};

static int sent_before(const json_t *sent, const char *key)
{
    json_t *one;
    size_t i;
    json_array_foreach(sent, i, one)
    {
        if (strcmp(value_text(one, "key", ""), key) == 0)
            return 1;
    }
    return 0;
}

static void append(json_t *sent, const struct driver_call *c)
{
    json_t *one = json_deep_copy(c->args);
    json_object_set_new(one, "key", json_string(c->key));
    json_object_set_new(one, "run", json_string(c->run));
    json_array_append_new(sent, one);
    if (json_array_size(sent) > MOST)
        json_array_remove(sent, 0);
}

static int send_text(const struct driver_call *c, struct driver_answer *a)
{
    struct memory m;
    json_t *sent;
    if (memory_open(&m, c, keys, 1, a) != 0)
        return 0;
    sent = json_object_get(m.mine, "sent");
    if (!sent) {
        sent = json_array();
        json_object_set_new(m.mine, "sent", sent);
    }
    if (!sent_before(sent, c->key)) {
        append(sent, c);
        if (memory_save(&m, a) != 0)
            goto out;
    }
    answer_ok(a, json_pack("{s:i}", "attempts", 1));
out:
    memory_close(&m);
    return 0;
}

static const struct driver_option options[] = {
    MEMORY_OPTIONS,
    {NULL, NULL, 0, NULL},
};

static const struct driver_verb verbs[] = {
    {"notify.send", SETTLE_KEYED, send_text, NULL},
    {NULL, SETTLE_PURE, NULL, NULL},
};

const struct driver notify_memory = {
    .family = "notify",
    .name = "memory",
    .text = "a channel that is only remembered, for drills and tests",
    .options = options,
    .verbs = verbs,
    .check = NULL,
    .quick = 1,
};
