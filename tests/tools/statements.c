/*
 * The witness of the older code's statements:
 *   statements CONNINFO collect             as pg_stat_statements has them
 *   statements CONNINFO mark FILE           FILE's, and whether they parse
 *   statements CONNINFO test FILE           what the schema makes of them
 * prints JSON. FILE: as pg_statements_load takes it, or the output of mark.
 */
#include "../../core/drivers/pg_statements.h"

#include <stdio.h>
#include <string.h>

static json_t *read_list(const char *path)
{
    static char text[1 << 20];
    struct error err = {0};
    json_t *list = json_load_file(path, 0, NULL);
    FILE *f = fopen(path, "r");
    size_t size = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f)
        fclose(f);
    if (!json_is_array(list) &&
        pg_statements_load(text, size, &list, &err) != 0)
        fprintf(stderr, "%s: %s\n", path, err.message);
    return list;
}

static int work(struct pg *db, char **argv, struct driver_answer *a)
{
    json_t *out = NULL, *list = NULL;
    int mark = strcmp(argv[2], "mark") == 0, rc;
    if (strcmp(argv[2], "collect") == 0) {
        rc = pg_begin(db, 1, 5000, 5000, a) ||
             pg_statements_collect(db, &out, a) != 0;
    } else {
        list = read_list(argv[3]);
        rc = !list || pg_statements_test(db, list, mark, 30000, &out, a) != 0;
    }
    if (!rc)
        json_dumpf(mark ? list : out, stdout, JSON_SORT_KEYS);
    json_decref(list);
    json_decref(out);
    return rc;
}

int main(int argc, char **argv)
{
    struct driver_answer a = {OUTCOME_UNKNOWN, NULL, ""};
    struct driver_call c = {.system = "test", .timeout = 120 * 1000};
    struct pg db = {0};
    json_t *binding;
    int rc;
    if (argc < 3)
        return fputs("statements CONNINFO collect|mark|test [FILE]\n", stderr),
               2;
    binding = json_pack("{s:s}", "url", argv[1]);
    c.binding = binding;
    rc = pg_open(&db, &c, &a) != 0 || work(&db, argv, &a) != 0;
    if (rc)
        fprintf(stderr, "%s: %s\n", outcome_name(a.outcome), a.message);
    pg_close(&db);
    json_decref(binding);
    return rc;
}
