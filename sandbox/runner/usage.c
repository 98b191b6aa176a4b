#include "usage.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int open_first(int root, const char *const *paths) {
    for (; *paths != NULL; paths++) {
        const int fd = openat(root, *paths, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            return fd;
        }
    }
    return -1;
}

/*
 * Version 2 first, because its files lie at the root itself, where version 1 and a hybrid have a folder for each
 * controller. What a hybrid has below `unified` counts nothing: a controller is in one hierarchy only, and the memory
 * controller is in the other one there.
 */
void usage_open(struct usage *usage, const char *root) {
    static const char *const oom_events[] = {"memory.events", "memory/memory.oom_control", NULL};
    static const char *const memory_peak[] = {"memory.peak", "memory/memory.max_usage_in_bytes", NULL};
    static const char *const cpu[] = {"cpu.stat", "cpuacct/cpuacct.usage", "cpu,cpuacct/cpuacct.usage", NULL};
    static const char *const tasks[] = {"pids.current", "pids/pids.current", NULL};
    const int folder = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    *usage = (struct usage){
        .oom_events = open_first(folder, oom_events),
        .memory_peak = open_first(folder, memory_peak),
        .cpu = open_first(folder, cpu),
        .tasks = open_first(folder, tasks),
    };
    if (folder >= 0) {
        (void)close(folder);
    }
}

/* The number after `key` at the start of a line; with an empty key, the number the file consists of. */
static bool read_number(int fd, const char *key, uint64_t *value) {
    char text[512];
    if (fd < 0) {
        return false;
    }
    const ssize_t length = pread(fd, text, sizeof text - 1, 0);
    if (length <= 0) {
        return false;
    }
    text[length] = '\0';
    const size_t key_length = strlen(key);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *digits = line + key_length;
        if (strncmp(line, key, key_length) == 0 && *digits >= '0' && *digits <= '9') {
            *value = strtoull(digits, NULL, 10);
            return true;
        }
    }
    return false;
}

static uint64_t timespec_us(struct timespec time) {
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static uint64_t timeval_us(struct timeval time) {
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

static uint64_t clock_us(clockid_t clock) {
    struct timespec time;
    return clock_gettime(clock, &time) == 0 ? timespec_us(time) : 0;
}

/*
 * CPU time of everything in the container but the runner. The cgroup is asked first: rusage knows nothing of a process
 * whose parent ignored SIGCHLD, so a program could hide its work from it. `living` is a process not reaped yet, or 0.
 */
static uint64_t cpu_us(const struct usage *usage, pid_t living) {
    uint64_t all = 0;
    if (read_number(usage->cpu, "usage_usec ", &all)) {
        const uint64_t own = clock_us(CLOCK_PROCESS_CPUTIME_ID);
        return all > own ? all - own : 0;
    }
    if (read_number(usage->cpu, "", &all)) { /* cgroup v1, in ns */
        const uint64_t own = clock_us(CLOCK_PROCESS_CPUTIME_ID);
        return all / 1000 > own ? all / 1000 - own : 0;
    }
    struct rusage reaped;
    uint64_t total = 0;
    if (getrusage(RUSAGE_CHILDREN, &reaped) == 0) {
        total = timeval_us(reaped.ru_utime) + timeval_us(reaped.ru_stime);
    }
    clockid_t clock;
    if (living > 0 && clock_getcpuclockid(living, &clock) == 0) {
        total += clock_us(clock);
    }
    return total;
}

static uint64_t oom_kills(const struct usage *usage) {
    uint64_t kills = 0;
    return read_number(usage->oom_events, "oom_kill ", &kills) ? kills : 0;
}

void usage_take_baseline(struct usage *usage, pid_t interpreter) {
    usage->cpu_baseline_us = cpu_us(usage, interpreter);
    usage->oom_baseline = oom_kills(usage);
    usage->max_rss_bytes = 0;
}

void usage_add_rss(struct usage *usage, uint64_t kib) {
    if (kib * 1024 > usage->max_rss_bytes) {
        usage->max_rss_bytes = kib * 1024;
    }
}

void usage_add_reaped(struct usage *usage, const struct rusage *rusage) {
    usage_add_rss(usage, (uint64_t)rusage->ru_maxrss);
}

uint64_t usage_tasks(const struct usage *usage) {
    uint64_t tasks = 0;
    return read_number(usage->tasks, "", &tasks) ? tasks : 0;
}

struct usage_totals usage_since_baseline(const struct usage *usage) {
    const uint64_t cpu = cpu_us(usage, 0);
    const uint64_t kills = oom_kills(usage);
    struct usage_totals totals = {
        .cpu_us = cpu > usage->cpu_baseline_us ? cpu - usage->cpu_baseline_us : 0,
        .oom_kills = kills > usage->oom_baseline ? (uint32_t)(kills - usage->oom_baseline) : 0,
    };
    if (!read_number(usage->memory_peak, "", &totals.memory_peak_bytes)) {
        totals.memory_peak_bytes = 0;
    }
    return totals;
}
