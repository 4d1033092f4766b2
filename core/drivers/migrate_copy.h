/*
 * A copy of a database's schema in a scratch PostgreSQL: pg_dump
 * --schema-only of the live one, its roles and its ledger's rows, and none
 * of its data. A step can be tried there.
 *
 * The scratch server is a private cluster on this machine that nothing else
 * reaches (scratch.h), or a fresh database of the server that the binding's
 * "scratch" names. Either is gone when the copy is freed, or its owner ends.
 * Options read: scratch, scratch_directory, scratch_user, pg_bin.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_COPY_H
#define RBRUN_DRIVERS_MIGRATE_COPY_H

#include "migrate_ledger.h"
#include "scratch.h"

struct migrate_copy {
    struct scratch *scratch; /* NULL: of the server that `scratch` names */
    struct pg admin;         /* that server: keeps the copy's lock */
    struct driver_call call; /* the caller's, with the copy's url */
    json_t *binding;         /* of that call; owned */
    char database[80];
    char url[1400];
    char bin[1024]; /* programs; "" is PATH */
    int roles;      /* owners and privileges were copied, too */
    struct pg db;   /* open on the copy, as the live role */
};

/*
 * Make it. live: an open connection without a transaction; ledger: found.
 * Nonzero with the answer filled: not_found (no server programs), rejected
 * (an extension that is not installed here), auth (the role may not read the
 * schema), retryable (disk full, a lock).
 */
int migrate_copy_make(struct migrate_copy *copy, struct pg *live,
                      const struct migrate_ledger *ledger,
                      struct driver_answer *a);
void migrate_copy_free(struct migrate_copy *copy);

/* For migrate_copy.c only, of migrate_copy_server.c: a fresh database of the
   server that `scratch` names, and its end. */
int migrate_copy_borrow(struct migrate_copy *copy, const char *url,
                        struct driver_answer *a);
void migrate_copy_return(struct migrate_copy *copy);

/* For migrate_copy.c only, of migrate_copy_roles.c: make the live server's
   roles there, as far as they are missing. */
int migrate_copy_roles(struct pg *live, struct pg *admin,
                       struct driver_answer *a);

/* For migrate_copy.c only, of migrate_copy_roles.c: forget who the live
   server's roles are on other servers. */
int migrate_copy_lock_in(struct pg *admin, struct driver_answer *a);

/* For migrate_copy_dump.c: who may do anything in the copy. */
void migrate_copy_admin_url(const struct migrate_copy *copy, char *url,
                            size_t size);

/* For migrate_copy.c only, of migrate_copy_dump.c: dump and restore. */
int migrate_copy_schema(struct migrate_copy *copy, struct pg *live,
                        struct driver_answer *a);

#endif
