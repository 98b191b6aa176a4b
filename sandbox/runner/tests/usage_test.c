#include "check.h"
#include "usage.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A cgroup mount made of plain files, as each kind of machine shows it inside a container. */
static char root[] = "/tmp/usage-test-XXXXXX";

/* What the last count() found. */
static uint64_t tasks;

struct entry {
    const char *path, *before, *after;
};

static void put(const char *path, const char *content) {
    char whole[PATH_MAX];
    (void)snprintf(whole, sizeof whole, "%s/%s", root, path);
    for (char *slash = whole + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        (void)mkdir(whole, 0700);
        *slash = '/';
    }
    /* In place, as the kernel's own files change: the runner keeps them open. */
    const int fd = open(whole, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const ssize_t length = (ssize_t)strlen(content);
    EXPECT(fd >= 0 && write(fd, content, (size_t)length) == length);
    (void)close(fd);
}

/* What is counted on a machine with these files, which change during the run. */
static struct usage_totals count(const struct entry *entries) {
    (void)snprintf(root, sizeof root, "/tmp/usage-test-XXXXXX");
    EXPECT(mkdtemp(root) != NULL);
    for (const struct entry *entry = entries; entry->path != NULL; entry++) {
        put(entry->path, entry->before);
    }
    struct usage usage;
    usage_open(&usage, root);
    usage_take_baseline(&usage, 0);
    for (const struct entry *entry = entries; entry->path != NULL; entry++) {
        put(entry->path, entry->after);
    }
    const struct usage_totals totals = usage_since_baseline(&usage);
    tasks = usage_tasks(&usage);
    const int open_files[] = {usage.oom_events, usage.memory_peak, usage.cpu, usage.tasks};
    for (size_t i = 0; i < sizeof open_files / sizeof open_files[0]; i++) {
        if (open_files[i] >= 0) {
            (void)close(open_files[i]);
        }
    }
    char remove[PATH_MAX];
    (void)snprintf(remove, sizeof remove, "rm -r %s", root);
    EXPECT(system(remove) == 0);
    return totals;
}

/* The runner's own time goes off the count, and it has used some between the two looks. */
static bool about(uint64_t us, uint64_t expected) {
    return us <= expected && us + 100000 >= expected;
}

static void version_2(void) {
    static const struct entry files[] = {
        {"memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 2\noom_group_kill 0\n",
         "low 0\nhigh 0\nmax 99\noom 9\noom_kill 5\noom_group_kill 1\n"},
        {"memory.peak", "1000\n", "52428800\n"},
        {"cpu.stat", "usage_usec 3000000\nuser_usec 1\nsystem_usec 2\n", "usage_usec 5000000\nuser_usec 9\n"},
        {"pids.current", "2\n", "3\n"},
        {NULL, NULL, NULL},
    };
    const struct usage_totals totals = count(files);
    EXPECT(totals.oom_kills == 3 && totals.memory_peak_bytes == 52428800 && about(totals.cpu_us, 2000000));
    EXPECT(tasks == 3);
}

static void version_1(void) {
    static const struct entry files[] = {
        {"memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n",
         "oom_kill_disable 0\nunder_oom 1\noom_kill 6\n"},
        {"memory/memory.max_usage_in_bytes", "1000\n", "52428800\n"},
        {"cpu,cpuacct/cpuacct.usage", "3000000000\n", "5000000000\n"},
        {"pids/pids.current", "12\n", "2\n"},
        {NULL, NULL, NULL},
    };
    const struct usage_totals totals = count(files);
    EXPECT(totals.oom_kills == 2 && totals.memory_peak_bytes == 52428800 && about(totals.cpu_us, 2000000));
    EXPECT(tasks == 2);
}

static void hybrid(void) {
    static const struct entry files[] = {
        {"unified/memory.events", "oom_kill 0\n", "oom_kill 50\n"},
        {"unified/cpu.stat", "usage_usec 0\n", "usage_usec 90000000\n"},
        {"memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
         "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"},
        {"cpuacct/cpuacct.usage", "3000000000\n", "5000000000\n"},
        {NULL, NULL, NULL},
    };
    const struct usage_totals totals = count(files);
    EXPECT(totals.oom_kills == 1 && about(totals.cpu_us, 2000000));
}

static void old_kernel(void) {
    /* No count of kills: nothing may be taken for one, and no run for out of memory. */
    static const struct entry files[] = {
        {"memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n", "oom_kill_disable 1\nunder_oom 1\n"},
        {NULL, NULL, NULL},
    };
    EXPECT(count(files).oom_kills == 0);
    static const struct entry nothing[] = {{NULL, NULL, NULL}};
    const struct usage_totals totals = count(nothing);
    EXPECT(totals.oom_kills == 0 && totals.memory_peak_bytes == 0 && tasks == 0);
}

void usage_tests(void) {
    check("out-of-memory kills, memory, CPU time and tasks are read from cgroup v2", version_2);
    check("the same from v1, with its controllers under either name", version_1);
    check("a hybrid counts in v1, where its memory controller is", hybrid);
    check("where the kernel counts no kills, none is reported", old_kernel);
}
