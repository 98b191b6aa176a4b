#include "spawn.h"

#include "held.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    EXIT_CANNOT_EXECUTE = 126, /* as a shell says it: found, but could not be run */
    EXIT_NOT_FOUND = 127,
    ABOVE_TARGETS = 10, /* any number over CONTROL_FD: keeps the sources out of the way of the targets */
    USUAL_UMASK = 022,
    FALLBACK_FD_MAX = 1024,
};

void close_above(int last) {
#ifdef SYS_close_range
    if (syscall(SYS_close_range, last + 1, UINT_MAX, 0) == 0) {
        return;
    }
#endif
    /* An older kernel, or a seccomp profile that does not know the call. EBADF for most of them is as it should be. */
    for (int fd = last + 1; fd < FALLBACK_FD_MAX; fd++) {
        (void)close(fd);
    }
}

/* Any message goes to the program's stderr, which the runner sends on as LOG. */
static _Noreturn void child_fail(const char *what) {
    const int status = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;
    (void)dprintf(STDERR_FILENO, "runner: %s: %s\n", what, strerror(errno));
    _exit(status);
}

/* Makes the kernel prefer anything of the program's to PID 1, which has to live to tell how the run ended. */
static void offer_to_oom_killer(void) {
    /* The file belongs to root until this process is dumpable again, which the exec below would make it anyway. */
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) {
        return;
    }
    const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return; /* no /proc: the preference is a help, not a condition */
    }
    if (write(fd, "1000", 4) != 4) {
        (void)dprintf(STDERR_FILENO, "runner: oom_score_adj: %s\n", strerror(errno));
    }
    (void)close(fd);
}

/* Phase rule: between fork and exec every failure ends in child_fail(), never in a return to the runner's code. */
static _Noreturn void child(const struct interpreter_command *command, const int sources[CONTROL_FD + 1]) {
    /* Descriptors first: from here on child_fail() has a stderr. A source may sit on another's target, so all of them
     * move up before any moves down; dup2() clears close-on-exec on its target, and on nothing else. */
    int moved[CONTROL_FD + 1];
    for (int target = 0; target <= CONTROL_FD; target++) {
        moved[target] = fcntl(sources[target], F_DUPFD_CLOEXEC, ABOVE_TARGETS);
        if (moved[target] < 0) {
            _exit(EXIT_CANNOT_EXECUTE);
        }
    }
    for (int target = 0; target <= CONTROL_FD; target++) {
        if (dup2(moved[target], target) != target) {
            _exit(EXIT_CANNOT_EXECUTE);
        }
    }
    offer_to_oom_killer();
    if (setsid() < 0) {
        child_fail("setsid");
    }
    /* Folder before signals: the workspace is the runner's argument, and a wrong one should say so. */
    if (chdir(command->workspace) != 0) {
        child_fail(command->workspace);
    }
    (void)umask(USUAL_UMASK);
    /* exec() resets handlers but not ignored signals, and PID 1 may have inherited some. SIGKILL and SIGSTOP refuse. */
    for (int number = 1; number < NSIG; number++) {
        (void)signal(number, SIG_DFL);
    }
    /* Last, because until now a signal would have met the runner's code. */
    sigset_t none;
    if (sigemptyset(&none) != 0 || sigprocmask(SIG_SETMASK, &none, NULL) != 0) {
        child_fail("sigprocmask");
    }
    if (command->starts_at_run) {
        held_exec(command);
    } else {
        (void)execvpe(command->argv[0], command->argv, command->env);
    }
    child_fail(command->argv[0]);
}

static bool set_nonblocking(int fd) {
    const int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

bool interpreter_start(struct interpreter *interpreter, const struct interpreter_command *command) {
    int in[2], out[2], err[2], control[2];
    /* The two ends of a pipe are separate open files, so O_NONBLOCK on ours does not reach the program. */
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) != 0 || !set_nonblocking(in[1]) ||
        !set_nonblocking(out[0]) || !set_nonblocking(err[0]) || !set_nonblocking(control[0])) {
        return false; /* the runner gives up and ends, and its descriptors with it */
    }
    const int sources[CONTROL_FD + 1] = {in[0], out[1], err[1], control[1]};
    const pid_t pid = fork();
    if (pid < 0) {
        return false;
    }
    if (pid == 0) {
        child(command, sources);
    }
    /* Ours go at once: a pipe is at its end only when nobody holds the other side, and that includes us. */
    for (int target = 0; target <= CONTROL_FD; target++) {
        (void)close(sources[target]);
    }
    *interpreter = (struct interpreter){.pid = pid, .in = in[1], .out = out[0], .err = err[0], .control = control[0]};
    return true;
}
