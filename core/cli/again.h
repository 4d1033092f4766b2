/* The command line that does the same again: what a person is told to type
   next takes the options along that were given. */
#ifndef RBRUN_CLI_AGAIN_H
#define RBRUN_CLI_AGAIN_H

#include "options.h"

struct program;

/* "rbrun plan runbooks/pay.lua --environment prod --input to=v9", with the
   words quoted for a shell where they need it. Without the inputs, and says
   so, when it would be longer than size. Returns out. */
const char *again(const struct options *o, const char *command,
                  const struct program *p, char *out, size_t size);

#endif
