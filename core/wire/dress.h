/*
 * The forms in which a program may print a value that it was given: as it
 * is, inside a JSON text, inside an address. Whoever hides a secret hides
 * all of them.
 */
#ifndef RBRUN_WIRE_DRESS_H
#define RBRUN_WIRE_DRESS_H

#include <stddef.h>

#define DRESS_MAX (64u << 10) /* bytes of a value */

/*
 * Call each(data, text, size) for every form of the value, itself first;
 * forms may be equal. Stops at, and returns, the first result that is not 0;
 * RB_NOMEM, RB_TOOBIG above DRESS_MAX. The forms are wiped afterwards. A
 * value that is not UTF-8 has no JSON form. JSON: RFC 8259, 7, with and
 * without escapes for slashes and for what is not ASCII; address: RFC 3986,
 * 2.1, in both cases of the digits.
 */
int dress_each(const char *value, size_t size,
               int (*each)(void *data, const char *text, size_t size),
               void *data);

/*
 * Call each for every password that stands in a connection string or an
 * address: user:PASSWORD@host, ?password=.., password = '..' (libpq,
 * "Connection Strings"; RFC 3986, 3.2.1), as it stands there and as it is
 * meant. Stops at, and returns, the first result that is not 0.
 */
int dress_passwords(const char *value,
                    int (*each)(void *data, const char *text, size_t size),
                    void *data);

#endif
