/*
 * An environment: the table that an environment file returned, checked. It
 * binds names to real systems and grants verbs on them to runbooks. Deny by
 * default; what a runbook `uses` is a request, never a grant.
 */
#ifndef RBRUN_ENGINE_ENVIRONMENT_H
#define RBRUN_ENGINE_ENVIRONMENT_H

#include "../wire/error.h"
#include "../wire/value.h"
#include "limit.h"
#include "grants.h"
#include "verb.h"

struct environment {
    char name[64];
    char file[4096]; /* absolute path */
    char root[4096]; /* its directory */
    char digest[65]; /* of the table's canonical text */
    json_t *table;   /* owned */
    struct limits limits;
};

/*
 * Check and take the table of an environment file: known nouns and drivers,
 * grants that name verbs. RB_INVALID names the place ("deploy.api.releases").
 */
int environment_take(struct environment *e, const char *file, json_t *table,
                     struct error *err);

/*
 * The binding that a call means: args[v->system], or the noun's only one.
 * *name and *binding are borrowed. RB_NOTFOUND lists what there is. For a
 * verb without a system both are NULL.
 */
int environment_binding(const struct environment *e, const struct verb *v,
                        const json_t *args, const char **name,
                        const json_t **binding, struct error *err);

/* Where to bind a system for this verb: fills err->next only. */
void environment_add(const struct environment *e, const char *verb,
                     struct error *err);

/*
 * May this runbook (path below the runbooks folder, or base name) make this
 * call on this system ("" for none)? 0, or RB_DENIED with what to add, and on
 * which line of the file.
 */
int environment_granted(const struct environment *e, const char *runbook,
                        const struct verb *v, const char *system,
                        struct error *err);

void environment_free(struct environment *e);

#endif
