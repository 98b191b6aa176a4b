/* Finds the files that COLLECT asked for and turns them into frames, one at a time, after everything is dead. */
#ifndef MATCHBOX_COLLECT_H
#define MATCHBOX_COLLECT_H

#include "files.h"
#include "frames.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    COLLECT_DEPTH_MAX = 32,       /* folders below one another that are looked into */
    COLLECT_ENTRIES_MAX = 100000, /* entries looked at */
    COLLECT_MATCHES_MAX = 8192,   /* matches kept */
    COLLECT_ARENA_SIZE = 1 << 20, /* bytes of their paths */
    COLLECT_WALK_MS_MAX = 2000,   /* time for the walk: a client's patterns must not hold up the end of a run */
};

struct collector {
    /* What was asked for. */
    bool wanted;
    uint64_t bytes_left;
    uint32_t files_left;
    uint16_t patterns;
    size_t strings_length;
    char strings[FRAME_PAYLOAD_MAX];
    /* What the walk found, sorted. */
    bool walked;
    bool cut_short;
    uint32_t entries;
    int64_t walk_deadline_ms;
    size_t arena_used;
    uint32_t matches;
    uint32_t next;
    char *paths[COLLECT_MATCHES_MAX];
    char arena[COLLECT_ARENA_SIZE];
    /* The file on its way. */
    int file;
    uint64_t file_left;
};

void collect_ask(struct collector *collector, const struct collect_request *request);

enum collect_state { COLLECT_MORE, COLLECT_DONE, COLLECT_FAILED };

/*
 * Adds at most one frame to the outbox; call it while outbox_payload() has room. `exclude` is the program itself, which
 * never comes back. COLLECT_FAILED: a file that had been announced could not be read to its end.
 */
enum collect_state collect_step(struct collector *collector, int workspace, const char *exclude, struct outbox *outbox);

#endif
