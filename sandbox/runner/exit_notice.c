/*
 * Loaded into the waiting interpreter with LD_PRELOAD: sends the notice when the process exits by itself.
 *
 * Freestanding, so that it loads with any C library and has nothing to disturb: what it needs of glibc it takes if it is
 * there. Without on_exit() (musl) it does nothing, and the runner waits for the kernel's word as it does for a signal.
 */
#include "exit_notice.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#pragma weak on_exit
#pragma weak fflush

static uint32_t token;
static long process;

static long system_call(long number, long first, long second, long third) {
    long result;
#if defined(__x86_64__)
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(first), "S"(second), "d"(third)
                     : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = first;
    register long x1 __asm__("x1") = second;
    register long x2 __asm__("x2") = third;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    result = x0;
#else
#error "no system call for this processor yet"
#endif
    return result;
}

/* As wait4() would tell it: of the process itself, and of its children that it has waited for. */
static uint32_t max_rss_kib(void) {
    struct rusage own, children;
    own.ru_maxrss = children.ru_maxrss = 0;
    (void)system_call(SYS_getrusage, RUSAGE_SELF, (long)(uintptr_t)&own, 0);
    (void)system_call(SYS_getrusage, RUSAGE_CHILDREN, (long)(uintptr_t)&children, 0);
    return (uint32_t)(own.ru_maxrss > children.ru_maxrss ? own.ru_maxrss : children.ru_maxrss);
}

/* Registered before anything else, so glibc calls it after everything else: nothing of the program's runs any more. */
static void on_end(int status, void *unused) {
    (void)unused;
    if (system_call(SYS_getpid, 0, 0, 0) != process) {
        return; /* a child has inherited the handler */
    }
    if (fflush != NULL) {
        (void)fflush(NULL); /* what glibc does next */
    }
    siginfo_t notice = {.si_signo = EXIT_NOTICE_SIGNAL, .si_code = SI_QUEUE};
    notice.si_value.sival_ptr = (void *)(uintptr_t)exit_notice(token, max_rss_kib(), (uint8_t)status);
    (void)system_call(SYS_rt_sigqueueinfo, 1, EXIT_NOTICE_SIGNAL, (long)(uintptr_t)&notice);
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
    if (on_exit == NULL) {
        return; /* not glibc: nothing is known of the arguments either */
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
        process = system_call(SYS_getpid, 0, 0, 0);
        (void)on_exit(on_end, NULL);
    }
}
