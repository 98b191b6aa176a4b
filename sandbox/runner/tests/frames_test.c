#include "check.h"
#include "frames.h"
#include "ring.h"

#include <stdlib.h>
#include <string.h>

static struct inbox inbox;
static struct outbox outbox;
static struct ring ring;

static void feed(const void *bytes, size_t length) {
    size_t room = 0;
    uint8_t *space = inbox_space(&inbox, &room);
    EXPECT(room >= length);
    memcpy(space, bytes, length);
    inbox_commit(&inbox, length);
}

static enum inbox_state next(struct frame *frame) {
    const char *problem = NULL;
    const enum inbox_state state = inbox_next(&inbox, frame, &problem);
    EXPECT((state == INBOX_BROKEN) == (problem != NULL));
    return state;
}

static void parser_takes_any_split(void) {
    static const uint8_t bytes[] = {0x05, 0, 0, 0, 0, 0x06, 0, 0, 0, 1, 16, 0x02, 0, 0, 0, 3, 'a', 'b', 'c'};
    for (size_t split = 0; split <= sizeof bytes; split++) {
        struct frame frame;
        size_t frames = 0;
        memset(&inbox, 0, sizeof inbox);
        feed(bytes, split);
        while (next(&frame) == INBOX_FRAME) {
            frames++;
        }
        feed(bytes + split, sizeof bytes - split);
        while (next(&frame) == INBOX_FRAME) {
            frames++;
        }
        EXPECT(frames == 3);
        EXPECT(frame.type == FRAME_DATA && frame.length == 3 && memcmp(frame.payload, "abc", 3) == 0);
    }
}

static void parser_takes_single_bytes(void) {
    static const uint8_t bytes[] = {0x06, 0, 0, 0, 1, 77, 0x05, 0, 0, 0, 0};
    struct frame frame;
    size_t frames = 0;
    memset(&inbox, 0, sizeof inbox);
    for (size_t i = 0; i < sizeof bytes; i++) {
        feed(bytes + i, 1);
        while (next(&frame) == INBOX_FRAME) {
            frames++;
        }
    }
    EXPECT(frames == 2);
}

static void parser_takes_the_largest_frame(void) {
    static uint8_t bytes[FRAME_SIZE_MAX] = {0x04, 0, 1, 0, 0};
    struct frame frame;
    memset(&inbox, 0, sizeof inbox);
    feed(bytes, sizeof bytes - 1);
    EXPECT(next(&frame) == INBOX_NEEDS_MORE);
    feed(bytes, 1);
    EXPECT(next(&frame) == INBOX_FRAME && frame.length == FRAME_PAYLOAD_MAX);
    size_t room = 0;
    (void)inbox_space(&inbox, &room);
    EXPECT(room == FRAME_SIZE_MAX);
}

static void parser_refuses_an_oversized_frame(void) {
    static const uint8_t bytes[] = {0x02, 0, 1, 0, 1};
    struct frame frame;
    memset(&inbox, 0, sizeof inbox);
    feed(bytes, sizeof bytes);
    EXPECT(next(&frame) == INBOX_BROKEN);
}

static void parser_refuses_unknown_types(void) {
    for (unsigned type = 0; type < 256; type++) {
        const uint8_t byte = (uint8_t)type;
        struct frame frame;
        memset(&inbox, 0, sizeof inbox);
        feed(&byte, 1);
        EXPECT(next(&frame) == (type >= FRAME_FILE && type <= FRAME_DIRECT ? INBOX_NEEDS_MORE : INBOX_BROKEN));
    }
}

/* Every payload is copied to a piece of memory of exactly its size: the sanitizer sees a parser that reads beyond. */
static struct frame exact(const void *payload, size_t length, uint8_t **copy) {
    *copy = malloc(length > 0 ? length : 1);
    if (*copy == NULL) {
        abort();
    }
    memcpy(*copy, payload, length);
    return (struct frame){.length = length, .payload = *copy};
}

static const char *run_problem(const void *payload, size_t length) {
    uint8_t *copy = NULL;
    struct run_request request;
    const struct frame frame = exact(payload, length, &copy);
    const char *problem = parse_run(&frame, &request);
    free(copy);
    return problem;
}

#define RUN_PROBLEM(text) run_problem(text, sizeof text - 1)

static void run_is_checked(void) {
    EXPECT(RUN_PROBLEM("\0\0\0\0\0\0\0\0\0\0\0\0\0") == NULL);
    EXPECT(RUN_PROBLEM("\0\0\0\0\0\0\0\0\1\0\1\0\1ab\0C=d\0") == NULL);
    EXPECT(RUN_PROBLEM("\0\0\0\0\0\0\0\0\0\0\1\0\0\0") == NULL);         /* an empty argument */
    EXPECT(RUN_PROBLEM("\0\0\0\0\0\0\0\0\0\0\0\0\1N=\0") == NULL);       /* an empty value */
    EXPECT(RUN_PROBLEM("\0\0\0\0\0\0\0\0\0\0\0\0") != NULL);             /* too short */
    EXPECT(RUN_PROBLEM("\0\0\0\0\0\0\0\0\2\0\0\0\0") != NULL);           /* unknown flag */
    EXPECT(RUN_PROBLEM("\0\0\0\0\0\0\0\0\0\0\1\0\0") != NULL);           /* argument missing */
    EXPECT(RUN_PROBLEM("\0\0\0\0\0\0\0\0\0\0\1\0\0ab") != NULL);         /* not terminated */
    EXPECT(RUN_PROBLEM("\0\0\0\0\0\0\0\0\0\0\1\0\0ab\0c\0") != NULL);    /* one too many */
    EXPECT(RUN_PROBLEM("\0\0\0\0\0\0\0\0\0\0\0\0\0x") != NULL);          /* bytes left over */
    EXPECT(RUN_PROBLEM("\0\0\0\0\0\0\0\0\0\0\0\0\1AB\0") != NULL);       /* no = */
    EXPECT(RUN_PROBLEM("\0\0\0\0\0\0\0\0\0\0\0\0\1=B\0") != NULL);       /* no name */
    EXPECT(RUN_PROBLEM("\0\0\0\0\0\0\0\0\0\0\1\0\0\xff\0") != NULL);     /* not UTF-8 */
    EXPECT(RUN_PROBLEM("\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\0") != NULL); /* counts beyond the payload */
}

static void other_payloads_are_checked(void) {
    uint8_t *copy = NULL;
    struct file_request file;
    struct collect_request collect;
    struct kill_request kill;
    struct frame frame = exact("\1\xa4x", 3, &copy);
    EXPECT(parse_file(&frame, &file) == NULL && file.mode == 0644 && file.path_length == 1);
    EXPECT(parse_kill(&frame, &kill) != NULL);
    EXPECT(parse_collect(&frame, &collect) != NULL);
    free(copy);
    frame = exact("\x0d\xa4x", 3, &copy); /* setuid */
    EXPECT(parse_file(&frame, &file) != NULL);
    free(copy);
    frame = exact("\1", 1, &copy);
    EXPECT(parse_file(&frame, &file) != NULL);
    EXPECT(parse_kill(&frame, &kill) != NULL);
    free(copy);
    frame = exact("\1\0\0\0\0", 5, &copy);
    EXPECT(parse_kill(&frame, &kill) != NULL); /* a cause of the runner's own */
    free(copy);
    frame = exact("\xff\0\0\1\2", 5, &copy);
    EXPECT(parse_kill(&frame, &kill) == NULL && kill.cause == 255 && kill.grace_ms == 258);
    frame.length--;
    EXPECT(parse_kill(&frame, &kill) != NULL);
    free(copy);
    frame = exact("", 0, &copy);
    EXPECT(parse_kill(&frame, &kill) != NULL && parse_file(&frame, &file) != NULL);
    free(copy);
    frame = exact("\0\0\0\0\0\0\1\0\0\0\0\2\0\1*\0", 16, &copy);
    EXPECT(parse_collect(&frame, &collect) == NULL && collect.max_bytes == 256 && collect.max_files == 2);
    frame.length--;
    EXPECT(parse_collect(&frame, &collect) != NULL);
    free(copy);
}

static void utf8_is_checked(void) {
    static const char *const good[] = {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x94\xa5", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xc3",
                                      "\xc0\xaf",
                                      "\xe0\x80\xaf",
                                      "\xed\xa0\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xe2\x82",
                                      "\xf0\x80\x80\x80",
                                      "\xff"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        EXPECT(utf8_is_valid(good[i], strlen(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        EXPECT(!utf8_is_valid(bad[i], strlen(bad[i])));
    }
}

static void exit_has_its_layout(void) {
    memset(&outbox, 0, sizeof outbox);
    const struct exit_report report = {.signaled = true,
                                       .code = 9,
                                       .cause = 20,
                                       .unasked_sigkill = true,
                                       .oom_kills = 0x01020304,
                                       .cpu_us = 1,
                                       .max_rss_bytes = 2,
                                       .memory_peak_bytes = 3,
                                       .elapsed_us = 4,
                                       .stdout_bytes = 5,
                                       .stderr_bytes = 0x1122334455667788};
    EXPECT(outbox_exit(&outbox, &report));
    static const uint8_t expected[] = {0x88, 0, 0,    0,    60,   1,    9,    20,   1,    1,    2, 3, 4, 0, 0, 0, 0,
                                       0,    0, 0,    1,    0,    0,    0,    0,    0,    0,    0, 2, 0, 0, 0, 0, 0,
                                       0,    0, 3,    0,    0,    0,    0,    0,    0,    0,    4, 0, 0, 0, 0, 0, 0,
                                       0,    5, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0, 0, 0, 0};
    EXPECT(outbox.tail == sizeof expected && memcmp(outbox.bytes, expected, sizeof expected) == 0);
}

static void outbox_stops_output_but_not_exit(void) {
    memset(&outbox, 0, sizeof outbox);
    size_t frames = 0;
    while (outbox_payload(&outbox) != NULL) {
        outbox_commit(&outbox, FRAME_STDOUT, FRAME_PAYLOAD_MAX);
        frames++;
    }
    EXPECT(frames == 2);
    EXPECT(outbox_exit(&outbox, &(struct exit_report){.code = 0}));
    EXPECT(outbox_failed(&outbox, FAILED_INTERNAL, "x"));
    outbox.head += FRAME_SIZE_MAX; /* the daemon has read one */
    EXPECT(outbox_payload(&outbox) != NULL);
    EXPECT(outbox.head == 0 && outbox.bytes[0] == FRAME_STDOUT && outbox.bytes[FRAME_SIZE_MAX] == FRAME_EXIT);
}

static void ring_keeps_bytes_in_order(void) {
    static uint8_t piece[RING_SIZE];
    uint8_t written = 0, read = 0;
    for (size_t round = 1; round < 400; round++) {
        const size_t length = (round * 7919) % (RING_SIZE - ring.used + 1);
        for (size_t i = 0; i < length; i++) {
            piece[i] = written++;
        }
        ring_put(&ring, piece, length);
        size_t row = 0;
        const uint8_t *bytes = ring_peek(&ring, &row);
        const size_t take = row - row / 3;
        for (size_t i = 0; i < take; i++) {
            EXPECT(bytes[i] == read++);
        }
        ring_drop(&ring, take);
    }
}

void frames_tests(void) {
    check("the parser takes frames split at any byte", parser_takes_any_split);
    check("the parser takes frames a byte at a time", parser_takes_single_bytes);
    check("the parser takes a frame of the largest size", parser_takes_the_largest_frame);
    check("the parser refuses a frame over the limit from its header alone", parser_refuses_an_oversized_frame);
    check("the parser refuses an unknown type from its first byte", parser_refuses_unknown_types);
    check("RUN of a wrong shape is refused", run_is_checked);
    check("FILE, KILL and COLLECT of a wrong shape are refused", other_payloads_are_checked);
    check("text that is not UTF-8 is refused", utf8_is_checked);
    check("EXIT has the layout of the contract", exit_has_its_layout);
    check("a full outbox takes no output, but EXIT", outbox_stops_output_but_not_exit);
    check("the ring keeps bytes in order", ring_keeps_bytes_in_order);
}
