/*
 * Where in a file a person would add what is missing: a grant in an
 * environment, a verb in the `uses` of a runbook. Only the text is looked at,
 * nothing is run: a table that code puts together has no such line, and none
 * is guessed.
 */
#ifndef RBRUN_ENGINE_GRANT_LINE_H
#define RBRUN_ENGINE_GRANT_LINE_H

#include <stddef.h>

/*
 * The line of grants[key] in the source of an environment file; with key
 * NULL, the line of `grants` itself. 0 when the text does not show it. The
 * file may return its table at once or through locals, and add to them with
 * assignments outside of any block; of several of a kind the last one counts.
 */
int grant_line(const char *source, size_t size, const char *key);

/* The line of uses = { ... } in a runbook's header, or 0. */
int uses_line(const char *source, size_t size);

#endif
