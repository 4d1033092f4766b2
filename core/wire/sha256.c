/*
 * libcrypto's own SHA-256 rather than its EVP interface: EVP sets up the
 * whole library at the first digest (1.7 ms, half of what starting rbrun
 * takes), and linked statically these functions are all that is linked.
 */
#define OPENSSL_API_COMPAT 0x10101000L /* where they are not deprecated */
#include "sha256.h"

#include <openssl/sha.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct sha256),
               "struct sha256 must hold a SHA256_CTX");

static SHA256_CTX *context(struct sha256 *s)
{
    return (SHA256_CTX *)(void *)s->state;
}

void sha256_start(struct sha256 *s)
{
    SHA256_Init(context(s));
}

void sha256_add(struct sha256 *s, const void *bytes, size_t size)
{
    SHA256_Update(context(s), bytes, size);
}

void sha256_end(struct sha256 *s, char out[SHA256_TEXT])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char raw[SHA256_DIGEST_LENGTH];
    SHA256_Final(raw, context(s));
    for (size_t i = 0; i < sizeof raw; i++) {
        out[2 * i] = hex[raw[i] >> 4];
        out[2 * i + 1] = hex[raw[i] & 15];
    }
    out[2 * sizeof raw] = '\0';
}

void sha256_text(const void *bytes, size_t size, char out[SHA256_TEXT])
{
    struct sha256 s;
    sha256_start(&s);
    sha256_add(&s, bytes, size);
    sha256_end(&s, out);
}
