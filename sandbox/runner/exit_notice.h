/*
 * How a main process that exits tells the runner so with its last instruction. The kernel tells of an end only when it
 * has torn down the memory of the process, which takes longer than most programs run (../README.md has the figures).
 */
#ifndef MATCHBOX_EXIT_NOTICE_H
#define MATCHBOX_EXIT_NOTICE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* A queued signal to PID 1. It is the last of all signals, because the kernel hands out the lower numbers first: its
 * own word, SIGCHLD, has precedence. */
#define EXIT_NOTICE_SIGNAL 64

/* Its value, from the top: 24 bits of token, 32 of largest resident set in KiB (the runner cannot ask any more), 8 of
 * exit code. The token is no secret from the program: it keeps a signal that means something else from being taken for
 * a notice. */
static inline uint64_t exit_notice(uint32_t token, uint32_t max_rss_kib, uint8_t code) {
    return (uint64_t)token << 40 | (uint64_t)max_rss_kib << 8 | code;
}

/* What the runner answers to a notice that it does not believe: ignored, unless it is waited for. */
#define EXIT_NOTICE_ANSWER SIGCONT

/* How long the process waits to be stopped, or for that answer. */
#define EXIT_NOTICE_PATIENCE_MS 100

/* The token in hexadecimal digits. */
#define EXIT_NOTICE_VARIABLE "MATCHBOX_EXIT_NOTICE="
#define EXIT_NOTICE_DIGITS 6

/* In the library: whether this process would send a notice, and no other thread of it was ever there. */
__attribute__((visibility("hidden"))) bool exit_notice_is_alone(void);

#endif
