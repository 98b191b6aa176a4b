/*
 * Loaded into the waiting interpreter with LD_PRELOAD: sends the notice when the process exits by itself.
 *
 * Freestanding, so that it loads with any C library and has nothing to disturb: what it needs of glibc it takes if it
 * is there. Without on_exit() (musl) it does nothing, and the runner waits for the kernel's word as it does for a
 * signal.
 */
#include "exit_notice.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/single_threaded.h>
#include <time.h>
#include <unistd.h>

#pragma weak exit
#pragma weak getpid
#pragma weak getrusage
#pragma weak on_exit
#pragma weak kill
#pragma weak prctl
#pragma weak sigaddset
#pragma weak sigemptyset
#pragma weak sigfillset
#pragma weak sigprocmask
#pragma weak sigtimedwait
#pragma weak __libc_single_threaded

/* What the GNU C library calls its fflush() besides. */
extern int _IO_fflush(FILE *stream);
#pragma weak _IO_fflush

static uint32_t token; /* 0: no notice will be sent */
static pid_t process;

/* As wait4() would tell it: of the process itself, and of its children that it has waited for. */
static uint32_t max_rss_kib(void) {
    struct rusage own, children;
    own.ru_maxrss = children.ru_maxrss = 0;
    (void)getrusage(RUSAGE_SELF, &own);
    (void)getrusage(RUSAGE_CHILDREN, &children);
    return (uint32_t)(own.ru_maxrss > children.ru_maxrss ? own.ru_maxrss : children.ru_maxrss);
}

/* Whether this process is the one whose end is told, and nothing of it can be in the middle of something. */
bool exit_notice_is_alone(void) {
    /* Else a child has inherited all this; or a thread may hold the lock of a stream. */
    return token != 0 && getpid() == process && __libc_single_threaded;
}

static void write_claim(char name[EXIT_CLAIM_DIGITS + 1], uint64_t claim) {
    for (int i = EXIT_CLAIM_DIGITS - 1; i >= 0; i--) {
        name[i] = "0123456789abcdef"[claim & 0xf];
        claim >>= 4;
    }
    name[EXIT_CLAIM_DIGITS] = '\0';
}

/*
 * Until the runner stops this process, which it does where the claim is all that it needs: to end now would take a
 * processor for as long as the kernel needs to take the memory apart, just when the ending is on its way. Where it
 * needs more, it says so, and the process ends as any other.
 */
static void wait_for_runner(void) {
    const struct timespec patience = {.tv_nsec = EXIT_NOTICE_PATIENCE_MS * 1000000L};
    sigset_t answer;
    (void)sigemptyset(&answer);
    (void)sigaddset(&answer, EXIT_NOTICE_ANSWER);
    (void)sigtimedwait(&answer, NULL, &patience);
}

/* Registered before anything else, so glibc calls it after everything else: nothing of the program's runs any more. */
static void on_end(int status, void *unused) {
    (void)unused;
    if (!exit_notice_is_alone()) {
        return;
    }
    (void)_IO_fflush(NULL); /* what glibc does next */
    char name[EXIT_CLAIM_DIGITS + 1], claim[EXIT_CLAIM_DIGITS + 1];
    write_claim(claim, exit_claim(token, max_rss_kib(), (uint8_t)status));
    /* What is claimed must stay true: from here on no handler of the program's can run, and nothing can be forked. */
    sigset_t all, before;
    (void)sigfillset(&all);
    if (sigprocmask(SIG_SETMASK, &all, &before) != 0) {
        return; /* and the end is told when the kernel tells it */
    }
    if (prctl(PR_GET_NAME, name, 0, 0, 0) == 0 && prctl(PR_SET_NAME, claim, 0, 0, 0) == 0) {
        if (kill(1, EXIT_NOTICE_SIGNAL) == 0) {
            wait_for_runner();
        }
        (void)prctl(PR_SET_NAME, name, 0, 0, 0); /* others are alive, and may look */
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
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
    if (_IO_fflush == NULL || exit == NULL || getpid == NULL || getrusage == NULL || on_exit == NULL || kill == NULL ||
        prctl == NULL || sigaddset == NULL || sigemptyset == NULL || sigfillset == NULL || sigprocmask == NULL ||
        sigtimedwait == NULL || &__libc_single_threaded == NULL) {
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
