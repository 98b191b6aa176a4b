/* Why and how a run ended, decided once. */
#ifndef MATCHBOX_ENDINGS_H
#define MATCHBOX_ENDINGS_H

#include <stdbool.h>
#include <stdint.h>

enum cause { CAUSE_NONE = 0, CAUSE_TIMEOUT = 1 /* 16 to 255: the daemon's */ };

struct ending {
    bool signaled;
    uint8_t code;
    uint8_t cause;
    bool unasked_sigkill;
    bool asked; /* SIGTERM was sent first, and what followed is told with its cause */
};

/*
 * `wait_status` of the main process, the cause for which the runner asked it to end by SIGTERM, and the first one for
 * which it sent SIGKILL (CAUSE_NONE: it did not). A main process that ended otherwise than by that SIGKILL was faster
 * than the kill, and keeps its own ending: without a cause if nobody had asked, with that of the question if it was
 * asked, because then nobody knows what it would have done.
 */
struct ending ending_of(int wait_status, uint8_t asked_cause, uint8_t kill_cause);

/* SIGKILL to every process in the container but this one. Only ever called by PID 1, where -1 means just that. */
void kill_everything(void);

#endif
