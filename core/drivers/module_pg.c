/* The module rbrun-pg.so: what needs libpq. */
#include "driver.h"

extern const struct driver migrate_postgres;

const struct driver *const rbrun_drivers[] = {
    &migrate_postgres,
    NULL,
};
