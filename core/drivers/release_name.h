/*
 * What people call a version: a release's name, the same without its leading
 * "v", or its commit, whole or as a prefix. Deploy targets compare by this.
 */
#ifndef RBRUN_DRIVERS_RELEASE_NAME_H
#define RBRUN_DRIVERS_RELEASE_NAME_H

#include "driver.h"

/*
 * Whether text can be the name of a version at all: 1 to 255 bytes of UTF-8
 * without blanks at its ends, control characters or marks that turn the
 * direction of the text (utf8_commands). What a program printed or
 * a directory is called may be anything.
 */
int release_is_name(const char *text);

/* Whether asked is a commit's hash: 7 to 64 hexadecimal digits. */
int release_is_commit(const char *asked);

/*
 * Whether asked means the release with this name and commit (NULL or "" when
 * it is not known). Equal names, names that differ in a leading "v" before a
 * digit, and a prefix of the commit of 7 digits or more.
 */
int release_matches(const char *asked, const char *name, const char *commit);

/* How far two names are apart: insertions, removals and replacements of one
   byte (Levenshtein 1966); names are compared up to 63 bytes. */
unsigned release_distance(const char *a, const char *b);

#endif
