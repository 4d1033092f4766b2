#include "jail.h"
#include "../wire/layer.h"

#include <stdio.h>

void jail_warn(const struct view *v, const struct run *r)
{
    char names[100], text[300];
    unsigned missing = JAIL_ALL & ~layer_set(r->jail);
    if (!missing || !r->jail) /* or it was never closed */
        return;
    layer_names(missing, names, sizeof names);
    snprintf(text, sizeof text,
             "the runbook's jail lacks %s on this machine (rbrun doctor); "
             "--require-jail would refuse to run",
             names);
    view_warning(v, text);
}
