/*
 * SHA-256 (FIPS 180-4) of bytes, in one go or in parts, as 64 lower-case
 * hexadecimal digits. Cannot fail and allocates nothing.
 */
#ifndef RBRUN_WIRE_SHA256_H
#define RBRUN_WIRE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_TEXT 65 /* digits and the NUL */

struct sha256 {
    uint32_t state[28]; /* libcrypto's SHA256_CTX */
};

void sha256_start(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *bytes, size_t size);
void sha256_end(struct sha256 *s, char out[SHA256_TEXT]);

void sha256_text(const void *bytes, size_t size, char out[SHA256_TEXT]);

#endif
