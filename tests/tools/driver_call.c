/*
 * Answer one call with one driver, without engine or runbook:
 *   driver-call DRIVER VERB BINDING.json ARGS.json [probe|check|call] [KEY]
 * prints {"outcome":..,"value"|"message":..} on one line.
 */
#include "../../core/drivers/driver.h"
#include "../../core/drivers/process.h"
#include "../../core/drivers/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static json_t *load(const char *text)
{
    json_error_t error;
    json_t *v = text[0] == '{' ? json_loads(text, 0, &error)
                               : json_load_file(text, 0, &error);
    if (!v) {
        fprintf(stderr, "%s: %s\n", text, error.text);
        exit(2);
    }
    return v;
}

static const struct driver_verb *find(const char *name, const char *verb)
{
    char family[64];
    const struct driver *d;
    const struct driver_verb *row;
    struct error err;
    snprintf(family, sizeof family, "%.*s", (int)strcspn(verb, "."), verb);
    if (driver_find(family, name, &d, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        exit(2);
    }
    row = driver_verb(d, verb);
    if (!row) {
        fprintf(stderr, "%s/%s does not answer %s\n", family, name, verb);
        exit(2);
    }
    return row;
}

/* What the driver says when an environment with this binding is read. */
static void check(const char *name, const char *verb, const json_t *binding,
                  struct driver_answer *a)
{
    const struct driver *d;
    struct error err = {0};
    char family[64];
    snprintf(family, sizeof family, "%.*s", (int)strcspn(verb, "."), verb);
    if (driver_find(family, name, &d, &err) != 0 ||
        (d->check && d->check(binding, &err) != 0))
        answer_fail(a, OUTCOME_REJECTED, "%s", err.message);
    else
        answer_ok(a, NULL);
}

int main(int argc, char **argv)
{
    struct driver_answer a = {OUTCOME_UNKNOWN, NULL, ""};
    struct driver_call c = {0};
    struct buf text = BUF_INIT(16u << 20);
    const struct driver_verb *row;
    char root[4096];
    json_t *answer;
    if (argc < 5) {
        fputs("usage: driver-call DRIVER VERB BINDING ARGS [probe|check|call] "
              "[KEY]\n",
              stderr);
        return 2;
    }
    row = find(argv[1], argv[2]);
    c.verb = argv[2];
    c.system = "test";
    c.binding = load(argv[3]);
    c.args = load(argv[4]);
    c.key = argc > 6 ? argv[6]
                     : "000102030405060708090a0b0c0d0e0f"
                       "101112131415161718191a1b1c1d1e1f";
    c.run = "20260101-TEST";
    c.service = "test";
    c.environment = "test";
    c.root = getcwd(root, sizeof root);
    c.artifacts = getenv("ARTIFACTS") ? getenv("ARTIFACTS") : "artifacts";
    c.state = getenv("RBRUN_STATE");
    c.sequence = 1;
    c.changed_at = getenv("CHANGED_AT") ? atoll(getenv("CHANGED_AT")) : 0;
    c.timeout = 60000;
    c.progress_fd = 2;
    process_end_on_term();
    if (argc > 5 && strcmp(argv[5], "probe") == 0)
        row->probe(&c, &a);
    else if (argc > 5 && strcmp(argv[5], "check") == 0)
        check(argv[1], argv[2], c.binding, &a);
    else
        row->call(&c, &a);
    answer = json_pack("{s:s, s:o*, s:s}", "outcome", outcome_name(a.outcome),
                       "value", a.value, "message", a.message);
    value_encode(answer, &text);
    puts(buf_text(&text));
    /* So that a leak that the sanitizer reports is the driver's. */
    json_decref(answer);
    json_decref((json_t *)(uintptr_t)c.binding);
    json_decref((json_t *)(uintptr_t)c.args);
    buf_free(&text);
    return a.outcome == OUTCOME_OK ? 0 : 1;
}
