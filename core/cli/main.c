#include "main.h"

#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int status = rbrun_main(argc, argv);
#ifndef RBRUN_SANITIZE
    /* The modules' libraries have nothing to clear away that matters, and
       their last functions abort where there is no memory for them. */
    fflush(NULL);
    _exit(status);
#endif
    return status;
}
