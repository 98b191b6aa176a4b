/* What a run used: CPU time, largest process, memory of the container, kills by the out-of-memory killer. */
#ifndef MATCHBOX_USAGE_H
#define MATCHBOX_USAGE_H

#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* Descriptors of the container's own cgroup files, kept open because opening costs more than reading; -1: not there. */
struct usage {
    int oom_events;
    int memory_peak;
    int cpu;
    int tasks;
    uint64_t cpu_baseline_us;
    uint64_t oom_baseline;
    uint64_t max_rss_bytes;
};

struct usage_totals {
    uint64_t cpu_us;
    uint64_t memory_peak_bytes;
    uint32_t oom_kills;
};

/* Where every machine has its cgroups. */
#define CGROUP_ROOT "/sys/fs/cgroup"

/* Opens what this machine has (cgroup v2, v1, both or neither). Cannot fail: what is missing is reported as 0. */
void usage_open(struct usage *usage, const char *root);
/* Call when the interpreter waits, so that its start and rehearsal are not the program's. */
void usage_take_baseline(struct usage *usage, pid_t interpreter);
/* Call for each process reaped. */
void usage_add_reaped(struct usage *usage, const struct rusage *rusage);
/* The same for a process that told of itself. */
void usage_add_rss(struct usage *usage, uint64_t kib);
/* Processes and threads of the container, the runner and zombies among them; 0 if that is not known. */
uint64_t usage_tasks(const struct usage *usage);
/* Call when nothing of the run is left alive. */
struct usage_totals usage_since_baseline(const struct usage *usage);

#endif
