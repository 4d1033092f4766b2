/*
 * Debian's libgit2 is built with mbedTLS, and its git_libgit2_init parses
 * the system's whole bundle of certificates: 5 of the 6 ms that a call of
 * this driver took to get ready, for connections that are never made. There
 * is no switch for it. This module comes before libmbedx509 where the
 * dynamic linker looks for libgit2's symbols (the module is loaded with
 * RTLD_LOCAL, so nobody else's), and answers "no file" instead.
 *
 * What that leaves is a libgit2 that trusts no certificate: should a later
 * libgit2 connect to anything from this module, it fails closed.
 */
int mbedtls_x509_crt_parse_file(void *chain, const char *path);

int mbedtls_x509_crt_parse_file(void *chain, const char *path)
{
    enum { MBEDTLS_ERR_X509_FILE_IO_ERROR = -0x2900 };
    (void)chain;
    (void)path;
    return MBEDTLS_ERR_X509_FILE_IO_ERROR;
}
