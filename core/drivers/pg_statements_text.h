/* What can be told of a statement from its text alone. Pure. */
#ifndef RBRUN_DRIVERS_PG_STATEMENTS_TEXT_H
#define RBRUN_DRIVERS_PG_STATEMENTS_TEXT_H

#include <stddef.h>

/* Whether the server looks at its names when it is parsed (SELECT, INSERT,
   UPDATE, DELETE, MERGE, WITH, VALUES, TABLE); of a utility statement only
   the grammar is. */
int pg_statements_planned(const char *query);

/* The name, dotted and quoted as it is, at a character position (from 1, as a
   server's message gives it; text; may be NULL), or "". */
void pg_statements_name(const char *query, const char *position, char *out,
                        size_t size);

/* One line of at most size bytes, cut at a character's end. */
void pg_statements_excerpt(const char *query, char *out, size_t size);

#endif
