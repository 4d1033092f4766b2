/*
 * The queries that read a catalog, as a table. What they give becomes JSON by
 * one rule (pg_catalog_write.c): the column's name is the field's, NULL and
 * false are left out.
 */
#ifndef RBRUN_DRIVERS_PG_CATALOG_SQL_H
#define RBRUN_DRIVERS_PG_CATALOG_SQL_H

struct pg_catalog_part {
    const char *name;  /* field of the document, or of a relation */
    int of_relation;   /* its rows begin with the relation's id, "_of", are
                          sorted by it, and $1 is the list of relations */
    const char *query; /* may hold @word@: see pg_catalog_words */
};

/* "relations", then "columns", then the rest; ends with a NULL name. */
extern const struct pg_catalog_part pg_catalog_parts[];

/* What a query says in another way to an older server. */
struct pg_catalog_word {
    const char *word;      /* without the at signs */
    int since;             /* server_version_num */
    const char *new, *old; /* from that version on, before it */
};

extern const struct pg_catalog_word pg_catalog_words[]; /* NULL word: end */

#endif
