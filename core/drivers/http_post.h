/*
 * A notice as one HTTP POST, for the webhook drivers: sends, and says what
 * the answer means. The address is a secret; only scheme, host and port of
 * it are ever shown.
 */
#ifndef RBRUN_DRIVERS_HTTP_POST_H
#define RBRUN_DRIVERS_HTTP_POST_H

#include "http_binding.h"

struct http_post {
    const struct driver_call *c;
    struct http_binding *binding;
    /* NULL, or looks at a 2xx answer, whose body is short and hostile:
       fills *a with a failure when it is none. */
    void (*judge)(const struct driver_call *c, const struct http_answer *h,
                  struct driver_answer *a);
};

/* A notify_try whose context is a struct http_post. */
void http_post_try(void *context, int64_t timeout, int64_t *pause,
                   struct driver_answer *a);

#endif
