/*
 * A step by the migration tool's own command, where the environment gives
 * one: for tools whose migrations are programs, or that are to do it
 * themselves. The ledger is read before and after: the step is what the
 * ledger says that it was, whatever the command says.
 *
 * Options read: tool_up, tool_down, tool_dry_run (argument vectors), and
 * those of program.h. In them, and in the values of `set`, are replaced:
 * {url} (a postgresql:// address), {version} (taken back or applied),
 * {previous} (the version below it), {migrations} (a folder with the files
 * of the revision `at`, made for this call), {at}, {key}, {run}, {target}.
 */
#ifndef RBRUN_DRIVERS_MIGRATE_TOOL_H
#define RBRUN_DRIVERS_MIGRATE_TOOL_H

#include "migrate_prepare.h"
#include "program.h"

/* Whether the binding has a command for this direction. */
int migrate_tool_configured(const struct driver_call *c,
                            enum migrate_direction direction);

/* Whether it can be told to work on a copy: {url} is in it. */
int migrate_tool_movable(const struct driver_call *c,
                         enum migrate_direction direction);

/*
 * Of migrate_tool_plan.c: choose the step by the order of the tool's files
 * (migrate_layout.h): plan->file.version, plan->previous, plan->path and
 * contents. RB_NOTFOUND, RB_INVALID: err says why.
 */
int migrate_tool_choose(const json_t *files, const struct migrate_ledger *l,
                        enum migrate_direction direction,
                        struct migrate_plan *plan, struct error *err);

/*
 * Of migrate_tool_traps.c: refuse a command that takes more than one step
 * back, or another than is meant, by what its tool does with such words.
 * argv: a list of texts; tool: NULL where nobody knows it. RB_INVALID.
 */
int migrate_tool_trap(const json_t *argv, const char *tool,
                      enum migrate_direction direction, struct error *err);

/* The same for a binding, when the environment is read. */
int migrate_tool_check(const json_t *binding, struct error *err);

/*
 * Of migrate_tool_files.c: write the files of p->files below a new folder of
 * the call's artifacts. 0, RB_IO, RB_INVALID, RB_TOOBIG.
 */
int migrate_tool_files(const struct migrate_prepared *p, char *folder,
                       size_t size, struct error *err);

/*
 * Run the command of p's direction, key "tool_down", "tool_up" or
 * "tool_dry_run". url: a connection string that {url} is made of. Returns 0
 * when it ended with 0; nonzero with the answer filled. *out, where not NULL,
 * gets what it wrote; free it with buf_free.
 */
int migrate_tool_run(struct migrate_prepared *p, const char *key,
                     const char *url, struct buf *out, struct driver_answer *a);

/*
 * Whether the ledger, as it is now, is one step from before: RB_NOTFOUND, it
 * is as before; RB_INVALID, it is elsewhere; err says where.
 */
int migrate_tool_moved(const struct migrate_prepared *p,
                       const struct migrate_ledger *now, struct error *err);

/*
 * Conflict unless the live ledger is as it was read into p->ledger; why: what
 * stands behind "its ledger moved from version 7 to 6" ("while ..").
 */
int migrate_tool_unmoved(struct migrate_prepared *p, const char *why,
                         struct driver_answer *a);

/* The dry run, where there is one: conflict unless it names exactly the
   version of the step. */
int migrate_tool_dry_run(struct migrate_prepared *p, struct driver_answer *a);

/* The step itself, and its answer; and its probe. */
int migrate_tool_step(struct migrate_prepared *p, struct driver_answer *a);

#endif
