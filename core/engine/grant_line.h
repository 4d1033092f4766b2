/*
 * Where in an environment file a grant would be written. Only the text is
 * looked at, nothing is run: a table that code puts together has no such
 * line, and none is guessed.
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

#endif
