/*
 * The list of system calls for a processor that these tests do not run on:
 * its numbers are those of the kernel's generic table.
 */
#include "../../lua/jail_calls_aarch64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE "/usr/include/asm-generic/unistd.h"

/* The number behind "#define __NR_NAME" or, for calls whose type of offset
   depends on the processor, "#define __NR3264_NAME"; -1 when not found. */
static int number_of(const char *name)
{
    char line[200], plain[64], wide[64];
    FILE *table = fopen(TABLE, "r");
    int number = -1;
    assert_non_null(table);
    snprintf(plain, sizeof plain, "#define __NR_%s ", name);
    snprintf(wide, sizeof wide, "#define __NR3264_%s ", name);
    while (number < 0 && fgets(line, sizeof line, table)) {
        if (strncmp(line, plain, strlen(plain)) == 0)
            number = atoi(line + strlen(plain));
        else if (strncmp(line, wide, strlen(wide)) == 0)
            number = atoi(line + strlen(wide));
    }
    fclose(table);
    return number;
}

static void test_numbers(void **state)
{
    (void)state;
    assert_int_equal(number_of("read"), CALL_READ);
    assert_int_equal(number_of("write"), CALL_WRITE);
    assert_int_equal(number_of("mmap"), CALL_MMAP);
    assert_int_equal(number_of("munmap"), CALL_MUNMAP);
    assert_int_equal(number_of("mremap"), CALL_MREMAP);
    assert_int_equal(number_of("brk"), CALL_BRK);
    assert_int_equal(number_of("exit_group"), CALL_EXIT_GROUP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
