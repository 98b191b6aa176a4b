#include "box.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NOBODY = 65534, PATIENCE_MS = 20000 };

static const char waiting_shell[] = "printf . >&3; cat <&3 >.control; exec 3>&-; exec /bin/sh main.sh";

static void must(bool done, const char *what) {
    if (!done) {
        perror(what);
        _exit(99);
    }
}

bool box_is_unprivileged(void) {
    return geteuid() == 0; /* then the runner becomes nobody; in a user namespace it stays the namespace's root */
}

static void write_text(const char *path, const char *text) {
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0, path);
}

static void become_runner(int runner, const char *const *argv, unsigned uid, unsigned gid) {
    if (uid != 0) {
        char map[64];
        (void)snprintf(map, sizeof map, "0 %u 1", uid);
        write_text("/proc/self/uid_map", map);
        write_text("/proc/self/setgroups", "deny");
        (void)snprintf(map, sizeof map, "0 %u 1", gid);
        write_text("/proc/self/gid_map", map);
    }
    must(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private mounts");
    must(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0, "mount /proc");
    const struct rlimit none = {0, 0};
    must(setrlimit(RLIMIT_CORE, &none) == 0, "RLIMIT_CORE");
    if (uid == 0) {
        must(setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0, "become nobody");
        const struct rlimit processes = {400, 400}; /* where a fork bomb ends */
        must(setrlimit(RLIMIT_NPROC, &processes) == 0, "RLIMIT_NPROC");
        must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no new privileges");
    }
    /* What a careless engine might do: leave a descriptor open, and a signal ignored. */
    must(dup2(STDERR_FILENO, 9) == 9 && signal(SIGTERM, SIG_IGN) != SIG_ERR, "carelessness");
    const char *env[] = {"PATH=/usr/bin:/bin", "FOLDERS=image", "ASAN_OPTIONS=detect_leaks=0:abort_on_error=0", NULL};
    (void)syscall(SYS_execveat, runner, "", argv, env, AT_EMPTY_PATH);
    must(false, "execveat");
}

/* fork() into a new PID namespace: the child is PID 1 there. */
static pid_t fork_as_init(void) {
    const unsigned long flags = CLONE_NEWPID | CLONE_NEWNS | (geteuid() != 0 ? CLONE_NEWUSER : 0);
    return (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
}

static struct box start(int runner, const char *start, const char *const *command) {
    struct box box = {.workspace = "/tmp/runner-test-XXXXXX"};
    const char *argv[32] = {"runner",    "--workspace",   box.workspace, "--env",       "FROM_LANE=yes",
                            "--prepend", "FOLDERS=hook:", "--prepend",   "ALONE=hook:", "--start",
                            start,       "--main",        "main.sh",     "--"};
    for (size_t i = 0; command[i] != NULL; i++) {
        argv[14 + i] = command[i];
    }
    int in[2], out[2];
    const unsigned uid = geteuid(), gid = getegid();
    must(mkdtemp(box.workspace) != NULL, "mkdtemp");
    must(uid != 0 || chown(box.workspace, NOBODY, NOBODY) == 0, "chown");
    must(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "pipe2");
    (void)fflush(stdout);
    box.pid = fork_as_init();
    must(box.pid >= 0, "clone");
    if (box.pid == 0) {
        must(dup2(in[0], STDIN_FILENO) == 0 && dup2(out[1], STDOUT_FILENO) == 1, "dup2");
        become_runner(runner, argv, uid, gid);
    }
    must(close(in[0]) == 0 && close(out[1]) == 0, "close");
    box.in = in[1];
    box.out = out[0];
    return box;
}

struct box box_start_with(int runner, const char *interpreter) {
    const char *const command[] = {"/bin/sh", "-c", interpreter, NULL};
    return start(runner, "ready", command);
}

struct box box_start_at_run(int runner, const char *const *command) {
    return start(runner, "run", command);
}

struct box box_start(int runner) {
    return box_start_with(runner, waiting_shell);
}

bool box_possible(int runner) {
    struct box box = box_start(runner);
    const bool possible = box_ready(&box);
    (void)box_end(&box);
    return possible;
}

/* ---- Frames ---- */

void box_send(const struct box *box, uint8_t type, const void *payload, size_t length) {
    uint8_t bytes[FRAME_SIZE_MAX] = {type, (uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8),
                                     (uint8_t)length};
    memcpy(bytes + FRAME_HEADER_SIZE, payload, length);
    for (size_t at = 0; at < FRAME_HEADER_SIZE + length;) {
        const ssize_t written = write(box->in, bytes + at, FRAME_HEADER_SIZE + length - at);
        if (written < 0) {
            return; /* the runner has ended; the test will see it where it reads */
        }
        at += (size_t)written;
    }
}

void box_file(const struct box *box, uint16_t mode, const char *path, const char *content) {
    uint8_t payload[FRAME_PAYLOAD_MAX] = {(uint8_t)(mode >> 8), (uint8_t)mode};
    memcpy(payload + 2, path, strlen(path));
    box_send(box, FRAME_FILE, payload, 2 + strlen(path));
    box_send(box, FRAME_DATA, content, strlen(content));
}

static void put_u32(uint8_t *at, uint32_t value) {
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static void box_send_run(const struct box *box, uint32_t timeout_ms, uint32_t grace_ms, bool stdin_open) {
    uint8_t payload[13] = {0};
    put_u32(payload, timeout_ms);
    put_u32(payload + 4, grace_ms);
    payload[8] = stdin_open;
    box_send(box, FRAME_RUN, payload, sizeof payload);
}

void box_run(const struct box *box, const char *script, uint32_t timeout_ms, bool stdin_open) {
    box_file(box, 0644, "main.sh", script);
    box_send_run(box, timeout_ms, 0, stdin_open);
}

void box_run_with_grace(const struct box *box, const char *script, uint32_t timeout_ms, uint32_t grace_ms) {
    box_file(box, 0644, "main.sh", script);
    box_send_run(box, timeout_ms, grace_ms, false);
}

void box_kill(const struct box *box, uint8_t cause, uint32_t grace_ms) {
    uint8_t payload[5] = {cause};
    put_u32(payload + 1, grace_ms);
    box_send(box, FRAME_KILL, payload, sizeof payload);
}

void box_collect(const struct box *box, uint64_t bytes, uint32_t files, const char *pattern) {
    uint8_t payload[256] = {0};
    for (int i = 0; i < 8; i++) {
        payload[i] = (uint8_t)(bytes >> (56 - 8 * i));
    }
    for (int i = 0; i < 4; i++) {
        payload[8 + i] = (uint8_t)(files >> (24 - 8 * i));
    }
    payload[13] = 1;
    memcpy(payload + 14, pattern, strlen(pattern) + 1);
    box_send(box, FRAME_COLLECT, payload, 14 + strlen(pattern) + 1);
}

int box_fifo(const struct box *box, const char *name) {
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", box->workspace, name);
    must(mkfifo(path, 0666) == 0 && chmod(path, 0666) == 0, "mkfifo");
    const int fifo = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    must(fifo >= 0, "open fifo");
    return fifo;
}

bool fifo_hangs_up(int fifo, int timeout_ms) {
    struct pollfd poll_fd = {.fd = fifo, .events = 0};
    return poll(&poll_fd, 1, timeout_ms) == 1 && (poll_fd.revents & POLLHUP) != 0;
}

static bool read_exactly(int fd, uint8_t *bytes, size_t length) {
    for (size_t at = 0; at < length;) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        if (poll(&poll_fd, 1, PATIENCE_MS) <= 0) {
            return false;
        }
        const ssize_t got = read(fd, bytes + at, length - at);
        if (got <= 0) {
            return false;
        }
        at += (size_t)got;
    }
    return true;
}

bool box_next(const struct box *box, struct frame *frame) {
    static uint8_t bytes[FRAME_SIZE_MAX];
    if (!read_exactly(box->out, bytes, FRAME_HEADER_SIZE)) {
        return false;
    }
    const size_t length = (size_t)bytes[1] << 24 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 8 | bytes[4];
    if (length > FRAME_PAYLOAD_MAX || !read_exactly(box->out, bytes + FRAME_HEADER_SIZE, length)) {
        return false;
    }
    *frame = (struct frame){.type = bytes[0], .length = length, .payload = bytes + FRAME_HEADER_SIZE};
    return true;
}

static uint64_t number(const uint8_t *at, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

bool box_ready(struct box *box) {
    struct frame frame;
    while (box_next(box, &frame)) {
        if (frame.type == FRAME_READY) {
            if (frame.length != READY_PAYLOAD_SIZE || frame.payload[0] != PROTOCOL_VERSION) {
                return false;
            }
            box->offer = (struct pipe_offer){
                .in_fd = (uint32_t)number(frame.payload + 1, 4),
                .in_inode = number(frame.payload + 5, 8),
                .out_fd = (uint32_t)number(frame.payload + 13, 4),
                .out_inode = number(frame.payload + 17, 8),
            };
            return true;
        }
    }
    return false;
}

int box_pipe(const struct box *box, uint32_t fd, uint64_t inode, int access) {
    char path[64];
    struct stat status;
    (void)snprintf(path, sizeof path, "/proc/%d/fd/%u", box->pid, fd);
    const int pipe = open(path, access | O_NONBLOCK | O_CLOEXEC);
    if (pipe >= 0 && fstat(pipe, &status) == 0 && S_ISFIFO(status.st_mode) && status.st_ino == inode &&
        fcntl(pipe, F_SETFL, 0) == 0) {
        return pipe;
    }
    if (pipe >= 0) {
        (void)close(pipe);
    }
    return -1;
}

bool box_go_direct(struct box *box, int *stdin_end, int *stdout_end) {
    const int in = box_pipe(box, box->offer.in_fd, box->offer.in_inode, O_WRONLY);
    const int out = box_pipe(box, box->offer.out_fd, box->offer.out_inode, O_RDONLY);
    if (in < 0 || out < 0) {
        return false;
    }
    box_send(box, FRAME_DIRECT, "", 0);
    *stdin_end = box->in;
    *stdout_end = box->out;
    box->in = in;
    box->out = out;
    struct frame frame;
    return box_next(box, &frame) && frame.type == FRAME_DIRECT_ANSWER && frame.length == 0;
}

static void append(char *to, size_t *length, const struct frame *frame) {
    const size_t at = *length < BOX_OUTPUT_MAX ? *length : BOX_OUTPUT_MAX;
    const size_t room = BOX_OUTPUT_MAX - at;
    memcpy(to + at, frame->payload, frame->length < room ? frame->length : room);
    *length += frame->length;
}

static void add_line(char *lines, size_t size, const char *line, const struct frame *frame, size_t path_at) {
    const size_t used = strlen(lines);
    (void)snprintf(lines + used, size - used, "%s%.*s\n", line, (int)(frame->length - path_at),
                   (const char *)frame->payload + path_at);
}

struct result *box_result(const struct box *box) {
    static struct result result;
    struct frame frame;
    uint64_t left = 0;
    memset(&result, 0, sizeof result);
    while (box_next(box, &frame)) {
        char line[64];
        const uint8_t *at = frame.payload;
        switch (frame.type) {
        case FRAME_STDOUT:
            append(result.out, &result.stdout_length, &frame);
            break;
        case FRAME_STDERR:
            append(result.err, &result.stderr_length, &frame);
            break;
        case FRAME_LOG:
            add_line(result.log, sizeof result.log, "", &frame, 0);
            break;
        case FRAME_STDIN_ROOM:
            result.stdin_granted += number(at, 4);
            break;
        case FRAME_COLLECTED:
            left = number(at, 8);
            (void)snprintf(line, sizeof line, "%llu %o ", (unsigned long long)left, (unsigned)number(at + 8, 2));
            add_line(result.files, sizeof result.files, line, &frame, 10);
            break;
        case FRAME_COLLECTED_DATA:
            if (frame.length > left) {
                add_line(result.files, sizeof result.files, "too much data ", &frame, 0);
            }
            left -= frame.length;
            break;
        case FRAME_SKIPPED:
            (void)snprintf(line, sizeof line, "!%u %llu ", at[0], (unsigned long long)number(at + 1, 8));
            add_line(result.files, sizeof result.files, line, &frame, 9);
            break;
        case FRAME_FAILED:
            result.failed = at[0];
            memcpy(result.failed_text, at + 1, frame.length - 1);
            return &result;
        case FRAME_EXIT:
            result.exited = frame.length == EXIT_PAYLOAD_SIZE && left == 0;
            result.how = at[0];
            result.code = at[1];
            result.cause = at[2];
            result.flags = at[3];
            result.max_rss_bytes = number(at + 16, 8);
            result.elapsed_us = number(at + 32, 8);
            result.told_stdout = number(at + 40, 8);
            result.told_stderr = number(at + 48, 8);
            return &result;
        default:
            break;
        }
    }
    return &result;
}

int box_end(struct box *box) {
    int status = -1;
    bool ended = false;
    if (box->in >= 0) {
        (void)close(box->in);
    }
    for (int waited_ms = 0; waited_ms < PATIENCE_MS && !ended; waited_ms++) {
        ended = waitpid(box->pid, &status, WNOHANG) == box->pid;
        if (!ended) {
            (void)usleep(1000);
        }
    }
    if (!ended) {
        (void)kill(box->pid, SIGKILL);
        (void)waitpid(box->pid, NULL, 0);
    }
    (void)close(box->out);
    char command[192];
    (void)snprintf(command, sizeof command, "chmod -R u+rwx %s; rm -rf %s", box->workspace, box->workspace);
    must(system(command) == 0, command);
    return ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
