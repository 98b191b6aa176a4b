/* The life of a sandbox after its interpreter was started: one loop, from READY to EXIT. */
#ifndef MATCHBOX_LOOP_H
#define MATCHBOX_LOOP_H

#include "frames.h"
#include "spawn.h"

/* How the runner itself ends. The daemon learns the same from the frames; these are for whoever looks at the engine. */
enum runner_exit {
    RUNNER_REPORTED = 0,   /* EXIT was sent */
    RUNNER_USAGE = 64,     /* started with wrong arguments */
    RUNNER_FAILED = 70,    /* FAILED was sent */
    RUNNER_ABANDONED = 71, /* the daemon is gone, or the engine asked for the end */
};

struct loop_start {
    int workspace;         /* the folder that files go to and come from */
    int signals;           /* a signalfd for SIGCHLD and EXIT_NOTICE_SIGNAL */
    const char *main_name; /* the program's own file, which is never collected */
    uint32_t exit_notice;  /* the token of notices; 0: none will come */
};

/* Before the interpreter is started: touches the memory that the path of a run will need. */
void loop_prepare(const struct loop_start *start);
_Noreturn void loop_run(const struct interpreter *interpreter);
/* Kills everything, sends FAILED with "what: strerror(errno)" (errno 0: "what" alone) and ends. */
_Noreturn void loop_fail(enum failed_code code, const char *what, int error);

#endif
