/* One run a service and environment: held, freed, looked at, inherited. */
#define _GNU_SOURCE
#include "../../core/store/lock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "store_place.h"

static int set_up(void **state)
{
    int rc = place_make(state);
    return rc ? rc : setenv("RBRUN_STATE", place, 1);
}

static void held(void **state)
{
    struct error err = {0};
    char who[64];
    int one = -1, two = -1;
    (void)state;
    assert_int_equal(lock_take("api", "lab", "RUN1", 0, &one, &err), 0);
    assert_int_equal(lock_take("api", "lab", "RUN2", 0, &two, &err), RB_BUSY);
    assert_non_null(strstr(err.message, "RUN1"));
    assert_int_equal(lock_holder("api", "lab", who, sizeof who, &err), 0);
    assert_string_equal(who, "RUN1");
    assert_int_equal(lock_name(one, "RUN1-LONGER", &err), 0);
    assert_int_equal(lock_holder("api", "lab", who, sizeof who, &err), 0);
    assert_string_equal(who, "RUN1-LONGER");
    assert_int_equal(lock_name(one, "R", &err), 0);
    assert_int_equal(lock_holder("api", "lab", who, sizeof who, &err), 0);
    assert_string_equal(who, "R");
    close(one);
    assert_int_equal(lock_holder("api", "lab", who, sizeof who, &err), 0);
    assert_string_equal(who, "");
    assert_int_equal(lock_take("api", "lab", "RUN2", 0, &two, &err), 0);
    close(two);
}

/* Names that would meet in one file, or leave the directory. */
static void apart(void **state)
{
    static const char *const names[][2] = {
        {"api", "lab"},     {"ap", "i@lab"}, {"api@lab", ""},
        {"../../x", "lab"}, {"a/b", "lab"},  {"a%2Fb", "lab"},
    };
    struct error err = {0};
    int fds[6];
    char outside[300];
    (void)state;
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(
            lock_take(names[i][0], names[i][1], "RUN", 0, &fds[i], &err), 0);
    for (size_t i = 0; i < 6; i++)
        close(fds[i]);
    snprintf(outside, sizeof outside, "%s/x@lab", place);
    assert_int_not_equal(access(outside, F_OK), 0);
}

/* The engine is dead, its driver process is not yet: nobody runs it, and
   whoever wants it waits for the driver's end. */
static void inherited(void **state)
{
    struct error err = {0};
    int ready[2], again = -1;
    char who[64], byte;
    pid_t engine, driver = 0;
    (void)state;
    assert_int_equal(pipe(ready), 0);
    engine = fork();
    if (engine == 0) {
        int fd;
        if (lock_take("web", "lab", "DEAD", 0, &fd, &err) != 0)
            _exit(1);
        driver = fork();
        if (driver == 0) {
            if (write(ready[1], "x", 1) != 1)
                _exit(1);
            usleep(150000);
            _exit(0);
        }
        pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(lock_holder("web", "lab", who, sizeof who, &err), 0);
    assert_string_equal(who, "DEAD");
    kill(engine, SIGKILL);
    waitpid(engine, NULL, 0);
    assert_int_equal(lock_holder("web", "lab", who, sizeof who, &err), 0);
    assert_string_equal(who, "");
    assert_int_equal(lock_take("web", "lab", "NEXT", 0, &again, &err), 0);
    close(again);
    close(ready[0]);
    close(ready[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(held),
        cmocka_unit_test(apart),
        cmocka_unit_test(inherited),
    };
    return cmocka_run_group_tests(tests, set_up, place_remove);
}
