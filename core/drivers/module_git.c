/* The drivers of rbrun-git.so: everything that reads git repositories. */
#include "driver.h"

extern const struct driver git_libgit2;

const struct driver *const rbrun_drivers[] = {
    &git_libgit2,
    NULL,
};
