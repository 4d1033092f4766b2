/* SHA-256 (FIPS 180-4) by OpenSSL, as 64 lower-case hexadecimal digits. */
#ifndef RBRUN_STORE_DIGEST_H
#define RBRUN_STORE_DIGEST_H

#include "../wire/value.h"

#include <stddef.h>

#define DIGEST_SIZE 65 /* with the final NUL */

void digest_bytes(const void *bytes, size_t size, char out[DIGEST_SIZE]);

/* The digest of a value's canonical text. 0, RB_NOMEM or RB_INVALID. */
int digest_value(const json_t *value, char out[DIGEST_SIZE]);

#endif
