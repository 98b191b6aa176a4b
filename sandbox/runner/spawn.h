/* Starts the interpreter, with nothing of the runner's in its hands but four descriptors. */
#ifndef MATCHBOX_SPAWN_H
#define MATCHBOX_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

/* Where the interpreter finds its end of the control socket; told to it in MATCHBOX_CONTROL_FD. */
enum { CONTROL_FD = 3 };

/* The runner's ends: all close-on-exec and non-blocking. */
struct interpreter {
    pid_t pid;
    int in;      /* writes the program's stdin */
    int out;     /* reads its stdout */
    int err;     /* reads its stderr */
    int control; /* the socket on which it says that it waits, and is told to go */
};

struct interpreter_command {
    char *const *argv;
    char *const *env;
    const char *workspace;
    bool starts_at_run; /* for an interpreter that cannot wait by itself: READY comes without it, RUN starts it */
};

/* Returns false with errno when no process could be made. A failing exec is the child's: status 126 or 127. */
bool interpreter_start(struct interpreter *interpreter, const struct interpreter_command *command);

/* Closes every descriptor of this process beyond the given one. */
void close_above(int last);

#endif
