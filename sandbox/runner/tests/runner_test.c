/* Real programs, real endings: each test starts a runner as PID 1 of a namespace of its own. */
#include "box.h"
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

static int runner;

static struct result *run_in(struct box *box, const char *script, uint32_t timeout_ms) {
    EXPECT(box_ready(box));
    box_run(box, script, timeout_ms, false);
    return box_result(box);
}

/* Runs a script that must end by itself with this code, and returns what came of it. */
static struct result *run(const char *script, int code) {
    struct box box = box_start(runner);
    struct result *result = run_in(&box, script, 0);
    EXPECT(result->exited && result->how == 0 && result->code == code && result->cause == 0 && result->flags == 0);
    EXPECT(result->told_stdout == result->stdout_length && result->told_stderr == result->stderr_length);
    EXPECT(box_end(&box) == 0);
    return result;
}

static void output_and_exit(void) {
    const struct result *result = run("echo out; echo err >&2; exit 3", 3);
    EXPECT(strcmp(result->out, "out\n") == 0 && strcmp(result->err, "err\n") == 0 && result->max_rss_bytes > 0);
}

static void every_exit_code(void) {
    for (int code = 0; code < 256; code++) {
        char script[32];
        (void)snprintf(script, sizeof script, "exit %d", code);
        (void)run(script, code);
    }
}

static void every_signal(void) {
    /* Those whose default is to end a process. */
    static const int numbers[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 25, 26, 27, 29, 30, 31};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char script[64];
        struct box box = box_start(runner);
        (void)snprintf(script, sizeof script, "kill -%d $$; sleep 5", numbers[i]);
        const struct result *result = run_in(&box, script, 0);
        EXPECT(result->exited && result->how == 1 && result->code == numbers[i] && result->cause == 0);
        EXPECT(result->flags == (numbers[i] == 9));
        EXPECT(box_end(&box) == 0);
    }
}

static void time_out(void) {
    struct box box = box_start(runner);
    const struct result *result = run_in(&box, "trap '' TERM INT HUP; echo before; sleep 60", 200);
    EXPECT(result->exited && result->how == 1 && result->code == 9 && result->cause == 1 && result->flags == 0);
    EXPECT(result->elapsed_us >= 200000 && result->elapsed_us < 2000000 && strcmp(result->out, "before\n") == 0);
    EXPECT(box_end(&box) == 0);
}

/* ---- A signal before the kill ---- */

enum { ASKED = 2 }; /* flag of EXIT */

/* Sends KILL as soon as the program has said something, and returns what came of it. */
static struct result *kill_after_first_word(struct box *box, const char *script, uint8_t cause, uint32_t grace_ms) {
    EXPECT(box_ready(box));
    box_run(box, script, 0, false);
    struct frame frame = {0};
    while (box_next(box, &frame) && frame.type != FRAME_STDOUT) {
    }
    box_kill(box, cause, grace_ms);
    return box_result(box);
}

static void grace_at_the_time_out(void) {
    static const struct {
        const char *script;
        int how, code;
    } cases[] = {
        {"trap 'echo saved; exit 0' TERM; sleep 60", 0, 0},
        {"trap 'echo saved; exit 3' TERM; sleep 60", 0, 3},
        {"trap 'echo saved' TERM; sleep 60", 0, 143}, /* what sleep ended with */
        {"(trap 'echo saved; exit' TERM; sleep 60) & wait; sleep 60", 1, SIGTERM},
        {"trap 'echo saved; trap - TERM; kill -TERM $$' TERM; sleep 60", 1, SIGTERM},
        {"trap 'echo saved; kill -KILL $$' TERM; sleep 60", 1, SIGKILL},
        {"trap 'echo saved; exit 4' TERM; kill -STOP $$", 0, 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct box box = box_start(runner);
        EXPECT(box_ready(&box));
        box_run_with_grace(&box, cases[i].script, 300, 20000);
        const struct result *result = box_result(&box);
        EXPECT(result->exited && result->how == cases[i].how && result->code == cases[i].code && result->cause == 1);
        EXPECT(result->flags == (ASKED | (cases[i].how == 1 && cases[i].code == SIGKILL)));
        EXPECT(result->elapsed_us >= 300000 && result->elapsed_us < 15000000);
        EXPECT(i == 3 || strcmp(result->out, "saved\n") == 0); /* 3: the group is told, and nobody waits for it */
        EXPECT(box_end(&box) == 0);
    }
}

static void grace_that_is_not_used(void) {
    struct box box = box_start(runner);
    EXPECT(box_ready(&box));
    box_run_with_grace(&box, "trap 'echo asked' TERM; while :; do sleep 0.1; done", 300, 700);
    const struct result *result = box_result(&box);
    EXPECT(result->exited && result->how == 1 && result->code == 9 && result->cause == 1 && result->flags == ASKED);
    EXPECT(result->elapsed_us >= 1000000 && strcmp(result->out, "asked\n") == 0);
    EXPECT(box_end(&box) == 0);
}

static void no_grace(void) {
    struct box box = box_start(runner);
    EXPECT(box_ready(&box));
    box_run_with_grace(&box, "trap 'echo asked; exit' TERM; while :; do sleep 0.1; done", 300, 0);
    const struct result *result = box_result(&box);
    EXPECT(result->exited && result->how == 1 && result->code == 9 && result->cause == 1 && result->flags == 0);
    EXPECT(result->stdout_length == 0 && box_end(&box) == 0);
}

static void grace_of_a_kill(void) {
    struct box box = box_start(runner);
    const struct result *result =
        kill_after_first_word(&box, "trap 'echo saved; exit 7' TERM; echo up; while :; do sleep 0.1; done", 16, 20000);
    EXPECT(result->exited && result->how == 0 && result->code == 7 && result->cause == 16 && result->flags == ASKED);
    EXPECT(strcmp(result->out, "saved\n") == 0 && box_end(&box) == 0);
}

static void grace_of_the_first_cause(void) {
    /* A second cause does not lengthen the grace of the first, nor does a time-out that comes in it. */
    struct box box = box_start(runner);
    EXPECT(box_ready(&box));
    box_run_with_grace(&box, "trap : TERM; while :; do sleep 0.1; done", 600, 20000);
    (void)usleep(300000);
    box_kill(&box, 16, 800);
    box_kill(&box, 17, 20000);
    const struct result *result = box_result(&box);
    EXPECT(result->exited && result->how == 1 && result->code == 9 && result->cause == 16 && result->flags == ASKED);
    EXPECT(result->elapsed_us < 5000000 && box_end(&box) == 0);
}

static void kill_in_the_grace(void) {
    struct box box = box_start(runner);
    EXPECT(box_ready(&box));
    box_run_with_grace(&box, "trap 'echo asked' TERM; while :; do sleep 0.1; done", 300, 20000);
    struct frame frame = {0};
    while (box_next(&box, &frame) && frame.type != FRAME_STDOUT) {
    }
    box_kill(&box, 17, 0);
    const struct result *result = box_result(&box);
    EXPECT(result->exited && result->how == 1 && result->code == 9 && result->cause == 1 && result->flags == ASKED);
    EXPECT(result->elapsed_us < 10000000 && box_end(&box) == 0);
}

static void grace_before_run(void) {
    struct box box = box_start(runner);
    EXPECT(box_ready(&box));
    box_kill(&box, 16, 20000);
    const struct result *result = box_result(&box);
    EXPECT(result->exited && result->how == 1 && result->code == 9 && result->cause == 16 && result->flags == 0);
    EXPECT(box_end(&box) == 0);
}

static void grace_ends_with_the_main_process(void) {
    struct box box = box_start(runner);
    const int fifo = box_fifo(&box, "held");
    EXPECT(box_ready(&box));
    box_collect(&box, 1000, 10, "*.txt");
    box_run_with_grace(&box,
                       "(trap '' TERM; exec 4>held; while :; do sleep 0.1; done) &\n"
                       "trap 'echo x >result.txt; exit 0' TERM; while :; do sleep 0.1; done",
                       300, 20000);
    const struct result *result = box_result(&box);
    EXPECT(result->exited && result->how == 0 && result->code == 0 && result->cause == 1 && result->flags == ASKED);
    EXPECT(result->elapsed_us < 10000000 && strcmp(result->files, "2 644 result.txt\n") == 0);
    EXPECT(fifo_hangs_up(fifo, 0) && box_end(&box) == 0 && close(fifo) == 0);
}

static void ends_at_the_time_out(void) {
    /* Whichever comes first, the account is one of these: it ended by itself, it answered, or had no answer yet. */
    for (int i = 0; i < 20; i++) {
        struct box box = box_start(runner);
        EXPECT(box_ready(&box));
        box_run_with_grace(&box, "trap 'exit 5' TERM; sleep 0.1; exit 6", 100 + (uint32_t)i, 20000);
        const struct result *result = box_result(&box);
        const bool by_itself = result->how == 0 && result->cause == 0 && result->code == 6 && result->flags == 0;
        const bool is_asked = result->cause == 1 && result->flags == ASKED;
        const bool answered = is_asked && result->how == 0 && (result->code == 5 || result->code == 6);
        const bool too_early = is_asked && result->how == 1 && result->code == SIGTERM;
        EXPECT(result->exited && (by_itself || answered || too_early));
        EXPECT(box_end(&box) == 0);
    }
}

static void first_cause(void) {
    struct box box = box_start(runner);
    EXPECT(box_ready(&box));
    box_run(&box, "sleep 60", 1000, false);
    static const uint8_t kills[] = {FRAME_KILL, 0, 0, 0, 5, 20, 0, 0, 0, 0, FRAME_KILL, 0, 0, 0, 5, 30, 0, 0, 0, 0};
    EXPECT(write(box.in, kills, sizeof kills) == sizeof kills);
    const struct result *result = box_result(&box);
    EXPECT(result->exited && result->how == 1 && result->code == 9 && result->cause == 20 && result->flags == 0);
    EXPECT(box_end(&box) == 0);
}

static void kill_before_run(void) {
    struct box box = box_start(runner);
    EXPECT(box_ready(&box));
    box_kill(&box, 17, 0);
    const struct result *result = box_result(&box);
    EXPECT(result->exited && result->cause == 17 && result->elapsed_us == 0);
    EXPECT(box_end(&box) == 0);
}

static void kill_while_nobody_reads(void) {
    struct box box = box_start(runner);
    const int fifo = box_fifo(&box, "held");
    EXPECT(box_ready(&box));
    box_run(&box, "exec 4>held; echo x >&4; yes", 0, false);
    (void)usleep(300000); /* until every buffer is full */
    EXPECT(!fifo_hangs_up(fifo, 0));
    box_kill(&box, 16, 0);
    EXPECT(fifo_hangs_up(fifo, 2000));
    const struct result *result = box_result(&box);
    EXPECT(result->exited && result->cause == 16 && result->told_stdout == result->stdout_length);
    EXPECT(box_end(&box) == 0 && close(fifo) == 0);
}

static void time_out_while_nobody_reads(void) {
    struct box box = box_start(runner);
    const int fifo = box_fifo(&box, "held");
    EXPECT(box_ready(&box));
    box_run(&box, "exec 4>held; yes", 300, false);
    (void)usleep(100000);
    EXPECT(fifo_hangs_up(fifo, 3000));
    EXPECT(box_result(&box)->cause == 1);
    EXPECT(box_end(&box) == 0 && close(fifo) == 0);
}

static void descendants(void) {
    struct box box = box_start(runner);
    const int fifo = box_fifo(&box, "held");
    const struct result *result = run_in(
        &box,
        "for i in 1 2 3; do (setsid sh -c 'trap \"\" TERM INT HUP; exec 4>held; while :; do sleep 1; done' &) & done\n"
        "(exec 4>held; exec >/dev/null 2>&1 </dev/null; (sleep 60 &)&)\n"
        "sleep 0.2; echo done; exit 7",
        0);
    EXPECT(result->exited && result->code == 7 && result->how == 0 && strcmp(result->out, "done\n") == 0);
    EXPECT(fifo_hangs_up(fifo, 0)); /* dead before EXIT, not because of what comes after */
    EXPECT(box_end(&box) == 0 && close(fifo) == 0);
}

static void open_stdout(void) {
    const struct result *result = run("(sleep 60; echo late) & echo early", 0);
    EXPECT(strcmp(result->out, "early\n") == 0 && result->elapsed_us < 3000000);
}

/* How many RUNNING frames come between RUN and EXIT. */
static int running_marks(const char *script, bool stdin_open) {
    struct box box = box_start(runner);
    EXPECT(box_ready(&box));
    box_run(&box, script, 0, stdin_open);
    struct frame frame = {0};
    int marks = 0;
    while (box_next(&box, &frame) && frame.type != FRAME_EXIT) {
        EXPECT(frame.type != FRAME_RUNNING || frame.length == 0);
        marks += frame.type == FRAME_RUNNING;
    }
    EXPECT(frame.type == FRAME_EXIT);
    EXPECT(box_end(&box) == 0);
    return marks;
}

static void silent_program(void) {
    EXPECT(running_marks("sleep 0.6", false) == 1);
    EXPECT(running_marks("sleep 0.6; echo late; sleep 0.3", false) == 1);
}

static void program_that_speaks(void) {
    EXPECT(running_marks("echo at once; sleep 0.6", false) == 0);
    EXPECT(running_marks("echo at once >&2; sleep 0.6", false) == 0);
    EXPECT(running_marks("sleep 0.6", true) == 0); /* STDIN_ROOM says as much */
}

static void fork_bomb(void) {
    struct box box = box_start(runner);
    const struct result *result =
        run_in(&box, "b() { b 2>/dev/null & b 2>/dev/null & wait; }; b 2>/dev/null; sleep 60", 700);
    EXPECT(result->exited && result->elapsed_us < 5000000);
    EXPECT(box_end(&box) == 0);
}

static void orphans(void) {
    const struct result *result =
        run("for i in $(seq 60); do (sleep 0.05 &) ; done; sleep 0.5; ps ax -o stat= 2>/dev/null"
            " | grep -c Z; echo x",
            0);
    EXPECT(strcmp(result->out, "0\nx\n") == 0);
}

static void last_output(void) {
    for (int i = 0; i < 30; i++) {
        const struct result *result = run("head -c 65536 /dev/zero; head -c 70000 /dev/zero >&2", 0);
        EXPECT(result->stdout_length == 65536 && result->stderr_length == 70000);
    }
}

static void slow_reader(void) {
    struct box box = box_start(runner);
    EXPECT(box_ready(&box));
    box_run(&box, "head -c 8000000 /dev/zero; echo end >&2", 0, false);
    size_t length = 0;
    struct frame frame = {0};
    while (box_next(&box, &frame) && frame.type != FRAME_EXIT) {
        length += frame.type == FRAME_STDOUT ? frame.length : 0;
        (void)usleep(2000);
    }
    EXPECT(frame.type == FRAME_EXIT && length == 8000000);
    EXPECT(box_end(&box) == 0);
}

static void tiny_writes(void) {
    const struct result *result = run("i=0; while [ $i -lt 3000 ]; do printf x; printf y >&2; i=$((i+1)); done", 0);
    EXPECT(result->stdout_length == 3000 && result->stderr_length == 3000);
}

/* ---- stdin ---- */

static void closed_stdin(void) {
    EXPECT(strcmp(run("cat; echo end", 0)->out, "end\n") == 0);
}

static void stdin_flow(void) {
    enum { TOTAL = 1500000 };
    static uint8_t piece[FRAME_PAYLOAD_MAX];
    struct box box = box_start(runner);
    EXPECT(box_ready(&box));
    box_run(&box, "cksum", 0, true);
    uint64_t room = 0, sent = 0;
    struct frame frame = {0};
    char out[64] = "";
    while (box_next(&box, &frame) && frame.type != FRAME_EXIT) {
        if (frame.type == FRAME_STDOUT) {
            (void)snprintf(out, sizeof out, "%.*s", (int)frame.length, (const char *)frame.payload);
        } else if (frame.type == FRAME_STDIN_ROOM) {
            EXPECT(sent > 0 || (frame.payload[1] == 4 && frame.payload[2] == 0)); /* 256 KiB to begin with */
            room += (uint64_t)frame.payload[0] << 24 | (uint64_t)frame.payload[1] << 16 |
                    (uint64_t)frame.payload[2] << 8 | frame.payload[3];
            while (sent < TOTAL && room > sent) {
                uint64_t size = room - sent < sizeof piece ? room - sent : sizeof piece;
                size = size < TOTAL - sent ? size : TOTAL - sent;
                for (uint64_t i = 0; i < size; i++) {
                    piece[i] = (uint8_t)((sent + i) % 251);
                }
                box_send(&box, FRAME_STDIN, piece, size);
                sent += size;
                if (sent == TOTAL) {
                    box_send(&box, FRAME_STDIN_END, "", 0);
                }
            }
        }
    }
    EXPECT(frame.type == FRAME_EXIT && frame.payload[1] == 0);
    EXPECT(strstr(out, " 1500000\n") != NULL);
    EXPECT(box_end(&box) == 0);
}

static void unread_stdin(void) {
    static const uint8_t piece[FRAME_PAYLOAD_MAX];
    struct box box = box_start(runner);
    EXPECT(box_ready(&box));
    box_run(&box, "sleep 60", 0, true);
    for (int i = 0; i < 4; i++) {
        box_send(&box, FRAME_STDIN, piece, sizeof piece);
    }
    (void)usleep(50000);
    box_kill(&box, 19, 0);
    const struct result *result = box_result(&box);
    EXPECT(result->exited && result->cause == 19);
    EXPECT(box_end(&box) == 0);
}

static void stdin_over_the_room(void) {
    static const uint8_t piece[FRAME_PAYLOAD_MAX];
    struct box box = box_start(runner);
    EXPECT(box_ready(&box));
    box_run(&box, "sleep 60", 0, true);
    for (int i = 0; i < 7; i++) {
        box_send(&box, FRAME_STDIN, piece, sizeof piece);
    }
    EXPECT(box_result(&box)->failed == FAILED_PROTOCOL);
    EXPECT(box_end(&box) == 70);
}

static void stdin_closed_by_the_program(void) {
    struct box box = box_start(runner);
    EXPECT(box_ready(&box));
    box_run(&box, "exec <&-; sleep 0.2; echo alive", 0, true);
    (void)usleep(100000);
    box_send(&box, FRAME_STDIN, "abc", 3);
    box_send(&box, FRAME_STDIN_END, "", 0);
    const struct result *result = box_result(&box);
    EXPECT(result->exited && result->code == 0 && strcmp(result->out, "alive\n") == 0);
    EXPECT(box_end(&box) == 0);
}

static void late_frames(void) {
    struct box box = box_start(runner);
    EXPECT(box_ready(&box));
    box_run(&box, "yes | head -c 3000000", 0, true); /* more than the buffers: it ends, but EXIT has to wait */
    (void)usleep(400000);
    box_send(&box, FRAME_STDIN, "abc", 3);
    box_send(&box, FRAME_STDIN_END, "", 0);
    box_kill(&box, 16, 0);
    EXPECT(box_result(&box)->exited);
    EXPECT(box_end(&box) == 0);
}

/* ---- The switch, and what the peer does wrong ---- */

static void dead_mans_switch(void) {
    for (int when = 0; when < 3; when++) {
        struct box box = box_start(runner);
        const int fifo = box_fifo(&box, "held");
        EXPECT(box_ready(&box));
        if (when > 0) {
            box_run(&box, when == 1 ? "exec 4>held; echo x >&4; sleep 60" : "exec 4>held; echo x >&4; yes", 0, false);
            (void)usleep(200000);
            EXPECT(!fifo_hangs_up(fifo, 0));
        }
        EXPECT(close(box.in) == 0);
        box.in = -1;
        EXPECT(when == 0 || fifo_hangs_up(fifo, 500));
        EXPECT(box_end(&box) == 71 && close(fifo) == 0);
    }
}

static void expect_refused(const void *bytes, size_t length, enum failed_code code) {
    struct box box =
        box_start_with(runner, "ln -s /tmp out; echo x >there; printf . >&3; cat <&3 >/dev/null; exec sleep 60");
    EXPECT(box_ready(&box));
    EXPECT(write(box.in, bytes, length) == (ssize_t)length);
    const struct result *result = box_result(&box);
    EXPECT(result->failed == (int)code && result->failed_text[0] != '\0');
    EXPECT(box_end(&box) == 70);
}
#define REFUSED(text, code) expect_refused(text, sizeof text - 1, code)
#define RUN_FRAME "\3\0\0\0\xd\0\0\0\0\0\0\0\0\0\0\0\0\0"

static void misspeaking(void) {
    REFUSED("\x09", FAILED_PROTOCOL);
    REFUSED("\x02\xff\xff\xff\xff", FAILED_PROTOCOL);
    REFUSED("\2\0\0\0\1x", FAILED_PROTOCOL);                 /* DATA without FILE */
    REFUSED("\4\0\0\0\1x", FAILED_PROTOCOL);                 /* STDIN before RUN */
    REFUSED("\5\0\0\0\0", FAILED_PROTOCOL);                  /* STDIN_END before RUN */
    REFUSED("\6\0\0\0\5\1\0\0\0\0", FAILED_PROTOCOL);        /* the runner's own cause */
    REFUSED("\3\0\0\0\1x", FAILED_PROTOCOL);                 /* RUN too short */
    REFUSED(RUN_FRAME RUN_FRAME, FAILED_PROTOCOL);           /* RUN twice */
    REFUSED(RUN_FRAME "\4\0\0\0\1x", FAILED_PROTOCOL);       /* STDIN that is closed */
    REFUSED(RUN_FRAME "\1\0\0\0\3\1\xa4z", FAILED_PROTOCOL); /* FILE after RUN */
    REFUSED("\1\0\0\0\7\1\xa4../ab", FAILED_PROTOCOL);
    REFUSED("\1\0\0\0\6\1\xa4/tmp", FAILED_PROTOCOL);
    REFUSED("\1\0\0\0\7\1\xa4out/x", FAILED_FILE); /* through a link */
    REFUSED("\1\0\0\0\7\1\xa4there", FAILED_FILE); /* exists */
    REFUSED("\1\0\0\0\5\1\xa4out", FAILED_FILE);   /* a link itself */
}

static void interpreter_fails(void) {
    static const struct {
        const char *interpreter, *text, *log;
    } cases[] = {
        {"echo oops >&2; exit 5", "exit code 5", "oops"},
        {"exec /nonexistent", "exit code 127", "nonexistent"},
        {"kill -9 $$", "signal 9", ""},
        {"exec 3>&-; sleep 60", "signal 9", ""},
        {"printf . >&3; sleep 0.1; exit 6", "exit code 6", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct box box = box_start_with(runner, cases[i].interpreter);
        const struct result *result = box_result(&box);
        EXPECT(result->failed == FAILED_INTERPRETER && strstr(result->failed_text, cases[i].text) != NULL);
        EXPECT(strstr(result->log, cases[i].log) != NULL);
        EXPECT(box_end(&box) == 70);
    }
}

/* ---- Files ---- */

static void files_arrive(void) {
    struct box box = box_start(runner);
    EXPECT(box_ready(&box));
    box_file(&box, 0755, "bin/hello", "#!/bin/sh\necho hello $1\n");
    box_send(&box, FRAME_DATA, "echo more\n", 10);
    box_file(&box, 0600, "empty", "");
    box_run(&box, "bin/hello you; stat -c '%a %s' bin/hello empty", 0, false);
    const struct result *result = box_result(&box);
    EXPECT(strcmp(result->out, "hello you\nmore\n755 34\n600 0\n") == 0);
    EXPECT(box_end(&box) == 0);
}

static void collected(void) {
    struct box box = box_start(runner);
    EXPECT(box_ready(&box));
    box_collect(&box, 2000000, 5, "**");
    box_run(
        &box,
        "mkdir -p b/c z locked .hidden; echo 1 >b/c/deep; echo 22 >a; head -c 1500000 /dev/zero >b/large; : >empty\n"
        "ln -s /etc/passwd link; ln -s b folderlink; mkfifo fifo; truncate -s 1T sparse; echo x >secret; chmod 0 "
        "secret\n"
        "echo x >.hidden/f; echo x >locked/f; chmod 0 locked; echo y >$(printf 'bad\\377'); echo z >z/1; echo z >z/2\n"
        "chmod 750 a",
        0, false);
    const struct result *result = box_result(&box);
    EXPECT(result->exited && result->code == 0);
    static const char expected[] = "3 750 a\n"
                                   "2 644 b/c/deep\n"
                                   "1500000 644 b/large\n"
                                   "!4 2 bad?\n"
                                   "0 644 empty\n"
                                   "!3 0 fifo\n"
                                   "!3 0 folderlink\n"
                                   "!3 0 link\n"
                                   "!4 0 locked\n"
                                   "!4 0 secret\n"
                                   "!1 1099511627776 sparse\n"
                                   "2 644 z/1\n"
                                   "!2 2 z/2\n";
    EXPECT(strcmp(result->files, expected) == 0);
    if (strcmp(result->files, expected) != 0) {
        (void)printf("%s%s\n", result->files, result->failed_text);
    }
    EXPECT(box_end(&box) == 0);
}

static void collect_is_bounded(void) {
    struct box box = box_start(runner);
    EXPECT(box_ready(&box));
    box_collect(&box, 1000, 10, "**/found");
    box_run(&box,
            "echo x >found; d=.; i=0; while [ $i -lt 60 ]; do d=$d/d; i=$((i+1)); done; mkdir -p $d; echo x >$d/found\n"
            "cd d; i=0; while [ $i -lt 500 ]; do : >f$i; i=$((i+1)); done",
            0, false);
    const struct result *result = box_result(&box);
    EXPECT(result->exited && strstr(result->files, "!2 0 \n") != NULL);
    EXPECT(box_end(&box) == 0);
}

static void arguments_and_variables(void) {
    static const char payload[] = "\0\0\0\0\0\0\0\0\0\0\2\0\1one two\0\0NAME=a=b\n";
    static const char expected[] = "2\0one two\0\0NAME=a=b\n";
    struct box box = box_start(runner);
    EXPECT(box_ready(&box));
    box_file(&box, 0644, "main.sh", "cat .control; echo $FROM_LANE $MATCHBOX_CONTROL_FD");
    box_send(&box, FRAME_RUN, payload, sizeof payload);
    const struct result *result = box_result(&box);
    EXPECT(result->stdout_length == sizeof expected + 6 && memcmp(result->out, expected, sizeof expected) == 0);
    EXPECT(strcmp(result->out + sizeof expected, "yes 3\n") == 0);
    EXPECT(box_end(&box) == 0);
}

static void control_of_a_program_alone(void) {
    static const char payload[] = "\0\0\0\0\0\0\0\0\0\0\0\0\0";
    static const char nothing_asked[] = "0\0";
    static const struct {
        const char *file, *code;
        size_t length;
    } runs[] = {
        {NULL, "cat .control", 0},
        {"data.txt", "cat .control", sizeof nothing_asked - 1},
        {NULL, "cat .control #PK\x05\x06", sizeof nothing_asked - 1},
    };
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        struct box box = box_start(runner);
        EXPECT(box_ready(&box));
        box_file(&box, 0644, "main.sh", runs[i].code);
        if (runs[i].file != NULL) {
            box_file(&box, 0644, runs[i].file, "");
        }
        box_send(&box, FRAME_RUN, payload, sizeof payload - 1);
        const struct result *result = box_result(&box);
        EXPECT(result->stdout_length == runs[i].length && memcmp(result->out, nothing_asked, runs[i].length) == 0);
        EXPECT(box_end(&box) == 0);
    }
}

/* ---- What the program finds ---- */

static void clean_start(void) {
    /*
     * A shell that is the main process itself, so that no script is open. It lists its own descriptors, to which the
     * folder that it reads adds a 3: a pipe to another program would still be open here and there. It reads its own
     * signals, because it blocks some while it starts another program to do that.
     */
    struct box box = box_start_with(runner, "printf . >&3; read x <&3; exec 3>&-; cd /proc/$$/fd; echo *; cd /; umask\n"
                                            "cut -d' ' -f5,6 /proc/$$/stat\n"
                                            "while read -r name value; do case $name in Sig[BI]*)\n"
                                            "printf '%s\\t%s\\n' $name $value; esac; done </proc/$$/status");
    const struct result *result = run_in(&box, "", 0);
    EXPECT(strncmp(result->out, "0 1 2 3\n0022\n2 2\n", 17) == 0); /* its own session and group */
    EXPECT(strstr(result->out, "SigBlk:\t0000000000000000\n") != NULL);
    /* The last eight digits: what lies above belongs to the C library, which lets nobody change it. */
    const char *ignored = strstr(result->out, "SigIgn:\t");
    EXPECT(ignored != NULL && (strtoul(ignored + 8, NULL, 16) & 0x7fffffff) == 0);
    EXPECT(box_end(&box) == 0);
}

static void out_of_reach(void) {
    const struct result *result =
        run("for n in HUP INT QUIT TERM STOP TSTP KILL USR1 SEGV CHLD; do kill -$n 1; done; kill -KILL -1\n"
            "kill -STOP -1; sleep 0.1; echo alive; { cat /proc/1/environ /proc/1/mem || ls /proc/1/fd || echo x "
            ">/proc/1/fd/1 ||"
            " echo 1000 >/proc/1/oom_score_adj; } >/dev/null 2>&1 || echo safe\ncat /proc/self/oom_score_adj",
            0);
    EXPECT(strcmp(result->out, box_is_unprivileged() ? "alive\nsafe\n1000\n" : "alive\n1000\n") == 0);
}

/* How long a process may keep a processor while others wait, in ns, as the kernel shows it; 0 where it does not. */
static long turn_of(pid_t pid) {
    char path[32], line[128];
    long turn = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/sched", (int)pid);
    FILE *const file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        (void)sscanf(line, "se.slice : %ld", &turn);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return turn;
}

static void short_turns(void) {
    struct utsname kernel;
    int major = 0, minor = 0;
    EXPECT(uname(&kernel) == 0 && sscanf(kernel.release, "%d.%d", &major, &minor) == 2);
    const bool has_choice = major > 6 || (major == 6 && minor >= 12); /* before that everybody has the same */
    struct box box = box_start(runner);
    EXPECT(box_ready(&box));
    const long ours = turn_of(getpid());
    EXPECT(turn_of(box.pid) == (ours != 0 && has_choice ? 100000 : ours));
    box_run(&box, "sed -n 's/^se.slice *: *//p' /proc/self/sched", 0, false);
    const struct result *result = box_result(&box);
    EXPECT(strtol(result->out, NULL, 10) == ours);
    EXPECT(box_end(&box) == 0);
}

static void deaf_to_signals(void) {
    struct box box = box_start(runner);
    EXPECT(box_ready(&box));
    /* From outside, where the engine is; the sender's number in the container is 0, as if nobody had sent it. */
    EXPECT(kill(box.pid, SIGTERM) == 0 && kill(box.pid, SIGINT) == 0);
    box_run(&box, "echo alive", 0, false);
    const struct result *result = box_result(&box);
    EXPECT(result->exited && strcmp(result->out, "alive\n") == 0);
    EXPECT(box_end(&box) == 0);
}

static void prepended(void) {
    const struct result *result = run("echo $FOLDERS $ALONE", 0);
    EXPECT(strcmp(result->out, "hook:image hook\n") == 0);
}

static void starts_at_run(void) {
    static const char *const command[] = {"sh", "main.sh", NULL};
    struct box box = box_start_at_run(runner, command);
    EXPECT(box_ready(&box));
    box_file(
        &box, 0644, "main.sh",
        "for a; do echo \"[$a]\"; done; echo $FROM_LANE $FOLDERS $NEW ${MATCHBOX_CONTROL_FD-none}; ls /proc/self/fd");
    static const uint8_t payload[] = "\0\0\0\0\0\0\0\0\0\0\2\0\2a b\0\0FROM_LANE=run\0NEW=1";
    box_send(&box, FRAME_RUN, payload, sizeof payload);
    const struct result *result = box_result(&box);
    EXPECT(result->exited && result->how == 0 && result->code == 0);
    EXPECT(strcmp(result->out, "[a b]\n[]\nrun hook:image 1 none\n0\n1\n2\n3\n") == 0); /* 3 is the folder itself */
    EXPECT(box_end(&box) == 0);
}

static void starts_at_run_without_message(void) {
    static const char *const command[] = {"/bin/sh", "main.sh", NULL};
    struct box box = box_start_at_run(runner, command);
    const struct result *result = run_in(&box, "echo $#; cat; exit 9", 0);
    EXPECT(result->exited && result->how == 0 && result->code == 9 && strcmp(result->out, "0\n") == 0);
    EXPECT(box_end(&box) == 0);
}

static void missing_at_run(void) {
    static const char *const commands[][2] = {{"no-such-interpreter"}, {"/no/such/interpreter"}, {"/etc/passwd"}};
    for (size_t i = 0; i < 3; i++) {
        struct box box = box_start_at_run(runner, commands[i]);
        const struct result *result = box_result(&box);
        EXPECT(result->failed == FAILED_INTERPRETER && !result->exited);
        EXPECT(strstr(result->log, commands[i][0]) != NULL);
        EXPECT(strstr(result->failed_text, i == 2 ? "exit code 126" : "exit code 127") != NULL);
        EXPECT(box_end(&box) == 70);
    }
}

void runner_tests(int runner_under_test, bool all_exit_codes) {
    runner = runner_under_test;
    if (!box_possible(runner)) {
        (void)printf("SKIPPED: needs root, or a kernel that lets users make PID namespaces\n");
        return;
    }
    check("output and exit code come back", output_and_exit);
    if (all_exit_codes) {
        check("every exit code comes back as it is", every_exit_code);
    }
    check("every deadly signal comes back as it is", every_signal);
    check("the time-out kills a program that ignores signals", time_out);
    check("at the time-out a program is asked first, and its own ending is told", grace_at_the_time_out);
    check("a program that does not end in its grace is killed", grace_that_is_not_used);
    check("without a grace a program is killed at once", no_grace);
    check("KILL with a grace asks first", grace_of_a_kill);
    check("the grace is that of the first cause, and no other lengthens it", grace_of_the_first_cause);
    check("KILL without a grace ends a grace, and the cause stays", kill_in_the_grace);
    check("before RUN there is nobody to ask", grace_before_run);
    check("the grace is over when the main process has ended, and its files come back",
          grace_ends_with_the_main_process);
    check("a program that ends at the moment of its time-out has one account", ends_at_the_time_out);
    check("the first cause wins", first_cause);
    check("KILL before RUN is answered with EXIT", kill_before_run);
    check("KILL acts while nobody reads the output", kill_while_nobody_reads);
    check("the time-out acts while nobody reads the output", time_out_while_nobody_reads);
    check("descendants that left session and parent are dead before EXIT", descendants);
    check("a grandchild that holds stdout does not delay EXIT", open_stdout);
    check("a silent program is told to be running, once", silent_program);
    check("where another frame has told as much, RUNNING is not sent", program_that_speaks);
    check("a fork bomb ends with the time-out", fork_bomb);
    check("orphans are reaped while the program runs", orphans);
    check("output written just before the end is complete", last_output);
    check("a slow reader gets all of a large output", slow_reader);
    check("a byte at a time arrives in full", tiny_writes);
    check("a stdin that is not open is at its end", closed_stdin);
    check("a large stdin flows in the room granted", stdin_flow);
    check("a program that never reads its stdin can be killed", unread_stdin);
    check("more stdin than the room granted is refused", stdin_over_the_room);
    check("a program may close its stdin while more comes", stdin_closed_by_the_program);
    check("frames that cross the end of the program do no harm", late_frames);
    check("end of file kills everything, whatever goes on", dead_mans_switch);
    check("a peer that misspeaks is refused", misspeaking);
    check("an interpreter that does not get ready is told", interpreter_fails);
    check("files arrive with mode and folders", files_arrive);
    check("collected files come sorted, and only regular ones", collected);
    check("a walk that meets its bounds says so", collect_is_bounded);
    check("arguments and variables reach the interpreter byte for byte", arguments_and_variables);
    check("a program alone asks nothing of it; files, or what may be an archive, do", control_of_a_program_alone);
    check("a prepended variable keeps what the image has, and leaves no separator", prepended);
    check("a command that starts at RUN gets arguments, variables and clean descriptors", starts_at_run);
    check("a command that starts at RUN needs no message", starts_at_run_without_message);
    check("a command that starts at RUN and is not there is told before READY", missing_at_run);
    check("the program starts with clean descriptors and signals", clean_start);
    check("the program cannot reach, signal or victimise PID 1", out_of_reach);
    check("the runner takes short turns on the processor, and the program takes those of everybody", short_turns);
    check("a signal that seems to come from outside ends nothing", deaf_to_signals);
}
