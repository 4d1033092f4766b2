#include "digest.h"
#include "../wire/sha256.h"

void digest_bytes(const void *bytes, size_t size, char out[DIGEST_SIZE])
{
    sha256_text(bytes, size, out);
}

int digest_value(const json_t *value, char out[DIGEST_SIZE])
{
    struct buf text = BUF_INIT(64u << 20);
    int rc = value_encode(value, &text);
    if (!rc)
        digest_bytes(buf_text(&text), text.size, out);
    buf_free(&text);
    return rc;
}
