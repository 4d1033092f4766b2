/*
 * Text from a repository as JSON. Commit messages, names and paths in git
 * are bytes in whatever encoding their author used; JSON is UTF-8.
 */
#ifndef RBRUN_DRIVERS_GIT_TEXT_H
#define RBRUN_DRIVERS_GIT_TEXT_H

#include <jansson.h>
#include <stddef.h>

/*
 * A JSON string of at most max bytes; bytes that are not UTF-8 become
 * U+FFFD. NULL only without memory.
 */
json_t *git_text_json(const char *text, size_t size, size_t max);

/* A JSON string of the whole contents, or NULL when they are not text: not
   UTF-8, or with a NUL byte. */
json_t *git_text_content(const void *bytes, size_t size);

#endif
