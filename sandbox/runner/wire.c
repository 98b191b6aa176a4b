#include "wire.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_END, WRITE_END };

enum direct_state { DIRECT_NEVER, DIRECT_OFFERED, DIRECT_MOVING, DIRECT_DONE };

static struct {
    enum direct_state direct;
    int to_runner[2];
    int to_daemon[2];
} wire;

static uint64_t inode_of(int fd) {
    struct stat status;
    return fstat(fd, &status) == 0 ? (uint64_t)status.st_ino : 0;
}

void wire_open(void) {
    if (pipe2(wire.to_runner, O_CLOEXEC | O_NONBLOCK) != 0) {
        return;
    }
    if (pipe2(wire.to_daemon, O_CLOEXEC | O_NONBLOCK) != 0) {
        (void)close(wire.to_runner[READ_END]);
        (void)close(wire.to_runner[WRITE_END]);
        return;
    }
    wire.direct = DIRECT_OFFERED;
}

struct pipe_offer wire_offer(void) {
    if (wire.direct != DIRECT_OFFERED) {
        return (struct pipe_offer){0};
    }
    return (struct pipe_offer){
        .in_fd = (uint32_t)wire.to_runner[READ_END],
        .in_inode = inode_of(wire.to_runner[READ_END]),
        .out_fd = (uint32_t)wire.to_daemon[WRITE_END],
        .out_inode = inode_of(wire.to_daemon[WRITE_END]),
    };
}

int wire_in(void) {
    return wire.direct >= DIRECT_MOVING ? wire.to_runner[READ_END] : STDIN_FILENO;
}

int wire_out(void) {
    return wire.direct == DIRECT_DONE ? wire.to_daemon[WRITE_END] : STDOUT_FILENO;
}

int wire_switch(void) {
    return wire.direct >= DIRECT_MOVING ? STDIN_FILENO : -1;
}

bool wire_go_direct(void) {
    if (wire.direct != DIRECT_OFFERED) {
        return false;
    }
    /* The ends that the daemon holds now were kept so that its own could be opened. A copy of ours would hide its
     * death: the pipe would never be at its end, and writing would never fail. */
    (void)close(wire.to_runner[WRITE_END]);
    (void)close(wire.to_daemon[READ_END]);
    wire.direct = DIRECT_MOVING;
    return true;
}

bool wire_move(void) {
    if (wire.direct != DIRECT_MOVING) {
        return false;
    }
    wire.direct = DIRECT_DONE;
    return true;
}
