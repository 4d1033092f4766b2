/*
 * HAProxy's answers. What is taken for a servers state has all columns in
 * its heading, and each server's name and numbers stand in the answer. Only
 * loopback addresses and paths are dialled.
 */
#include "fuzz.h"
#include "../../core/drivers/haproxy_socket.h"

static void stands_in(const char *text, const char *word)
{
    const char *p = text;
    size_t n = strlen(word);
    CHECK(n > 0);
    while ((p = strstr(p, word))) {
        if ((p == text || strchr(" \t\r\n", p[-1])) &&
            (!p[n] || strchr(" \t\r\n", p[n])))
            return;
        p++;
    }
    CHECK(!"a word that stands in the answer");
}

static void parse(const char *text)
{
    static struct haproxy_backend b;
    static const char *const columns[] = {"srv_name", "srv_op_state",
                                          "srv_admin_state", "srv_uweight",
                                          "srv_iweight"};
    struct error err = {0};
    int rc;
    memset(&b, 0xa5, sizeof b);
    rc = haproxy_parse(text, &b, &err);
    CHECK(rc == 0 || (rc == err.code && err.message[0]));
    if (rc)
        return;
    CHECK(b.count <= HAPROXY_SERVERS);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        stands_in(text, columns[i]);
    for (size_t i = 0; i < b.count; i++) {
        const struct haproxy_server *s = &b.servers[i];
        stands_in(text, s->name);
        CHECK(s->weight >= 0 && s->weight <= 256);
        CHECK(s->initial >= 0 && s->initial <= 256);
        CHECK(s->state >= 0 && s->state <= 3 && s->admin >= 0);
    }
}

static void where(const char *text)
{
    struct error err = {0};
    int rc = haproxy_where(text, &err);
    CHECK(rc == 0 || (rc == RB_INVALID && err.message[0]));
    CHECK(rc || text[0] == '/' || strncmp(text, "127.", 4) == 0 ||
          strncmp(text, "localhost:", 10) == 0 ||
          strncmp(text, "[::1]:", 6) == 0);
    if (rc == 0 && text[0] != '/') {
        const char *port = strrchr(text, ':') + 1;
        CHECK(strspn(port, "0123456789") == strlen(port));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    char *text = input_text(&in, '\0');
    parse(text);
    where(text);
    CHECK((unsigned)haproxy_refusal(text) < OUTCOMES);
    free(text);
    return 0;
}
