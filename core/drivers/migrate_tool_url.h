/* A connection string in the form that tools of other languages read. */
#ifndef RBRUN_DRIVERS_MIGRATE_TOOL_URL_H
#define RBRUN_DRIVERS_MIGRATE_TOOL_URL_H

#include "../wire/error.h"

#include <stddef.h>

/* "host=/run/pg dbname=shop user=x", or an address already, as
   postgresql://x@/shop?host=/run/pg. RB_INVALID, RB_TOOBIG. */
int migrate_tool_url(const char *conninfo, char *out, size_t size,
                     struct error *err);

#endif
