/*
 * The runner: PID 1 of every sandbox. Starts an interpreter in advance, lets it go on the daemon's word, sends back
 * what it prints and how it ended. ../README.md is the contract.
 */
#include "exit_notice.h"
#include "guard.h"
#include "loop.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* TURN_NS is the least that Linux grants. */
enum { ENVIRONMENT_MAX = 512, COMMAND_MAX = 512, PREPENDED_MAX = 32768, TURN_NS = 100000 };

struct arguments {
    const char *workspace;
    const char *main_name;
    const char *exit_notice;
    bool starts_at_run;
    char **command;
    char *env[ENVIRONMENT_MAX];
    size_t env_count;
};

static _Noreturn void usage_error(const char *problem) {
    (void)dprintf(STDERR_FILENO,
                  "runner: %s\nusage: runner [--env NAME=VALUE]... [--prepend NAME=VALUE]... [--workspace DIR] "
                  "[--exit-notice LIBRARY] [--start ready|run] --main FILE -- COMMAND [ARGUMENT]...\n",
                  problem);
    _exit(RUNNER_USAGE);
}

/* Adds NAME=value; the first one of a name stays. */
static void add_variable(struct arguments *arguments, char *variable) {
    const size_t name = strcspn(variable, "=");
    for (size_t i = 0; i < arguments->env_count; i++) {
        if (strncmp(arguments->env[i], variable, name + 1) == 0) {
            return;
        }
    }
    if (arguments->env_count == ENVIRONMENT_MAX - 1) {
        usage_error("too many environment variables");
    }
    arguments->env[arguments->env_count++] = variable;
}

/*
 * Adds NAME=value in front of what the container's environment has by that name. The last character of the value is
 * what separates the two, and goes where there is nothing to separate.
 */
static void prepend_variable(struct arguments *arguments, char *variable) {
    static char prepended[PREPENDED_MAX];
    static size_t used;
    char *value = strchr(variable, '=');
    if (value == NULL || value == variable || value[1] == '\0') {
        usage_error("--prepend is not NAME=VALUE");
    }
    *value = '\0';
    const char *existing = getenv(variable);
    *value = '=';
    if (existing == NULL || *existing == '\0') {
        variable[strlen(variable) - 1] = '\0';
        add_variable(arguments, variable);
        return;
    }
    char *whole = prepended + used;
    const int length = snprintf(whole, sizeof prepended - used, "%s%s", variable, existing);
    if (length < 0 || (size_t)length >= sizeof prepended - used) {
        usage_error("--prepend makes a variable that is too long");
    }
    used += (size_t)length + 1;
    add_variable(arguments, whole);
}

static bool starts_at_run(const char *start) {
    if (strcmp(start, "run") != 0 && strcmp(start, "ready") != 0) {
        usage_error("--start is neither ready nor run");
    }
    return strcmp(start, "run") == 0;
}

static void parse_arguments(struct arguments *arguments, char **argv) {
    extern char **environ;
    static char control_fd[] = "MATCHBOX_CONTROL_FD=3";
    _Static_assert(CONTROL_FD == 3, "control_fd says 3");
    argv++;
    for (; *argv != NULL && strcmp(*argv, "--") != 0; argv += 2) {
        if (argv[1] == NULL) {
            usage_error("an option without a value");
        }
        if (strcmp(argv[0], "--env") == 0) {
            if (argv[1][0] == '=' || strchr(argv[1], '=') == NULL) {
                usage_error("--env is not NAME=VALUE");
            }
            add_variable(arguments, argv[1]);
        } else if (strcmp(argv[0], "--prepend") == 0) {
            prepend_variable(arguments, argv[1]);
        } else if (strcmp(argv[0], "--start") == 0) {
            arguments->starts_at_run = starts_at_run(argv[1]);
        } else if (strcmp(argv[0], "--workspace") == 0) {
            arguments->workspace = argv[1];
        } else if (strcmp(argv[0], "--main") == 0) {
            arguments->main_name = argv[1];
        } else if (strcmp(argv[0], "--exit-notice") == 0) {
            arguments->exit_notice = argv[1];
        } else {
            usage_error("unknown option");
        }
    }
    if (*argv == NULL || argv[1] == NULL || arguments->main_name == NULL) {
        usage_error("needs --main and a command");
    }
    arguments->command = argv + 1;
    for (size_t words = 0; arguments->command[words] != NULL; words++) {
        if (words == COMMAND_MAX) {
            usage_error("too many words in the command");
        }
    }
    /* Ours first, because the first one of a name stays. */
    add_variable(arguments, control_fd);
    for (char **variable = environ; *variable != NULL; variable++) {
        add_variable(arguments, *variable);
    }
}

/*
 * Has the interpreter load the library that tells of its exit. Returns the token to know its notices by; 0 for none,
 * and then the end is told when the kernel tells it, as where the library is missing or something else is to be
 * preloaded.
 */
static uint32_t add_exit_notice(struct arguments *arguments) {
    static char preload[PATH_MAX], variable[sizeof EXIT_NOTICE_VARIABLE + EXIT_NOTICE_DIGITS];
    uint32_t token = 0;
    if (arguments->exit_notice == NULL || access(arguments->exit_notice, R_OK) != 0 ||
        getrandom(&token, sizeof token, GRND_NONBLOCK) != sizeof token) {
        return 0;
    }
    for (size_t i = 0; i < arguments->env_count; i++) {
        if (strncmp(arguments->env[i], "LD_PRELOAD=", strlen("LD_PRELOAD=")) == 0) {
            return 0;
        }
    }
    token >>= 8;
    (void)snprintf(preload, sizeof preload, "LD_PRELOAD=%s", arguments->exit_notice);
    (void)snprintf(variable, sizeof variable, EXIT_NOTICE_VARIABLE "%0*" PRIx32, EXIT_NOTICE_DIGITS, token);
    add_variable(arguments, preload);
    add_variable(arguments, variable);
    return token;
}

/* All of them: a blocked signal stays pending and cannot end anything, whatever the program sends. */
static void block_signals(void) {
    sigset_t all;
    /* SIGCHLD inherited as ignored would swallow every ending. */
    if (sigfillset(&all) != 0 || sigprocmask(SIG_SETMASK, &all, NULL) != 0 || signal(SIGCHLD, SIG_DFL) == SIG_ERR) {
        loop_fail(FAILED_INTERNAL, "block signals", errno);
    }
}

static int open_signals(void) {
    sigset_t wanted;
    /* Never SIGTERM: the program can send it too, and make the kernel forget who did by filling its user's signal
     * queue. The engine ends a container with SIGKILL. */
    if (sigemptyset(&wanted) != 0 || sigaddset(&wanted, SIGCHLD) != 0 || sigaddset(&wanted, EXIT_NOTICE_SIGNAL) != 0) {
        loop_fail(FAILED_INTERNAL, "sigaddset", errno);
    }
    const int signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0) {
        loop_fail(FAILED_INTERNAL, "signalfd", errno);
    }
    return signals;
}

/*
 * Asks for short turns on the processor, in return for being let on at once: else a program that writes and goes on
 * keeps the runner from its processor for up to 4 ms. Only from Linux 6.12 on; other kernels take no notice. The
 * program, a child of this, is not to have it.
 */
static void take_short_turns(void) {
    struct sched_attr attributes = {
        .size = sizeof attributes,
        .sched_policy = SCHED_NORMAL,
        .sched_flags = SCHED_FLAG_RESET_ON_FORK,
        .sched_runtime = TURN_NS,
    };
    (void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

static int open_workspace(const char *path) {
    const int workspace = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (workspace < 0) {
        loop_fail(FAILED_INTERNAL, path, errno);
    }
    return workspace;
}

static void set_nonblocking(int fd) {
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        loop_fail(FAILED_INTERNAL, "fcntl", errno);
    }
}

int main(int argc, char **argv) {
    (void)argc;
    static struct arguments arguments = {.workspace = "/workspace"};

    /* 1. Signals, before anything else: from here on none of them can end the runner in the middle of a step. */
    block_signals();

    /* 2. Out of reach, before any other code exists in the container: the program runs as the same user, and without
     *    this could trace the runner, read its memory, or reopen its descriptors through /proc and forge frames. It can
     *    not be earlier than here, because exec() makes a process dumpable again. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        loop_fail(FAILED_INTERNAL, "prctl", errno);
    }

    /* 3. Arguments. A wrong one is the operator's mistake, told on stderr: no daemon could make sense of it. */
    parse_arguments(&arguments, argv);

    /* 4. Only as PID 1: there kill(-1) means this container, orphans come here to be reaped, and the kernel ends
     *    everything with the runner. Anywhere else each of the three would be wrong, the first one dangerously. */
    if (getpid() != 1) {
        usage_error("must be PID 1 of a container");
    }

    /* 5. Descriptors that were left to us (CVE-2024-21626), before we open our own. */
    close_above(STDERR_FILENO);
    set_nonblocking(STDIN_FILENO);
    set_nonblocking(STDOUT_FILENO);

    /* 6. Our own: the pipes for a daemon that can reach them, signals, the workspace (by descriptor: what the program
     *    does to the path later does not matter), and the files of the cgroup. */
    wire_open();
    const struct loop_start start = {
        .signals = open_signals(),
        .workspace = open_workspace(arguments.workspace),
        .main_name = arguments.main_name,
        .exit_notice = add_exit_notice(&arguments),
    };
    loop_prepare(&start);

    take_short_turns();

    /* 7. Out of reach by number: as the same user the program may change the priority, processors and limits of every
     *    process but this one. Inherited by all that is started from here on; not earlier, because the steps before
     * would be slower for nothing. */
    if (!guard_install()) {
        loop_fail(FAILED_INTERNAL, "seccomp", errno);
    }

    /* 8. The interpreter. From here on there is somebody to kill, so every way out goes through loop_fail() or the end
     * of the loop, which both see to that. */
    struct interpreter interpreter;
    const struct interpreter_command command = {
        .argv = arguments.command,
        .env = arguments.env,
        .workspace = arguments.workspace,
        .starts_at_run = arguments.starts_at_run,
    };
    if (!interpreter_start(&interpreter, &command)) {
        loop_fail(FAILED_INTERPRETER, "start", errno);
    }

    /* 9. Everything else is events. */
    loop_run(&interpreter);
}
