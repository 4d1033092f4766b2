/*
 * The process that makes, runs and removes a scratch PostgreSQL; for
 * scratch.c only.
 */
#ifndef RBRUN_DRIVERS_SCRATCH_KEEPER_H
#define RBRUN_DRIVERS_SCRATCH_KEEPER_H

#include <stdint.h>

struct scratch_keeper {
    const char *base;  /* where the directory is made */
    const char *spare; /* where, if the account may not write there; or NULL */
    const char *bin;   /* folder of the programs */
    const char *user;  /* to become where we are root */
    int64_t timeout;   /* ms until the server has to be ready */
    int alive;         /* reads EOF when the owner is gone */
    int report;        /* "+DIRECTORY" or "-what went wrong" is written here */
};

/* Become the keeper, in a process forked for it. */
_Noreturn void scratch_keep(const struct scratch_keeper *k);

#endif
