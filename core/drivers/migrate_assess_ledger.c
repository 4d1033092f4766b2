/* What the ledger says of the newer release: half-done, ahead of it, or with
   versions that none of its files explains. */
#define _GNU_SOURCE
#include "migrate_assess_parts.h"

#include <stdio.h>
#include <string.h>

static void add(struct assessing *x, const char *code, const char *version,
                const char *format, ...) __attribute__((format(printf, 4, 5)));
static void add(struct assessing *x, const char *code, const char *version,
                const char *format, ...)
{
    char text[900];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assessing_finding(x->general, "unknown", code,
                      version && version[0] ? version : NULL, NULL, text, NULL);
}

/* Below the oldest file is what people leave who clear their folder now and
   then. */
static void add_missing(struct assessing *x)
{
    const json_t *one;
    size_t i;
    json_array_foreach(x->gap.missing, i, one)
    {
        const char *version = value_text(one, "version", "");
        const char *place = value_text(one, "place", "");
        if (json_array_size(x->general) >= ASSESS_SHOWN)
            return;
        if (strcmp(place, "newer") == 0)
            add(x, "ledger_ahead", version,
                "the database is at version %s, newer than any migration of "
                "the version being left",
                version);
        else if (strcmp(place, "between") == 0)
            add(x, "ledger_unknown", version,
                "version %s is applied, and no migration of the version being "
                "left is of that number",
                version);
    }
}

void assessing_ledger(struct assessing *x, const json_t *files)
{
    struct error err = {0};
    if (x->ledger.dirty)
        add(x, "ledger_dirty", x->ledger.version,
            "the ledger is dirty: version %s failed half-way",
            x->ledger.version[0] ? x->ledger.version : "(none)");
    if (migrate_difference(&x->ledger, files, &x->gap, &err) != 0) {
        add(x, "order_unknown", NULL, "%s", err.message);
        return;
    }
    add_missing(x);
}
