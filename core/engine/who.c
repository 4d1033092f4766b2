#define _GNU_SOURCE
#include "who.h"
#include "../wire/heap.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

/* From the file itself: the C library's other ways to a name load libraries,
   which costs time at every start, and crash when there is no memory for
   them. 1 or 0. */
static int name_in_passwd(uid_t uid, char *out, size_t size)
{
    FILE *f = fopen("/etc/passwd", "re");
    struct passwd entry, *p = NULL;
    char line[4096];
    int found = 0;
    if (!f && errno == ENOMEM)
        heap_end();
    while (f && !found && !fgetpwent_r(f, &entry, line, sizeof line, &p))
        found = p->pw_uid == uid;
    if (found)
        snprintf(out, size, "%s", p->pw_name);
    if (f)
        fclose(f);
    return found;
}

void who_is_there(char *out, size_t size)
{
    const char *sudo = getenv("SUDO_USER");
    const struct passwd *p;
    if (sudo && sudo[0]) {
        snprintf(out, size, "%s", sudo);
        return;
    }
    if (name_in_passwd(getuid(), out, size))
        return;
    p = getpwuid(getuid()); /* known to a directory service only */
    if (p)
        snprintf(out, size, "%s", p->pw_name);
    else
        snprintf(out, size, "uid %u", (unsigned)getuid());
}
