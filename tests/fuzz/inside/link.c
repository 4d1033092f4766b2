/* The socket is what the input holds. */
#include "inside.h"

#include <unistd.h>
#define read inside_read
#define write inside_write
#define _exit inside_exit
#include "../../../lua/link.c"

/* The bytes are freed by inside_free_all, but for those of the start. */
void inside_link_reset(int release)
{
    if (release) {
        buf_free(&in);
        buf_free(&out);
    }
    in.data = out.data = NULL;
    in.size = in.room = out.size = out.room = 0;
    last = behind = 0;
}
