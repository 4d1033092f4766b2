/*
 * The worker's end of the socket on descriptor 3: frames are queued, sent
 * as one burst, and read one at a time. It knows no frame's meaning. A peer
 * that is gone or talks nonsense ends the process here: nobody is left to
 * tell.
 */
#ifndef RBRUN_LUA_LINK_H
#define RBRUN_LUA_LINK_H

#include "../core/wire/frame.h"

/*
 * Queue a frame. value is consumed. A burst that grows over 256 KiB is sent
 * in parts. Returns 0, RB_INVALID (nested too deep) or RB_NOMEM;
 * then nothing was queued.
 */
int link_queue(enum frame_type type, uint32_t call, json_t *value);

/* Documents of more bytes end the process with WORKER_FRAME; the size of
   the one that did is left in the page. */
void link_limit(size_t bytes, struct worker_page *page);

/* Send what is queued; its last frame says FRAME_BLOCKED. An empty burst
   becomes one WAIT frame. */
void link_flush(void);

/*
 * Wait for the next frame. Its body is valid until the next link_read; the
 * caller owns f and calls frame_free. Returns 0, or RB_CLOSED when the peer
 * closed between two frames; anything else ends the process.
 */
int link_read(struct frame *f);

#endif
