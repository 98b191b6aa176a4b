/*
 * Loaded into the waiting interpreter with LD_PRELOAD: sends the notice when the process exits by itself.
 *
 * Freestanding, so that it loads with any C library and has nothing to disturb: what it needs of glibc it takes if it
 * is there. Without on_exit() (musl) it does nothing, and the runner waits for the kernel's word as it does for a
 * signal.
 */
#include "exit_notice.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/single_threaded.h>
#include <unistd.h>

#pragma weak fflush
#pragma weak getpid
#pragma weak getrusage
#pragma weak on_exit
#pragma weak sigqueue
#pragma weak __libc_single_threaded

static uint32_t token;
static pid_t process;

/* As wait4() would tell it: of the process itself, and of its children that it has waited for. */
static uint32_t max_rss_kib(void) {
    struct rusage own, children;
    own.ru_maxrss = children.ru_maxrss = 0;
    (void)getrusage(RUSAGE_SELF, &own);
    (void)getrusage(RUSAGE_CHILDREN, &children);
    return (uint32_t)(own.ru_maxrss > children.ru_maxrss ? own.ru_maxrss : children.ru_maxrss);
}

/* Registered before anything else, so glibc calls it after everything else: nothing of the program's runs any more. */
static void on_end(int status, void *unused) {
    (void)unused;
    if (getpid() != process || !__libc_single_threaded) {
        return; /* a child has inherited the handler; or a thread may hold the lock of a stream */
    }
    (void)fflush(NULL); /* what glibc does next */
    const union sigval notice = {.sival_ptr = (void *)(uintptr_t)exit_notice(token, max_rss_kib(), (uint8_t)status)};
    (void)sigqueue(1, EXIT_NOTICE_SIGNAL, notice); /* a full queue: then the end is told when the kernel tells it */
}

static size_t prefix_length(const char *text, const char *prefix) {
    size_t length = 0;
    while (prefix[length] != '\0' && text[length] == prefix[length]) {
        length++;
    }
    return prefix[length] == '\0' ? length : 0;
}

static uint32_t parse_token(const char *digits) {
    uint32_t value = 0;
    for (int i = 0; i < EXIT_NOTICE_DIGITS; i++) {
        const char digit = digits[i];
        if ((digit < '0' || digit > '9') && (digit < 'a' || digit > 'f')) {
            return 0;
        }
        value = value << 4 | (uint32_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    }
    return value;
}

/* glibc passes these three to every constructor. */
__attribute__((constructor)) static void begin(int argc, char **argv, char **environment) {
    (void)argc;
    (void)argv;
    if (fflush == NULL || getpid == NULL || getrusage == NULL || on_exit == NULL || sigqueue == NULL ||
        &__libc_single_threaded == NULL) {
        return; /* no glibc, or one older than 2.32: what constructors are given is not known either */
    }
    char **kept = environment;
    for (char **variable = environment; *variable != NULL; variable++) {
        const size_t ours = prefix_length(*variable, EXIT_NOTICE_VARIABLE);
        if (ours != 0) {
            token = parse_token(*variable + ours);
        } else if (prefix_length(*variable, "LD_PRELOAD=") == 0) {
            *kept++ = *variable;
        }
    }
    *kept = NULL; /* neither the program nor its children see what was set for this */
    if (token != 0) {
        process = getpid();
        (void)on_exit(on_end, NULL);
    }
}
