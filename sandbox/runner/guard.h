#ifndef MATCHBOX_GUARD_H
#define MATCHBOX_GUARD_H

#include <stdbool.h>

/*
 * Puts a filter over the calling process and all that it starts, on top of the one that the container was started with:
 * PID 1 is out of reach of every call that names a process and changes something about it, and system calls that are
 * newer than the container's filter do not exist. false with errno where the kernel refuses it.
 */
bool guard_install(void);

#endif
