#include "loop.h"

#include "claim.h"
#include "collect.h"
#include "endings.h"
#include "exit_notice.h"
#include "files.h"
#include "ring.h"
#include "usage.h"
#include "wire.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    NANOSECONDS = 1000000000,
    /* Grants are batched: one frame for each of these, or when the program has taken everything there was. */
    STDIN_ROOM_BATCH = 64 * 1024,
    /* Zombies reaped before the loop looks at anything else: a fork bomb makes them as fast as they go. */
    REAP_BATCH_MAX = 256,
    /* How long SIGKILL may take. Only a process stuck inside the kernel, or one that is not the run's, outlives it. */
    KILL_PATIENCE_MS = 10000,
    /* How long a FAILED frame may take to get out, before the runner ends without it. */
    FAILED_PATIENCE_MS = 1000,
    /* The tasks of a container in which nothing runs but the runner and a main process without threads and children. */
    TASKS_OF_MAIN_ALONE = 2,
    /* How long the runner stays after EXIT for the daemon to let it go. Its own end, and what the engine does about it,
     * take a processor that others' runs may need just then; the daemon knows. */
    LINGER_MS = 100,
    /* A run of which the daemon has heard nothing for so long after RUN is told to be running. Most have ended by
     * then. */
    RUNNING_MARK_MS = 100,
    /* In the signature by which an interpreter knows a ZIP archive, and in no program's text. */
    ARCHIVE_BYTE = 0x05,
};

enum phase {
    PHASE_STARTING,   /* the interpreter gets ready */
    PHASE_WAITING,    /* READY was sent */
    PHASE_RUNNING,    /* RUN was received */
    PHASE_ENDING,     /* the main process is reaped; its descendants die and the pipes run dry */
    PHASE_COLLECTING, /* files go back */
    PHASE_DONE,       /* EXIT is in the outbox */
};

struct output {
    int fd; /* -1: at its end */
    uint8_t frame;
    uint64_t bytes;
};

/*
 * Everything the loop knows, in one static piece: nothing is allocated after the start, so nothing can run out. Buffers
 * cost memory only where they are touched.
 */
static struct {
    struct loop_start start;
    enum phase phase;
    pid_t main_pid;
    int main_claim; /* where the main process tells of its exit, or -1 */
    struct output out;
    struct output err;

    int control;
    size_t control_at;
    size_t control_length;

    int program_stdin; /* -1: closed */
    bool stdin_open;   /* the daemon may send more */
    uint32_t stdin_granted;
    uint32_t stdin_owed;

    int file;            /* being written by FILE and DATA, or -1 */
    bool has_more_files; /* than the program's own, or that one may be an archive of a program */

    int64_t run_started_ns;
    int64_t mark_ns;           /* when RUNNING is due; 0: not at all, the daemon knows */
    int64_t deadline_ns;       /* of the program; 0: none */
    int64_t kill_deadline_ns;  /* of SIGKILL; 0: none was sent */
    uint32_t grace_ms;         /* of the time-out */
    int64_t grace_deadline_ns; /* of SIGTERM: then comes SIGKILL; 0: none was sent, or SIGKILL too */
    uint8_t asked_cause;       /* of SIGTERM */
    uint8_t kill_cause;        /* of SIGKILL */
    struct ending ending;
    uint64_t elapsed_us;
    struct usage_totals totals;
    bool reap_again;
    bool all_dead;

    struct usage usage;
    struct inbox inbox;
    struct outbox outbox;
    struct ring ring;
    struct collector collector;
    char control_message[FRAME_PAYLOAD_MAX + 16];
} runner;

static int64_t now_ns(void) {
    struct timespec now;
    /* Cannot fail with these arguments, and a runner without a clock could not keep its promises. */
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        loop_fail(FAILED_INTERNAL, "clock_gettime", errno);
    }
    return (int64_t)now.tv_sec * NANOSECONDS + now.tv_nsec;
}

static int64_t nanoseconds(uint32_t milliseconds) {
    return (int64_t)milliseconds * (NANOSECONDS / 1000);
}

/* Of two deadlines, where 0 is none. */
static int64_t earlier(int64_t one, int64_t other) {
    return one == 0 || (other != 0 && other < one) ? other : one;
}

static void close_and_forget(int *fd) {
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

/* ---- Ways out ---- */

/* The daemon is gone: nobody is left to tell anything to. The kernel ends with PID 1 whatever the kill has not met. */
static _Noreturn void abandon(void) {
    kill_everything();
    _exit(RUNNER_ABANDONED);
}

static void flush(void) {
    struct outbox *outbox = &runner.outbox;
    while (!outbox_is_empty(outbox)) {
        const ssize_t written = write(wire_out(), outbox->bytes + outbox->head, outbox->tail - outbox->head);
        if (written > 0) {
            outbox->head += (size_t)written;
        } else if (written < 0 && errno == EAGAIN) {
            return;
        } else if (written == 0 || errno != EINTR) {
            abandon(); /* EPIPE, as a rule */
        }
    }
}

_Noreturn void loop_fail(enum failed_code code, const char *what, int error) {
    char text[FAILED_TEXT_MAX];
    (void)snprintf(text, sizeof text, error == 0 ? "%s" : "%s: %s", what, strerror(error));
    kill_everything(); /* before anything that could wait */
    (void)outbox_failed(&runner.outbox, code, text);
    struct timespec start, now;
    if (clock_gettime(CLOCK_MONOTONIC, &start) != 0) {
        _exit(RUNNER_FAILED);
    }
    for (;;) {
        flush();
        if (outbox_is_empty(&runner.outbox) || clock_gettime(CLOCK_MONOTONIC, &now) != 0 ||
            (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 >= FAILED_PATIENCE_MS) {
            _exit(RUNNER_FAILED);
        }
        struct pollfd out = {.fd = wire_out(), .events = POLLOUT};
        if (poll(&out, 1, FAILED_PATIENCE_MS) <= 0) {
            _exit(RUNNER_FAILED);
        }
    }
}

static _Noreturn void fail_protocol(const char *problem) {
    loop_fail(FAILED_PROTOCOL, problem, 0);
}

/* ---- The program's output ---- */

/* Reads once, if the daemon has left room. Returns whether there may be more to read at once. */
static bool read_output(struct output *output) {
    uint8_t *payload = output->fd >= 0 ? outbox_payload(&runner.outbox) : NULL;
    if (payload == NULL) {
        return false;
    }
    const ssize_t got = read(output->fd, payload, FRAME_PAYLOAD_MAX);
    if (got > 0) {
        const bool is_program = runner.run_started_ns != 0;
        outbox_commit(&runner.outbox, is_program ? output->frame : FRAME_LOG, (size_t)got);
        output->bytes += is_program ? (uint64_t)got : 0;
        runner.mark_ns = 0;
        return true;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        /* Once all writers are dead, empty is the end, even where a dead socket still holds a copy of the other side.
         */
        if (!runner.all_dead) {
            return false;
        }
    } else if (got < 0) {
        loop_fail(FAILED_INTERNAL, "read output", errno);
    }
    close_and_forget(&output->fd);
    return false;
}

/* ---- The program's stdin ---- */

static void close_program_stdin(void) {
    close_and_forget(&runner.program_stdin);
    ring_drop(&runner.ring, runner.ring.used);
}

static void write_stdin(void) {
    size_t length = 0;
    while (runner.program_stdin >= 0 && runner.ring.used > 0) {
        const uint8_t *bytes = ring_peek(&runner.ring, &length);
        const ssize_t written = write(runner.program_stdin, bytes, length);
        if (written >= 0) {
            ring_drop(&runner.ring, (size_t)written);
            runner.stdin_owed += (uint32_t)written;
        } else if (errno == EPIPE) {
            /* The program closed its stdin. What still comes is dropped and no more room is granted. */
            close_program_stdin();
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            loop_fail(FAILED_INTERNAL, "write stdin", errno);
        }
    }
    if (runner.phase == PHASE_RUNNING && runner.ring.used == 0 && !runner.stdin_open) {
        close_program_stdin();
    }
}

static void grant_stdin_room(void) {
    if (runner.program_stdin < 0 || !runner.stdin_open || runner.stdin_owed == 0 ||
        (runner.stdin_owed < STDIN_ROOM_BATCH && runner.ring.used > 0)) {
        return;
    }
    /* Not on the reserve: a daemon that only sends must not use up the room of EXIT. */
    if (outbox_payload(&runner.outbox) != NULL && outbox_stdin_room(&runner.outbox, runner.stdin_owed)) {
        runner.stdin_granted += runner.stdin_owed;
        runner.mark_ns = 0;
        runner.stdin_owed = 0;
    }
}

/* ---- The end ---- */

static void reap(void);

static void kill_run(uint8_t cause) {
    if (runner.kill_cause == CAUSE_NONE) {
        /* The first one wins, that of a question included. */
        runner.kill_cause = runner.asked_cause == CAUSE_NONE ? cause : runner.asked_cause;
        runner.kill_deadline_ns = now_ns() + nanoseconds(KILL_PATIENCE_MS);
    }
    runner.grace_deadline_ns = 0;
    kill_everything();
}

/*
 * Ends the run for this cause: at once, or by a question (SIGTERM) that leaves it so much time. One that has been asked
 * already may get less time, and never more.
 */
static void end_run(uint8_t cause, uint32_t grace_ms) {
    reap(); /* if it has just ended by itself, even by a SIGKILL of its own, that was first */
    if (runner.phase >= PHASE_ENDING) {
        return;
    }
    /* Before RUN there is no program that could be asked. */
    if (grace_ms == 0 || runner.phase != PHASE_RUNNING || runner.kill_cause != CAUSE_NONE) {
        kill_run(cause);
        return;
    }
    runner.grace_deadline_ns = earlier(runner.grace_deadline_ns, now_ns() + nanoseconds(grace_ms));
    if (runner.asked_cause == CAUSE_NONE) {
        runner.asked_cause = cause;
        runner.deadline_ns = 0;
        /* Its group, as a terminal would: the commands of a script too. SIGCONT, because one that is stopped could not
         * answer. The number is still its own: it has not been reaped. */
        (void)kill(-runner.main_pid, SIGTERM);
        (void)kill(-runner.main_pid, SIGCONT);
    }
}

static void begin_ending(int64_t now) {
    runner.phase = PHASE_ENDING;
    runner.mark_ns = 0;
    runner.deadline_ns = 0;
    runner.grace_deadline_ns = 0;
    runner.kill_deadline_ns = now + nanoseconds(KILL_PATIENCE_MS);
    runner.stdin_open = false;
    close_program_stdin();
    close_and_forget(&runner.control);
}

static void on_main_end(int wait_status) {
    const int64_t now = now_ns();
    runner.ending = ending_of(wait_status, runner.asked_cause, runner.kill_cause);
    if (runner.run_started_ns != 0) {
        runner.elapsed_us = (uint64_t)(now - runner.run_started_ns) / 1000;
    } else if (runner.kill_cause == CAUSE_NONE) {
        char text[FAILED_TEXT_MAX];
        (void)snprintf(text, sizeof text, "the interpreter ended before RUN, %s %u",
                       runner.ending.signaled ? "signal" : "exit code", runner.ending.code);
        while (read_output(&runner.out) || read_output(&runner.err)) {
            /* its last words go first, as LOG */
        }
        loop_fail(FAILED_INTERPRETER, text, 0);
    }
    begin_ending(now);
    kill_everything();
}

static void reap(void) {
    runner.reap_again = false;
    for (int reaped = 0; reaped < REAP_BATCH_MAX; reaped++) {
        int wait_status = 0;
        struct rusage rusage;
        const pid_t pid = wait4(-1, &wait_status, WNOHANG, &rusage);
        if (pid == 0) {
            return;
        }
        if (pid < 0) {
            /* ECHILD: nobody is left, and as every orphan comes to PID 1, nobody is left anywhere. */
            runner.all_dead = errno == ECHILD;
            return;
        }
        usage_add_reaped(&runner.usage, &rusage);
        /* One that has told its end has ended so, though our kill may have met it since. */
        if (pid == runner.main_pid && runner.phase < PHASE_ENDING) {
            on_main_end(wait_status);
        }
    }
    runner.reap_again = true;
}

/*
 * Somebody says that the main process exits; whether it does, only that process itself can say. Where it does, all that
 * is left of it is the kernel's work, and where nobody else is alive either, nothing more can be written, and the end
 * need not wait for that work. It is stopped, and dies with the container: its death would take a processor while the
 * ending is on its way. A program that only pretends to exit makes it true. Files are never collected beside a process
 * that is not known to be dead.
 */
static void on_exit_notice(void) {
    struct claim claim;
    /* The claim first, and who is alive after that: who claims starts nobody any more. */
    if (runner.phase != PHASE_RUNNING || !claim_read(runner.main_claim, runner.start.exit_notice, &claim)) {
        return;
    }
    if (runner.asked_cause != CAUSE_NONE || runner.kill_cause != CAUSE_NONE || runner.collector.wanted ||
        usage_tasks(&runner.usage) != TASKS_OF_MAIN_ALONE) {
        (void)kill(runner.main_pid, EXIT_NOTICE_ANSWER); /* it need not wait */
        return;
    }
    (void)kill(runner.main_pid, SIGSTOP);
    const int64_t now = now_ns();
    runner.ending = (struct ending){.code = claim.code};
    runner.elapsed_us = (uint64_t)(now - runner.run_started_ns) / 1000;
    usage_add_rss(&runner.usage, claim.max_rss_kib);
    begin_ending(now);
    runner.all_dead = true;
}

static void report_exit(void) {
    const struct exit_report report = {
        .signaled = runner.ending.signaled,
        .code = runner.ending.code,
        .cause = runner.ending.cause,
        .unasked_sigkill = runner.ending.unasked_sigkill,
        .asked = runner.ending.asked,
        .oom_kills = runner.totals.oom_kills,
        .cpu_us = runner.totals.cpu_us,
        .max_rss_bytes = runner.usage.max_rss_bytes,
        .memory_peak_bytes = runner.totals.memory_peak_bytes,
        .elapsed_us = runner.elapsed_us,
        .stdout_bytes = runner.out.bytes,
        .stderr_bytes = runner.err.bytes,
    };
    if (!outbox_exit(&runner.outbox, &report)) {
        loop_fail(FAILED_INTERNAL, "no room for EXIT", 0);
    }
    runner.phase = PHASE_DONE;
}

/*
 * Goes as far as it can without waiting: everything dead, pipes dry, files sent, EXIT. In the usual case that is all
 * the way, so that the last output and EXIT leave in one write.
 */
static void go_on_ending(void) {
    if (runner.phase == PHASE_ENDING) {
        if (!runner.all_dead) {
            kill_everything(); /* again: a process may have been made while the last call was on its way */
            reap();
        }
        while (read_output(&runner.out) || read_output(&runner.err)) {
            /* until both are dry, at their end, or the daemon is behind */
        }
        if (runner.all_dead && runner.out.fd < 0 && runner.err.fd < 0) {
            runner.totals = usage_since_baseline(&runner.usage);
            runner.phase = PHASE_COLLECTING;
        }
    }
    while (runner.phase == PHASE_COLLECTING && outbox_payload(&runner.outbox) != NULL) {
        const enum collect_state state =
            collect_step(&runner.collector, runner.start.workspace, runner.start.main_name, &runner.outbox);
        if (state == COLLECT_FAILED) {
            loop_fail(FAILED_INTERNAL, "a collected file got shorter", 0);
        }
        if (state == COLLECT_DONE) {
            report_exit();
        }
    }
}

/* ---- Frames from the daemon ---- */

static void on_file(const struct frame *frame) {
    struct file_request request;
    const char *problem = parse_file(frame, &request);
    if (problem == NULL) {
        problem = path_problem(request.path, request.path_length);
    }
    if (problem != NULL) {
        fail_protocol(problem);
    }
    close_and_forget(&runner.file);
    runner.has_more_files = runner.has_more_files || request.path_length != strlen(runner.start.main_name) ||
                            memcmp(request.path, runner.start.main_name, request.path_length) != 0;
    runner.file = workspace_create(runner.start.workspace, request.path, request.path_length, request.mode);
    if (runner.file < 0) {
        const int error = errno;
        char text[FAILED_TEXT_MAX];
        (void)snprintf(text, sizeof text, "create %.*s", (int)request.path_length, request.path);
        loop_fail(FAILED_FILE, text, error);
    }
}

static void on_data(const struct frame *frame) {
    if (runner.file < 0) {
        fail_protocol("DATA without FILE");
    }
    if (memchr(frame->payload, ARCHIVE_BYTE, frame->length) != NULL) {
        runner.has_more_files = true;
    }
    size_t at = 0;
    while (at < frame->length) {
        const ssize_t written = write(runner.file, frame->payload + at, frame->length - at);
        if (written > 0) {
            at += (size_t)written;
        } else if (written == 0 || errno != EINTR) {
            loop_fail(FAILED_FILE, "write", written == 0 ? EIO : errno);
        }
    }
}

/*
 * What the interpreter reads from its control socket, up to the end: nothing at all for a run that is a program's text
 * and no more; else the number of arguments in decimal, the arguments, and the variables, each closed by NUL.
 */
static void write_control(void) {
    while (runner.control_at < runner.control_length) {
        const ssize_t sent = send(runner.control, runner.control_message + runner.control_at,
                                  runner.control_length - runner.control_at, MSG_NOSIGNAL);
        if (sent >= 0) {
            runner.control_at += (size_t)sent;
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR) {
            break; /* it died; its end will be noticed as every end is */
        }
    }
    close_and_forget(&runner.control);
}

static void on_run(const struct frame *frame) {
    struct run_request request;
    const char *problem = parse_run(frame, &request);
    if (problem != NULL) {
        fail_protocol(problem);
    }
    if (runner.phase != PHASE_WAITING) {
        fail_protocol("RUN before READY");
    }
    close_and_forget(&runner.file);
    if (request.arguments + request.variables > 0 || runner.has_more_files) {
        const int digits =
            snprintf(runner.control_message, sizeof runner.control_message, "%u", (unsigned)request.arguments);
        runner.control_length = (size_t)digits + 1;
        memcpy(runner.control_message + runner.control_length, request.strings, request.strings_length);
        runner.control_length += request.strings_length;
    }
    runner.phase = PHASE_RUNNING;
    runner.run_started_ns = now_ns();
    runner.mark_ns = runner.run_started_ns + nanoseconds(RUNNING_MARK_MS);
    runner.grace_ms = request.grace_ms;
    if (request.timeout_ms > 0) {
        runner.deadline_ns = runner.run_started_ns + nanoseconds(request.timeout_ms);
    }
    if (!request.stdin_open) {
        close_program_stdin(); /* before it goes: it must find its stdin at the end */
    }
    write_control(); /* here it goes; all that follows happens beside it */
    runner.stdin_open = request.stdin_open;
    if (request.stdin_open) {
        runner.stdin_owed = RING_SIZE;
    }
}

static void on_stdin(const struct frame *frame) {
    if (runner.phase >= PHASE_ENDING) {
        return; /* sent before the daemon could know */
    }
    if (!runner.stdin_open) {
        fail_protocol("STDIN that is not open");
    }
    if (frame->length > runner.stdin_granted) {
        fail_protocol("STDIN over the room granted");
    }
    runner.stdin_granted -= (uint32_t)frame->length;
    if (runner.program_stdin >= 0) {
        ring_put(&runner.ring, frame->payload, frame->length);
    }
}

static void on_stdin_end(const struct frame *frame) {
    if (frame->length != 0) {
        fail_protocol("STDIN_END with a payload");
    }
    if (runner.phase >= PHASE_ENDING) {
        return;
    }
    if (!runner.stdin_open) {
        fail_protocol("STDIN_END of a stdin that is not open");
    }
    runner.stdin_open = false;
}

static void on_kill(const struct frame *frame) {
    struct kill_request request;
    const char *problem = parse_kill(frame, &request);
    if (problem != NULL) {
        fail_protocol(problem);
    }
    end_run(request.cause, request.grace_ms);
}

static void on_collect(const struct frame *frame) {
    struct collect_request request;
    const char *problem = parse_collect(frame, &request);
    if (problem == NULL && runner.collector.wanted) {
        problem = "COLLECT twice";
    }
    if (problem != NULL) {
        fail_protocol(problem);
    }
    collect_ask(&runner.collector, &request);
}

/* The first frame through the pipe, as soon as nothing is left that has to go the old way. */
static void answer_direct(void) {
    if (outbox_is_empty(&runner.outbox) && wire_move()) {
        (void)outbox_direct(&runner.outbox); /* into an empty outbox */
        flush();
    }
}

static void on_direct(const struct frame *frame) {
    if (frame->length != 0) {
        fail_protocol("DIRECT with a payload");
    }
    if (runner.phase >= PHASE_ENDING) {
        return; /* sent before the daemon could know */
    }
    if (runner.phase != PHASE_WAITING) {
        fail_protocol("DIRECT before READY or after RUN");
    }
    if (!inbox_is_empty(&runner.inbox)) {
        fail_protocol("a frame on stdin after DIRECT");
    }
    if (!wire_go_direct()) {
        fail_protocol("DIRECT twice, or without pipes");
    }
}

static void on_frame(const struct frame *frame) {
    const bool before_run = runner.run_started_ns == 0;
    switch ((enum frame_from_daemon)frame->type) {
    case FRAME_FILE:
    case FRAME_DATA:
    case FRAME_RUN:
    case FRAME_COLLECT:
        if (!before_run) {
            fail_protocol("FILE, DATA, RUN or COLLECT after RUN");
        }
        if (runner.phase >= PHASE_ENDING) {
            return; /* killed before RUN: sent before the daemon could know */
        }
        if (frame->type == FRAME_FILE) {
            on_file(frame);
        } else if (frame->type == FRAME_DATA) {
            on_data(frame);
        } else if (frame->type == FRAME_RUN) {
            on_run(frame);
        } else {
            on_collect(frame);
        }
        return;
    case FRAME_STDIN:
        on_stdin(frame);
        return;
    case FRAME_STDIN_END:
        on_stdin_end(frame);
        return;
    case FRAME_KILL:
        on_kill(frame);
        return;
    case FRAME_DIRECT:
        on_direct(frame);
        return;
    }
}

static void read_daemon(void) {
    size_t room = 0;
    uint8_t *space = inbox_space(&runner.inbox, &room);
    const ssize_t got = read(wire_in(), space, room);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got <= 0) {
        abandon(); /* the dead man's switch */
    }
    inbox_commit(&runner.inbox, (size_t)got);
    struct frame frame;
    const char *problem = NULL;
    enum inbox_state state;
    while ((state = inbox_next(&runner.inbox, &frame, &problem)) == INBOX_FRAME) {
        on_frame(&frame);
    }
    if (state == INBOX_BROKEN) {
        fail_protocol(problem);
    }
}

/* The container's stdin, once frames come through the pipe: only its end has a meaning. */
static void read_switch(void) {
    uint8_t byte = 0;
    const ssize_t got = read(wire_switch(), &byte, 1);
    if (got > 0) {
        fail_protocol("a frame on stdin after DIRECT");
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        abandon();
    }
}

/* ---- Other events ---- */

/* Reads once: a program that queues signals as fast as they are read must not keep the loop from its other work. */
static void read_signals(void) {
    struct signalfd_siginfo signals[8];
    const ssize_t got = read(runner.start.signals, signals, sizeof signals);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        loop_fail(FAILED_INTERNAL, "read signals", got == 0 ? EIO : errno);
    }
    /* Who sent a signal proves nothing. Of SIGCHLD: whether somebody has ended is what this finds out. */
    reap();
    bool is_noticed = false;
    for (size_t i = 0; got > 0 && i < (size_t)got / sizeof signals[0]; i++) {
        is_noticed = is_noticed || signals[i].ssi_signo == EXIT_NOTICE_SIGNAL;
    }
    if (is_noticed && runner.start.exit_notice != 0) {
        on_exit_notice();
    }
}

static void read_control(void) {
    char byte = 0;
    const ssize_t got = read(runner.control, &byte, 1);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got <= 0) {
        /* It is ending, and reap() will tell how: the kill does not change the exit code of a process that is already
         * on its way out. One that only closed the socket can never be let go, and ends here. */
        close_and_forget(&runner.control);
        kill_everything();
        return;
    }
    usage_take_baseline(&runner.usage, runner.main_pid);
    while (read_output(&runner.out) || read_output(&runner.err)) {
        /* what it said on the way belongs before READY */
    }
    const struct pipe_offer offer = wire_offer();
    if (!outbox_ready(&runner.outbox, &offer)) {
        loop_fail(FAILED_INTERNAL, "no room for READY", 0);
    }
    runner.phase = PHASE_WAITING;
}

static void check_deadlines(void) {
    if (runner.mark_ns == 0 && runner.deadline_ns == 0 && runner.grace_deadline_ns == 0 &&
        runner.kill_deadline_ns == 0) {
        return;
    }
    const int64_t now = now_ns();
    if (runner.mark_ns != 0 && now >= runner.mark_ns) {
        runner.mark_ns = 0;
        /* Without room for it there is something else for the daemon to read. */
        (void)outbox_running(&runner.outbox);
    }
    if (runner.deadline_ns != 0 && now >= runner.deadline_ns) {
        runner.deadline_ns = 0;
        end_run(CAUSE_TIMEOUT, runner.grace_ms);
    }
    if (runner.grace_deadline_ns != 0 && now >= runner.grace_deadline_ns) {
        end_run(runner.asked_cause, 0);
    }
    if (runner.kill_deadline_ns != 0 && now >= runner.kill_deadline_ns && !runner.all_dead) {
        loop_fail(FAILED_INTERNAL, "processes outlive SIGKILL", 0);
    }
}

/* ---- The loop ---- */

enum {
    WATCH_DAEMON_IN,
    WATCH_SWITCH,
    WATCH_DAEMON_OUT,
    WATCH_SIGNALS,
    WATCH_OUT,
    WATCH_ERR,
    WATCH_STDIN,
    WATCH_CONTROL,
    WATCH_COUNT
};

/* How long poll() may sleep: to the next deadline, for ever without one, not at all with work left over. */
static const struct timespec *sleep_time(struct timespec *time) {
    int64_t deadline = earlier(earlier(runner.deadline_ns, runner.grace_deadline_ns), runner.mark_ns);
    if (!runner.all_dead) {
        deadline = earlier(deadline, runner.kill_deadline_ns);
    }
    /* Files go on as soon as the last flush has made room; no descriptor will tell. */
    const bool work_left =
        runner.reap_again || (runner.phase == PHASE_COLLECTING && outbox_payload(&runner.outbox) != NULL);
    if (deadline == 0 && !work_left) {
        return NULL;
    }
    const int64_t left = work_left ? 0 : deadline - now_ns();
    *time =
        (struct timespec){.tv_sec = left > 0 ? left / NANOSECONDS : 0, .tv_nsec = left > 0 ? left % NANOSECONDS : 0};
    return time;
}

static void wait_for_events(struct pollfd fds[WATCH_COUNT]) {
    /* No room for output: the program's pipes are left alone until the daemon has read. All else goes on. */
    const bool room = outbox_payload(&runner.outbox) != NULL;
    const bool control_writes = runner.phase == PHASE_RUNNING;
    fds[WATCH_DAEMON_IN] = (struct pollfd){.fd = wire_in(), .events = POLLIN};
    fds[WATCH_SWITCH] = (struct pollfd){.fd = wire_switch(), .events = POLLIN};
    fds[WATCH_DAEMON_OUT] = (struct pollfd){.fd = outbox_is_empty(&runner.outbox) ? -1 : wire_out(), .events = POLLOUT};
    fds[WATCH_SIGNALS] = (struct pollfd){.fd = runner.start.signals, .events = POLLIN};
    fds[WATCH_OUT] = (struct pollfd){.fd = room ? runner.out.fd : -1, .events = POLLIN};
    fds[WATCH_ERR] = (struct pollfd){.fd = room ? runner.err.fd : -1, .events = POLLIN};
    fds[WATCH_STDIN] = (struct pollfd){.fd = runner.ring.used > 0 ? runner.program_stdin : -1, .events = POLLOUT};
    fds[WATCH_CONTROL] = (struct pollfd){.fd = runner.phase == PHASE_STARTING || control_writes ? runner.control : -1,
                                         .events = control_writes ? POLLOUT : POLLIN};
    struct timespec time;
    if (ppoll(fds, WATCH_COUNT, sleep_time(&time), NULL) < 0) {
        if (errno != EINTR) {
            loop_fail(FAILED_INTERNAL, "poll", errno);
        }
        for (int i = 0; i < WATCH_COUNT; i++) {
            fds[i].revents = 0;
        }
    }
}

/* Until the daemon has closed either way to here, or sends what it no longer need send. */
static void linger(void) {
    struct pollfd daemon[] = {{.fd = wire_in(), .events = POLLIN}, {.fd = wire_switch(), .events = POLLIN}};
    (void)poll(daemon, sizeof daemon / sizeof daemon[0], LINGER_MS);
}

void loop_prepare(const struct loop_start *start) {
    (void)now_ns(); /* maps the clock's two pages */
    runner.start = *start;
    runner.file = -1;
    runner.control = -1;
    usage_open(&runner.usage, CGROUP_ROOT);
}

_Noreturn void loop_run(const struct interpreter *interpreter) {
    runner.main_pid = interpreter->pid;
    runner.main_claim = claim_open(interpreter->pid);
    runner.out = (struct output){.fd = interpreter->out, .frame = FRAME_STDOUT};
    runner.err = (struct output){.fd = interpreter->err, .frame = FRAME_STDERR};
    runner.control = interpreter->control;
    runner.program_stdin = interpreter->in;
    for (;;) {
        struct pollfd fds[WATCH_COUNT];
        wait_for_events(fds);
        /* Ends before output: a program that wrote and ended leaves both in one go. Both before the daemon's frames:
         * what happened here has happened before what is read now. */
        if (fds[WATCH_SIGNALS].revents != 0 || runner.reap_again) {
            read_signals();
        }
        if (fds[WATCH_OUT].revents != 0) {
            (void)read_output(&runner.out);
        }
        if (fds[WATCH_ERR].revents != 0) {
            (void)read_output(&runner.err);
        }
        if (fds[WATCH_CONTROL].revents != 0 && runner.control >= 0) {
            if (runner.phase == PHASE_STARTING) {
                read_control();
            } else {
                write_control();
            }
        }
        if (fds[WATCH_DAEMON_IN].revents != 0) {
            read_daemon();
        }
        if (fds[WATCH_SWITCH].revents != 0) {
            read_switch();
        }
        check_deadlines();
        write_stdin();
        grant_stdin_room();
        go_on_ending();
        flush();
        answer_direct();
        if (runner.phase == PHASE_DONE && outbox_is_empty(&runner.outbox)) {
            linger();
            _exit(RUNNER_REPORTED);
        }
    }
}
