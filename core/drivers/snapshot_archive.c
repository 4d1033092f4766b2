#define _GNU_SOURCE
#include "snapshot_archive.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

/* Follows the SQL that pg_restore writes: in it, the data of a table are
   lines behind "COPY .. FROM stdin;" up to one that is exactly "\.". A line
   of data is never that, COPY escapes a backslash. */
struct counter {
    int fd;
    int64_t bytes, lines_end;
    int column;    /* in the current line, at most 3 */
    char start[2]; /* its first characters */
};

static void count(struct counter *c, const char *bytes, size_t size)
{
    c->bytes += (int64_t)size;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n') {
            c->lines_end +=
                c->column == 2 && c->start[0] == '\\' && c->start[1] == '.';
            c->column = 0;
        } else if (c->column < 2) {
            c->start[c->column++] = bytes[i];
        } else {
            c->column = 3;
        }
    }
}

static void *drain(void *argument)
{
    static char block[256u << 10];
    struct counter *c = argument;
    ssize_t got;
    while ((got = read(c->fd, block, sizeof block)) != 0) {
        if (got < 0 && errno != EINTR)
            break;
        if (got > 0)
            count(c, block, (size_t)got);
    }
    return NULL;
}

static int verdict(const struct process_result *r, const char *program,
                   const char *directory, struct error *err)
{
    char why[600];
    process_describe(r, why, sizeof why);
    if (r->timed_out)
        return error_set(err, RB_IO, "%s %s %s; raise `timeout`", program,
                         directory, why);
    if (r->status != 0)
        return error_set(err, RB_CORRUPT, "%s cannot read %s: it %s", program,
                         directory, why);
    return 0;
}

/* Run it with its output counted; the last bytes are of no use. */
static int run_counted(const char *const *argv, int64_t timeout,
                       struct counter *c, struct process_result *r,
                       struct error *err)
{
    struct process p = {.argv = argv, .timeout = timeout};
    pthread_t thread;
    int pipes[2], rc;
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return error_set_errno(err, RB_IO, "no pipe for %s", argv[0]);
    c->fd = pipes[0];
    p.output_fd = pipes[1];
    rc = pthread_create(&thread, NULL, drain, c);
    if (rc) {
        close(pipes[0]);
        close(pipes[1]);
        return error_set(err, RB_IO, "no thread to read %s", argv[0]);
    }
    rc = process_run(&p, r, err);
    close(pipes[1]);
    pthread_join(thread, NULL);
    close(pipes[0]);
    return rc ? RB_NOTFOUND : 0;
}

/* Lines of the list as "3321; 0 16386 TABLE DATA public items owner". */
static int64_t count_tables(const char *list)
{
    static const char what[] = " TABLE DATA ";
    int64_t n = 0;
    for (const char *p = strstr(list, what); p; p = strstr(p + 1, what)) {
        const char *line = p;
        while (line > list && line[-1] != '\n')
            line--;
        n += *line != ';';
    }
    return n;
}

static int promised(const char *program, const char *directory, int64_t timeout,
                    int64_t *tables, struct error *err)
{
    const char *argv[] = {program, "--list", directory, NULL};
    struct process p = {.argv = argv, .timeout = timeout, .keep = 64u << 20};
    struct process_result r = {0};
    int rc = process_run(&p, &r, err) ? RB_NOTFOUND : 0;
    if (!rc)
        rc = verdict(&r, program, directory, err);
    if (!rc)
        *tables = count_tables(buf_text(&r.out));
    process_result_free(&r);
    return rc;
}

int snapshot_archive_read(const char *program, const char *directory,
                          int64_t timeout, struct snapshot_archive *out,
                          struct error *err)
{
    const char *argv[] = {program, "--file=-", directory, NULL};
    struct process_result r = {0};
    struct counter c = {0};
    int rc = promised(program, directory, timeout, &out->tables, err);
    if (rc)
        return rc;
    rc = run_counted(argv, timeout, &c, &r, err);
    if (!rc)
        rc = verdict(&r, program, directory, err);
    out->ends = c.lines_end;
    out->bytes = c.bytes;
    if (!rc && out->ends != out->tables)
        rc = error_set(err, RB_CORRUPT,
                       "%s promises the data of %lld tables, and %lld come to "
                       "their end",
                       directory, (long long)out->tables, (long long)out->ends);
    process_result_free(&r);
    return rc;
}
