/*
 * The catalog of a live database as migrate.assess sees it, on standard
 * output:
 *   catalog CONNINFO [SECONDS]     SECONDS: time limit of locks (default 5)
 * Exits with 1 and a message when it cannot be read.
 */
#include "../../core/drivers/pg_catalog.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    struct buf text = BUF_INIT(PG_CATALOG_MAX);
    struct driver_answer a = {OUTCOME_UNKNOWN, NULL, ""};
    struct driver_call c = {.system = "test", .timeout = 120 * 1000};
    struct pg db = {0};
    json_t *binding;
    int rc;
    if (argc < 2)
        return fprintf(stderr, "catalog CONNINFO [SECONDS]\n"), 2;
    binding = json_pack("{s:s}", "url", argv[1]);
    c.binding = binding;
    rc = pg_open(&db, &c, &a) != 0 ||
         pg_catalog_text(&db, argc > 2 ? atoi(argv[2]) * 1000 : 5000, 60000,
                         &text, &a) != 0;
    if (rc)
        fprintf(stderr, "%s: %s\n", outcome_name(a.outcome), a.message);
    else
        fwrite(text.data, 1, text.size, stdout);
    pg_close(&db);
    buf_free(&text);
    json_decref(binding);
    return rc;
}
