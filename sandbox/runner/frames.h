/*
 * The frames of sandbox/README.md as bytes in memory: an incremental parser, the shapes of the payloads, and encoders.
 * Nothing here does I/O or knows what a run is.
 */
#ifndef MATCHBOX_FRAMES_H
#define MATCHBOX_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FRAME_HEADER_SIZE = 5,
    FRAME_PAYLOAD_MAX = 65536,
    FRAME_SIZE_MAX = FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX,
    PROTOCOL_VERSION = 3,
    KILL_CAUSE_MIN = 16,
    READY_PAYLOAD_SIZE = 25,
    EXIT_PAYLOAD_SIZE = 60,
};

enum frame_from_daemon {
    FRAME_FILE = 0x01,
    FRAME_DATA = 0x02,
    FRAME_RUN = 0x03,
    FRAME_STDIN = 0x04,
    FRAME_STDIN_END = 0x05,
    FRAME_KILL = 0x06,
    FRAME_COLLECT = 0x07,
    FRAME_DIRECT = 0x08,
};

enum frame_to_daemon {
    FRAME_READY = 0x81,
    FRAME_STDOUT = 0x82,
    FRAME_STDERR = 0x83,
    FRAME_STDIN_ROOM = 0x84,
    FRAME_COLLECTED = 0x85,
    FRAME_COLLECTED_DATA = 0x86,
    FRAME_SKIPPED = 0x87,
    FRAME_EXIT = 0x88,
    FRAME_FAILED = 0x89,
    FRAME_LOG = 0x8a,
    FRAME_DIRECT_ANSWER = 0x8b,
    FRAME_RUNNING = 0x8c,
};

enum skipped_why {
    SKIPPED_BYTES = 1,
    SKIPPED_FILES = 2,
    SKIPPED_NOT_REGULAR = 3,
    SKIPPED_UNREADABLE = 4,
};

enum failed_code {
    FAILED_PROTOCOL = 1,
    FAILED_FILE = 2,
    FAILED_INTERPRETER = 3,
    FAILED_INTERNAL = 4,
};

/* ---- From the daemon ---- */

/* Bytes read and not yet handled. One frame of the largest size fits, so a reader is never stuck. */
struct inbox {
    size_t head;
    size_t tail;
    uint8_t bytes[FRAME_SIZE_MAX];
};

/* The payload points into the inbox and is valid until its next inbox_space(). */
struct frame {
    uint8_t type;
    size_t length;
    const uint8_t *payload;
};

enum inbox_state { INBOX_FRAME, INBOX_NEEDS_MORE, INBOX_BROKEN };

/* Where to read the next bytes to, and how many fit (never 0 once inbox_next() said INBOX_NEEDS_MORE). */
uint8_t *inbox_space(struct inbox *inbox, size_t *room);
void inbox_commit(struct inbox *inbox, size_t length);
bool inbox_is_empty(const struct inbox *inbox);
/* Takes the next whole frame. A bad header is refused before its payload has come; *problem then says why. */
enum inbox_state inbox_next(struct inbox *inbox, struct frame *frame, const char **problem);

/* The parsers return NULL, or what is wrong with the payload. Strings stay where they are, in the inbox. */

struct file_request {
    uint16_t mode;
    const char *path; /* not terminated */
    size_t path_length;
};

struct run_request {
    uint32_t timeout_ms;
    uint32_t grace_ms; /* from SIGTERM at the time-out to SIGKILL; 0: no SIGTERM */
    bool stdin_open;
    uint16_t arguments;
    uint16_t variables;
    const char *strings; /* arguments, then variables, each NUL-terminated */
    size_t strings_length;
};

struct kill_request {
    uint8_t cause;
    uint32_t grace_ms; /* as in RUN */
};

struct collect_request {
    uint64_t max_bytes;
    uint32_t max_files;
    uint16_t patterns;
    const char *strings;
    size_t strings_length;
};

const char *parse_file(const struct frame *frame, struct file_request *request);
const char *parse_run(const struct frame *frame, struct run_request *request);
const char *parse_kill(const struct frame *frame, struct kill_request *request);
const char *parse_collect(const struct frame *frame, struct collect_request *request);

bool utf8_is_valid(const char *text, size_t length);

/* ---- To the daemon ---- */

enum {
    /* Three full frames: reading one while two wait keeps a fast program and a fast daemon both busy. */
    OUTBOX_SIZE = 3 * FRAME_SIZE_MAX,
    /* Kept free of output, so that what the runner itself has to say (EXIT, FAILED, STDIN_ROOM) always fits. */
    OUTBOX_RESERVE = 1024,
    FAILED_TEXT_MAX = 400,
};

/* Encoded frames not yet written. */
struct outbox {
    size_t head;
    size_t tail;
    uint8_t bytes[OUTBOX_SIZE];
};

struct exit_report {
    bool signaled;
    uint8_t code; /* exit code or number of the signal */
    uint8_t cause;
    bool unasked_sigkill;
    bool asked; /* SIGTERM was sent first */
    uint32_t oom_kills;
    uint64_t cpu_us;
    uint64_t max_rss_bytes;
    uint64_t memory_peak_bytes;
    uint64_t elapsed_us;
    uint64_t stdout_bytes;
    uint64_t stderr_bytes;
};

/* The runner's own pipes, as READY offers them: descriptors of PID 1 and what tells them from others. All 0: none. */
struct pipe_offer {
    uint32_t in_fd;
    uint32_t out_fd;
    uint64_t in_inode;
    uint64_t out_inode;
};

bool outbox_is_empty(const struct outbox *outbox);
/*
 * Where the payload of the next frame goes: room for FRAME_PAYLOAD_MAX bytes, or NULL while the daemon is behind. A
 * reader fills it in place and then names the frame with outbox_commit(); without a commit nothing has happened.
 */
uint8_t *outbox_payload(struct outbox *outbox);
void outbox_commit(struct outbox *outbox, uint8_t type, size_t length);

/* Small frames of the runner itself. They live on OUTBOX_RESERVE and return false only when even that is used up. */
bool outbox_ready(struct outbox *outbox, const struct pipe_offer *offer);
bool outbox_direct(struct outbox *outbox);
bool outbox_running(struct outbox *outbox);
bool outbox_stdin_room(struct outbox *outbox, uint32_t bytes);
bool outbox_exit(struct outbox *outbox, const struct exit_report *report);
bool outbox_failed(struct outbox *outbox, enum failed_code code, const char *text);

/* Encode into `payload` (room for FRAME_PAYLOAD_MAX) and return the length. */
size_t encode_collected(uint8_t *payload, uint64_t size, uint16_t mode, const char *path);
size_t encode_skipped(uint8_t *payload, enum skipped_why why, uint64_t size, const char *path);

#endif
