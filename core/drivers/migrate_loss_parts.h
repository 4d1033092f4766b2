/* Between the files of migrate_loss_find.c; nobody else's. */
#ifndef RBRUN_DRIVERS_MIGRATE_LOSS_PARTS_H
#define RBRUN_DRIVERS_MIGRATE_LOSS_PARTS_H

#include "migrate_loss.h"

struct loss_search {
    const json_t *before, *after, *statements;
    json_t *after_by_id; /* {"id": relation} */
    json_t *list;        /* the questions */
};

struct loss_question {
    enum migrate_loss_kind kind;
    const char *object, *table; /* table: NULL where there is no one table */
    const char *text;
    struct buf *sql; /* NULL or empty: it cannot be counted */
    int most;
};

void loss_add(struct loss_search *s, const struct loss_question *q);

/* A text that may have been cut within a character, as a value; new. */
json_t *loss_text(const char *text);

/* "x" as SQL has it; "schema"."name"; schema.name or schema.name.part. */
void loss_ident(struct buf *out, const char *name);
void loss_relation(struct buf *out, const json_t *relation);
void loss_name(char *out, size_t size, const json_t *relation,
               const char *part);

const json_t *loss_by_id(const json_t *list, json_int_t id);
const json_t *loss_column(const json_t *relation, json_int_t attnum);
int loss_is_table(const json_t *relation);

/* migrate_loss_columns.c: a column that stays, one that comes, and types. */
void loss_compare_column(struct loss_search *s, const json_t *relation,
                         const json_t *old, const json_t *new);
void loss_new_column(struct loss_search *s, const json_t *relation,
                     const json_t *column);
void loss_compare_types(struct loss_search *s);

/* migrate_loss_text.c: what the step's text does to rows. */
void loss_of_text(struct loss_search *s, const struct migrate_plan *plan);

/* migrate_loss_rows.c: constraints and unique indexes that come. */
void loss_compare_constraints(struct loss_search *s, const json_t *old,
                              const json_t *new);

#endif
