/* The same runner over its own pipes, past whatever carries its stdin and stdout. */
#include "box.h"
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int runner;

/* A runner that has answered through its pipes; its old streams are `before`. */
struct direct {
    struct box box;
    int before_in, before_out;
};

static struct direct start_direct(void) {
    struct direct direct = {.box = box_start(runner)};
    EXPECT(box_ready(&direct.box));
    EXPECT(box_go_direct(&direct.box, &direct.before_in, &direct.before_out));
    return direct;
}

static void end_direct(struct direct *direct, int status) {
    EXPECT(box_end(&direct->box) == status);
    EXPECT(direct->before_in < 0 || close(direct->before_in) == 0);
    EXPECT(close(direct->before_out) == 0);
}

static void carries_everything(void) {
    struct direct direct = start_direct();
    box_run(&direct.box, "cat; echo err >&2; exit 3", 0, true);
    struct frame frame;
    EXPECT(box_next(&direct.box, &frame) && frame.type == FRAME_STDIN_ROOM);
    box_send(&direct.box, FRAME_STDIN, "in", 2);
    box_send(&direct.box, FRAME_STDIN_END, "", 0);
    const struct result *result = box_result(&direct.box);
    EXPECT(result->exited && result->code == 3);
    EXPECT(strcmp(result->out, "in") == 0 && strcmp(result->err, "err\n") == 0);
    /* Nothing came the old way. */
    uint8_t byte;
    EXPECT(read(direct.before_out, &byte, 1) == 0);
    end_direct(&direct, 0);
}

static void large_output(void) {
    struct direct direct = start_direct();
    box_run(&direct.box, "head -c 3000000 /dev/zero | tr '\\0' x; printf end", 0, false);
    const struct result *result = box_result(&direct.box);
    EXPECT(result->exited && result->stdout_length == 3000003 && result->told_stdout == 3000003);
    end_direct(&direct, 0);
}

static void kill_while_nobody_reads(void) {
    struct direct direct = start_direct();
    const int fifo = box_fifo(&direct.box, "held");
    box_run(&direct.box, "exec 4>held; echo x >&4; yes", 0, false);
    (void)usleep(300000); /* until every buffer is full */
    EXPECT(!fifo_hangs_up(fifo, 0));
    box_kill(&direct.box, 16, 0);
    EXPECT(fifo_hangs_up(fifo, 2000));
    EXPECT(box_result(&direct.box)->cause == 16 && close(fifo) == 0);
    end_direct(&direct, 0);
}

/* However the daemon goes: its ends of the pipes close, or the engine closes the container's stdin. */
static void dead_mans_switches(void) {
    for (int which = 0; which < 2; which++) {
        struct direct direct = start_direct();
        const int fifo = box_fifo(&direct.box, "held");
        box_run(&direct.box, "trap '' TERM INT HUP; exec 4>held; echo x >&4; sleep 60", 0, false);
        (void)usleep(200000);
        EXPECT(!fifo_hangs_up(fifo, 0));
        int *end = which == 0 ? &direct.box.in : &direct.before_in;
        EXPECT(close(*end) == 0);
        *end = -1;
        EXPECT(fifo_hangs_up(fifo, 2000) && close(fifo) == 0);
        end_direct(&direct, 71);
    }
}

static void daemon_stops_reading(void) {
    struct direct direct = start_direct();
    const int fifo = box_fifo(&direct.box, "held");
    EXPECT(close(direct.box.out) == 0);
    direct.box.out = open("/dev/null", O_RDONLY | O_CLOEXEC);
    box_run(&direct.box, "exec 4>held; yes", 0, false);
    EXPECT(fifo_hangs_up(fifo, 3000) && close(fifo) == 0);
    end_direct(&direct, 71);
}

static void both_ways_stay_apart(void) {
    static const uint8_t twice[] = {FRAME_DIRECT, 0, 0, 0, 0, FRAME_DIRECT, 0, 0, 0, 0};
    static const uint8_t with_payload[] = {FRAME_DIRECT, 0, 0, 0, 1, 0};
    static const uint8_t then_kill[] = {FRAME_DIRECT, 0, 0, 0, 0, FRAME_KILL, 0, 0, 0, 5, 16, 0, 0, 0, 0};
    static const struct {
        const uint8_t *bytes;
        size_t length;
    } wrong[] = {{twice, sizeof twice}, {with_payload, sizeof with_payload}, {then_kill, sizeof then_kill}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct box box = box_start(runner);
        EXPECT(box_ready(&box));
        EXPECT(write(box.in, wrong[i].bytes, wrong[i].length) == (ssize_t)wrong[i].length);
        EXPECT(box_result(&box)->failed == FAILED_PROTOCOL);
        EXPECT(box_end(&box) == 70);
    }
    /* Later, on the stdin that is only a switch now. */
    struct direct direct = start_direct();
    static const uint8_t kill[] = {FRAME_KILL, 0, 0, 0, 5, 16, 0, 0, 0, 0};
    EXPECT(write(direct.before_in, kill, sizeof kill) == sizeof kill);
    EXPECT(box_result(&direct.box)->failed == FAILED_PROTOCOL);
    end_direct(&direct, 70);
    /* And once a program runs it is too late. */
    struct box box = box_start(runner);
    EXPECT(box_ready(&box));
    box_run(&box, "sleep 60", 0, false);
    box_send(&box, FRAME_DIRECT, "", 0);
    EXPECT(box_result(&box)->failed == FAILED_PROTOCOL);
    EXPECT(box_end(&box) == 70);
}

static void program_has_neither(void) {
    struct direct direct = start_direct();
    char script[256];
    (void)snprintf(script, sizeof script,
                   "ls /proc/self/fd | tr '\\n' ' '; for fd in %u %u; do cat /proc/1/fd/$fd 2>/dev/null && echo got "
                   "it; done; true",
                   direct.box.offer.in_fd, direct.box.offer.out_fd);
    box_run(&direct.box, script, 0, false);
    const struct result *result = box_result(&direct.box);
    EXPECT(result->exited && strcmp(result->out, "0 1 2 3 ") == 0); /* 3: the folder that ls reads */
    end_direct(&direct, 0);
}

void direct_tests(int runner_under_test) {
    runner = runner_under_test;
    struct box box = box_start(runner);
    int before_in = -1, before_out = -1;
    const bool is_possible = box_ready(&box) && box_go_direct(&box, &before_in, &before_out);
    (void)box_end(&box);
    (void)close(before_in);
    (void)close(before_out);
    if (!is_possible) {
        (void)printf("SKIPPED: needs root, to open the pipes of another process\n");
        return;
    }
    check("the runner's own pipes carry everything", carries_everything);
    check("a large output arrives in full through them", large_output);
    check("KILL acts while nobody reads the pipe", kill_while_nobody_reads);
    check("either way of losing the daemon kills everything", dead_mans_switches);
    check("a daemon that closed its end of the output is gone", daemon_stops_reading);
    check("frames on both ways, or DIRECT at a wrong time, are refused", both_ways_stay_apart);
    if (box_is_unprivileged()) {
        check("the program has neither of the pipes", program_has_neither);
    }
}
