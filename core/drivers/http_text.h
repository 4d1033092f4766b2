/* Bytes of a server as text that a value or a message may hold. */
#ifndef RBRUN_DRIVERS_HTTP_TEXT_H
#define RBRUN_DRIVERS_HTTP_TEXT_H

#include "../wire/buf.h"

#include <jansson.h>

/*
 * The first max bytes as a JSON text: what is not UTF-8, and NUL, becomes
 * U+FFFD; a character cut in two by max is left out. NULL without memory.
 */
json_t *http_text(const struct buf *bytes, size_t max);

/*
 * Whether path may be put behind a bound address: it begins with "/", holds
 * no blank, control character, backslash or "#", and no segment that leads
 * up, in whatever spelling. So "http://host" can not become
 * "http://host@elsewhere", and "/api" not "/".
 */
int http_is_path(const char *path);

#endif
