#include "check.h"
#include "claim.h"
#include "exit_notice.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TOKEN = 0xabcdef };

/* Has this process claim, under another name than its own when the test is over. */
static bool claims_as(const char *name, struct claim *claim) {
    char own[16];
    const int fd = claim_open(getpid());
    EXPECT(prctl(PR_GET_NAME, own) == 0 && prctl(PR_SET_NAME, name) == 0);
    const bool is_claim = claim_read(fd, TOKEN, claim);
    EXPECT(prctl(PR_SET_NAME, own) == 0 && close(fd) == 0);
    return is_claim;
}

static void own_word(void) {
    struct claim claim = {0};
    char name[16];
    (void)snprintf(name, sizeof name, "%015llx", (unsigned long long)exit_claim(TOKEN, 12344, 42));
    EXPECT(claims_as(name, &claim) && claim.code == 42 && claim.max_rss_kib == 12344);
    (void)snprintf(name, sizeof name, "%015llx", (unsigned long long)exit_claim(TOKEN, UINT64_MAX, 255));
    EXPECT(claims_as(name, &claim) && claim.code == 255 && claim.max_rss_kib == ((1ULL << 28) - 1) * 4);
}

static void other_names(void) {
    static const char *const names[] = {"",
                                        "python3",
                                        "abcdef",
                                        "abcdef00003e82",
                                        "abcdef00003e82A",
                                        "abcdeg00003e82a",
                                        "abcdee00003e82a",
                                        "abcdef00003e82\n",
                                        " bcdef00003e82a"};
    struct claim claim;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        EXPECT(!claims_as(names[i], &claim));
    }
    EXPECT(!claim_read(-1, TOKEN, &claim));
}

/* The kernel's promise that all of it rests on: a child can name itself, and nobody else. */
static void word_of_a_child(void) {
    const int fd = claim_open(getpid());
    struct claim claim;
    char name[16], path[48];
    (void)snprintf(name, sizeof name, "%015llx", (unsigned long long)exit_claim(TOKEN, 4, 0));
    (void)snprintf(path, sizeof path, "/proc/%d/comm", (int)getpid());
    const pid_t child = fork();
    if (child == 0) {
        const int comm = open(path, O_WRONLY | O_CLOEXEC);
        const bool is_refused = comm < 0 || (write(comm, name, strlen(name)) < 0 && errno == EINVAL);
        _exit(prctl(PR_SET_NAME, name) == 0 && is_refused ? 0 : 1);
    }
    int status = -1;
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
    EXPECT(!claim_read(fd, TOKEN, &claim) && close(fd) == 0);
}

static void word_of_the_dead(void) {
    const pid_t child = fork();
    if (child == 0) {
        char name[16];
        (void)snprintf(name, sizeof name, "%015llx", (unsigned long long)exit_claim(TOKEN, 4, 0));
        (void)prctl(PR_SET_NAME, name);
        (void)raise(SIGSTOP);
        _exit(0);
    }
    int status = 0;
    struct claim claim;
    EXPECT(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    const int fd = claim_open(child);
    EXPECT(claim_read(fd, TOKEN, &claim));
    EXPECT(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child);
    EXPECT(!claim_read(fd, TOKEN, &claim) && close(fd) == 0);
}

void claim_tests(void) {
    check("a process can claim its end by its name", own_word);
    check("a name that means something else is no claim", other_names);
    check("a child cannot claim the end of its parent", word_of_a_child);
    check("a process that is gone claims nothing, whoever has its number", word_of_the_dead);
}
