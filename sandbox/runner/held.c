#include "held.h"

#include "frames.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    STRINGS_MAX = UINT16_MAX, /* RUN counts arguments and variables in 16 bits each */
    OWN_MAX = 1024,           /* words of the command, and variables of the runner's own */
};

/* All of it is the child's: the runner itself never touches these pages. */
static struct {
    char message[FRAME_PAYLOAD_MAX + 16];
    char *argv[OWN_MAX + STRINGS_MAX + 1];
    char *env[OWN_MAX + STRINGS_MAX + 1];
} held;

/* As execvpe() will look for it, so that a command which is missing is told before READY and not by every run. */
static bool can_execute(const char *name) {
    if (strchr(name, '/') != NULL) {
        return access(name, X_OK) == 0;
    }
    const char *folders = getenv("PATH");
    int error = ENOENT;
    for (const char *at = folders != NULL ? folders : "/bin:/usr/bin"; at != NULL;) {
        char path[PATH_MAX];
        const size_t length = strcspn(at, ":");
        const int written = snprintf(path, sizeof path, "%.*s/%s", (int)length, at, name);
        if (written > 0 && (size_t)written < sizeof path && access(path, X_OK) == 0) {
            return true;
        }
        error = errno == EACCES ? EACCES : error;
        at = at[length] == ':' ? at + length + 1 : NULL;
    }
    errno = error;
    return false;
}

/* The control message, whole. Returns its length, or -1 with errno. */
static ssize_t read_message(void) {
    size_t length = 0;
    for (;;) {
        const ssize_t got = read(CONTROL_FD, held.message + length, sizeof held.message - length);
        if (got == 0) {
            return (ssize_t)length;
        }
        if (got > 0) {
            length += (size_t)got;
        } else if (errno != EINTR) {
            return -1;
        }
    }
}

static size_t copy(char **to, char *const *from, const char *except) {
    size_t count = 0;
    for (; *from != NULL; from++) {
        if (except == NULL || strncmp(*from, except, strlen(except)) != 0) {
            to[count++] = *from;
        }
    }
    return count;
}

/* A variable of the run's takes the place of one by the same name. */
static size_t set_variable(size_t count, char *variable) {
    const size_t name = strcspn(variable, "=") + 1;
    for (size_t i = 0; i < count; i++) {
        if (strncmp(held.env[i], variable, name) == 0) {
            held.env[i] = variable;
            return count;
        }
    }
    held.env[count] = variable;
    return count + 1;
}

void held_exec(const struct interpreter_command *command) {
    /* The runner's own descriptors, which exec() would close: as long as this process has a copy of the other end of
     * the control socket, that has no end to read to. */
    close_above(CONTROL_FD);
    if (!can_execute(command->argv[0]) || write(CONTROL_FD, ".", 1) != 1) {
        return;
    }
    const ssize_t length = read_message();
    if (length < 0 || close(CONTROL_FD) != 0) {
        return;
    }
    size_t arguments = copy(held.argv, command->argv, NULL);
    size_t variables = copy(held.env, command->env, "MATCHBOX_CONTROL_FD=");
    /* The runner has checked what it passes on: the number of arguments, then all strings, each closed by NUL. */
    char *at = held.message;
    const char *end = held.message + length;
    unsigned long arguments_left = length > 0 ? strtoul(at, NULL, 10) : 0;
    while (at < end && (at += strlen(at) + 1) < end) {
        if (arguments_left > 0) {
            held.argv[arguments++] = at;
            arguments_left--;
        } else {
            variables = set_variable(variables, at);
        }
    }
    held.argv[arguments] = NULL;
    held.env[variables] = NULL;
    (void)execvpe(held.argv[0], held.argv, held.env);
}
