/* What a main process says of its own end, where nobody else could have said it (exit_notice.h). */
#ifndef MATCHBOX_CLAIM_H
#define MATCHBOX_CLAIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct claim {
    uint8_t code;
    uint64_t max_rss_kib;
};

/* A descriptor of the name of this process, of it and of no later one of its number; -1 without a /proc. */
int claim_open(pid_t pid);
/* Whether the process has that name now, and the name is a claim with this token. */
bool claim_read(int fd, uint32_t token, struct claim *claim);

#endif
