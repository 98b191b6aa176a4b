#include "check.h"
#include "endings.h"

#include <signal.h>

static int exited(int code) {
    return code << 8;
}

static void own_endings(void) {
    for (int code = 0; code < 256; code++) {
        const struct ending ending = ending_of(exited(code), CAUSE_NONE);
        EXPECT(!ending.signaled && ending.code == code && ending.cause == CAUSE_NONE && !ending.unasked_sigkill);
    }
    const struct ending ending = ending_of(SIGSEGV | 0x80, CAUSE_NONE); /* 0x80: dumped core */
    EXPECT(ending.signaled && ending.code == SIGSEGV && ending.cause == CAUSE_NONE && !ending.unasked_sigkill);
}

static void kills(void) {
    const struct ending killed = ending_of(SIGKILL, 20);
    EXPECT(killed.signaled && killed.code == SIGKILL && killed.cause == 20 && !killed.unasked_sigkill);
    const struct ending unasked = ending_of(SIGKILL, CAUSE_NONE);
    EXPECT(unasked.signaled && unasked.cause == CAUSE_NONE && unasked.unasked_sigkill);
}

static void faster_than_the_kill(void) {
    EXPECT(ending_of(exited(3), CAUSE_TIMEOUT).cause == CAUSE_NONE && ending_of(exited(3), CAUSE_TIMEOUT).code == 3);
    EXPECT(ending_of(SIGTERM, 20).cause == CAUSE_NONE);
}

void endings_tests(void) {
    check("a program's own ending is told as it was", own_endings);
    check("a SIGKILL is told apart by who sent it", kills);
    check("a program that ends before the kill meets it keeps its own ending", faster_than_the_kill);
}
