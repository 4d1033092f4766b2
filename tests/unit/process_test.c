/* process.c: programs that write much, read little, fork, hang or are not
   there, and callers in odd states. */
#define _GNU_SOURCE
#include "../../core/drivers/driver.h"
#include "../../core/drivers/process.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void shell(const char *text, struct process *p)
{
    static const char *argv[4] = {"sh", "-c", NULL, NULL};
    argv[2] = text;
    memset(p, 0, sizeof *p);
    p->argv = argv;
}

static int run(const struct process *p, struct process_result *r)
{
    struct error err = {0};
    return process_run(p, r, &err);
}

/* Whether the process whose number a program printed is still there; one
   that is only waiting to be collected is not. */
static int alive(long pid)
{
    char path[64], state = 'Z';
    FILE *f;
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    f = fopen(path, "r");
    if (!f)
        return 0;
    if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
        state = 'Z';
    fclose(f);
    return state != 'Z';
}

static void keeps_status_and_streams(void **state)
{
    struct process p;
    struct process_result r;
    (void)state;
    shell("echo out; echo err >&2; exit 3", &p);
    assert_int_equal(run(&p, &r), 0);
    assert_int_equal(r.status, 3);
    assert_int_equal(r.signal, 0);
    assert_false(r.timed_out || r.truncated);
    assert_string_equal(buf_text(&r.out), "out\n");
    assert_string_equal(buf_text(&r.err), "err\n");
    process_result_free(&r);
}

static void keeps_the_tail(void **state)
{
    struct process p;
    struct process_result r;
    (void)state;
    shell("seq 1 100000", &p);
    p.keep = 1000;
    assert_int_equal(run(&p, &r), 0);
    assert_true(r.truncated);
    assert_int_equal(r.out.size, 1000);
    assert_memory_equal(r.out.data + 1000 - 13, "99999\n100000\n", 13);
    process_result_free(&r);
}

static void tells_a_signal(void **state)
{
    struct process p;
    struct process_result r;
    char how[200];
    (void)state;
    shell("echo last words; kill -SEGV $$", &p);
    assert_int_equal(run(&p, &r), 0);
    assert_int_equal(r.status, -1);
    assert_int_equal(r.signal, SIGSEGV);
    process_describe(&r, how, sizeof how);
    assert_string_equal(how, "was ended by signal 11 (Segmentation fault): "
                             "last words");
    process_result_free(&r);
}

static void describes_the_last_line_that_says_something(void **state)
{
    struct process p;
    struct process_result r;
    char how[200];
    (void)state;
    shell("echo out; printf 'one\\r\\ntwo \\r\\n\\n  ' >&2; exit 1", &p);
    assert_int_equal(run(&p, &r), 0);
    process_describe(&r, how, sizeof how);
    assert_string_equal(how, "exited with 1: two");
    process_result_free(&r);
    shell("echo out; printf ' \\n' >&2; exit 1", &p);
    assert_int_equal(run(&p, &r), 0);
    process_describe(&r, how, sizeof how);
    assert_string_equal(how, "exited with 1: out");
    process_result_free(&r);
}

static void says_why_it_did_not_start(void **state)
{
    static const char *const missing[] = {"/nonexistent/program", NULL};
    static const char *const plain[] = {"/etc/passwd", NULL};
    static const char *const fine[] = {"true", NULL};
    struct process p = {.argv = missing};
    struct process_result r;
    struct error err = {0};
    (void)state;
    assert_int_equal(process_run(&p, &r, &err), RB_NOTFOUND);
    assert_non_null(strstr(err.message, "/nonexistent/program"));
    process_result_free(&r);
    p.argv = plain;
    assert_int_equal(process_run(&p, &r, &err), RB_IO);
    assert_non_null(strstr(err.message, "Permission denied"));
    process_result_free(&r);
    p.argv = fine;
    p.directory = "/nonexistent";
    assert_int_equal(process_run(&p, &r, &err), RB_IO);
    assert_string_equal(err.message, "cannot start true in /nonexistent: No "
                                     "such file or directory");
    process_result_free(&r);
}

static void feeds_a_large_input(void **state)
{
    enum { SIZE = 3 << 20 };
    char *input = malloc(SIZE);
    struct process p;
    struct process_result r;
    (void)state;
    assert_non_null(input);
    memset(input, 'x', SIZE);
    shell("wc -c", &p);
    p.input = input;
    p.input_size = SIZE;
    assert_int_equal(run(&p, &r), 0);
    assert_string_equal(buf_text(&r.out), "3145728\n");
    process_result_free(&r);
    /* One that does not read it must not be the end of us. */
    shell("exit 5", &p);
    p.input = input;
    p.input_size = SIZE;
    assert_int_equal(run(&p, &r), 0);
    assert_int_equal(r.status, 5);
    process_result_free(&r);
    free(input);
}

static void connects_descriptors(void **state)
{
    char name[] = "/tmp/rbrun-process-XXXXXX", text[32] = "";
    int out = mkstemp(name), in;
    struct process p;
    struct process_result r;
    (void)state;
    assert_true(out > 0);
    in = open("/proc/self/comm", O_RDONLY);
    assert_true(in > 0);
    shell("cat; echo aside >&2", &p);
    p.input_fd = in;
    p.output_fd = out;
    assert_int_equal(run(&p, &r), 0);
    assert_int_equal(r.out.size, 0);
    assert_string_equal(buf_text(&r.err), "aside\n");
    assert_int_equal(pread(out, text, sizeof text - 1, 0), 13);
    assert_string_equal(text, "unit-process\n");
    process_result_free(&r);
    close(in);
    close(out);
    unlink(name);
}

static void hands_on_nothing_else(void **state)
{
    int extra = open("/dev/null", O_RDONLY); /* not close-on-exec */
    struct process p;
    struct process_result r;
    char name[32];
    (void)state;
    snprintf(name, sizeof name, "/proc/self/fd/%d", extra);
    assert_int_equal(access(name, F_OK), 0);
    setenv("OF_OURS", "secret", 1);
    shell("env | sort; ls /proc/self/fd | wc -l; "
          "[ $(cut -d' ' -f6 /proc/$$/stat) = $$ ] && echo own session",
          &p);
    assert_int_equal(run(&p, &r), 0);
    assert_null(strstr(buf_text(&r.out), "OF_OURS"));
    assert_non_null(strstr(buf_text(&r.out), "\n4\n")); /* 3 is ls's own */
    assert_non_null(strstr(buf_text(&r.out), "own session\n"));
    process_result_free(&r);
    close(extra);
}

/* Run what in a process of its own and give its exit status. */
static int apart(int (*what)(void))
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(what());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int without_standard_streams(void)
{
    struct process p;
    struct process_result r;
    close(0);
    close(1);
    close(2);
    shell("cat; echo out; echo err >&2; exit 7", &p);
    if (run(&p, &r) != 0 || strcmp(buf_text(&r.out), "out\n") != 0)
        return 1;
    return strcmp(buf_text(&r.err), "err\n") == 0 ? r.status : 2;
}

static int with_children_ignored(void)
{
    struct process p;
    struct process_result r;
    signal(SIGCHLD, SIG_IGN);
    shell("exit 7", &p);
    return run(&p, &r) == 0 ? r.status : 1;
}

static int with_signals_blocked(void)
{
    struct process p;
    struct process_result r;
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    signal(SIGHUP, SIG_IGN);
    shell("kill -HUP $$; exit 1", &p);
    return run(&p, &r) == 0 && r.signal == SIGHUP ? 7 : 1;
}

static void works_in_an_odd_caller(void **state)
{
    (void)state;
    assert_int_equal(apart(without_standard_streams), 7);
    assert_int_equal(apart(with_children_ignored), 7);
    assert_int_equal(apart(with_signals_blocked), 7);
}

static int kills_group_at_limit(void)
{
    struct process p;
    struct process_result r;
    char *rest;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    shell("(trap '' TERM HUP; sleep 60 & echo $!; wait) & echo $!; sleep 60",
          &p);
    p.timeout = 300;
    if (run(&p, &r) != 0 || !r.timed_out || r.signal != SIGKILL)
        return 1;
    if (r.took < 300 || r.took > 5000)
        return 2;
    return alive(strtol(buf_text(&r.out), &rest, 10)) ||
                   alive(strtol(rest, NULL, 10))
               ? 3
               : 7;
}

static void kills_the_group_at_the_limit(void **state)
{
    (void)state;
    assert_int_equal(apart(kills_group_at_limit), 7);
}

static void does_not_wait_for_what_is_left_running(void **state)
{
    struct process p;
    struct process_result r;
    long left;
    (void)state;
    shell("sleep 60 & echo $!", &p);
    assert_int_equal(run(&p, &r), 0);
    assert_int_equal(r.status, 0);
    assert_true(r.took < 1500);
    left = strtol(buf_text(&r.out), NULL, 10);
    assert_true(left > 1 && alive(left));
    kill((pid_t)left, SIGKILL);
    process_result_free(&r);
    /* Nor for ever for one that goes on writing. */
    shell("(while :; do echo noise || exit; done) & exit 0", &p);
    assert_int_equal(run(&p, &r), 0);
    assert_true(r.took >= 1900 && r.took < 8000);
    process_result_free(&r);
}

/* A driver process that is told to end: its group is gone when it is. */
static void ends_the_group_with_itself(void **state)
{
    int pair[2], status;
    char number[32] = "";
    long a, b;
    char *rest;
    pid_t pid;
    (void)state;
    assert_int_equal(pipe(pair), 0);
    pid = fork();
    if (pid == 0) {
        struct process p;
        struct process_result r;
        process_end_on_term();
        shell("(trap '' TERM; sleep 60 & echo $$ $!; wait) & sleep 60", &p);
        p.output_fd = pair[1];
        run(&p, &r);
        _exit(0);
    }
    close(pair[1]);
    assert_true(read(pair[0], number, sizeof number - 1) > 0);
    a = strtol(number, &rest, 10);
    b = strtol(rest, NULL, 10);
    assert_true(alive(a) && alive(b));
    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + SIGTERM);
    assert_false(alive(a));
    assert_false(alive(b));
    close(pair[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_status_and_streams),
        cmocka_unit_test(keeps_the_tail),
        cmocka_unit_test(tells_a_signal),
        cmocka_unit_test(describes_the_last_line_that_says_something),
        cmocka_unit_test(says_why_it_did_not_start),
        cmocka_unit_test(feeds_a_large_input),
        cmocka_unit_test(connects_descriptors),
        cmocka_unit_test(hands_on_nothing_else),
        cmocka_unit_test(works_in_an_odd_caller),
        cmocka_unit_test(kills_the_group_at_the_limit),
        cmocka_unit_test(does_not_wait_for_what_is_left_running),
        cmocka_unit_test(ends_the_group_with_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
