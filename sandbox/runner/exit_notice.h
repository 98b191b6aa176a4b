/*
 * How a main process that exits tells the runner so with its last instruction. The kernel tells of an end only when it
 * has torn down the memory of the process, which takes longer than most programs run (../README.md has the figures).
 *
 * It takes two things. The word itself, the claim, is the name of the process (`comm`): only the process itself can set
 * that, so no other process can put it there, and no word of another process is taken for it. The notice is a signal
 * that has the runner look. Anybody may send it, with whatever a signal can say of its sender, and it proves nothing.
 */
#ifndef MATCHBOX_EXIT_NOTICE_H
#define MATCHBOX_EXIT_NOTICE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* To PID 1. It is the last of all signals, because the kernel hands out the lower numbers first: its own word, SIGCHLD,
 * has precedence. */
#define EXIT_NOTICE_SIGNAL 64

/* What the runner answers to a claim that it does not act on: ignored, unless it is waited for. */
#define EXIT_NOTICE_ANSWER SIGCONT

/* How long the process waits to be stopped, or for that answer. */
#define EXIT_NOTICE_PATIENCE_MS 100

/* The token in hexadecimal digits. It is no secret from the program: it keeps a name that means something else from
 * being taken for a claim. */
#define EXIT_NOTICE_VARIABLE "MATCHBOX_EXIT_NOTICE="
#define EXIT_NOTICE_DIGITS 6

/* As long as a name may be: this many hexadecimal digits. From the top: 24 bits of token, 28 of largest resident set in
 * units of 4 KiB (the runner cannot ask any more), 8 of exit code. */
enum { EXIT_CLAIM_DIGITS = 15 };

static inline uint64_t exit_claim(uint32_t token, uint64_t max_rss_kib, uint8_t code) {
    const uint64_t most = ((uint64_t)1 << 28) - 1;
    const uint64_t units = max_rss_kib / 4 < most ? max_rss_kib / 4 : most;
    return (uint64_t)token << 36 | units << 8 | code;
}

static inline uint32_t exit_claim_token(uint64_t claim) {
    return (uint32_t)(claim >> 36);
}

static inline uint64_t exit_claim_rss_kib(uint64_t claim) {
    return (claim >> 8 & (((uint64_t)1 << 28) - 1)) * 4;
}

static inline uint8_t exit_claim_code(uint64_t claim) {
    return (uint8_t)claim;
}

/* In the library: whether this process would claim an exit, and no other thread of it was ever there. */
__attribute__((visibility("hidden"))) bool exit_notice_is_alone(void);

#endif
