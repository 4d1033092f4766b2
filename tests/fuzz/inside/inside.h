/*
 * The worker inside a fuzz target: its own sources, with the socket, the
 * shared page and the end of the process replaced. It is started once; each
 * input finds it as it was after the start, because Lua's heap is one piece
 * of memory that is copied back, and whatever else was allocated is freed.
 * What the sanitizers cannot see here is the inside of Lua's heap; the build
 * with sanitizers of the worker itself, which the specs run, sees that.
 */
#ifndef RBRUN_TESTS_FUZZ_INSIDE_H
#define RBRUN_TESTS_FUZZ_INSIDE_H

#include <stddef.h>
#include <sys/types.h>

#define INSIDE_WAITS (-1) /* it would read on */

/* Start it as a role ("run", "config") on a source, up to its LOADED. */
void inside_start(const char *role, const char *source);

/* Give it frames, as bytes. Its exit status, or INSIDE_WAITS. */
int inside_run(const char *frames, size_t size);

/* Let it evaluate a text as an environment file; as inside_run. */
int inside_config(const char *text, size_t size);

/* What it has written since the start. */
const char *inside_said(size_t *size);
/* Instructions that it has used since it was started. */
unsigned long long inside_used(void);

/* Put everything back; comes after each input. */
void inside_forget(void);

/* -- for the parts of it, among each other -------------------------------- */

_Noreturn void inside_exit(int status);
ssize_t inside_read(int fd, void *bytes, size_t size);
ssize_t inside_write(int fd, const void *bytes, size_t size);
void *inside_page(void);

void *
inside_realloc(void *block,
               size_t size); /* Lua's heap; ends the worker when it is full */
void inside_free(void *block);
void inside_keep(void);    /* remember the heap as it is now */
void inside_again(void);   /* put it back */
void inside_watch(int on); /* note what else is allocated from now on */
void inside_free_all(void);

void inside_link_reset(int release);
void inside_host_reset(void);
void inside_report_reset(int keep);

#endif
