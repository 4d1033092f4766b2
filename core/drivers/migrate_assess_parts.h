/*
 * What the parts of migrate.assess share: one file a witness, and one that
 * weighs them. Not for others.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_ASSESS_PARTS_H
#define RBRUN_DRIVERS_MIGRATE_ASSESS_PARTS_H

#include "assess_set.h"
#include "migrate_difference.h"
#include "migrate_ledger.h"
#include "migrate_sql.h"

#define ASSESS_SHOWN 100           /* findings of a list, in the answer */
#define ASSESS_TIMEOUT (60 * 1000) /* ms of one question to the reader */

struct assessing {
    const struct driver_call *call;
    struct pg db;
    struct migrate_ledger ledger;
    struct migrate_difference gap; /* the ledger against the newer files */
    char commit[80];               /* of `from`, or "" */

    struct assess_set set; /* the files of both sides */
    json_t *text;          /* {"heard","verdict","because"}; owned */
    json_t *migrations;    /* [{"file","version","verdict","applied",..}] */
    json_t *net;           /* the reader's reply: what is applied, as one
                              change; NULL: nothing applied, or not read */
    size_t applied;

    json_t *record;         /* of the kept catalog, or NULL; owned */
    struct buf then;        /* the kept catalog */
    json_t *catalog;        /* {"heard","verdict","because","taken_at"} */
    json_t *catalog_answer; /* the reader's reply, or NULL; owned */

    json_t *statements; /* {"heard","source","tested",..}; owned */

    json_t *general; /* findings that are of no file: the ledger's; owned */
};

/* The worse of two verdicts; "none" is the best. */
const char *assessing_worse(const char *a, const char *b);

/* A finding, put into a list; line 0 and NULL texts are left out. */
void assessing_finding(json_t *list, const char *level, const char *code,
                       const char *object, const char *file, const char *text,
                       const char *safe);

/* Which migrations lie between the releases, and which of them are applied.
   Returns nonzero with the answer filled where the environment does not say
   where migrations are; where they cannot be put in order, the text is not
   heard, and says why. */
int assessing_text(struct assessing *x, struct driver_answer *a);

/* Judge them, after the kept catalog was looked for. */
void assessing_text_judge(struct assessing *x);

/* The kept catalog of `from` against the live one. Always says something;
   nonzero when the database has gone away. */
int assessing_catalog(struct assessing *x, struct driver_answer *a);

/* The older code's statements against the live schema; the same. */
int assessing_statements(struct assessing *x, struct driver_answer *a);

/* The newer code's files and the ledger: dirty, ahead, unknown. */
void assessing_ledger(struct assessing *x, const json_t *files);

/* All of it as the answer of the verb. */
int assessing_answer(struct assessing *x, json_t *boot,
                     struct driver_answer *a);

#endif
