/* A runner as PID 1 of a PID namespace of its own, and the daemon's side of its frames. */
#ifndef MATCHBOX_TESTS_BOX_H
#define MATCHBOX_TESTS_BOX_H

#include "frames.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { BOX_OUTPUT_MAX = 1 << 20 };

struct box {
    pid_t pid;
    int in;
    int out;
    char workspace[64];
    struct pipe_offer offer; /* what READY said */
};

/* All that came back from a run. Bytes over BOX_OUTPUT_MAX are counted, not kept. */
struct result {
    bool exited;
    uint8_t how, code, cause, flags;
    uint64_t elapsed_us, max_rss_bytes;
    uint64_t told_stdout, told_stderr; /* the counts in EXIT */
    size_t stdout_length, stderr_length;
    char out[BOX_OUTPUT_MAX + 1];
    char err[BOX_OUTPUT_MAX + 1];
    int failed; /* code of FAILED, or 0 */
    char failed_text[FAILED_TEXT_MAX + 1];
    char log[4096];
    char files[8192]; /* one line each: "path size mode fnv1a" or "!why path" */
    uint64_t stdin_granted;
};

/* Whether this machine lets us make a PID namespace. */
bool box_possible(int runner);
/* Starts a shell that says it is ready, waits, and then runs main.sh. */
struct box box_start(int runner);
/* The same with a shell script of the test's own in place of that shell. */
struct box box_start_with(int runner, const char *interpreter);
/* The same with a command that starts at RUN. */
struct box box_start_at_run(int runner, const char *const *command);
/* Whether the program is another user than root, so that the kernel protects PID 1 from it. */
bool box_is_unprivileged(void);

void box_send(const struct box *box, uint8_t type, const void *payload, size_t length);
void box_file(const struct box *box, uint16_t mode, const char *path, const char *content);
void box_run(const struct box *box, const char *script, uint32_t timeout_ms, bool stdin_open);
void box_run_with_grace(const struct box *box, const char *script, uint32_t timeout_ms, uint32_t grace_ms);
void box_kill(const struct box *box, uint8_t cause, uint32_t grace_ms);
void box_collect(const struct box *box, uint64_t bytes, uint32_t files, const char *pattern);
/* Opens a FIFO of the workspace for reading: it hangs up when every process that held it is dead. */
int box_fifo(const struct box *box, const char *name);
bool fifo_hangs_up(int fifo, int timeout_ms);

/* Reads one frame; false at the end of the stream or after 20 s of silence. The payload lives until the next call. */
bool box_next(const struct box *box, struct frame *frame);
/* Reads to READY; false if it does not come. */
bool box_ready(struct box *box);
/* Opens the pipe at this descriptor of the runner's; -1 where this process may not, or it is another pipe. */
int box_pipe(const struct box *box, uint32_t fd, uint64_t inode, int access);
/* Goes over to the pipes that READY offered, to the runner's answer. `stdin_end` and `stdout_end` are the old streams.
 */
bool box_go_direct(struct box *box, int *stdin_end, int *stdout_end);
/* Reads to EXIT, FAILED or the end of the stream. Valid until the next call. */
struct result *box_result(const struct box *box);
/* Closes both streams and returns the status of the runner itself, -1 if it had to be killed. */
int box_end(struct box *box);

#endif
