/*
 * Digests that other programs' files and tables hold, as lower-case
 * hexadecimal digits. For our own records there is SHA-256 (sha256.h).
 */
#ifndef RBRUN_WIRE_DIGEST_H
#define RBRUN_WIRE_DIGEST_H

#include <stddef.h>

#define DIGEST_TEXT 97 /* digits of the longest, and the NUL */

void digest_sha1(const void *bytes, size_t size, char out[DIGEST_TEXT]);
void digest_sha384(const void *bytes, size_t size, char out[DIGEST_TEXT]);

#endif
