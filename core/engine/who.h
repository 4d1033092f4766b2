/* Whose command this is, for the journal. Proves nothing: it only tells. */
#ifndef RBRUN_ENGINE_WHO_H
#define RBRUN_ENGINE_WHO_H

#include <stddef.h>

/* The person behind sudo, else the user's name in /etc/passwd, else what the
   login said, else "uid N". */
void who_is_there(char *out, size_t size);

#endif
