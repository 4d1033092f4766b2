/*
 * A step tried on a copy of the live schema that holds no data: whether it
 * applies, what it locks and rewrites, and whether the way back leads to the
 * schema that was there before.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_REHEARSE_H
#define RBRUN_DRIVERS_MIGRATE_REHEARSE_H

#include "migrate_prepare.h"

enum migrate_restores {
    RESTORES_UNKNOWN,
    RESTORES_YES,
    RESTORES_ORDER, /* all but the order of columns */
    RESTORES_NO
};
const char *migrate_restores_name(enum migrate_restores r);

struct migrate_rehearsal {
    int applies;
    char error[1024];       /* why it does not */
    json_t *before, *after; /* catalogs of the copy (pg_catalog.h); owned,
                               after only when it applies */
    json_t *locks; /* [{"relation","mode","work":"rewrite|scan|index|none"}]
                      of relations that were there before; owned */
    enum migrate_restores restores;
    char compared[256];      /* with what, or why it cannot be told */
    json_t *missing, *extra; /* texts: what would be missing, or too much */
    int64_t took;            /* ms */
};

/*
 * Try it. p: prepared, without a transaction. Returns 0 when the rehearsal
 * was held, whatever came of it; nonzero with the answer filled when there
 * could be none (migrate_copy.h). Free in every case.
 */
int migrate_rehearse(struct migrate_prepared *p, struct migrate_rehearsal *out,
                     struct driver_answer *a);
void migrate_rehearsal_free(struct migrate_rehearsal *r);

/* The verb migrate.rehearse. */
int migrate_rehearse_verb(const struct driver_call *c, struct driver_answer *a);

/*
 * Of migrate_rehearse_diff.c: two catalogs by name, whatever server each is
 * from. *missing and *extra become new lists of texts, such as "column
 * public.users.email: type character varying(50)". without: relations that
 * do not count, ["schema.table"]. owners: 0 where the two are of different
 * servers: owners, privileges and versions of extensions do not count then.
 */
enum migrate_restores migrate_rehearse_compare(const json_t *old,
                                               const json_t *new,
                                               const json_t *without,
                                               int owners, json_t **missing,
                                               json_t **extra);

/*
 * Of migrate_rehearse_past.c: the catalog that snapshot.catalog kept of the
 * call's argument "from", newest first, of the same database. *document is a
 * new reference; what it is goes into label. RB_NOTFOUND, or another code:
 * err says why there is none.
 */
int migrate_rehearse_past(const struct driver_call *c, const char *database,
                          json_t **document, char *label, size_t size,
                          struct error *err);

/* The ledger and rbrun's own table, as ["schema.table"]. */
json_t *migrate_rehearse_without(const struct migrate_ledger *l);

#endif
