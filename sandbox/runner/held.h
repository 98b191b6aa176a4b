/* Holds a command back until RUN, for interpreters that have no hook of ours to wait in. */
#ifndef MATCHBOX_HELD_H
#define MATCHBOX_HELD_H

#include "spawn.h"

/*
 * Called in the child, in place of exec(): reports readiness on CONTROL_FD, waits for the control message, and executes
 * the command with the run's arguments and variables. Returns with errno set when it could not, before READY if the
 * command is not there.
 */
void held_exec(const struct interpreter_command *command);

#endif
