/*
 * What a step would lose, and which rows would make it fail: questions from
 * two catalogs (before and after, as rehearsed), answered by counting in the
 * live database.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_LOSS_H
#define RBRUN_DRIVERS_MIGRATE_LOSS_H

#include "migrate_rehearse.h"

struct migrate_loss {
    json_t *items; /* [{"kind","object","rows" (absent: unknown),"exact",
                      "fails","text"}]; owned */
    int64_t rows;  /* of the items that are lost */
    int unknown;   /* items whose rows nobody knows */
    int fails;     /* items that make the step fail */
};

/* Kinds of items; what a question is about. */
enum migrate_loss_kind {
    LOSS_TABLE,    /* a table goes, with its rows */
    LOSS_COLUMN,   /* values that are not the default go */
    LOSS_TYPE,     /* values that the other type may not hold */
    LOSS_LABEL,    /* values of an enum that goes */
    LOSS_SEQUENCE, /* where it has got to */
    LOSS_CHANGED,  /* what it does to rows itself: DELETE, UPDATE, .. */
    LOSS_NULL,     /* from here on: rows that refuse the step */
    LOSS_REQUIRED,
    LOSS_UNIQUE,
    LOSS_CHECK,
    LOSS_KEY,
    LOSS_EXCLUDE,
    LOSS_DOMAIN,
    LOSS_KINDS
};
const char *migrate_loss_name(enum migrate_loss_kind kind);

/*
 * Of migrate_loss_find.c: the questions, a new list [{"kind": number,
 * "object": "public.users.email", "table": "public.users", "text": what it
 * is, "sql": a query of one number or absent where it cannot be counted,
 * "most": true where the number is an upper bound}]. without: relations that
 * do not count.
 */
json_t *migrate_loss_find(const json_t *before, const json_t *after,
                          const struct migrate_plan *plan,
                          const json_t *without);

/*
 * Ask them on the live database, each in a transaction of its own with a
 * time limit (the option "count_timeout", default 10s); where that is not
 * enough, the planner's estimate of the table's rows is taken and said to be
 * one. Nonzero with the answer filled when the server is gone. Free in every
 * case.
 */
int migrate_loss_ask(struct pg *db, const json_t *questions,
                     struct migrate_loss *out, struct driver_answer *a);
void migrate_loss_free(struct migrate_loss *loss);

/* Find and ask, for a step that was rehearsed and applies. */
int migrate_loss(struct migrate_prepared *p, const struct migrate_rehearsal *r,
                 struct migrate_loss *out, struct driver_answer *a);

/* The verb migrate.loss. */
int migrate_loss_verb(const struct driver_call *c, struct driver_answer *a);

#endif
