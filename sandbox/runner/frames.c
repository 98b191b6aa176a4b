#include "frames.h"

#include <string.h>

/* ---- Integers, big-endian ---- */

static uint16_t get_u16(const uint8_t *at) {
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get_u32(const uint8_t *at) {
    return (uint32_t)get_u16(at) << 16 | get_u16(at + 2);
}

static uint64_t get_u64(const uint8_t *at) {
    return (uint64_t)get_u32(at) << 32 | get_u32(at + 4);
}

static void put_u16(uint8_t *at, uint16_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put_u32(uint8_t *at, uint32_t value) {
    put_u16(at, (uint16_t)(value >> 16));
    put_u16(at + 2, (uint16_t)value);
}

static void put_u64(uint8_t *at, uint64_t value) {
    put_u32(at, (uint32_t)(value >> 32));
    put_u32(at + 4, (uint32_t)value);
}

/* ---- Parser ---- */

uint8_t *inbox_space(struct inbox *inbox, size_t *room) {
    if (inbox->head > 0) {
        memmove(inbox->bytes, inbox->bytes + inbox->head, inbox->tail - inbox->head);
        inbox->tail -= inbox->head;
        inbox->head = 0;
    }
    *room = sizeof inbox->bytes - inbox->tail;
    return inbox->bytes + inbox->tail;
}

void inbox_commit(struct inbox *inbox, size_t length) {
    inbox->tail += length;
}

bool inbox_is_empty(const struct inbox *inbox) {
    return inbox->head == inbox->tail;
}

enum inbox_state inbox_next(struct inbox *inbox, struct frame *frame, const char **problem) {
    const uint8_t *at = inbox->bytes + inbox->head;
    const size_t have = inbox->tail - inbox->head;
    if (have == 0) {
        return INBOX_NEEDS_MORE;
    }
    if (at[0] < FRAME_FILE || at[0] > FRAME_DIRECT) {
        *problem = "unknown frame type";
        return INBOX_BROKEN;
    }
    if (have < FRAME_HEADER_SIZE) {
        return INBOX_NEEDS_MORE;
    }
    const uint32_t length = get_u32(at + 1);
    if (length > FRAME_PAYLOAD_MAX) {
        *problem = "frame over 65536 bytes";
        return INBOX_BROKEN;
    }
    if (have - FRAME_HEADER_SIZE < length) {
        return INBOX_NEEDS_MORE;
    }
    *frame = (struct frame){.type = at[0], .length = length, .payload = at + FRAME_HEADER_SIZE};
    inbox->head += FRAME_HEADER_SIZE + length;
    return INBOX_FRAME;
}

/* Length of the UTF-8 character at `text`, or 0 if it is none (RFC 3629: no surrogates, no overlong forms). */
static size_t utf8_character(const uint8_t *text, size_t length) {
    const uint8_t first = text[0];
    if (first < 0x80) {
        return 1;
    }
    const size_t need = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || length < need) {
        return 0;
    }
    /* Only the second byte has a narrower range, and only after these four leading bytes. */
    const uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (text[1] < low || text[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < need; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return need;
}

bool utf8_is_valid(const char *text, size_t length) {
    size_t at = 0;
    while (at < length) {
        const size_t step = utf8_character((const uint8_t *)text + at, length - at);
        if (step == 0) {
            return false;
        }
        at += step;
    }
    return true;
}

/* `count` strings, each closed by its NUL, and not a byte more. */
static const char *strings_problem(const char *strings, size_t length, size_t count) {
    if (length > 0 && strings[length - 1] != '\0') {
        return "last string not terminated";
    }
    size_t found = 0;
    for (size_t i = 0; i < length; i++) {
        found += strings[i] == '\0';
    }
    if (found != count) {
        return "wrong number of strings";
    }
    return utf8_is_valid(strings, length) ? NULL : "string is not UTF-8";
}

const char *parse_file(const struct frame *frame, struct file_request *request) {
    if (frame->length < 2) {
        return "FILE too short";
    }
    *request = (struct file_request){
        .mode = get_u16(frame->payload),
        .path = (const char *)frame->payload + 2,
        .path_length = frame->length - 2,
    };
    if (request->mode > 0777) {
        return "FILE mode has more than permission bits";
    }
    return utf8_is_valid(request->path, request->path_length) ? NULL : "FILE path is not UTF-8";
}

const char *parse_run(const struct frame *frame, struct run_request *request) {
    enum { FIXED = 13 };
    if (frame->length < FIXED) {
        return "RUN too short";
    }
    const uint8_t flags = frame->payload[8];
    *request = (struct run_request){
        .timeout_ms = get_u32(frame->payload),
        .grace_ms = get_u32(frame->payload + 4),
        .stdin_open = (flags & 1) != 0,
        .arguments = get_u16(frame->payload + 9),
        .variables = get_u16(frame->payload + 11),
        .strings = (const char *)frame->payload + FIXED,
        .strings_length = frame->length - FIXED,
    };
    if ((flags & ~1) != 0) {
        return "RUN has unknown flags";
    }
    const char *problem =
        strings_problem(request->strings, request->strings_length, (size_t)request->arguments + request->variables);
    if (problem != NULL) {
        return problem;
    }
    const char *string = request->strings;
    for (size_t i = 0; i < (size_t)request->arguments + request->variables; i++) {
        if (i >= request->arguments && (string[0] == '=' || strchr(string, '=') == NULL)) {
            return "variable is not NAME=value";
        }
        string += strlen(string) + 1;
    }
    return NULL;
}

const char *parse_kill(const struct frame *frame, struct kill_request *request) {
    if (frame->length != 5 || frame->payload[0] < KILL_CAUSE_MIN) {
        return "KILL needs one cause, 16 to 255, and a grace";
    }
    *request = (struct kill_request){.cause = frame->payload[0], .grace_ms = get_u32(frame->payload + 1)};
    return NULL;
}

const char *parse_collect(const struct frame *frame, struct collect_request *request) {
    enum { FIXED = 14 };
    if (frame->length < FIXED) {
        return "COLLECT too short";
    }
    *request = (struct collect_request){
        .max_bytes = get_u64(frame->payload),
        .max_files = get_u32(frame->payload + 8),
        .patterns = get_u16(frame->payload + 12),
        .strings = (const char *)frame->payload + FIXED,
        .strings_length = frame->length - FIXED,
    };
    return strings_problem(request->strings, request->strings_length, request->patterns);
}

/* ---- Encoders ---- */

bool outbox_is_empty(const struct outbox *outbox) {
    return outbox->head == outbox->tail;
}

/* Room at the end for `size` more bytes, after moving what waits to the front if that is what it takes. */
static bool outbox_make_room(struct outbox *outbox, size_t size) {
    if (outbox->head == outbox->tail) {
        outbox->head = 0;
        outbox->tail = 0;
    }
    if (sizeof outbox->bytes - outbox->tail >= size) {
        return true;
    }
    if (sizeof outbox->bytes - (outbox->tail - outbox->head) < size) {
        return false;
    }
    memmove(outbox->bytes, outbox->bytes + outbox->head, outbox->tail - outbox->head);
    outbox->tail -= outbox->head;
    outbox->head = 0;
    return true;
}

uint8_t *outbox_payload(struct outbox *outbox) {
    if (!outbox_make_room(outbox, FRAME_SIZE_MAX + OUTBOX_RESERVE)) {
        return NULL;
    }
    return outbox->bytes + outbox->tail + FRAME_HEADER_SIZE;
}

void outbox_commit(struct outbox *outbox, uint8_t type, size_t length) {
    outbox->bytes[outbox->tail] = type;
    put_u32(outbox->bytes + outbox->tail + 1, (uint32_t)length);
    outbox->tail += FRAME_HEADER_SIZE + length;
}

static bool outbox_put(struct outbox *outbox, uint8_t type, const uint8_t *payload, size_t length) {
    if (!outbox_make_room(outbox, FRAME_HEADER_SIZE + length)) {
        return false;
    }
    if (length > 0) {
        memcpy(outbox->bytes + outbox->tail + FRAME_HEADER_SIZE, payload, length);
    }
    outbox_commit(outbox, type, length);
    return true;
}

bool outbox_ready(struct outbox *outbox, const struct pipe_offer *offer) {
    uint8_t payload[READY_PAYLOAD_SIZE] = {PROTOCOL_VERSION};
    put_u32(payload + 1, offer->in_fd);
    put_u64(payload + 5, offer->in_inode);
    put_u32(payload + 13, offer->out_fd);
    put_u64(payload + 17, offer->out_inode);
    return outbox_put(outbox, FRAME_READY, payload, sizeof payload);
}

bool outbox_direct(struct outbox *outbox) {
    return outbox_put(outbox, FRAME_DIRECT_ANSWER, NULL, 0);
}

bool outbox_running(struct outbox *outbox) {
    return outbox_put(outbox, FRAME_RUNNING, NULL, 0);
}

bool outbox_stdin_room(struct outbox *outbox, uint32_t bytes) {
    uint8_t payload[4];
    put_u32(payload, bytes);
    return outbox_put(outbox, FRAME_STDIN_ROOM, payload, sizeof payload);
}

bool outbox_exit(struct outbox *outbox, const struct exit_report *report) {
    uint8_t payload[EXIT_PAYLOAD_SIZE] = {0};
    payload[0] = report->signaled ? 1 : 0;
    payload[1] = report->code;
    payload[2] = report->cause;
    payload[3] = (uint8_t)((report->unasked_sigkill ? 1 : 0) | (report->asked ? 2 : 0));
    put_u32(payload + 4, report->oom_kills);
    put_u64(payload + 8, report->cpu_us);
    put_u64(payload + 16, report->max_rss_bytes);
    put_u64(payload + 24, report->memory_peak_bytes);
    put_u64(payload + 32, report->elapsed_us);
    put_u64(payload + 40, report->stdout_bytes);
    put_u64(payload + 48, report->stderr_bytes);
    return outbox_put(outbox, FRAME_EXIT, payload, sizeof payload);
}

bool outbox_failed(struct outbox *outbox, enum failed_code code, const char *text) {
    uint8_t payload[1 + FAILED_TEXT_MAX];
    const size_t length = strnlen(text, FAILED_TEXT_MAX);
    payload[0] = (uint8_t)code;
    memcpy(payload + 1, text, length);
    return outbox_put(outbox, FRAME_FAILED, payload, 1 + length);
}

size_t encode_collected(uint8_t *payload, uint64_t size, uint16_t mode, const char *path) {
    const size_t length = strlen(path);
    put_u64(payload, size);
    put_u16(payload + 8, mode);
    memcpy(payload + 10, path, length);
    return 10 + length;
}

size_t encode_skipped(uint8_t *payload, enum skipped_why why, uint64_t size, const char *path) {
    const size_t length = strlen(path);
    payload[0] = (uint8_t)why;
    put_u64(payload + 1, size);
    memcpy(payload + 9, path, length);
    return 9 + length;
}
