#include "claim.h"

#include "exit_notice.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

int claim_open(pid_t pid) {
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    return open(path, O_RDONLY | O_CLOEXEC);
}

bool claim_read(int fd, uint32_t token, struct claim *claim) {
    char name[EXIT_CLAIM_DIGITS + 2]; /* the name, its end of line, and no more */
    if (fd < 0 || pread(fd, name, sizeof name, 0) != EXIT_CLAIM_DIGITS + 1) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < EXIT_CLAIM_DIGITS; i++) {
        const char digit = name[i];
        if ((digit < '0' || digit > '9') && (digit < 'a' || digit > 'f')) {
            return false;
        }
        value = value << 4 | (uint64_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    }
    *claim = (struct claim){.code = exit_claim_code(value), .max_rss_kib = exit_claim_rss_kib(value)};
    return exit_claim_token(value) == token;
}
