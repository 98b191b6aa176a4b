#include "collect.h"

#include "glob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The kernel's struct linux_dirent64: readdir() would want memory from malloc(). */
struct entry {
    uint64_t inode;
    int64_t offset;
    uint16_t size;
    uint8_t type;
    char name[];
};

struct walk {
    struct collector *collector;
    const char *exclude;
    char path[WORKSPACE_PATH_MAX + 1];
};

void collect_ask(struct collector *collector, const struct collect_request *request) {
    collector->wanted = true;
    collector->bytes_left = request->max_bytes;
    collector->files_left = request->max_files;
    collector->patterns = request->patterns;
    collector->strings_length = request->strings_length;
    memcpy(collector->strings, request->strings, request->strings_length);
}

static int64_t now_ms(void) {
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        return INT64_MAX; /* ends the walk */
    }
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_match(const struct walk *walk) {
    if (strcmp(walk->path, walk->exclude) == 0) {
        return false;
    }
    const char *pattern = walk->collector->strings;
    for (uint16_t i = 0; i < walk->collector->patterns; i++) {
        if (glob_matches(pattern, walk->path)) {
            return true;
        }
        pattern += strlen(pattern) + 1;
    }
    return false;
}

static void keep(struct walk *walk) {
    struct collector *collector = walk->collector;
    const size_t size = strlen(walk->path) + 1;
    if (collector->matches == COLLECT_MATCHES_MAX || sizeof collector->arena - collector->arena_used < size) {
        collector->cut_short = true;
        return;
    }
    char *path = collector->arena + collector->arena_used;
    memcpy(path, walk->path, size);
    collector->paths[collector->matches++] = path;
    collector->arena_used += size;
}

static bool is_folder(int parent, const struct entry *entry) {
    if (entry->type != DT_UNKNOWN) {
        return entry->type == DT_DIR;
    }
    struct stat found;
    return fstatat(parent, entry->name, &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(found.st_mode);
}

static void walk_folder(struct walk *walk, int parent, const char *name, size_t length, int depth);

static void visit(struct walk *walk, int folder, const struct entry *entry, size_t length, int depth) {
    if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0) {
        return;
    }
    struct collector *collector = walk->collector;
    if (++collector->entries > COLLECT_ENTRIES_MAX ||
        (collector->entries % 64 == 0 && now_ms() > collector->walk_deadline_ms)) {
        collector->cut_short = true;
        return;
    }
    const size_t name_length = strlen(entry->name);
    const size_t separator = length > 0 ? 1 : 0;
    if (length + separator + name_length > WORKSPACE_PATH_MAX) {
        collector->cut_short = true;
        return;
    }
    if (separator > 0) {
        walk->path[length] = '/';
    }
    memcpy(walk->path + length + separator, entry->name, name_length + 1);
    if (is_folder(folder, entry)) {
        walk_folder(walk, folder, entry->name, length + separator + name_length, depth + 1);
    } else if (is_match(walk)) {
        keep(walk);
    }
}

/* Recursion is bounded by COLLECT_DEPTH_MAX, and so are the stack and the descriptors it takes. */
static void walk_folder(struct walk *walk, int parent, const char *name, size_t length, int depth) {
    if (depth > COLLECT_DEPTH_MAX) {
        walk->collector->cut_short = true;
        return;
    }
    const int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0) {
        keep(walk); /* sent as SKIPPED: matches may be hidden in it */
        return;
    }
    _Alignas(struct entry) char buffer[4096];
    long got = 0;
    while (!walk->collector->cut_short && (got = syscall(SYS_getdents64, folder, buffer, sizeof buffer)) > 0) {
        for (long at = 0; at < got && !walk->collector->cut_short;) {
            const struct entry *entry = (const struct entry *)(const void *)(buffer + at);
            visit(walk, folder, entry, length, depth);
            at += entry->size;
        }
    }
    if (got < 0) {
        walk->collector->cut_short = true;
    }
    (void)close(folder);
}

static int compare_paths(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Strings of the protocol are UTF-8; a name that is not cannot be sent, and is shown with ? in place of its bytes. */
static bool make_presentable(char *path) {
    if (utf8_is_valid(path, strlen(path))) {
        return true;
    }
    for (char *at = path; *at != '\0'; at++) {
        if ((unsigned char)*at >= 0x80) {
            *at = '?';
        }
    }
    return false;
}

static void skip(struct outbox *outbox, uint8_t *payload, enum skipped_why why, uint64_t size, const char *path) {
    outbox_commit(outbox, FRAME_SKIPPED, encode_skipped(payload, why, size, path));
}

/* Announces the file at `path`, or says why not. The order of the checks is the order in which they can be trusted. */
static void announce(struct collector *collector, int workspace, char *path, struct outbox *outbox, uint8_t *payload) {
    struct stat found;
    /* O_NONBLOCK: opening a FIFO must not wait for a writer that is dead. O_NOFOLLOW: a link is not a file. */
    const int file = workspace_open(workspace, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (file < 0 || fstat(file, &found) != 0) {
        /* ELOOP: a symbolic link. ENXIO: a socket or a device without a driver. */
        const bool special = file < 0 && (errno == ELOOP || errno == ENXIO);
        (void)make_presentable(path);
        skip(outbox, payload, special ? SKIPPED_NOT_REGULAR : SKIPPED_UNREADABLE, 0, path);
    } else if (!S_ISREG(found.st_mode)) {
        (void)make_presentable(path);
        skip(outbox, payload, SKIPPED_NOT_REGULAR, 0, path);
    } else if (!make_presentable(path)) {
        skip(outbox, payload, SKIPPED_UNREADABLE, (uint64_t)found.st_size, path);
    } else if (collector->files_left == 0) {
        skip(outbox, payload, SKIPPED_FILES, (uint64_t)found.st_size, path);
    } else if ((uint64_t)found.st_size > collector->bytes_left) {
        skip(outbox, payload, SKIPPED_BYTES, (uint64_t)found.st_size, path);
    } else {
        collector->files_left--;
        collector->bytes_left -= (uint64_t)found.st_size;
        collector->file = file;
        collector->file_left = (uint64_t)found.st_size;
        const uint16_t mode = (uint16_t)(found.st_mode & 07777);
        outbox_commit(outbox, FRAME_COLLECTED, encode_collected(payload, collector->file_left, mode, path));
        return;
    }
    if (file >= 0) {
        (void)close(file);
    }
}

enum collect_state collect_step(struct collector *collector, int workspace, const char *exclude,
                                struct outbox *outbox) {
    if (!collector->wanted) {
        return COLLECT_DONE;
    }
    if (!collector->walked) {
        struct walk walk = {.collector = collector, .exclude = exclude};
        collector->walked = true;
        collector->file = -1;
        collector->walk_deadline_ms = now_ms() + COLLECT_WALK_MS_MAX;
        walk_folder(&walk, workspace, ".", 0, 0);
        /* The order of a folder is the file system's whim; the order of the answer is not. */
        qsort(collector->paths, collector->matches, sizeof collector->paths[0], compare_paths);
    }
    uint8_t *payload = outbox_payload(outbox);
    if (payload == NULL) {
        return COLLECT_MORE;
    }
    if (collector->file >= 0 && collector->file_left > 0) {
        const size_t want = collector->file_left < FRAME_PAYLOAD_MAX ? (size_t)collector->file_left : FRAME_PAYLOAD_MAX;
        const ssize_t got = read(collector->file, payload, want);
        if (got <= 0) {
            return COLLECT_FAILED; /* its size has been promised, and nobody is left who could have cut it */
        }
        outbox_commit(outbox, FRAME_COLLECTED_DATA, (size_t)got);
        collector->file_left -= (uint64_t)got;
        return COLLECT_MORE;
    }
    if (collector->file >= 0) {
        (void)close(collector->file);
        collector->file = -1;
    }
    if (collector->next < collector->matches) {
        announce(collector, workspace, collector->paths[collector->next++], outbox, payload);
        return COLLECT_MORE;
    }
    if (collector->cut_short) {
        collector->cut_short = false;
        skip(outbox, payload, SKIPPED_FILES, 0, "");
        return COLLECT_MORE;
    }
    return COLLECT_DONE;
}
