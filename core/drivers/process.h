/*
 * Run one program for a driver: an argument vector, never a shell; only the
 * environment and the descriptors it is given; its own session and process
 * group, which is killed as a whole at the time limit and when the driver
 * process itself is told to end.
 */
#ifndef RBRUN_DRIVERS_PROCESS_H
#define RBRUN_DRIVERS_PROCESS_H

#include "../wire/buf.h"
#include "../wire/error.h"

#include <stdint.h>

struct process {
    const char *const *argv;        /* ends with NULL; argv[0] is searched in
                                       the PATH of the environment below */
    const char *const *environment; /* "NAME=value", ends with NULL; NULL is
                                       PATH and LC_ALL=C only */
    const char *directory;          /* NULL: where the engine runs */
    int64_t timeout;                /* ms; 0 is none */
    const void *input;              /* standard input; NULL is empty */
    size_t input_size;
    int input_fd;  /* a descriptor to read instead, or 0 for none */
    int output_fd; /* a descriptor for standard output, or 0: captured */
    size_t keep;   /* keep the last so many bytes of each stream (0: 64 KiB) */
};

struct process_result {
    int status;     /* exit status, -1 when a signal ended it */
    int signal;     /* that signal, 0 otherwise */
    int timed_out;  /* killed at the time limit */
    int truncated;  /* more was written than is kept */
    int64_t took;   /* ms */
    struct buf out; /* the last bytes of standard output */
    struct buf err; /* and of standard error */
};

/*
 * Run it and wait. Returns 0 once it has ended, however it ended; RB_NOTFOUND
 * when there is no such program, RB_IO when it could not be started for
 * another reason: then nothing has run. Free the result in every case.
 * A program that ends by itself may leave others running (a restarted
 * service); one that is killed takes its whole group with it.
 */
int process_run(const struct process *p, struct process_result *r,
                struct error *err);
void process_result_free(struct process_result *r);

/* "exited with 3: last line of standard error", for a message. */
void process_describe(const struct process_result *r, char *out, size_t size);

/*
 * Called once in every driver process: on SIGTERM (which it also gets when
 * the engine dies) end the running program's group, then this process.
 */
void process_end_on_term(void);

/* End the running program's group, if there is one: this process ends. */
void process_end_program(void);

#endif
