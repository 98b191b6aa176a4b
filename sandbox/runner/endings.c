#include "endings.h"

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct ending ending_of(int wait_status, uint8_t asked_cause, uint8_t kill_cause) {
    const bool asked = asked_cause != CAUSE_NONE;
    if (WIFEXITED(wait_status)) {
        return (struct ending){.code = (uint8_t)WEXITSTATUS(wait_status), .cause = asked_cause, .asked = asked};
    }
    const int number = WTERMSIG(wait_status);
    return (struct ending){
        .signaled = true,
        .code = (uint8_t)number,
        .cause = number == SIGKILL && !asked ? kill_cause : asked_cause,
        .unasked_sigkill = number == SIGKILL && kill_cause == CAUSE_NONE,
        .asked = asked,
    };
}

void kill_everything(void) {
    /* Outside a PID namespace of its own this call would end the machine's session; main() refuses to run there. */
    if (getpid() == 1) {
        (void)kill(-1, SIGKILL); /* ESRCH: nobody is left; EPERM: only processes that are not the run's */
    }
}
