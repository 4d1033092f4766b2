/*
 * The source of a runbook and of its modules: read from disk once, stored
 * with the run, and run from there ever after.
 */
#ifndef RBRUN_ENGINE_PROGRAM_H
#define RBRUN_ENGINE_PROGRAM_H

#include "../store/digest.h"
#include "../wire/buf.h"
#include "../wire/error.h"
#include "../wire/value.h"

#define SOURCE_MAX (256u << 10)
#define MODULES_MAX 64

struct module {
    char *name; /* "policy.errors" */
    char *file; /* "policy/errors.lua", below the root */
    struct buf source;
    char digest[DIGEST_SIZE];
};

struct program {
    char name[256];    /* path below the runbooks folder, "api.lua" */
    char granted[256]; /* an edited source: the name of the run's own, which it
                          keeps; else "" */
    char path[4096];   /* absolute path on disk */
    char root[4096];   /* the runbooks folder: modules live below it */
    struct buf source;
    char digest[DIGEST_SIZE];
    struct module *modules;
    size_t count;
    int stored; /* from a run's directory: disk is not looked at */
};

/*
 * Read a runbook. Its root is the nearest folder above it named "runbooks",
 * else the folder it lies in. RB_NOTFOUND, RB_TOOBIG (over 256 KiB), RB_IO.
 */
int program_read(struct program *p, const char *file, struct error *err);

/* The name that grants are looked up for. Borrowed from p. */
const char *program_granted(const struct program *p);

/* The path for a person to type: relative where it lies below the working
   directory. Borrowed from p; "FILE" for a program that has none. */
const char *program_shown(const struct program *p);

/*
 * The module of a name: dots are folders below the root; links that leave
 * the root are refused. *out is borrowed from p.
 */
int program_module(struct program *p, const char *name,
                   const struct module **out, struct error *err);

/* Store everything under DIRECTORY/program/, durably. */
int program_store(const struct program *p, const char *directory,
                  struct error *err);

/* What the first record pins: {"runbook":{..},"modules":[..]}. */
json_t *program_describe(const struct program *p);

/* Read back what program_store wrote, as described by the first record. */
int program_load(struct program *p, const char *directory,
                 const json_t *description, struct error *err);

void program_free(struct program *p);

#endif
