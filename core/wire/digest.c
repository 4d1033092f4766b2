/* libcrypto's own functions, not EVP: see sha256.c. */
#define OPENSSL_API_COMPAT 0x10101000L /* where they are not deprecated */
#include "digest.h"

#include <openssl/sha.h>

static void hex(const unsigned char *raw, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[raw[i] >> 4];
        out[2 * i + 1] = digits[raw[i] & 15];
    }
    out[2 * size] = '\0';
}

void digest_sha1(const void *bytes, size_t size, char out[DIGEST_TEXT])
{
    unsigned char raw[SHA_DIGEST_LENGTH];
    SHA_CTX context;
    SHA1_Init(&context);
    SHA1_Update(&context, bytes, size);
    SHA1_Final(raw, &context);
    hex(raw, sizeof raw, out);
}

void digest_sha384(const void *bytes, size_t size, char out[DIGEST_TEXT])
{
    unsigned char raw[SHA384_DIGEST_LENGTH];
    SHA512_CTX context;
    SHA384_Init(&context);
    SHA384_Update(&context, bytes, size);
    SHA384_Final(raw, &context);
    hex(raw, sizeof raw, out);
}
