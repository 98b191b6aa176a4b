#include "check.h"
#include "endings.h"

#include <signal.h>

static int exited(int code) {
    return code << 8;
}

static void own_endings(void) {
    for (int code = 0; code < 256; code++) {
        const struct ending ending = ending_of(exited(code), CAUSE_NONE, CAUSE_NONE);
        EXPECT(!ending.signaled && ending.code == code && ending.cause == CAUSE_NONE && !ending.unasked_sigkill);
    }
    const struct ending ending = ending_of(SIGSEGV | 0x80, CAUSE_NONE, CAUSE_NONE); /* 0x80: dumped core */
    EXPECT(ending.signaled && ending.code == SIGSEGV && ending.cause == CAUSE_NONE && !ending.unasked_sigkill);
}

static void kills(void) {
    const struct ending killed = ending_of(SIGKILL, CAUSE_NONE, 20);
    EXPECT(killed.signaled && killed.code == SIGKILL && killed.cause == 20 && !killed.unasked_sigkill);
    const struct ending unasked = ending_of(SIGKILL, CAUSE_NONE, CAUSE_NONE);
    EXPECT(unasked.signaled && unasked.cause == CAUSE_NONE && unasked.unasked_sigkill);
}

static void faster_than_the_kill(void) {
    EXPECT(ending_of(exited(3), CAUSE_NONE, CAUSE_TIMEOUT).cause == CAUSE_NONE);
    EXPECT(ending_of(exited(3), CAUSE_NONE, CAUSE_TIMEOUT).code == 3);
    EXPECT(ending_of(SIGTERM, CAUSE_NONE, 20).cause == CAUSE_NONE);
}

static void asked_first(void) {
    const struct ending itself = ending_of(exited(3), CAUSE_TIMEOUT, CAUSE_NONE);
    EXPECT(!itself.signaled && itself.code == 3 && itself.cause == CAUSE_TIMEOUT && itself.asked);
    const struct ending by_the_question = ending_of(SIGTERM, 16, CAUSE_NONE);
    EXPECT(by_the_question.signaled && by_the_question.code == SIGTERM && by_the_question.cause == 16);
    const struct ending killed = ending_of(SIGKILL, 16, 16);
    EXPECT(killed.signaled && killed.cause == 16 && killed.asked && !killed.unasked_sigkill);
    const struct ending foreign = ending_of(SIGKILL, CAUSE_TIMEOUT, CAUSE_NONE);
    EXPECT(foreign.signaled && foreign.cause == CAUSE_TIMEOUT && foreign.asked && foreign.unasked_sigkill);
    const struct ending faster = ending_of(exited(0), CAUSE_TIMEOUT, CAUSE_TIMEOUT);
    EXPECT(!faster.signaled && faster.cause == CAUSE_TIMEOUT && faster.asked);
    EXPECT(!ending_of(exited(0), CAUSE_NONE, CAUSE_NONE).asked);
}

void endings_tests(void) {
    check("a program's own ending is told as it was", own_endings);
    check("a SIGKILL is told apart by who sent it", kills);
    check("a program that ends before the kill meets it keeps its own ending", faster_than_the_kill);
    check("a program that was asked to end keeps its own ending, and the cause of the question", asked_first);
}
