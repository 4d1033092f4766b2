#include "inside.h"
#include "../../../lua/report.c"

/* keep: what is known now stays known. */
void inside_report_reset(int keep)
{
    static size_t known;
    if (keep)
        known = source_count;
    source_count = known;
}
