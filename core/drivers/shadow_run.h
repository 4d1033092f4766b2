/*
 * The assessment on a scratch PostgreSQL: every migration is applied, the
 * catalog read before and after and compared, the older code's statements
 * are parsed against the newer schema, and all of it is thrown away.
 */
#ifndef RBRUN_DRIVERS_SHADOW_RUN_H
#define RBRUN_DRIVERS_SHADOW_RUN_H

#include "assess_set.h"

/*
 * Apply the set and put the catalog's verdict into entries and net (NULL for
 * a history), as assess_judge_merge does. Returns 0, what tell returned, or
 * a code of assess.h: then no verdict stands.
 */
int shadow_run(const struct assess_question *q, const struct assess_set *set,
               json_t *entries, json_t *net, assess_tell *tell, void *data,
               struct error *err);

#endif
