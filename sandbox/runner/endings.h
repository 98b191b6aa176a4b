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
};

/*
 * `wait_status` of the main process, and the first cause for which the runner sent SIGKILL (CAUSE_NONE: it did not).
 * A main process that ended otherwise than by that SIGKILL was faster than the kill, and keeps its own ending.
 */
struct ending ending_of(int wait_status, uint8_t kill_cause);

/* SIGKILL to every process in the container but this one. Only ever called by PID 1, where -1 means just that. */
void kill_everything(void);

#endif
